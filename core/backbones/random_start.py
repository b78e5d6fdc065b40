"""Random weights and dropout that depend on a seed and on nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.backbones.division import leaves_of

if TYPE_CHECKING:
    import keras

_DRAWN = (
    ("kernel", "kernel_initializer"),
    ("kernel", "depthwise_initializer"),
    ("depthwise_kernel", "depthwise_initializer"),
    ("pointwise_kernel", "pointwise_initializer"),
)


def draw_weights(model: keras.Model, seed: int) -> None:
    """Draw the weights of a model anew, each layer from its own initializer and from ``seed``.

    NOTE: ``keras.utils.set_random_seed`` would set generators that the whole process shares, which
    other threads use meanwhile.

    Args:
        model: Its biases, BatchNorms and the like start from constants and keep them.
        seed: The plan's.
    """
    import keras

    for at, layer in enumerate(leaves_of(model)):
        for place, (weight, initializer) in enumerate(_DRAWN):
            if not hasattr(layer, weight) or not hasattr(layer, initializer):
                continue
            given = keras.initializers.serialize(getattr(layer, initializer))
            if "seed" not in given["config"]:  # a constant
                continue
            config = {**given["config"], "seed": drawn_number(seed, at, place)}
            own = keras.initializers.get({**given, "config": config})
            variable = getattr(layer, weight)
            variable.assign(own(variable.shape, dtype=variable.dtype))


def seed_dropout(model: keras.Model, seed: int) -> None:
    """Make what each dropout layer leaves out depend on ``seed`` and on the layer."""
    for at, layer in enumerate(leaves_of(model)):
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            generator.state.assign(np.array([drawn_number(seed, at, 0), 0], dtype=generator.state.dtype))


def drawn_number(*parts: int) -> int:
    """Return a whole number from 0 to 2**31 - 1 that depends on ``parts`` and on nothing else."""
    return int(np.random.default_rng(parts).integers(2**31))
