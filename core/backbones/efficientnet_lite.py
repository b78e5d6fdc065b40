"""EfficientNet-Lite as data: the stages as one table, unrolled into named layers.

Sources: M. Tan and Q. V. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural
Networks", 2019, https://arxiv.org/abs/1905.11946; EfficientNet-Lite, which leaves out
squeeze-and-excite, uses ReLU6 and does not scale stem and head,
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from core.backbones.architecture import Kind, LayerSpec, Shape, SpecBlock

STEM_FILTERS = 32
TOP_FILTERS = 1280


@dataclass(frozen=True)
class Stage:
    """One row of the table: ``repeats`` inverted bottlenecks, the first with the stride."""

    repeats: int
    kernel: int
    stride: int
    expand: int
    filters: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


def efficientnet_lite(*, width: float, depth: float, input_size: int) -> tuple[SpecBlock, ...]:
    """Unroll the table for one member of the family.

    Args:
        width: Multiplier of the stages' filters, rounded to multiples of 8.
        depth: Multiplier of the stages' repeats, rounded up; the first and the last stage keep
            theirs.
        input_size: Edge of the square input, in pixels.

    Returns:
        ``stem``, ``block1`` … ``block7``, ``top``; every layer belongs to exactly one.
    """
    trail = _Trail((input_size, input_size, 3))
    trail.convolve("stem", "_conv_stem", "_bn0", filters=STEM_FILTERS, kernel=3, stride=2)
    blocks = [trail.finish("stem")]
    number = 0
    for index, stage in enumerate(STAGES):
        name = f"block{index + 1}"
        scaled = 0 < index < len(STAGES) - 1
        repeats = ceil(stage.repeats * depth) if scaled else stage.repeats
        filters = round_filters(stage.filters * width)
        for repeat in range(repeats):
            stride = stage.stride if repeat == 0 else 1
            part = f"{name}{chr(ord('a') + repeat)}"
            _bottleneck(trail, part, f"_blocks.{number}", stage, filters=filters, stride=stride)
            number += 1
        blocks.append(trail.finish(name))
    trail.convolve("top", "_conv_head", "_bn1", filters=TOP_FILTERS)
    blocks.append(trail.finish("top"))
    return tuple(blocks)


def round_filters(filters: float, divisor: int = 8) -> int:
    """Round to the nearest multiple of ``divisor``, never down by more than a tenth."""
    rounded = max(divisor, int(filters + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * filters else rounded


def _bottleneck(
    trail: _Trail, part: str, source: str, stage: Stage, *, filters: int, stride: int
) -> None:
    entry, entry_channels = trail.last, trail.shape[2]
    if stage.expand != 1:
        trail.convolve(f"{part}_expand", f"{source}._expand_conv", f"{source}._bn0",
                       filters=entry_channels * stage.expand)
    trail.convolve(f"{part}_depthwise", f"{source}._depthwise_conv", f"{source}._bn1",
                   depthwise=True, kernel=stage.kernel, stride=stride)
    trail.convolve(f"{part}_project", f"{source}._project_conv", f"{source}._bn2",
                   filters=filters, activate=False)
    if stride == 1 and entry_channels == filters:
        trail.append(LayerSpec(f"{part}_add", "add", filters, trail.shape, shortcut=entry))


class _Trail:
    """The layers so far, and the shape that the last one hands on."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.last = ""
        self._specs: list[LayerSpec] = []

    def append(self, spec: LayerSpec) -> None:
        self._specs.append(spec)
        self.shape = spec.output_shape
        self.last = spec.name

    def convolve(self, name: str, source: str, norm_source: str, *, filters: int | None = None,
                 kernel: int = 1, stride: int = 1, depthwise: bool = False,
                 activate: bool = True) -> None:
        height, width, channels = self.shape
        kind: Kind = "depthwise" if depthwise else "conv"
        out = (ceil(height / stride), ceil(width / stride), filters or channels)
        self.append(LayerSpec(f"{name}_conv", kind, channels, out, kernel, stride, source=source))
        self.append(LayerSpec(f"{name}_bn", "norm", out[2], out, source=norm_source))
        if activate:
            self.append(LayerSpec(f"{name}_relu", "relu6", out[2], out))

    def finish(self, name: str) -> SpecBlock:
        block = SpecBlock(name, tuple(self._specs))
        self._specs = []
        return block
