"""The textbook's recipe beside the script that a course has its students write."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.backbones import load_weights
from core.training.model import body_of
from core.training.plan import Plan
from core.training.presets import TEXTBOOK

pytestmark = pytest.mark.slow

CLASSES = 5
SMALL = 64
TOLD = ("filters", "kernel_size", "strides", "padding", "activation", "use_bias", "dilation_rate",
        "pool_size", "units", "data_format")
PHOTOS = np.random.default_rng(3).integers(0, 256, (6, SMALL, SMALL, 3), dtype=np.uint8)
LABELS = np.array([0, 1, 2, 3, 4, 0])


def the_script(size: int) -> Any:
    """What is written in a notebook, with random weights in place of ImageNet's."""
    import keras
    from keras import layers
    from keras.applications import VGG16

    base = VGG16(weights=None, include_top=False, input_shape=(size, size, 3))
    for layer in base.layers:
        layer.trainable = layer.name.startswith("block5")
    model = keras.Sequential([base, layers.Flatten(), layers.Dense(CLASSES, activation="softmax")])
    model.compile(
        optimizer=keras.optimizers.Adam(), loss="categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def ours(size: int | None) -> Any:
    from core.training import model as models

    plan = replace(TEXTBOOK.applied(Plan("", "", "efficientnet-lite0")), image_size=size).checked()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load_weights, "pretrained", lambda _model, _backbone: None)
        return models.assemble(plan, CLASSES)


@pytest.fixture(scope="module")
def pair() -> tuple[Any, Any]:
    """Our model and the script's, with the same weights."""
    model, script = ours(SMALL), the_script(SMALL)
    for layer in body_of(model).layers[1:]:
        script.layers[0].get_layer(layer.name).set_weights(layer.get_weights())
    script.layers[-1].set_weights(model.layers[-1].get_weights())
    return model, script


def told(layer: Any) -> dict[str, object]:
    config = layer.get_config()
    return {
        "class": type(layer).__name__, "trainable": layer.trainable, "weights": len(layer.weights),
        **{name: config[name] for name in TOLD if name in config},
    }


def test_layer_by_layer_the_backbone_is_the_scripts(pair: tuple[Any, Any]) -> None:
    model, script = pair
    mine, theirs = body_of(model).layers, script.layers[0].layers
    assert len(mine) == len(theirs) == 19
    for one, other in zip(mine[1:], theirs[1:], strict=True):
        assert one.name == other.name
        assert told(one) == told(other), one.name
        assert tuple(one.output.shape) == tuple(other.output.shape)
    assert [each.name for each in mine if each.trainable and each.weights] == [
        "block5_conv1", "block5_conv2", "block5_conv3",
    ]


def test_on_it_there_is_what_the_script_puts_on_it(pair: tuple[Any, Any]) -> None:
    model, script = pair
    after = model.layers[model.layers.index(body_of(model)) + 1 :]
    assert [told(layer) for layer in after] == [told(layer) for layer in script.layers[1:]]
    assert [type(layer).__name__ for layer in after] == ["Flatten", "Dense"]
    assert after[-1].units == CLASSES
    assert after[-1].activation.__name__ == "softmax"
    assert type(after[-1].kernel_initializer) is type(script.layers[-1].kernel_initializer)


def test_as_many_parameters_learn_as_in_the_script(pair: tuple[Any, Any]) -> None:
    from core.training.model import count_parameters

    model, script = pair
    assert count_parameters(model) == count_parameters(script)


def test_the_optimizer_is_the_scripts(pair: tuple[Any, Any]) -> None:
    mine, theirs = (each.optimizer.get_config() for each in pair)
    assert type(pair[0].optimizer) is type(pair[1].optimizer)
    assert mine.pop("learning_rate") == pytest.approx(1e-3)
    assert theirs.pop("learning_rate") == pytest.approx(1e-3)
    assert {**mine, "name": ""} == {**theirs, "name": ""}


def test_the_same_photos_get_the_same_answers(pair: tuple[Any, Any]) -> None:
    from keras.applications.vgg16 import preprocess_input

    model, script = pair
    answers = script.predict_on_batch(preprocess_input(PHOTOS.astype(np.float32)))
    np.testing.assert_allclose(model.predict_on_batch(PHOTOS), answers, rtol=1e-3, atol=1e-5)
    assert np.ptp(answers) > 0.01


def test_the_loss_is_the_scripts_and_a_step_changes_the_same_layers(pair: tuple[Any, Any]) -> None:
    from keras.applications.vgg16 import preprocess_input

    model, script = pair
    prepared = preprocess_input(PHOTOS.astype(np.float32))
    one_hot = np.eye(CLASSES, dtype=np.float32)[LABELS]
    before = {layer.name: layer.get_weights() for layer in script.layers[0].layers[1:]}
    mine, theirs = model.train_on_batch(PHOTOS, LABELS), script.train_on_batch(prepared, one_hot)
    np.testing.assert_allclose(mine, theirs, rtol=1e-3)
    for body in (body_of(model), script.layers[0]):
        changed = {
            layer.name for layer in body.layers[1:]
            if not all(map(np.array_equal, before[layer.name], layer.get_weights()))
        }
        assert changed == {"block5_conv1", "block5_conv2", "block5_conv3"}


def test_unless_told_the_photos_are_as_large_as_in_the_script() -> None:
    assert ours(None).input_shape == (None, 224, 224, 3)
    assert body_of(ours(None)).output_shape == (None, 7, 7, 512)
