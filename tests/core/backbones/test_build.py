from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import backbone_reference as reference
import numpy as np
import pytest

from core.backbones.build import block_layers, build, preprocessed
from core.backbones.catalogue import BACKBONES, LITE_SCALES
from core.backbones.lite_model import spec_blocks
from core.errors import NotFound, Unavailable

if TYPE_CHECKING:
    import keras

LITE0 = BACKBONES["efficientnet-lite0"]


@pytest.fixture(scope="module", params=LITE_SCALES)
def built(request: pytest.FixtureRequest) -> tuple[str, keras.Model]:
    return request.param, build(request.param, include_top=True)


@pytest.fixture(scope="module")
def body() -> keras.Model:
    return build("efficientnet-lite0")


@pytest.mark.slow
def test_logits_are_those_of_the_original_implementation(built: tuple[str, keras.Model]) -> None:
    name, model = built
    with np.load(reference.REFERENCE) as stored:
        expected = stored[f"{name}/logits"]
        assert str(stored[f"{name}/weights_sha256"]) == BACKBONES[name].stored.sha256
        pictures_sha256 = str(stored[f"{name}/pictures_sha256"])
    pictures = reference.pictures(BACKBONES[name].input_size)
    assert reference.checksum(pictures) == pictures_sha256
    logits = np.asarray(model(preprocessed(name, pictures.astype(np.float32)), training=False))
    assert np.abs(logits - expected).max() < 1e-3
    np.testing.assert_array_equal(logits.argmax(axis=1), expected.argmax(axis=1))


def test_the_catalogue_counts_what_keras_builds(built: tuple[str, keras.Model]) -> None:
    name, model = built
    divided = block_layers(model, name)
    assert tuple(divided) == BACKBONES[name].block_names
    records = spec_blocks(BACKBONES[name], BACKBONES[name].input_size)
    for block, record in zip(BACKBONES[name].blocks, records, strict=True):
        layers = divided[block.name]
        norms = [layer for layer in layers if type(layer).__name__ == "BatchNormalization"]
        assert len(layers) == block.layers
        assert layers[-1].output.shape[1:] == block.output_shape
        assert sum(layer.count_params() for layer in layers) == block.parameters
        assert learning(layers) == block.trainable_parameters
        assert learning(norms) == block.norm_parameters
        for layer, spec in zip(layers, record.specs, strict=True):
            assert tuple(tuple(w.shape) for w in layer.weights) == spec.weight_shapes
            assert layer.output.shape[1:] == spec.output_shape


def learning(layers: list[keras.layers.Layer]) -> int:
    return sum(int(np.prod(w.shape)) for layer in layers for w in layer.trainable_weights)


def test_every_layer_of_the_body_is_in_exactly_one_block(body: keras.Model) -> None:
    divided = [layer for layers in block_layers(body, LITE0.name).values() for layer in layers]
    assert divided == [layer for layer in body.layers if type(layer).__name__ != "InputLayer"]


def test_layers_are_named_by_their_block(body: keras.Model) -> None:
    for block, layers in block_layers(body, LITE0.name).items():
        assert all(layer.name.startswith(block) for layer in layers)


def test_a_model_of_another_kind_has_no_blocks_of_this_one(body: keras.Model) -> None:
    with pytest.raises(ValueError, match="No such layer"):
        block_layers(body, "efficientnet-lite2")


def test_the_body_gives_the_features_that_the_catalogue_names(body: keras.Model) -> None:
    assert body.input_shape == (None, 224, 224, 3)
    assert body.output_shape == (None, *LITE0.output_shape)


def test_freezing_a_block_takes_exactly_its_parameters_away(body: keras.Model) -> None:
    layers = block_layers(body, LITE0.name)["block6"]
    for layer in layers:
        layer.trainable = False
    left = learning(body.layers)
    for layer in layers:
        layer.trainable = True
    whole = LITE0.trainable_parameters
    assert left == whole - LITE0.block("block6").trainable_parameters
    assert learning(body.layers) == whole


def test_preprocessing_maps_bytes_around_zero() -> None:
    scaled = np.asarray(preprocessed(LITE0.name, np.array([[0.0, 127.0, 255.0]], np.float32)))
    np.testing.assert_allclose(scaled, [[-127 / 128, 0, 1]], atol=1e-6)


@pytest.mark.slow
def test_random_weights_follow_the_seed_and_differ_between_layers() -> None:
    import keras

    def kernels() -> list[np.ndarray]:
        keras.utils.set_random_seed(1)
        model = build(LITE0.name, weights="none")
        same_shape = ("block6b_project_conv", "block6c_project_conv")
        return [np.asarray(model.get_layer(name).kernel) for name in same_shape]

    first, again = kernels(), kernels()
    np.testing.assert_array_equal(first[0], again[0])
    assert not np.array_equal(first[0], first[1])


@pytest.mark.slow
def test_a_saved_body_gives_the_same_in_a_bare_keras(body: keras.Model, tmp_path: Path) -> None:
    import keras

    inputs = keras.Input((224, 224, 3))
    model = keras.Model(inputs, body(preprocessed(LITE0.name, inputs)))
    model.save(tmp_path / "model.keras")
    pictures = reference.pictures(224)[:2].astype(np.float32)
    np.save(tmp_path / "in.npy", pictures)
    code = (
        "import keras, numpy as np\n"
        "model = keras.saving.load_model('model.keras', compile=False)\n"
        "np.save('out.npy', np.asarray(model(np.load('in.npy'), training=False)))\n"
        "import sys; assert not any(name.startswith('core') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    here = np.asarray(model(pictures, training=False))
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), here, atol=1e-5)


def test_names_and_choices_that_do_not_exist_are_refused() -> None:
    with pytest.raises(NotFound):
        build("efficientnet-lite9")
    with pytest.raises(ValueError, match="imagenet"):
        build(LITE0.name, weights="imagenet")


def test_without_the_package_nothing_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.backbones.stored.PackagedWeights.path", lambda _self: None)
    with pytest.raises(Unavailable):
        build(LITE0.name)
