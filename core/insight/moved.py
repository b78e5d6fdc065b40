"""What a training has moved, block by block: the weights, and the features that come of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.backbones.build import block_layers, preprocessed
from core.backbones.division import leaves_of
from core.errors import BadInput
from core.i18n import _

if TYPE_CHECKING:
    from core.training.extract import PrefixRun


def weight_changes(start: Any, trained: Any, backbone: str) -> dict[str, float | None]:
    """Return by how much the weights of each block have changed, as a share of what they were.

    The change is the length of the difference of all the block's weights, taken as one vector, over the
    length of what they were. All weights that could learn count, whether they did or not; BatchNorm's
    running mean and variance, which no gradient moves, do not.

    Args:
        start: The backbone as the training found it.
        trained: The same backbone as it left it.
        backbone: The backbone's name.

    Returns:
        For each block, from input to output, 0 or more: exactly 0 where nothing changed. ``None`` where a
        block has no such weights, where all of them were 0, or where some are no finite numbers.

    Raises:
        BadInput: They are not the same backbone.

    Source:
        B. Neyshabur, H. Sedghi, C. Zhang, What is being transferred in transfer learning?, NeurIPS 2020,
        arXiv:2008.11687, who measure how far weights move.
    """
    try:
        before, after = block_layers(start, backbone), block_layers(trained, backbone)
        return {block: _change(layers, after[block]) for block, layers in before.items()}
    except (ValueError, KeyError) as error:  # a layer is missing, or its weights have another shape
        raise BadInput(
            _("The models before and after the training do not fit together."), given=backbone) from error


def _change(before: list[Any], after: list[Any]) -> float | None:
    moved = length = 0.0
    for one, other in zip(_weights(before), _weights(after), strict=True):
        if one.shape != other.shape:  # which numpy might still stretch to fit
            raise ValueError("not of the same shape")
        moved += float(np.square(other - one).sum())
        length += float(np.square(one).sum())
    return math.sqrt(moved / length) if length > 0 and math.isfinite(moved / length) else None


def _weights(layers: list[Any]) -> Iterator[NDArray[np.float64]]:
    """Yield what a gradient could change, whether the layer is frozen or not."""
    import keras

    for layer in layers:
        for leaf in leaves_of(layer):
            if isinstance(leaf, keras.layers.Normalization):
                continue
            statistics: tuple[Any, ...] = ()
            if isinstance(leaf, keras.layers.BatchNormalization):
                statistics = (leaf.moving_mean, leaf.moving_variance)
            for weight in leaf.weights:
                if not any(weight is each for each in statistics):
                    yield weight.numpy().astype(np.float64)


def block_embedder(body: Any, backbone: str, size: int) -> PrefixRun:
    """Return what turns images into the features of every block at once.

    Args:
        body: A backbone of :func:`core.backbones.build.build`, also one inside a loaded model.
        backbone: Its name.
        size: Edge of the images, in pixels.

    Returns:
        A function of ``(n, size, size, 3)`` uint8 that returns for each block, in the order of
        :func:`core.backbones.block_outputs.block_outputs`, ``(n, channels)`` float32: what it hands on,
        averaged over the picture.
    """
    import keras

    from core.backbones.block_outputs import block_outputs
    from core.training.extract import PrefixRun

    averaged = [keras.ops.mean(each, axis=(1, 2)) for each in block_outputs(body, backbone).values()]
    inside = keras.Model(body.inputs[0], averaged, name="blocks")
    images = keras.Input((size, size, 3), name="image")
    return PrefixRun(keras.Model(images, inside(preprocessed(backbone, images))), size)
