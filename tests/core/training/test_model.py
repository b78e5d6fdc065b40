from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.backbones import build
from core.errors import BadInput
from core.training.model import CLASSES_ENTRY, load_model
from core.training.plan import Head, Plan, Recipe

PLAN = Plan("photos", "Photos", "efficientnet-lite0")
NAMES = ("daisy", "Ünïcode – 花", "<b>x</b>")
IMAGES = np.random.default_rng(3).integers(0, 256, (3, 224, 224, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def body() -> Any:
    """The backbone with its real weights, built once: every model below is put on the same one."""
    return build.build("efficientnet-lite0")


@pytest.fixture
def assemble(body: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    from core.training import model as models

    monkeypatch.setattr(build, "build", lambda _name, **_given: body)
    return models.assemble


@pytest.mark.slow
def test_preprocessing_is_part_of_the_model(assemble: Any, body: Any) -> None:
    model = assemble(replace(PLAN, head=Head("avg", 0.2)), 3)
    prepared = (IMAGES.astype(np.float32) - 127.0) / 128.0
    features = body.predict_on_batch(prepared).mean(axis=(1, 2))
    kernel, bias = model.get_layer("classes").get_weights()
    logits = features @ kernel + bias
    expected = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict_on_batch(IMAGES), expected, atol=1e-5)
    np.testing.assert_array_equal(
        model.predict_on_batch(IMAGES), model.predict_on_batch(IMAGES.astype(np.float32))
    )


@pytest.mark.slow
def test_a_model_that_is_only_asked_has_no_optimizer_and_says_the_same(assemble: Any) -> None:
    asked = assemble(PLAN, 3, to_learn=False)
    assert not asked.compiled
    assert getattr(asked, "optimizer", None) is None
    np.testing.assert_array_equal(asked.predict_on_batch(IMAGES), assemble(PLAN, 3).predict_on_batch(IMAGES))


@pytest.mark.slow
def test_the_answer_is_a_probability_for_each_class(assemble: Any) -> None:
    answers = assemble(PLAN, 3).predict_on_batch(IMAGES)
    assert answers.shape == (3, 3)
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-6)
    assert answers.min() >= 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("head", "layers"),
    [
        (Head("avg", 0.0), ["pooling", "classes"]),
        (Head("max", 0.3), ["pooling", "dropout", "classes"]),
        (Head("flatten", 0.0, 8), ["pooling", "hidden", "classes"]),
        (Head("avg", 0.3, 8), ["pooling", "hidden", "dropout", "classes"]),
    ],
)
def test_the_head_holds_what_the_plan_asks_for(assemble: Any, head: Head, layers: list[str]) -> None:
    model = assemble(replace(PLAN, head=head), 3)
    names = [layer.name for layer in model.layers]
    assert names[-len(layers):] == layers
    kind = {"avg": "GlobalAveragePooling2D", "max": "GlobalMaxPooling2D", "flatten": "Flatten"}
    assert type(model.get_layer("pooling")).__name__ == kind[head.pooling]
    if head.dropout:
        assert model.get_layer("dropout").rate == head.dropout
    if head.hidden:
        assert model.get_layer("hidden").units == head.hidden


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind"),
    [("adam", "Adam"), ("adamw", "AdamW"), ("sgd", "SGD"), ("rmsprop", "RMSprop")],
)
def test_the_optimizer_is_the_plans_at_the_plans_rate(assemble: Any, name: str, kind: str) -> None:
    plan = replace(PLAN, recipe=Recipe(optimizer=name, learning_rate=0.00025))
    optimizer = assemble(plan, 2).optimizer
    assert type(optimizer).__name__ == kind
    assert float(optimizer.learning_rate) == pytest.approx(0.00025)
    if name == "sgd":
        assert optimizer.momentum == 0.9


@pytest.mark.slow
def test_the_first_weights_of_the_head_depend_on_the_seed_alone(assemble: Any) -> None:
    def first(seed: int) -> list[np.ndarray]:
        model = assemble(replace(PLAN, head=Head("avg", 0.2, 8), recipe=Recipe(seed=seed)), 3)
        return [*model.get_layer("hidden").get_weights(), *model.get_layer("classes").get_weights()]

    for one, other in zip(first(1), first(1), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(first(1)[0], first(2)[0])


@pytest.mark.slow
@pytest.mark.parametrize("trainable", [(), ("block7", "top"), ("stem", "block4")])
def test_only_the_plans_blocks_may_learn(assemble: Any, body: Any, trainable: tuple[str, ...]) -> None:
    assemble(replace(PLAN, trainable=trainable), 2)
    for block, layers in build.block_layers(body, PLAN.backbone).items():
        plain = [layer for layer in layers if "BatchNormalization" not in type(layer).__name__]
        norms = [layer for layer in layers if "BatchNormalization" in type(layer).__name__]
        assert {layer.trainable for layer in plain} == {block in trainable}
        assert {layer.trainable for layer in norms} == {False}


@pytest.fixture(scope="module")
def changed(body: Any) -> dict[str, str]:
    """What one step of learning in block 7 and the top has changed: the weight, and its block."""
    from core.training import model as models

    of_block = {
        weight.path: block for block, layers in build.block_layers(body, PLAN.backbone).items()
        for layer in layers for weight in layer.weights
    }
    plan = replace(
        PLAN, trainable=("block7", "top"), recipe=Recipe(optimizer="sgd", learning_rate=0.1)
    )
    before = {weight.path: weight.numpy() for weight in body.weights}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "build", lambda _name, **_given: body)
        models.assemble(plan, 3).train_on_batch(IMAGES, np.array([0, 1, 2]))
    found = {
        weight.path: of_block[weight.path] for weight in body.weights
        if not np.array_equal(before[weight.path], weight.numpy())
    }
    for weight in body.weights:
        weight.assign(before[weight.path])
    return found


@pytest.mark.slow
def test_a_step_changes_the_chosen_blocks_alone(changed: dict[str, str]) -> None:
    assert set(changed.values()) == {"block7", "top"}


@pytest.mark.slow
def test_batchnorm_stays_as_it_was_in_blocks_that_learn_too(changed: dict[str, str]) -> None:
    assert {path.split("/")[-1] for path in changed} == {"kernel"}


def small() -> Any:
    """A classifier that is quickly made, for what does not depend on the backbone."""
    import keras

    inputs = keras.Input((8, 8, 3), name="image")
    values = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    values = keras.layers.Dense(32, activation="relu")(values)
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="classes")(values))
    model.compile(keras.optimizers.Adam(0.1), keras.losses.SparseCategoricalCrossentropy())
    return model


@pytest.mark.slow
def test_a_saved_model_is_read_back_with_its_names_and_answers_the_same(tmp_path: Path) -> None:
    from core.training.model import save_model

    model = small()
    path = tmp_path / "model.keras"
    save_model(model, NAMES, path)
    again, names = load_model(path)
    assert names == NAMES
    images = IMAGES[:, :8, :8]
    np.testing.assert_allclose(
        again.predict_on_batch(images), model.predict_on_batch(images), atol=1e-6
    )
    assert [each.name for each in tmp_path.iterdir()] == ["model.keras"]


@pytest.mark.slow
def test_the_optimizers_state_is_not_in_the_file(tmp_path: Path) -> None:
    from core.training.model import save_model

    model = small()
    save_model(model, NAMES, tmp_path / "before.keras")
    model.train_on_batch(IMAGES[:, :8, :8], np.array([0, 1, 2]))
    save_model(model, NAMES, tmp_path / "after.keras")
    before, after = ((tmp_path / f"{name}.keras").stat().st_size for name in ("before", "after"))
    assert after < 1.05 * before


def without(entry: str, content: bytes | None = None) -> bytes:
    """Return a small archive that is like a model's but for one entry."""
    import io

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in (
            (CLASSES_ENTRY, json.dumps(["a", "b"]).encode()), ("metadata.json", b"{}"),
            ("config.json", b"{}"), ("model.weights.h5", b"x"),
        ):
            if name != entry:
                archive.writestr(name, text)
            elif content is not None:
                archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize(
    "content",
    [
        b"", b"no zip", without(CLASSES_ENTRY), without(CLASSES_ENTRY, b"{"), without("config.json"),
        without("none"), without("config.json", b"not json"),
    ],
    ids=["empty", "no zip", "no names", "damaged names", "no config", "no weights", "damaged config"],
)
def test_what_is_no_model_of_ours_is_bad_input(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(content)
    with pytest.raises(BadInput, match="cannot be read"):
        load_model(path)


@pytest.mark.slow
def test_a_model_that_is_missing_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        load_model(tmp_path / "none.keras")
