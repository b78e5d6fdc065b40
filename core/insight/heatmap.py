"""Where a network looks: Grad-CAM on the output of any block of any backbone.

Source:
    Selvaraju et al., Grad-CAM (2017), arXiv:1610.02391. The sanity check by a head of random weights
    follows Adebayo et al., Sanity Checks for Saliency Maps (2018), arXiv:1810.03292.
"""

from __future__ import annotations

import io
import threading
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.backbones.block_outputs import block_outputs
from core.errors import NotFound
from core.i18n import _
from core.insight.predict import Loaded
from core.training.model import body_of
from core.training.release import let_go_of

KEPT_A_MODEL = 4
SAID = -1
"""Stands in for the index of the class that the network says."""

RAMP = ((18, 38, 58), (70, 92, 122), (160, 106, 106), (232, 142, 72), (255, 222, 140))
"""From no influence to the most: RGB, darker to brighter all the way, so it also reads without hue."""

# What stays of the photo: almost grey, and darker, so that the brightest of the ramp stands out on white.
_GREYED, _DIMMED = 0.75, 0.82
_FAINTEST, _STRONGEST = 0.3, 0.65
Weights = tuple[NDArray[np.float32], ...]
_lock = threading.Lock()


@dataclass(frozen=True)
class Heatmaps:
    """Where a network looked for one class, photo by photo.

    Attributes:
        maps: ``(photos, height, width)``, float32, 0 to 1, as fine as the block's output: 1 is where the
            photo speaks for the class the most. All 0 where nothing in it does.
        classes: ``(photos,)``: the class that each map is for, as an index.
        probabilities: ``(photos, classes)``, float32: what the network says.
    """

    maps: NDArray[np.float32]
    classes: NDArray[np.int32]
    probabilities: NDArray[np.float32]


class Explainer:
    """Grad-CAM of one model on one block; made by :func:`explainer`, safe to call from any thread.

    Attributes:
        size: Edge of the photos that it takes, in pixels.
        head: The weights of the model's head, from its pooling to the classes.

    The gradient is that of the class's value before the softmax, with respect to what the block hands on.
    A channel weighs as much as its gradient's mean over the picture; of the weighted sum what is above
    zero is kept, and divided by its largest value.
    """

    def __init__(self, model: Loaded, backbone: str, block: str) -> None:
        self.size = model.size
        layers = _head_of(model.keras)
        self.head: Weights = tuple(
            variable.numpy() for layer in layers if _is_dense(layer)
            for variable in (layer.kernel, layer.bias)
        )
        shapes = [each.shape for each in self.head]
        function = _function(model.keras, backbone, block, layers, shapes)
        self._run = function.get_concrete_function()
        # NOTE: TensorFlow keeps a graph with gradients of its own for ever. Here nobody calls it any more.
        weakref.finalize(self, let_go_of, function).atexit = False

    def heatmap(self, image: NDArray[np.uint8], class_index: int) -> NDArray[np.float32]:
        """Return ``(height, width)``, 0 to 1, for a photo ``(size, size, 3)``; see :class:`Heatmaps`."""
        found = self.heatmaps(image[np.newaxis], [class_index])
        return np.asarray(found.maps[0])

    def heatmaps(
        self, images: NDArray[np.uint8], classes: Sequence[int], *, head: Weights | None = None
    ) -> Heatmaps:
        """Return where the network looks in photos.

        Args:
            images: ``(photos, size, size, 3)``, raw RGB.
            classes: For which class, photo by photo; :data:`SAID` for the one that the network says.
            head: Other weights for the head, see :meth:`random_head`; its own unless told. The model
                itself stays as it is.
        """
        import tensorflow as tf

        given = [tf.constant(each) for each in (self.head if head is None else head)]
        maps, chosen, chances = self._run(
            tf.constant(images), tf.constant(np.asarray(classes, np.int32)), *given)
        return Heatmaps(maps.numpy(), chosen.numpy(), chances.numpy())

    def random_head(self, seed: int) -> Weights:
        """Return weights for the head as if it had learned nothing.

        Args:
            seed: What they are drawn from; the same number gives the same weights.
        """
        random = np.random.default_rng(seed)
        return tuple(_drawn(each, random) for each in self.head)


def explainer(model: Loaded, backbone: str, block: str) -> Explainer:
    """Return what explains a model by one of its blocks; made once, and kept while the model is loaded.

    Args:
        model: See :func:`core.insight.predict.loaded`.
        backbone: The name of its backbone.
        block: The name of a block; the last one sees the most of the photo, an early one the finest detail.

    Raises:
        NotFound: The backbone has no such block.
    """
    with _lock:
        kept = _kept.setdefault(model, _Made())
    found = _found(kept, block)
    if found is not None:
        return found
    # NOTE: tracing a graph takes seconds. Whoever asks for another model, or for a block that is traced
    # already, must not wait for it.
    with kept.tracing:
        found = _found(kept, block)  # who held the lock may have traced just this one
        if found is None:
            found = Explainer(model, backbone, block)
            with _lock:
                kept.by_block[block] = found
                while len(kept.by_block) > KEPT_A_MODEL:
                    kept.by_block.popitem(last=False)
        return found


@dataclass
class _Made:
    """What explains one model, the block that was asked for last at the end."""

    tracing: threading.Lock = field(default_factory=threading.Lock)
    by_block: OrderedDict[str, Explainer] = field(default_factory=OrderedDict)


_kept: weakref.WeakKeyDictionary[Loaded, _Made] = weakref.WeakKeyDictionary()


def _found(kept: _Made, block: str) -> Explainer | None:
    with _lock:
        if block in kept.by_block:
            kept.by_block.move_to_end(block)
        return kept.by_block.get(block)


def overlay(photo: Image.Image, heatmap: NDArray[np.float32], *, longest: int | None = None) -> bytes:
    """Lay a heatmap over its whole photo: the photo nearly in grey, the map in the colours of :data:`RAMP`.

    Args:
        photo: In mode RGB. The network saw it resized to a square, so the map is stretched to its shape.
        heatmap: ``(height, width)``, 0 to 1.
        longest: The longer side of the picture in pixels, never more than the photo's; the photo's unless
            told.

    Returns:
        A JPEG file.
    """
    if longest is not None:
        photo = photo.copy()
        photo.thumbnail((longest, longest), Image.Resampling.BILINEAR, reducing_gap=2.0)
    smooth = Image.fromarray(heatmap.astype(np.float32)).resize(photo.size, Image.Resampling.BILINEAR)
    heat = np.clip(np.asarray(smooth), 0.0, 1.0)
    pixels = np.asarray(photo, np.float32)
    grey = np.asarray(photo.convert("L"), np.float32)[..., np.newaxis]
    base = _DIMMED * (_GREYED * grey + (1 - _GREYED) * pixels)
    stops = np.linspace(0, 1, len(RAMP))
    colours = np.stack([np.interp(heat, stops, channel) for channel in zip(*RAMP, strict=True)], axis=-1)
    share = (_FAINTEST + (_STRONGEST - _FAINTEST) * heat)[..., np.newaxis]
    shown = (1 - share) * base + share * colours
    buffer = io.BytesIO()
    Image.fromarray(np.rint(shown).astype(np.uint8)).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def likeness(one: NDArray[np.float32], other: NDArray[np.float32]) -> float | None:
    """Return Spearman's rank correlation of two heatmaps of the same photo, -1 to 1.

    ``None`` where one of them is the same everywhere: then it ranks nothing.
    """
    from scipy.stats import spearmanr

    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(spearmanr(one.ravel(), other.ravel()).statistic)


def _function(
    model: Any, backbone: str, block: str, layers: Sequence[Any], shapes: Sequence[tuple[int, ...]]
) -> Any:
    """Return the graph: photos, classes and the head's weights in; maps, classes, probabilities out."""
    import keras
    import tensorflow as tf

    body = body_of(model)
    outputs = block_outputs(body, backbone)
    if block not in outputs:
        raise NotFound(_("This backbone has no such block."), given=block[:80])
    halves = keras.Model(body.input, [outputs[block], body.output])
    prepared = _preparation(model, body)

    def looked(images: Any, classes: Any, *head: Any) -> Any:
        values = tf.cast(images, tf.float32)
        handed_on, features = halves(prepared(values), training=False)
        logits = _logits(layers, features, head)
        said = tf.argmax(logits, axis=1, output_type=tf.int32)
        chosen = tf.where(classes < 0, said, classes)
        score = tf.reduce_sum(tf.gather(logits, chosen, axis=1, batch_dims=1))
        slopes = tf.gradients(score, handed_on)[0]
        weights = tf.reduce_mean(slopes, axis=(1, 2), keepdims=True)
        maps = tf.nn.relu(tf.reduce_sum(weights * handed_on, axis=-1))
        largest = tf.reduce_max(maps, axis=(1, 2), keepdims=True)
        return tf.math.divide_no_nan(maps, largest), chosen, tf.nn.softmax(logits)

    size = int(model.input_shape[1])
    return tf.function(looked, input_signature=[
        tf.TensorSpec((None, size, size, 3), tf.uint8), tf.TensorSpec((None,), tf.int32),
        *(tf.TensorSpec(shape, tf.float32) for shape in shapes),
    ])


def _logits(layers: Sequence[Any], values: Any, head: Sequence[Any]) -> Any:
    """Return what a head makes of features, before its softmax, with these weights in place of its own."""
    import tensorflow as tf

    weights = iter(head)
    for layer in layers:
        if _is_dense(layer):
            values = tf.linalg.matmul(values, next(weights)) + next(weights)
            values = values if layer is layers[-1] else layer.activation(values)
        elif not hasattr(layer, "rate"):  # dropout lets all through
            values = layer(values)
    return values


def _preparation(model: Any, body: Any) -> Any:
    """Return what a model does to a photo before its backbone sees it."""
    import keras

    # NOTE: Keras has no public way to the call of a model within this very model.
    calls = [node for nodes in model._nodes_by_depth.values() for node in nodes if node.operation is body]
    given = calls[0].input_tensors[0]
    if given is model.inputs[0]:
        return lambda images: images
    return keras.Model(model.inputs[0], given)


def _head_of(model: Any) -> list[Any]:
    layers = list(model.layers)
    return layers[layers.index(body_of(model)) + 1:]


def _is_dense(layer: Any) -> bool:
    return hasattr(layer, "kernel")


def _drawn(own: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """Return weights as Keras begins a dense layer with: Glorot and Bengio 2010, a bias of zeros."""
    if own.ndim == 1:
        return np.zeros_like(own)
    edge = np.sqrt(6 / sum(own.shape))
    return random.uniform(-edge, edge, own.shape).astype(np.float32)
