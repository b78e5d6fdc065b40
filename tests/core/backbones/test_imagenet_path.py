"""The way of the real ImageNet weights, with a file made here in place of the download."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import zoo_models as zoo
from keras.src.legacy.saving import legacy_h5_format

from core.backbones.build import build, preprocessed
from core.backbones.catalogue import get
from core.backbones.load_weights import from_file

pytestmark = pytest.mark.slow  # together they take a minute

SIZE = 224  # the MobileNets' files depend on it


@pytest.fixture
def hosted(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A legacy file of random weights that Keras believes to be the one it downloads."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    source = zoo.plain(request.param, SIZE)
    zoo.scramble(source)
    path = tmp_path / get(request.param).stored.file
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, source)

    def deliver(fname: str, origin: str, cache_dir: str | None = None, **_given: Any) -> str:
        assert fname == path.name
        assert origin == get(request.param).stored.url
        if cache_dir is None:
            return str(path)
        (Path(cache_dir) / "models").mkdir()
        return shutil.copy(path, Path(cache_dir) / "models" / fname)

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", deliver)
    monkeypatch.setattr("keras.utils.get_file", deliver)
    return path


@pytest.mark.parametrize(
    ("hosted", "constructor"),
    [
        ("EfficientNetB0", "EfficientNetB0"),
        *(pytest.param(name, name, marks=pytest.mark.zoo) for name in ("VGG16", "ResNet50", "MobileNetV2")),
    ],
    indirect=["hosted"],
)
def test_features_are_those_of_keras_with_its_imagenet_weights(hosted: Path, constructor: str) -> None:
    photo = zoo.photos(SIZE)
    theirs = zoo.plain(constructor, SIZE, weights="imagenet")
    expected = np.asarray(theirs(zoo.preprocess_input_of(constructor)(photo.copy()), training=False))
    ours = build(constructor, image_size=SIZE)
    features = np.asarray(ours(preprocessed(constructor, photo), training=False))
    assert expected.std() > 0
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=2e-5 * np.abs(expected).max())


@pytest.mark.slow
@pytest.mark.parametrize("hosted", ["EfficientNetB0"], indirect=True)
@pytest.mark.parametrize("file", [
    "x.keras", *(pytest.param(each, marks=pytest.mark.zoo) for each in ("x.weights.h5", "x.h5")),
])
@pytest.mark.parametrize("nested", [pytest.param(False, marks=pytest.mark.zoo), True])
@pytest.mark.parametrize("weights", [pytest.param(None, marks=pytest.mark.zoo), "imagenet"])
def test_what_keras_saves_with_or_without_its_second_scaling_gives_its_features(
    hosted: Path, file: str, nested: bool, weights: str | None, tmp_path: Path
) -> None:
    import keras

    theirs = zoo.plain("EfficientNetB0", SIZE, weights=weights)
    zoo.scramble(theirs)
    inputs = keras.Input((SIZE, SIZE, 3))
    scaled = keras.layers.Rescaling(1.0)(inputs)
    saved = keras.Model(inputs, theirs(scaled)) if nested else theirs
    (saved.save_weights if file == "x.weights.h5" else saved.save)(tmp_path / file)
    ours = build("efficientnetb0", weights=tmp_path / file, image_size=SIZE)
    photo = zoo.photos(SIZE)
    expected = np.asarray(theirs(photo, training=False))
    np.testing.assert_allclose(
        np.asarray(ours(photo, training=False)), expected, rtol=1e-4, atol=2e-5 * np.abs(expected).max()
    )


@pytest.mark.parametrize("hosted", ["EfficientNetB0"], indirect=True)
def test_the_hosted_file_itself_given_by_hand_is_known_by_its_hash(
    hosted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dataclasses
    import hashlib

    backbone = get("efficientnetb0")
    known = dataclasses.replace(
        backbone, stored=dataclasses.replace(
            backbone.stored, hash=hashlib.md5(hosted.read_bytes()).hexdigest())
    )
    pretrained = build("efficientnetb0", image_size=64)
    by_hand = build("efficientnetb0", weights="none", image_size=64)
    from_file(by_hand, known, hosted)
    variance = pretrained.layers[2].variance
    np.testing.assert_array_equal(np.asarray(by_hand.layers[2].variance), np.asarray(variance))
    from_file(by_hand, backbone, hosted)
    assert not np.allclose(np.asarray(by_hand.layers[2].variance), np.asarray(variance))
