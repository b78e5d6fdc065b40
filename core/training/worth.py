"""Whether it pays to compute the frozen part once, and what it takes: by arithmetic, no TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from core.backbones import catalogue
from core.backbones.architecture import Block
from core.data.dataset import SPLITS, Dataset
from core.i18n import _
from core.training import fields as bounds
from core.training.counts import block_title, learning_in
from core.training.plan import Plan
from core.training.speed import Measured
from core.words import bytes_text

# Where nothing was measured. On 2 cores Lite0 makes 45 billion multiply-adds a second, VGG16 120.
_WORK_A_SECOND = 50e9
_DECODE_S = 0.002
WRITTEN_A_SECOND = 200e6
READ_A_SECOND = 800e6
# What is less than this share of the frozen part's time is not worth the disk that it takes.
_LEAST_GAIN = 0.1
_FLOAT_BYTES = 4
_TWO_TENSORS = "nasnet"


@dataclass(frozen=True)
class Amounts:
    """How many images each split has."""

    train: int
    validation: int
    test: int


@dataclass(frozen=True)
class Keeping:
    """What it takes to keep what the frozen part makes of every image.

    Attributes:
        images: Images that the frozen part has to see, each view counting as one.
        plain_passes: How often images pass the frozen part the plain way.
        bytes: What is kept on disk; for NASNet about that.
        seconds: What it takes to decode and see those that are not there yet, to write what comes of them
            and to read it in every epoch; ``None`` where the backbone was not measured here.
        plain_seconds: What decoding and seeing takes the plain way, or ``None`` likewise.
    """

    images: int
    plain_passes: int
    bytes: int
    seconds: float | None
    plain_seconds: float | None


@dataclass(frozen=True)
class ViewsCost:
    """What a number of views costs.

    Attributes:
        views: Views a photo; 0 for a fresh one in every epoch.
        passes: Photos that have yet to go through the frozen part, each view counting as one.
        seconds: What that takes; ``None`` where the backbone was not measured here.
        bytes: What is kept on disk; 0 the textbook way.
    """

    views: int
    passes: int
    seconds: float | None
    bytes: int


def frozen_below(plan: Plan) -> Sequence[Block]:
    """Return the blocks below the lowest one that learns: what stays the same for the same image.

    NOTE: the last block of ResNetV2 and of DenseNet is a BatchNorm alone, which pretrained weights keep as
    it is: nothing in it learns, whether or not it may.
    """
    blocks = catalogue.get(plan.backbone).blocks_at(plan.size)
    norms = plan.norms_learn
    learning = [
        at for at, block in enumerate(blocks)
        if block.name in plan.trainable and learning_in([block], norms=norms)
    ]
    return blocks[: learning[0]] if learning else blocks


def all_frozen(plan: Plan) -> bool:
    """Tell whether the head alone learns."""
    return len(frozen_below(plan)) == len(catalogue.get(plan.backbone).blocks)


def cut_text(plan: Plan) -> str:
    """Say where the model is cut: ``"Block 6"`` is the last block below the cut."""
    below = frozen_below(plan)
    return block_title(below[-1].name) if below else ""


def frozen_share(plan: Plan) -> float:
    """Return the share of a forward pass that lies below the cut, 0 to 1, by multiply-adds."""
    whole = sum(block.multiply_adds for block in catalogue.get(plan.backbone).blocks_at(plan.size))
    return sum(block.multiply_adds for block in frozen_below(plan)) / whole


def row_bytes(plan: Plan) -> int:
    """Return what is kept of one image; for NASNet, whose cells hand on two tensors, about that."""
    below = frozen_below(plan)
    if not below:
        return 0
    height, width, channels = below[-1].output_shape
    if all_frozen(plan) and plan.head.pooling != "flatten":
        return _FLOAT_BYTES * channels  # the head's pooling stays the same too
    tensors = 2 if not all_frozen(plan) and plan.backbone.startswith(_TWO_TENSORS) else 1
    return tensors * _FLOAT_BYTES * height * width * channels


def image_seconds(plan: Plan, measured: Measured | None) -> float:
    """Return what an image takes to pass the frozen part: as measured, else by a usual speed."""
    if measured is not None:
        return measured.forward_s * frozen_share(plan)
    return sum(block.multiply_adds for block in frozen_below(plan)) / _WORK_A_SECOND


def keeping(
    plan: Plan, amounts: Amounts, measured: Measured | None, *, found: int = 0, decode_s: float = _DECODE_S
) -> Keeping:
    """Return what keeping takes; where each epoch sees fresh views, there is nothing to keep.

    Args:
        plan: A checked plan.
        amounts: How many images there are.
        measured: A calibration of the backbone at the plan's image size, or ``None``.
        found: How many of the images are kept already, so that they need not be seen.
        decode_s: Seconds to decode and resize an image while the network runs beside it.
    """
    images, passes = _passes(plan, amounts)
    row = row_bytes(plan)
    if measured is None:
        return Keeping(images, passes, images * row, None, None)
    look_s = image_seconds(plan, measured) + decode_s
    seconds = _seconds(max(0, images - found), passes, row, look_s) if images else 0.0
    return Keeping(images, passes, images * row, seconds, passes * look_s)


def _passes(plan: Plan, amounts: Amounts) -> tuple[int, int]:
    """Return how many images are seen where each is seen once, and how many the plain way."""
    plain = plan.recipe.epochs * (amounts.train + amounts.validation) + amounts.test
    if why_never(plan):
        return 0, plain
    return (plan.recipe.different_views or 0) * amounts.train + amounts.validation + amounts.test, plain


def _seconds(new: int, passes: int, row: int, look_s: float) -> float:
    """Return what it takes to see and write what is new, and to read a row for each pass."""
    return new * (look_s + row / WRITTEN_A_SECOND) + passes * row / READ_A_SECOND


def amounts_of(dataset: Dataset) -> Amounts:
    """Count the images of each split."""
    return Amounts(*(len(dataset.of_split(name)) for name in SPLITS))


def why_never(plan: Plan) -> str:
    """Say why a plan has nothing to keep, whatever the photos are; empty where it has."""
    if not plan.cache:
        return _("Reusing the frozen part is switched off.")
    if not frozen_below(plan):
        return _("The first block learns, so no part stays the same for the same photo.")
    if plan.recipe.different_views is None:
        return _("Every epoch sees a fresh view of each photo, so the frozen part sees nothing twice.")
    return ""


def why_plain(
    plan: Plan, amounts: Amounts, measured: Measured | None, *, found: int = 0, row: int | None = None,
) -> str:
    """Say why the plain path is taken; empty where the frozen part is computed once.

    Args:
        plan: A checked plan.
        amounts: How many images there are.
        measured: A calibration of the backbone at the plan's image size, or ``None``.
        found: How many of the images are in the cache already.
        row: Bytes that are kept of an image, where they are known exactly.
    """
    never = why_never(plan)
    if never:
        return never
    row = row_bytes(plan) if row is None else row
    images, passes = _passes(plan, amounts)
    look_s = image_seconds(plan, measured) + _DECODE_S
    if _seconds(max(0, images - found), passes, row, look_s) < (1 - _LEAST_GAIN) * passes * look_s:
        return ""
    if passes <= (1 + _LEAST_GAIN) * images:
        return _("The frozen part would see each photo once either way, so nothing is saved.")
    return _("What the frozen part makes of a photo takes {size}; writing and reading it would take as long "
             "as computing it anew.").format(size=bytes_text(row))


def views_costs(
    plan: Plan, amounts: Amounts, measured: Measured | None, there: Callable[[Plan], int]
) -> list[ViewsCost]:
    """Return what each number of views that is offered would cost, the plan's own among them.

    Args:
        plan: A checked plan.
        amounts: How many images there are.
        measured: A calibration of the backbone at the plan's image size, or ``None``.
        there: Says how many of the images of a plan the frozen part has seen in earlier runs.
    """
    offered = sorted({*(int(each) for each in bounds.VIEWS.choices), plan.recipe.views})
    plans = [replace(plan, recipe=replace(plan.recipe, views=each)) for each in offered]
    return [_views_cost(each, amounts, measured, there(each)) for each in plans]


def _views_cost(plan: Plan, amounts: Amounts, measured: Measured | None, there: int) -> ViewsCost:
    takes = keeping(plan, amounts, measured, found=there)
    if why_plain(plan, amounts, measured, found=there):
        return ViewsCost(plan.recipe.views, takes.plain_passes, takes.plain_seconds, 0)
    return ViewsCost(plan.recipe.views, max(0, takes.images - there), takes.seconds, takes.bytes)
