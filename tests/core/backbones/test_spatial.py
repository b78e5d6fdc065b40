from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.backbones.spatial import Level, edges

EDGES = some.integers(16, 300)
KERNELS = some.integers(1, 7)
STRIDES = some.integers(1, 3)


@given(EDGES, KERNELS, STRIDES, some.sampled_from(["same", "valid"]))
def test_windows_give_the_edges_of_keras_layers(
    edge: int, kernel: int, stride: int, padding: str
) -> None:
    import keras

    given_kernel = 1 if padding == "same" else kernel
    level = Level(0, padding, given_kernel, stride)
    for layer in (keras.layers.Conv2D(1, kernel, strides=stride, padding=padding),
                  keras.layers.MaxPooling2D(kernel, strides=stride, padding=padding)):
        assert layer.compute_output_shape((None, edge, edge, 1))[1] == level.edge(edge)


@given(EDGES, some.integers(0, 5), some.integers(0, 5))
def test_padding_and_cropping_give_the_edges_of_keras_layers(edge: int, before: int, after: int) -> None:
    import keras

    sides = ((before, after), (before, after))
    padded = keras.layers.ZeroPadding2D(sides).compute_output_shape((None, edge, edge, 1))
    cropped = keras.layers.Cropping2D(sides).compute_output_shape((None, edge, edge, 1))
    assert Level(0, "pad", before + after).edge(edge) == padded[1]
    assert Level(0, "pad", -before - after).edge(edge) == cropped[1]


@given(EDGES, some.sampled_from([3, 5, 7]))
def test_padding_before_a_stride_is_what_keras_adds(edge: int, kernel: int) -> None:
    import keras
    from keras.src.applications.imagenet_utils import correct_pad

    sides = correct_pad(keras.Input((edge, edge, 3)), kernel)
    padded = keras.layers.ZeroPadding2D(sides).compute_output_shape((None, edge, edge, 3))
    assert Level(0, "pad_for_stride", kernel).edge(edge) == padded[1]


@given(EDGES)
def test_a_level_follows_from_its_parent_and_not_from_the_one_before(edge: int) -> None:
    levels = [Level(0, "input"), Level(0, "same", 1, 2), Level(0, "one"), Level(1, "valid", 3, 1)]
    assert edges(levels, edge) == (edge, -(-edge // 2), 1, -(-edge // 2) - 2)


@pytest.mark.parametrize("edge", [1, 224, 1024])
def test_the_first_level_is_the_image(edge: int) -> None:
    assert edges([Level(0, "input")], edge) == (edge,)
