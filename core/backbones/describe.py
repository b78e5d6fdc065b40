"""Describe ``keras.applications`` as data: ``python -m core.backbones.describe`` writes the table.

The table (``keras_applications.json``) is what the catalogue reads, so that the pages know every
backbone without importing TensorFlow. A test holds it against the installed Keras.
"""

from __future__ import annotations

import importlib
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import prod
from pathlib import Path
from typing import Any
from unittest import mock

from core.backbones.division import divide, inputs_of, leaves_of
from core.backbones.families import FAMILIES, family_of
from core.backbones.fresh import with_fresh_names
from core.backbones.spatial import Kind, Level
from core.files import JsonObject

TABLE = Path(__file__).with_name("keras_applications.json")
# Keras' correct_pad: how much it adds depends on whether the edge is even.
_PADS_BY_PARITY = ("EfficientNetB", "MobileNetV2", "MobileNetV3", "NASNet")
_FIXED_PAD = "zero_padding2d"


def describe(constructor: str) -> JsonObject:
    """Build one backbone with random weights and describe it.

    Args:
        constructor: A name in ``keras.applications``.

    Returns:
        Input size, smallest size, the levels of :mod:`core.backbones.spatial`, the blocks with their
        counts by level, and where Keras has its ImageNet weights.
    """
    import keras

    build = getattr(keras.applications, constructor)
    sizes = _sizes(constructor)
    model = with_fresh_names(
        lambda: build(weights=None, include_top=False, input_shape=(*2 * [sizes["default"]], 3))
    )
    walk = _Walk(model, by_parity=constructor.startswith(_PADS_BY_PARITY))
    blocks = [
        _block(name, layers, walk) for name, layers in divide(model, family_of(constructor).rules).items()
    ]
    return {
        "constructor": constructor,
        "input_size": sizes["default"],
        "min_size": sizes["smallest"],
        "weights": _hosted(constructor, sizes["default"]),
        "levels": [[level.parent, level.kind, level.kernel, level.stride] for level in walk.levels],
        "blocks": blocks,
    }


def _block(name: str, layers: list[Any], walk: _Walk) -> JsonObject:
    import keras

    leaves = [leaf for layer in layers for leaf in leaves_of(layer)]
    norms = [leaf for leaf in leaves if isinstance(leaf, keras.layers.BatchNormalization)]
    end = layers[-1].name
    multiply_adds: Counter[int] = Counter()
    activations: Counter[int] = Counter()
    for layer in layers:
        for leaf, level in walk.visited[layer.name]:
            multiply_adds[level] += _multiply_adds(leaf)
            activations[level] += int(leaf.output.shape[-1])
    return {
        "name": name,
        "layers": len(layers),
        "parameters": sum(leaf.count_params() for leaf in leaves),
        "trainable": _size(leaves),
        "norm": _size(norms),
        "level": walk.level[end],
        "channels": int(layers[-1].output.shape[-1]),
        "multiply_adds": sorted([level, n] for level, n in multiply_adds.items() if n),
        "activations": sorted([level, n] for level, n in activations.items()),
    }


def _size(layers: list[Any]) -> int:
    return sum(prod(weight.shape) for layer in layers for weight in layer.trainable_weights)


def _multiply_adds(layer: Any) -> int:
    """Return the multiply-adds of a layer for one place of its output."""
    import keras

    if isinstance(layer, keras.layers.SeparableConv2D):
        return int(prod(layer.depthwise_kernel.shape) + prod(layer.pointwise_kernel.shape))
    if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D | keras.layers.Dense):
        return int(prod(layer.kernel.shape))
    return 0


class _Walk:
    """The level of every layer's output, found along the layer graph."""

    def __init__(self, model: Any, *, by_parity: bool) -> None:
        self.levels = [Level(0, "input")]
        self.level: dict[str, int] = {}
        self.visited: dict[str, list[tuple[Any, int]]] = {}
        self._by_parity = by_parity
        taken = inputs_of(model)
        edge: dict[int, int] = {}
        for layer in model.operations:
            sources = taken[layer.name]
            # Where a branch of one pixel joins (squeeze-and-excite), the wider one decides.
            at = max((self.level[name] for name in sources), key=lambda one: edge[one], default=0)
            self.visited[layer.name] = []
            for leaf in leaves_of(layer):
                at = self._after(leaf, at, edge.get(at, 0))
                edge[at] = _edge(leaf.output.shape)
                self.visited[layer.name].append((leaf, at))
            self.level[layer.name] = at

    def _after(self, layer: Any, at: int, edge: int) -> int:
        import keras

        if isinstance(layer, keras.layers.ZeroPadding2D | keras.layers.Cropping2D):
            return self._padded(layer, at, edge)
        if isinstance(layer, keras.layers.GlobalAveragePooling2D):
            return self._level(0, "one")
        pooling = isinstance(layer, keras.layers.MaxPooling2D | keras.layers.AveragePooling2D)
        if not pooling and not hasattr(layer, "strides"):
            return at
        kernel = (layer.pool_size if pooling else layer.kernel_size)[0]
        stride, padding = layer.strides[0], layer.padding
        if stride == 1 and (padding == "same" or kernel == 1):
            return at
        return self._level(at, padding, 1 if padding == "same" else kernel, stride)

    def _padded(self, layer: Any, at: int, edge: int) -> int:
        import keras

        if isinstance(layer, keras.layers.Cropping2D):
            return self._level(at, "pad", -sum(layer.cropping[0]))
        total = sum(layer.padding[0])
        if self._by_parity and not layer.name.startswith(_FIXED_PAD):
            return self._level(at, "pad_for_stride", total + 1 - edge % 2 + 1)
        return self._level(at, "pad", total)

    def _level(self, parent: int, kind: Kind, kernel: int = 1, stride: int = 1) -> int:
        level = Level(parent, kind, kernel, stride)
        if level not in self.levels:
            self.levels.append(level)
        return self.levels.index(level)


def _edge(shape: tuple[int | None, ...]) -> int:
    return int(shape[1] or 0) if len(shape) == 4 else 1


class _Asked(Exception):
    """Raised in place of a download, once it is known what would be fetched."""


def _hosted(constructor: str, size: int) -> JsonObject:
    """Return the file that Keras would fetch for the ImageNet weights without the classifier."""
    import keras

    asked: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def note(*given: Any, **named: Any) -> None:
        asked.append((given, named))
        raise _Asked

    build = getattr(keras.applications, constructor)
    with _patched("keras.src.utils.file_utils", "get_file", note), suppress(_Asked):
        # NOTE: without a size the MobileNets warn, because their file depends on it.
        build(weights="imagenet", include_top=False, input_shape=(size, size, 3))
    (file, address), named = asked[0]
    return {"file": file, "url": address, "hash": named.get("file_hash")}


def _sizes(constructor: str) -> dict[str, int]:
    """Return the default and the smallest edge that Keras allows."""
    import keras
    from keras.src.applications import imagenet_utils

    found = {"default": 224, "smallest": 32}  # MobileNetV3 checks its own, and to these
    real = imagenet_utils.obtain_input_shape

    def note(*given: Any, **named: Any) -> Any:
        found.update(default=named["default_size"], smallest=named["min_size"])
        return real(*given, **named)

    with _patched("keras.src.applications.imagenet_utils", "obtain_input_shape", note):
        with_fresh_names(
            lambda: getattr(keras.applications, constructor)(weights=None, include_top=False)
        )
    return found


@contextmanager
def _patched(module: str, name: str, replacement: Any) -> Iterator[None]:
    with mock.patch.object(importlib.import_module(module), name, replacement):
        yield


def main() -> None:
    """Describe all of them and write the table."""
    rows = [describe(name) for family in FAMILIES for name in family.constructors]
    text = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    TABLE.write_text(f"[\n{text}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
