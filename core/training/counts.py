"""What a plan's model will hold and what of it learns, by arithmetic: no TensorFlow is needed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from core.backbones import catalogue
from core.backbones.architecture import Block
from core.i18n import _
from core.training.plan import Plan
from core.training.start import RANDOM

_FINISHING = ("top", "post", "norm", "conv_7b")
HIGH_FOR_BLOCKS = 3e-4
GENTLE_RATE = 1e-4


@dataclass(frozen=True)
class Counts:
    """Parameters of a plan's model.

    Attributes:
        total: All of them.
        learning: Those that change in training.
        head: Those of the head, all of which learn.
        norm: Those of BatchNorm in blocks that learn, which stay frozen all the same.
    """

    total: int
    learning: int
    head: int
    norm: int

    @property
    def frozen(self) -> int:
        """Those that stay as they are."""
        return self.total - self.learning

    @property
    def share(self) -> float:
        """The share that learns, 0 to 1."""
        return self.learning / self.total


def counts(plan: Plan, classes: int) -> Counts:
    """Count the parameters of the model that a plan builds for so many classes."""
    backbone = catalogue.get(plan.backbone)
    head = head_parameters(plan, classes)
    # BatchNorm of pretrained blocks stays frozen unless it is asked for, see core.training.model.assemble.
    chosen = [block for block in backbone.blocks if block.name in plan.trainable]
    blocks = learning_in(chosen, norms=plan.norms_learn)
    # Normalisation layers with fixed figures count as well: they are in the block and do not learn.
    norm = sum(block.parameters for block in chosen) - blocks
    return Counts(backbone.parameters + head, blocks + head, head, norm)


def learning_in(blocks: Iterable[Block], *, norms: bool) -> int:
    """Count the parameters that learn in blocks that may; ``norms`` tells whether BatchNorm's do."""
    return sum(
        block.trainable_parameters - (0 if norms else block.norm_parameters) for block in blocks
    )


def head_parameters(plan: Plan, classes: int) -> int:
    """Count the parameters of a plan's head."""
    height, width, channels = catalogue.get(plan.backbone).blocks_at(plan.size)[-1].output_shape
    features = height * width * channels if plan.head.pooling == "flatten" else channels
    if not plan.head.hidden:
        return (features + 1) * classes
    return (features + 1) * plan.head.hidden + (plan.head.hidden + 1) * classes


def shortcuts(backbone: str) -> dict[str, tuple[str, ...]]:
    """Return the usual choices of what may learn: ``none``, ``last`` and ``all``.

    ``last`` is the last block of the body with what only finishes it.
    """
    return {
        "none": (), "last": last_blocks(backbone, 1), "all": catalogue.get(backbone).block_names,
    }


def last_blocks(backbone: str, count: int) -> tuple[str, ...]:
    """Return the last so many blocks of the body, with what only finishes it."""
    names = catalogue.get(backbone).block_names
    return names[-count - (names[-1] in _FINISHING):]


def block_title(name: str) -> str:
    """Return a block's name as people read it: ``"stem"`` is Stem, ``"stage4"`` is Stage 4."""
    known = {
        "stem": _("Stem"), "top": _("Top"), "head": _("Head"), "post": _("Post"), "norm": _("Norm"),
    }
    numbered = {
        "block": _("Block {number}"), "stage": _("Stage {number}"), "conv": _("Conv {number}"),
        "dense": _("Dense {number}"), "transition": _("Transition {number}"),
        "mixed": _("Mixed {number}"), "cell": _("Cell {number}"), "reduce": _("Reduce {number}"),
        "stem": _("Stem {number}"),
    }
    if name in known:
        return known[name]
    parts = re.fullmatch(r"([a-z]+?)_?(\d+\w*)", name)
    if parts is None or parts[1] not in numbered:
        return name
    return numbered[parts[1]].format(number=parts[2].replace("_", "."))


def what_learns(plan: Plan) -> str:
    """Say in a few words what a plan lets learn."""
    usual = shortcuts(plan.backbone)
    if plan.trainable == usual["none"]:
        return _("Head only")
    if plan.trainable == usual["all"]:
        return _("Everything")
    return listed_blocks(plan)


def listed_blocks(plan: Plan) -> str:
    """Return the names of the blocks that learn, as people read them."""
    return ", ".join(block_title(name) for name in plan.trainable)


def gentler_rate(plan: Plan) -> float | None:
    """Return the learning rate to advise where pretrained blocks learn at one that is high for them."""
    pretrained = plan.weights.source != RANDOM
    if pretrained and plan.trainable and plan.recipe.learning_rate > HIGH_FOR_BLOCKS:
        return GENTLE_RATE
    return None
