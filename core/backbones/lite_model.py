"""Build the EfficientNet-Lites as plain Keras models, from the records that the catalogue counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.backbones.architecture import LayerSpec, SpecBlock
from core.backbones.catalogue import LITE_SCALES, Backbone
from core.backbones.efficientnet_lite import efficientnet_lite
from core.backbones.weights import CLASSIFIER, IMAGENET_CLASSES

if TYPE_CHECKING:
    import keras

NORM_EPSILON = 1e-3
NORM_MOMENTUM = 0.99


def spec_blocks(backbone: Backbone, image_size: int) -> tuple[SpecBlock, ...]:
    """Return the layers of one of our own backbones as records, block by block."""
    width, depth = LITE_SCALES[backbone.name]
    return efficientnet_lite(width=width, depth=depth, input_size=image_size)


def lite_model(backbone: Backbone, image_size: int, *, include_top: bool = False) -> keras.Model:
    """Build one with random weights.

    Args:
        backbone: One of :data:`core.backbones.catalogue.LITE_SCALES`.
        image_size: Edge of its images, in pixels.
        include_top: Add average pooling, dropout and the original 1000-class layer.
    """
    import keras

    inputs = keras.Input((image_size, image_size, 3), name="image")
    outputs = {"": inputs}
    last = ""
    for block in spec_blocks(backbone, image_size):
        for spec in block.specs:
            layer = _layer(spec)
            inward = outputs[last]
            outputs[spec.name] = (
                layer([inward, outputs[spec.shortcut]]) if spec.kind == "add" else layer(inward)
            )
            last = spec.name
    result = outputs[last]
    if include_top:
        result = keras.layers.GlobalAveragePooling2D(name="average_pool")(result)
        result = keras.layers.Dropout(backbone.top_dropout, name="dropout")(result)
        result = keras.layers.Dense(IMAGENET_CLASSES, name=CLASSIFIER)(result)
    return keras.Model(inputs, result, name=backbone.name.replace("-", "_"))


def _layer(spec: LayerSpec) -> keras.layers.Layer:
    import keras

    # The spread of keras.applications' EfficientNet; it matters only when training from scratch.
    # NOTE: one initializer object gives the same numbers each time, so every layer has its own.
    start = keras.initializers.VarianceScaling(2.0, mode="fan_out", distribution="truncated_normal")
    if spec.kind == "conv":
        return keras.layers.Conv2D(
            spec.output_shape[2], spec.kernel, strides=spec.stride, padding="same",
            use_bias=False, kernel_initializer=start, name=spec.name,
        )
    if spec.kind == "depthwise":
        return keras.layers.DepthwiseConv2D(
            spec.kernel, strides=spec.stride, padding="same", use_bias=False,
            depthwise_initializer=start, name=spec.name,
        )
    if spec.kind == "norm":
        return keras.layers.BatchNormalization(
            momentum=NORM_MOMENTUM, epsilon=NORM_EPSILON, name=spec.name
        )
    if spec.kind == "relu6":
        return keras.layers.ReLU(max_value=6.0, name=spec.name)
    return keras.layers.Add(name=spec.name)
