"""How far a training has moved each block: its weights, and the features that come of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.dataset import Dataset, Item
from core.errors import BadInput
from core.i18n import _
from core.insight.cka import linear_cka
from core.insight.moved import block_embedder, weight_changes
from core.insight.passing import passed
from core.insight.projection import stratified
from core.jobs import Progress, no_progress
from core.runs import studied
from core.runs.folder import RunFolder, require_model
from core.runs.work import evaluation_of
from core.studies.embed import start_model
from core.studies.target import own_dataset
from core.training.model import body_of
from core.training.plan import Plan
from core.training.release import let_go_of
from core.workspace import Workspace

NAME = "moved"
MOST_PHOTOS = 512
LEAST_UNSEEN = 20


@dataclass(frozen=True)
class BlockMove:
    """How far a block has moved.

    Attributes:
        block: The block's name.
        weights: The relative change of its weights, see :func:`core.insight.moved.weight_changes`; ``None``
            where that is not defined.
        cka: How alike its features are before and after, see :func:`core.insight.cka.linear_cka`; ``None``
            where that is not defined.
    """

    block: str
    weights: float | None
    cka: float | None


@dataclass(frozen=True)
class Moving:
    """How far a training has moved each block.

    Attributes:
        blocks: From input to output.
        photos: How many photos the features are of.
        unseen: Whether the run has not learned from any of these; else from some.
    """

    blocks: tuple[BlockMove, ...]
    photos: int
    unseen: bool


@dataclass(frozen=True)
class Drawn:
    """Photos that a model is looked at on.

    Attributes:
        items: The photos, in the dataset's order.
        unseen: Whether the run has not learned from any of them.
        of: From how many such photos they were drawn.
    """

    items: tuple[Item, ...]
    unseen: bool
    of: int


def photos_to_look_at(folder: RunFolder, dataset: Dataset, most: int) -> Drawn:
    """Draw photos that a run has not learned from; where these are under 20, training photos as well.

    Test photos are among them only where they were measured before: this is no look at them.

    Args:
        folder: The run.
        dataset: The dataset that it learned from.
        most: How many at most, at least 1.

    Returns:
        Photos of each class by its share, always the same ones.
    """
    tested = evaluation_of(folder) is not None
    items = tuple(item for item in dataset.items if item.split != "test" or tested)
    unseen = tuple(item for item in items if item.split != "train")
    enough = len(unseen) >= LEAST_UNSEEN
    if enough:
        items = unseen
    places = stratified(np.asarray([item.label for item in items], np.int32), most)
    return Drawn(tuple(items[at] for at in places), enough, len(items))


def kept_moving(folder: RunFolder) -> Moving | None:
    """Return what was found out before of the run's model as it is, or ``None``."""
    record = studied.kept_record(folder, NAME)
    return None if record is None else _of_record(record)


def moving(workspace: Workspace, folder: RunFolder, progress: Progress = no_progress) -> Moving:
    """Return how far a training has moved each block of its backbone, computed where that is not kept.

    At most 512 photos are put once through the model that the run began with and once through its own.

    Args:
        workspace: Where the dataset is.
        folder: A run with a model.
        progress: Told how far it is; it may raise Stopped.

    Raises:
        BadInput: The run has no model or gets another meanwhile, the models do not fit, what it started
            from has changed, or a photo cannot be read any more.
        NotFound: The dataset, what the run starts from, or the run itself, is gone.
        Unavailable: The pretrained weights are not on this machine, or the disk is full.
        Stopped: ``progress`` asked for it.
    """
    known = kept_moving(folder)
    if known is not None:
        return known
    mark = studied.model_mark(folder)
    found = _computed(workspace, folder, progress)
    studied.keep_record(folder, NAME, asdict(found), mark=mark)
    return found


def _computed(workspace: Workspace, folder: RunFolder, progress: Progress) -> Moving:
    from core.insight.predict import loaded

    plan, dataset = folder.plan(), own_dataset(workspace, folder)
    drawn = photos_to_look_at(folder, dataset, MOST_PHOTOS)
    if not drawn.items:
        raise BadInput(_("This dataset has no such photos."), given=dataset.title[:80])
    progress(_("Loading the model"), 0, None)
    file = require_model(folder)
    before, after = body_of(start_model(workspace, folder)), body_of(loaded(file).keras)
    progress(_("Comparing the weights"), 0, None)
    moved = Moving(
        tuple(
            BlockMove(block, change, None)
            for block, change in weight_changes(before, after, plan.backbone).items()
        ),
        len(drawn.items), drawn.unseen,
    )
    files = [dataset.file(item) for item in drawn.items]
    first = _features(before, plan, files, progress, _("Looking at the photos as before the training"))
    second = _features(after, plan, files, progress, _("Looking at the photos"))
    alike = [linear_cka(*pair) for pair in zip(first, second, strict=True)]
    return replace(moved, blocks=tuple(
        replace(block, cka=cka) for block, cka in zip(moved.blocks, alike, strict=True)))


def _features(
    body: Any, plan: Plan, files: list[Any], progress: Progress, phase: str
) -> list[NDArray[np.float32]]:
    network = block_embedder(body, plan.backbone, plan.size)
    try:
        return passed(network, files, plan.size, progress, phase)
    finally:
        let_go_of(network.function)


def _of_record(record: Mapping[str, Any]) -> Moving | None:
    try:
        blocks = tuple(
            BlockMove(str(each["block"]), _number(each["weights"]), _number(each["cka"]))
            for each in record["blocks"]
        )
        return Moving(blocks, int(record["photos"]), bool(record["unseen"]))
    except (KeyError, TypeError, ValueError):
        return None


def _number(value: Any) -> float | None:
    if value is None:
        return None
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("no finite number")
    return number
