from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from core.backbones.random_start import draw_weights, seed_dropout

if TYPE_CHECKING:
    import keras


def small() -> keras.Model:
    import keras

    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(3, 3, padding="same", name="one")(inputs)
    x = keras.layers.Conv2D(3, 3, padding="same", name="two")(x)
    x = keras.layers.DepthwiseConv2D(3, name="depthwise")(x)
    x = keras.layers.SeparableConv2D(4, 3, name="separable")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.Sequential([keras.layers.Conv2D(4, 1, name="within")], name="nest")(x)
    x = keras.layers.Conv2D(4, 1, kernel_initializer="zeros", name="zeros")(x)
    return keras.Model(inputs, keras.layers.Dropout(0.5, name="dropout")(x))


def weights(model: keras.Model) -> dict[str, np.ndarray]:
    return {weight.path: np.array(weight) for weight in model.weights}


def kernels(model: keras.Model) -> dict[str, np.ndarray]:
    drawn = {path: array for path, array in weights(model).items() if path.endswith("kernel")}
    return {path: array for path, array in drawn.items() if not path.startswith("zeros")}


@pytest.fixture
def model() -> keras.Model:
    return small()


def test_the_same_seed_gives_the_same_weights_in_any_model(model: keras.Model) -> None:
    other = small()
    draw_weights(model, 7)
    draw_weights(other, 7)
    for mine, its in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(mine), np.asarray(its))


def test_another_seed_gives_other_weights_everywhere(model: keras.Model) -> None:
    draw_weights(model, 7)
    before = kernels(model)
    draw_weights(model, 8)
    assert len(before) == 6
    for path, array in kernels(model).items():
        assert not np.array_equal(array, before[path]), path


def test_two_layers_of_one_shape_differ(model: keras.Model) -> None:
    draw_weights(model, 7)
    one, two = (np.asarray(model.get_layer(name).kernel) for name in ("one", "two"))
    assert not np.array_equal(one, two)
    separable = model.get_layer("separable")
    depthwise = np.asarray(model.get_layer("depthwise").kernel)
    assert not np.array_equal(depthwise, np.asarray(separable.depthwise_kernel)[..., :1])


def test_what_starts_from_a_constant_keeps_it(model: keras.Model) -> None:
    draw_weights(model, 7)
    assert not np.asarray(model.get_layer("zeros").kernel).any()
    assert (np.asarray(model.get_layer("norm").gamma) == 1).all()
    assert not np.asarray(model.get_layer("one").bias).any()


def test_generators_that_the_process_shares_are_left_alone(model: keras.Model) -> None:
    import keras
    import tensorflow as tf

    np.random.seed(1)
    random.seed(1)
    keras.utils.set_random_seed(1)
    expected = (np.random.rand(), random.random(), tf.random.uniform(()).numpy(),
                float(keras.random.uniform(())))
    keras.utils.set_random_seed(1)
    draw_weights(model, 7)
    seed_dropout(model, 7)
    assert (np.random.rand(), random.random(), tf.random.uniform(()).numpy(),
            float(keras.random.uniform(()))) == expected


def test_dropout_follows_the_seed(model: keras.Model) -> None:
    layer = model.get_layer("dropout")
    ones = np.ones((1, 100), np.float32)

    def left(seed: int) -> np.ndarray:
        seed_dropout(model, seed)
        return np.asarray(layer(ones, training=True))

    first = left(7)
    np.testing.assert_array_equal(first, left(7))
    assert not np.array_equal(first, left(8))
