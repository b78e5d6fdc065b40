"""Operations of some networks that converters do not know, in a form that they do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


@contextmanager
def plain(model: Any) -> Iterator[None]:
    """Let a model be made of operations that converters know, for as long as it is traced.

    Convolutions with a group for each channel, as ConvNeXt has, are depthwise ones, and what normalisation
    takes away and divides by are plain numbers. The answers are the same up to the rounding of float32.

    NOTE: Keras gives grouped convolutions to XLA, in a function of its own that tf2onnx cannot look into; and
    a tensor that a layer holds becomes an input of its graph, which nobody would feed.
    """
    with _plain_depthwise(model), _plain_numbers(model):
        yield


@contextmanager
def _plain_numbers(model: Any) -> Iterator[None]:
    import keras

    changed = [
        (layer, layer.mean, layer.variance) for layer in _layers(model)
        if isinstance(layer, keras.layers.Normalization)
    ]
    for layer, mean, variance in changed:
        layer.mean, layer.variance = np.asarray(mean), np.asarray(variance)
    try:
        yield
    finally:
        for layer, mean, variance in changed:
            layer.mean, layer.variance = mean, variance


@contextmanager
def _plain_depthwise(model: Any) -> Iterator[None]:
    import keras

    changed = [
        layer for layer in _layers(model)
        if isinstance(layer, keras.layers.Conv2D) and not isinstance(layer, keras.layers.DepthwiseConv2D)
        and layer.groups > 1 and layer.groups == layer.filters and layer.kernel.shape[2] == 1
    ]
    for layer in changed:
        layer.convolution_op = _depthwise(layer)
    try:
        yield
    finally:
        for layer in changed:
            del layer.convolution_op


def _layers(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _layers(layer)
        else:
            yield layer


def _depthwise(layer: Any) -> Any:
    from keras import ops

    def convolve(values: Any, kernel: Any) -> Any:
        return ops.depthwise_conv(
            values, ops.transpose(kernel, (0, 1, 3, 2)), strides=tuple(layer.strides), padding=layer.padding,
            dilation_rate=layer.dilation_rate, data_format=layer.data_format)

    return convolve


def write_erfc(graph: Any, node: Any, name: str, _arguments: object) -> None:
    """Write TensorFlow's Erfc, which GELU is made of, as 1 - Erf for tf2onnx; ONNX has no Erfc.

    Args:
        graph: The ``tf2onnx.graph.Graph`` being written.
        node: The node that stands there for it.
        name: The node's name.
    """
    shape, kind = graph.get_shape(node.output[0]), graph.get_dtype(node.output[0])
    values, given = node.input[0], list(node.output)
    graph.remove_node(node.name)
    one = graph.make_const(f"{name}__one", np.asarray(1, np.float32))
    error = graph.make_node("Erf", [values], shapes=[shape], dtypes=[kind])
    graph.make_node(
        "Sub", [one.output[0], error.output[0]], name=name, outputs=given, shapes=[shape], dtypes=[kind])
