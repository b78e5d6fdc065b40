"""What the tests of the backbones of ``keras.applications`` share: which, and weights that all differ."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from core.backbones.catalogue import get
from core.backbones.families import FAMILIES

if TYPE_CHECKING:
    import keras

CONSTRUCTORS = tuple(name for family in FAMILIES for name in family.constructors)
SMALL = 75  # the smallest edge that every one of them takes
# One for each kind of graph: a chain, bare operations, weights in its normalisation, two tensors across.
_EVERY_DAY = ("VGG16", "MobileNetV3Small", "EfficientNetB0", "NASNetMobile")
_WRITTEN_EVERY_DAY = ("MobileNetV3Small", "EfficientNetB0")


def marked(every_day: tuple[str, ...] = _EVERY_DAY) -> list[Any]:
    """Return constructors as parameters: a few for every day, the others in the zoo."""
    return [pytest.param(name, marks=_mark(name, every_day)) for name in CONSTRUCTORS]


def marked_to_write(most_parameters: float) -> list[Any]:
    """Return likewise those whose weights are to be written to files, up to a size."""
    sizes = {name: get(name).parameters for name in CONSTRUCTORS}
    return [
        pytest.param(name, marks=_mark(name, _WRITTEN_EVERY_DAY))
        for name, size in sizes.items() if size <= most_parameters
    ]


def _mark(name: str, every_day: tuple[str, ...]) -> pytest.MarkDecorator:
    return pytest.mark.slow if name in every_day else pytest.mark.zoo


def constructor_of(name: str) -> Callable[..., keras.Model]:
    import keras

    return getattr(keras.applications, name)


def preprocess_input_of(name: str) -> Callable[[np.ndarray], np.ndarray]:
    return sys.modules[constructor_of(name).__module__].preprocess_input


def plain(name: str, size: int = SMALL, **given: Any) -> keras.Model:
    """Build one as anybody would, with random weights."""
    return constructor_of(name)(
        **{"weights": None, "include_top": False, "input_shape": (size, size, 3), **given}
    )


def layers_with_weights(layers: list[Any]) -> list[Any]:
    import keras

    found = []
    for layer in layers:
        inner = layers_with_weights(layer.layers) if isinstance(layer, keras.Model) else [layer]
        found += [each for each in inner if each.weights]
    return found


def scramble(model: keras.Model, seed: int = 3) -> None:
    """Give what starts from a constant numbers of its own, near enough to keep features finite."""
    import keras

    random = np.random.default_rng(seed)
    for layer in layers_with_weights(model.layers):
        weights = [_scrambled(weight, random) for weight in layer.weights]
        layer.set_weights(weights)
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()


def _scrambled(weight: Any, random: np.random.Generator) -> np.ndarray:
    kind = weight.path.rpartition("/")[2]
    if kind.endswith("variance") or kind == "gamma":
        return random.uniform(0.5, 1.5, weight.shape).astype(np.float32)
    if kind.endswith("mean") or kind in ("beta", "bias"):
        return random.normal(0, 0.1, weight.shape).astype(np.float32)
    return np.asarray(weight)


def photos(size: int = SMALL, n: int = 1) -> np.ndarray:
    return np.random.default_rng(9).uniform(0, 255, (n, size, size, 3)).astype(np.float32)
