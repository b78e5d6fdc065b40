"""Layers and blocks as data, with the arithmetic that follows from them; no TensorFlow here.

The catalogue counts from these records and the builder makes Keras layers from the same ones, so
what is shown before TensorFlow is imported cannot drift from what is trained.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import Literal

Shape = tuple[int, int, int]
Kind = Literal["conv", "depthwise", "norm", "relu6", "add"]


@dataclass(frozen=True)
class LayerSpec:
    """One layer without bias, channels last, ``padding="same"``.

    Attributes:
        name: The Keras layer's name, prefixed by its block: ``block3b_depthwise_conv``.
        kind: ``conv``, ``depthwise``, ``norm`` (BatchNorm), ``relu6`` or ``add``.
        input_channels: Channels of what comes in.
        output_shape: Height, width, channels of what goes out.
        kernel: Edge of a convolution's window in pixels.
        stride: Step of a convolution in pixels.
        shortcut: For ``add``: the name of the layer whose output is added.
        source: The layer's name in the weight file; empty for layers without weights.
    """

    name: str
    kind: Kind
    input_channels: int
    output_shape: Shape
    kernel: int = 1
    stride: int = 1
    shortcut: str = ""
    source: str = ""

    @property
    def weight_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the layer's weights, in the order in which Keras keeps them."""
        channels = self.output_shape[2]
        if self.kind == "conv":
            return ((self.kernel, self.kernel, self.input_channels, channels),)
        if self.kind == "depthwise":
            return ((self.kernel, self.kernel, channels, 1),)
        if self.kind == "norm":
            return ((channels,),) * 4
        return ()

    @property
    def parameters(self) -> int:
        """All weights, a BatchNorm's two moving statistics included."""
        return sum(prod(shape) for shape in self.weight_shapes)

    @property
    def trainable_parameters(self) -> int:
        """Weights that gradients change when the layer is trainable."""
        # A BatchNorm's moving mean and variance are half of its weights and are never learned.
        return self.parameters // 2 if self.kind == "norm" else self.parameters

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of the convolution for one image; the other kinds are not counted."""
        if self.kind not in ("conv", "depthwise"):
            return 0
        return self.output_shape[0] * self.output_shape[1] * self.parameters


@dataclass(frozen=True)
class Block:
    """A part of a backbone that is frozen or trained as a whole, as figures.

    Attributes:
        name: In the family's own terms: ``stem``, ``block5``, ``stage2``, ``mixed7`` …
        layers: How many Keras layers it has.
        parameters: All its weights, BatchNorm's moving statistics included.
        trainable_parameters: Weights that learn when the whole block is trainable, its BatchNorm
            included.
        norm_parameters: BatchNorm's share of ``trainable_parameters``; none of it learns if
            BatchNorm is frozen.
        output_shape: Height, width, channels of what the block hands on.
        multiply_adds: Of its convolutions and dense layers, for one image.
        activations: Numbers that its layers hand on for one image, all together.
    """

    name: str
    layers: int
    parameters: int
    trainable_parameters: int
    norm_parameters: int
    output_shape: Shape
    multiply_adds: int
    activations: int


@dataclass(frozen=True)
class SpecBlock:
    """A block of a backbone that is built from records of ours.

    Attributes:
        name: ``stem``, ``block1`` … ``block7`` or ``top``.
        specs: Its layers, in order.
    """

    name: str
    specs: tuple[LayerSpec, ...] = field(repr=False)

    def figures(self) -> Block:
        """Count what the block has."""
        norms = [spec for spec in self.specs if spec.kind == "norm"]
        return Block(
            name=self.name,
            layers=len(self.specs),
            parameters=sum(spec.parameters for spec in self.specs),
            trainable_parameters=sum(spec.trainable_parameters for spec in self.specs),
            norm_parameters=sum(spec.trainable_parameters for spec in norms),
            output_shape=self.specs[-1].output_shape,
            multiply_adds=sum(spec.multiply_adds for spec in self.specs),
            activations=sum(prod(spec.output_shape) for spec in self.specs),
        )
