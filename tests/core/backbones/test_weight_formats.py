"""Weights that plain Keras saved come back equal, whatever the kind of file."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest
import zoo_models as zoo
from keras.src.legacy.saving import legacy_h5_format

from core.backbones.build import build
from core.backbones.catalogue import Backbone, get
from core.backbones.load_weights import from_file

if TYPE_CHECKING:
    import keras

MOST_PARAMETERS = 60e6  # above, a format's test would write gigabytes

Made = tuple[Backbone, "keras.Model", "keras.Model"]


@pytest.fixture(scope="module", params=zoo.marked_to_write(MOST_PARAMETERS))
def made(request: pytest.FixtureRequest) -> Iterator[Made]:
    """A backbone, one of Keras' with weights to be saved, and one of ours to be filled."""
    backbone = get(request.param)
    theirs = zoo.plain(request.param)
    zoo.scramble(theirs)
    yield backbone, theirs, build(backbone.name, weights="none", image_size=zoo.SMALL)
    del theirs
    gc.collect()


def whole(body: keras.Model, path: Path) -> Path:
    body.save(path)
    return path


def weights_only(body: keras.Model, path: Path) -> Path:
    body.save_weights(path)
    return path


def legacy_weights(body: keras.Model, path: Path) -> Path:
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, body)
    return path


def flat_classifier(body: keras.Model) -> keras.Model:
    import keras

    pooled = keras.layers.GlobalAveragePooling2D()(body.output)
    return keras.Model(body.input, keras.layers.Dense(5)(pooled))


def nested_classifier(body: keras.Model) -> keras.Model:
    import keras

    inputs = keras.Input(body.input_shape[1:])
    seen = keras.layers.RandomFlip("horizontal")(inputs)
    seen = keras.layers.Rescaling(1 / 127.5, -1.0)(seen)
    pooled = keras.layers.GlobalAveragePooling2D()(body(seen))
    return keras.Model(inputs, keras.layers.Dense(5)(keras.layers.Dropout(0.2)(pooled)))


def as_it_is(body: keras.Model) -> keras.Model:
    return body


EVERY_DAY = (
    (as_it_is, weights_only, "x.weights.h5"), (flat_classifier, whole, "x.keras"),
    (nested_classifier, whole, "x.keras"), (nested_classifier, whole, "x.h5"),
    (flat_classifier, legacy_weights, "x.hdf5"),
)
IN_THE_ZOO = (
    (as_it_is, whole, "x.keras"), (as_it_is, whole, "x.h5"), (as_it_is, legacy_weights, "x.hdf5"),
    (flat_classifier, weights_only, "x.weights.h5"), (flat_classifier, whole, "x.h5"),
    (nested_classifier, weights_only, "x.weights.h5"), (nested_classifier, legacy_weights, "x.hdf5"),
)


@pytest.mark.parametrize(
    ("put", "save", "file"),
    [*EVERY_DAY, *(pytest.param(*way, marks=pytest.mark.zoo) for way in IN_THE_ZOO)],
)
def test_saved_weights_come_back_equal(
    made: Made, put: Callable[[Any], Any], save: Callable[[Any, Path], Path], file: str, tmp_path: Path,
) -> None:
    backbone, theirs, ours = made
    zoo.scramble(ours, seed=4)
    path = save(put(theirs), tmp_path / file)
    from_file(ours, backbone, path)
    path.unlink()
    assert_equal_weights(ours, theirs)


def test_the_features_are_those_of_the_saved_model(made: Made, tmp_path: Path) -> None:
    backbone, theirs, ours = made
    zoo.scramble(ours, seed=4)
    path = weights_only(theirs, tmp_path / "x.weights.h5")
    from_file(ours, backbone, path)
    path.unlink()
    photo = zoo.photos()
    expected = np.asarray(theirs(photo, training=False))
    np.testing.assert_allclose(
        np.asarray(ours(photo, training=False)), expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max()
    )


def assert_equal_weights(ours: keras.Model, theirs: keras.Model) -> None:
    for mine, its in zip(
        zoo.layers_with_weights(ours.layers), zoo.layers_with_weights(theirs.layers), strict=True
    ):
        for one, other in zip(mine.weights, its.weights, strict=True):
            np.testing.assert_array_equal(np.asarray(one), np.asarray(other), err_msg=mine.name)


@pytest.mark.parametrize("constructor", zoo.marked_to_write(MOST_PARAMETERS))
@pytest.mark.parametrize(("save", "file"), [
    (weights_only, "x.weights.h5"), pytest.param(whole, "x.h5", marks=pytest.mark.zoo),
])
def test_the_classifier_of_keras_own_is_left_out(
    constructor: str, save: Callable[[Any, Path], Path], file: str, tmp_path: Path
) -> None:
    import keras

    backbone = get(constructor)
    theirs = zoo.plain(constructor, include_top=True, classes=7)
    zoo.scramble(theirs)
    ours = build(backbone.name, weights="none", image_size=zoo.SMALL)
    path = save(theirs, tmp_path / file)
    from_file(ours, backbone, path)
    path.unlink()
    filled = zoo.layers_with_weights(ours.layers)
    sources = zoo.layers_with_weights(theirs.layers)
    assert isinstance(sources[-1], keras.layers.Dense | keras.layers.Conv2D)
    assert len(sources) > len(filled)
    for mine, its in zip(filled, sources, strict=False):
        for one, other in zip(mine.weights, its.weights, strict=True):
            np.testing.assert_array_equal(np.asarray(one), np.asarray(other), err_msg=mine.name)


@pytest.mark.slow
def test_a_backbone_that_was_frozen_when_it_was_saved_comes_back_equal(tmp_path: Path) -> None:
    theirs = zoo.plain("MobileNetV2")
    zoo.scramble(theirs)
    theirs.trainable = False
    ours = build("mobilenetv2", weights="none", image_size=zoo.SMALL)
    for save, file in ((whole, "x.h5"), (weights_only, "x.weights.h5")):
        zoo.scramble(ours, seed=4)
        from_file(ours, get("mobilenetv2"), save(nested_classifier(theirs), tmp_path / file))
        assert_equal_weights(ours, theirs)


@pytest.mark.slow
def test_automatic_names_are_matched_by_number_when_half_was_frozen(tmp_path: Path) -> None:
    zoo.plain("InceptionV3")  # so that the names below do not start from the first number
    theirs = zoo.plain("InceptionV3")
    zoo.scramble(theirs)
    for layer in theirs.layers[:150]:
        layer.trainable = False
    ours = build("inceptionv3", weights="none", image_size=zoo.SMALL)
    assert ours.layers[1].name != theirs.layers[1].name
    from_file(ours, get("inceptionv3"), whole(nested_classifier(theirs), tmp_path / "x.h5"))
    assert_equal_weights(ours, theirs)
