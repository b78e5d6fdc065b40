"""Build any backbone of the catalogue as a plain Keras model, with or without pretrained weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.backbones import load_weights
from core.backbones.catalogue import Backbone, get
from core.backbones.division import divide
from core.backbones.families import family_of
from core.backbones.fresh import with_fresh_names
from core.backbones.lite_model import lite_model, spec_blocks
from core.backbones.random_start import draw_weights
from core.backbones.second_scaling import SPREAD
from core.backbones.stored import PRETRAINED, RANDOM

if TYPE_CHECKING:
    import keras

# Of ImageNet's photos, as keras.applications.imagenet_utils uses them: in 0..1, and in 0..255.
_TORCH_MEAN = (0.485, 0.456, 0.406)
_CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)


def build(
    name: str,
    *,
    weights: str | Path = PRETRAINED,
    image_size: int | None = None,
    include_top: bool = False,
    seed: int | None = None,
) -> keras.Model:
    """Build a backbone.

    Args:
        name: A name of the catalogue.
        weights: ``pretrained`` loads the ImageNet weights from where the backbone has them, ``none``
            leaves random ones, a path loads a file (see :mod:`core.backbones.weight_files`).
        image_size: Edge of the images in pixels; the backbone's own unless told.
        include_top: Add average pooling, dropout and the original 1000-class layer, which gives
            logits (no softmax); only where we build the backbone ourselves.
        seed: Makes random weights the same each time; without it they follow
            ``keras.utils.set_random_seed``.

    Returns:
        A model that takes (n, size, size, 3) float32, already put through :func:`preprocessed`, and
        gives (n, height, width, features) float32, or (n, 1000) logits with ``include_top``.

    Raises:
        NotFound: There is no such backbone.
        Unavailable: Its weights are not on this machine and cannot be fetched.
        BadInput: The image size is out of range, or the weights are not whole or do not fit; no
            model has been made.
        ValueError: ``weights`` is a text that says neither, or there is no top to include.
    """
    if isinstance(weights, str) and weights not in (PRETRAINED, RANDOM):
        raise ValueError(f"weights must be 'pretrained', 'none' or a path, not {weights!r}")
    backbone = get(name)
    size = backbone.input_size if image_size is None else image_size
    backbone.check_size(size)
    model = _with_random_weights(backbone, size, include_top=include_top)
    if seed is not None:
        draw_weights(model, seed)
    if isinstance(weights, Path):
        load_weights.from_file(model, backbone, weights)
    elif weights == PRETRAINED:
        load_weights.pretrained(model, backbone)
    return model


def _with_random_weights(backbone: Backbone, size: int, *, include_top: bool) -> keras.Model:
    import keras

    if not backbone.constructor:
        return lite_model(backbone, size, include_top=include_top)
    if include_top:
        raise ValueError(f"{backbone.name} is built without its classifier")
    make = getattr(keras.applications, backbone.constructor)
    return with_fresh_names(
        lambda: make(weights=None, include_top=False, input_shape=(size, size, 3))
    )


def preprocessed(name: str, images: Any) -> Any:
    """Turn RGB of 0..255 into what a backbone expects, as a part of a Keras model.

    Args:
        name: A name of the catalogue.
        images: A Keras tensor (n, height, width, 3).

    Returns:
        A Keras tensor of the same shape, made with built-in layers and operations only, so that a
        saved model needs no code of ours. The same as ``preprocess_input`` of the family.
    """
    import keras

    kind = get(name).preprocessing
    rescaling = keras.layers.Rescaling
    if kind == "lite":
        return rescaling(1 / 128, -127 / 128, name="preprocessing")(images)
    if kind == "tf":
        return rescaling(1 / 127.5, -1.0, name="preprocessing")(images)
    if kind == "torch":
        scale = [1 / (255 * spread) for spread in SPREAD]
        offset = [-mean / spread for mean, spread in zip(_TORCH_MEAN, SPREAD, strict=True)]
        return rescaling(scale, offset, name="preprocessing")(images)
    if kind == "caffe":
        turned = keras.ops.flip(images, axis=-1)
        return rescaling(1.0, [-mean for mean in _CAFFE_MEAN_BGR], name="preprocessing")(turned)
    return images


def block_layers(model: keras.Model, name: str) -> dict[str, list[keras.layers.Layer]]:
    """Divide a model that :func:`build` made into its blocks.

    Args:
        model: The model, or one of ours that holds the same layers flat beside others.
        name: The backbone's name.

    Returns:
        For each block, from input to output, its layers in order. Every layer of the body is in
        exactly one block; the input layer is in none.

    Raises:
        ValueError: The model lacks a layer of this backbone.
    """
    backbone = get(name)
    if backbone.constructor:
        return divide(model, family_of(backbone.constructor).rules)
    return {
        block.name: [model.get_layer(spec.name) for spec in block.specs]
        for block in spec_blocks(backbone, backbone.input_size)
    }
