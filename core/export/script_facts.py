"""What a script of a run has to know: its plan, its photos' classes, and how its backbone is had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from core.backbones import build, catalogue
from core.training.plan import Plan, Recipe
from core.training.stages import Stage, plan_of, stages_of
from core.training.start import PRETRAINED

if TYPE_CHECKING:
    import keras

BACKBONE_FILE = "backbone.keras"
# Their ImageNet weights are others at another image size; runs take those of the usual one.
_WEIGHTS_BY_SIZE = ("MobileNet", "MobileNetV2")
# What Keras' own EfficientNets have more than ours, see core.backbones.second_scaling.
_SCALES_AGAIN, _SECOND_SCALING = "EfficientNet", "rescaling_1"
_SHORTEST_BEGINNING = 2
Part = str | tuple[int, int]


@dataclass(frozen=True)
class Body:
    """The backbone as a script sees it.

    Attributes:
        constructor: Its name in ``keras.applications``; empty where the script loads :data:`BACKBONE_FILE`.
        blocks: The blocks that may learn, in the backbone's order: how the names of their layers begin, or
            from which to before which of its layers they go.
        drops: Whether it has layers that drop out.
        extra: The name of a layer that its constructor makes and the run's backbone lacks; empty for none.
    """

    constructor: str = ""
    blocks: Mapping[str, Part] = field(default_factory=dict)
    drops: bool = False
    extra: str = ""


@dataclass(frozen=True)
class Facts:
    """All that a script is made of.

    Attributes:
        run: The run's id.
        plan: What was asked for.
        classes: The class names in the order of the labels; text from outside.
        photos: How many photos each split has, by its name.
        body: The backbone.
        done: How many epochs the script trains, where the run was left before its end; else ``None``.
        tested: Whether the test photos are looked at in the end.
        notes: What the script cannot do as the run did, whole sentences.
        versions: The versions that the run had, by the name of the package; none where not known.
    """

    run: str
    plan: Plan
    classes: tuple[str, ...]
    photos: Mapping[str, int]
    body: Body
    done: int | None = None
    tested: bool = True
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The stages that the script goes through; the last one may be cut short by :attr:`done`."""
        return tuple(each for each in stages_of(self.plan) if each.first < self.epochs)

    @property
    def epochs(self) -> int:
        """How many epochs the script trains."""
        return self.plan.recipe.epochs if self.done is None else self.done

    @property
    def staged(self) -> bool:
        """Whether there are several stages."""
        return len(self.stages) > 1

    def recipe_of(self, stage: Stage) -> Recipe:
        """Return the recipe of a stage, with its own epochs and rate."""
        return plan_of(self.plan, stage).recipe

    @property
    def last(self) -> Recipe:
        """The recipe of the last stage; schedule, warm-up and early stopping are its alone."""
        return self.recipe_of(self.stages[-1])

    @property
    def curved(self) -> bool:
        """Whether the rate changes over the steps of the last stage."""
        return self.last.schedule != "constant" or bool(self.last.warmup)

    @property
    def thaws(self) -> bool:
        """Whether blocks of the backbone learn in any stage."""
        return any(stage.trainable for stage in self.stages)

    @property
    def validated(self) -> bool:
        """Whether there are validation photos."""
        return self.photos.get("validation", 0) > 0

    @property
    def drops(self) -> bool:
        """Whether anything drops out that learns."""
        return bool(self.plan.head.dropout) or (self.body.drops and self.thaws)

    @property
    def augmented(self) -> bool:
        """Whether training photos are changed."""
        return self.plan.recipe.augment != "none"

    @property
    def smooths(self) -> bool:
        """Whether labels are smoothed."""
        return bool(self.plan.recipe.label_smoothing)

    @property
    def by_block(self) -> bool:
        """Whether blocks learn at rates of their own."""
        return self.thaws and self.plan.recipe.lr_factor != 1


def constructor_of(plan: Plan) -> str:
    """Return the constructor that gives a plan's backbone with its weights; empty where there is none."""
    backbone = catalogue.get(plan.backbone)
    if plan.weights.source != PRETRAINED:
        return ""
    if backbone.constructor in _WEIGHTS_BY_SIZE and plan.size != backbone.input_size:
        return ""
    return backbone.constructor


def body_of(plan: Plan, body: keras.Model) -> Body:
    """Describe the backbone of a plan.

    Args:
        plan: A checked plan.
        body: What :func:`core.backbones.build.build` makes of it, with whatever weights.
    """
    import keras

    constructor = constructor_of(plan)
    extra = constructor if catalogue.get(plan.backbone).family == _SCALES_AGAIN else ""
    names = [layer.name for layer in body.layers]
    # What has no weights and drops nothing may lie in any block: it is the same in all.
    counts = [
        layer.name for layer in body.layers if layer.weights or isinstance(layer, keras.layers.Dropout)
    ]
    owners = {
        layer.name: block for block, layers in build.block_layers(body, plan.backbone).items()
        for layer in layers
    }
    owned = {
        block: [name for name in counts if owners.get(name) == block] for block in plan.trainable
    }
    owned = {block: mine for block, mine in owned.items() if mine}
    beginnings = {block: _beginning(mine, counts) for block, mine in owned.items()}
    blocks: dict[str, Part] = {block: each for block, each in beginnings.items() if each}
    if len(blocks) < len(owned):
        shift = names.index("normalization") if extra else len(names)
        blocks = {block: _range(mine, counts, names, shift) for block, mine in owned.items()}
    return Body(
        constructor, blocks, any(isinstance(layer, keras.layers.Dropout) for layer in body.layers),
        _SECOND_SCALING if extra else "",
    )


def _beginning(mine: Sequence[str], counts: Sequence[str]) -> str:
    """Return how the names of a block's layers begin and those of no other; empty where there is no such."""
    first, last = min(mine), max(mine)
    same = [one == other for one, other in zip(first, last, strict=False)]
    beginning = first[: same.index(False)] if False in same else first
    alone = [name for name in counts if name.startswith(beginning)] == list(mine)
    return beginning if len(beginning) >= _SHORTEST_BEGINNING and alone else ""


def _range(
    mine: Sequence[str], counts: Sequence[str], names: Sequence[str], shift: int
) -> tuple[int, int]:
    """Return from which to before which layer a block goes; those after ``shift`` lie one further on."""
    first, last = names.index(mine[0]), names.index(mine[-1])
    if [name for name in names[first : last + 1] if name in counts] != list(mine):
        raise ValueError(f"the layers from {mine[0]} to {mine[-1]} are of several blocks")
    return first + (first > shift), last + 1 + (last > shift)
