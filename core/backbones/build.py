"""Build backbones as plain Keras models, from the same records that the catalogue counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from core.backbones.architecture import LayerSpec
from core.backbones.catalogue import Backbone, get
from core.backbones.weights import CLASSIFIER, IMAGENET_CLASSES, LayerWeights, packaged_weights

if TYPE_CHECKING:
    import keras

NORM_EPSILON = 1e-3
NORM_MOMENTUM = 0.99


def build(
    name: str,
    *,
    weights: Literal["packaged", "none"] = "packaged",
    include_top: bool = False,
) -> keras.Model:
    """Build a backbone from built-in Keras layers only.

    Args:
        name: A name of the catalogue.
        weights: ``packaged`` loads the ImageNet weights of the pip package; ``none`` leaves
            random ones, which follow ``keras.utils.set_random_seed``.
        include_top: Add average pooling, dropout and the original 1000-class layer, which gives
            logits (no softmax).

    Returns:
        A model named like the backbone with underscores. It takes (n, size, size, 3) float32,
        already put through :func:`preprocessing`, and gives (n, height, width, features)
        float32, or (n, 1000) logits with ``include_top``.

    Raises:
        NotFound: There is no such backbone.
        Unavailable: The package with its weights is not installed.
        BadInput: The weight file is not the known one; no model has been made.
        ValueError: ``weights`` is neither of the two.
    """
    if weights not in ("packaged", "none"):
        raise ValueError(f"weights must be 'packaged' or 'none', not {weights!r}")
    backbone = get(name)
    loaded = packaged_weights(backbone) if weights == "packaged" else {}
    model = _model(backbone, include_top=include_top)
    _fill(model, loaded)
    return model


def preprocessing(name: str) -> keras.layers.Layer:
    """Make the layer that turns RGB of 0..255 into what the backbone expects.

    Args:
        name: A name of the catalogue.

    Returns:
        A built-in Rescaling layer for (x - 127) / 128, so a saved model needs no code of ours.
    """
    import keras

    backbone = get(name)
    return keras.layers.Rescaling(
        scale=1 / 128, offset=-127 / 128, name=f"{_identifier(backbone)}_preprocessing"
    )


def block_layers(model: keras.Model, name: str) -> dict[str, list[keras.layers.Layer]]:
    """Divide a model that :func:`build` made into its blocks.

    Args:
        model: The model, or one that holds the same layers flat beside others.
        name: The backbone's name.

    Returns:
        For each block, from input to output, its layers in order. Every layer of the body is in
        exactly one block; the input layer is in none.

    Raises:
        ValueError: The model lacks a layer of this backbone.
    """
    return {
        block.name: [model.get_layer(spec.name) for spec in block.specs]
        for block in get(name).blocks
    }


def _identifier(backbone: Backbone) -> str:
    return backbone.name.replace("-", "_")


def _model(backbone: Backbone, *, include_top: bool) -> keras.Model:
    import keras

    inputs = keras.Input((backbone.input_size, backbone.input_size, 3), name="image")
    outputs = {"": inputs}
    last = ""
    for block in backbone.blocks:
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
    return keras.Model(inputs, result, name=_identifier(backbone))


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


def _fill(model: keras.Model, weights: LayerWeights) -> None:
    names = {layer.name for layer in model.layers}
    for name, arrays in weights.items():
        if name in names:
            model.get_layer(name).set_weights(arrays)
