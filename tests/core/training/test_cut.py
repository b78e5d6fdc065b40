"""The cut on small graphs drawn at random, held against what is known of every step."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import drawn_graphs as graphs
import numpy as np
import pytest
from drawn_graphs import Drawn, Step, images, put_back, values_of
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from core.training.cut import Halves, split

pytestmark = pytest.mark.slow

CLOSE: dict[str, Any] = {"rtol": 1e-5, "atol": 1e-5}
LABELS = np.array([0, 2, 1, 1])
drawn_models = settings(
    max_examples=60, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def arrays(found: Any) -> list[np.ndarray]:
    return [np.asarray(each) for each in (found if isinstance(found, list | tuple) else [found])]


def ids(variables: Sequence[Any]) -> set[int]:
    return {id(variable) for variable in variables}


@drawn_models
@given(graphs.drawn_steps(), st.booleans(), st.booleans(), st.sampled_from([0.0, 0.5]))
def test_the_halves_are_the_model_and_no_cut_is_deeper_or_narrower(
    steps: list[Step], nested: bool, head_learns: bool, dropout: float
) -> None:
    drawn = graphs.build(steps, nested=nested, head_learns=head_learns, dropout=dropout)
    halves = split(drawn.model)
    needed = bool(drawn.needed()) and bool(drawn.tainted())
    event(f"cut: {needed}, nested: {nested}")
    assert (halves is not None) == needed
    if halves is not None:
        assert_same_answers(drawn, halves)
        assert_parted_well(drawn, halves)
        assert (len(halves.shapes), sum(int(np.prod(shape)) for shape in halves.shapes)) == (
            drawn.narrowest())
        assert_same_step(drawn, halves)


def assert_same_answers(drawn: Drawn, halves: Halves) -> None:
    """Check the answers in both modes, and that the prefix gives in training what it always does."""
    model, before = drawn.model, values_of(drawn.model)
    whole = np.asarray(model(images(), training=False))
    crossing = halves.prefix(images(), training=False)
    np.testing.assert_allclose(halves.tail(crossing, training=False), whole, **CLOSE)
    for one, other in zip(arrays(halves.prefix(images(), training=True)), arrays(crossing), strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(values_of(model), before, strict=True):
        np.testing.assert_array_equal(one, other)
    learning = np.asarray(model(images(), training=True))
    put_back(model, before)
    np.testing.assert_allclose(halves.tail(crossing, training=True), learning, **CLOSE)
    put_back(model, before)
    assert [tuple(each.shape[1:]) for each in arrays(crossing)] == list(halves.shapes)


def assert_parted_well(drawn: Drawn, halves: Halves) -> None:
    """Check that all that learns or is random is above, and every kernel below that can be."""
    assert halves.prefix.trainable_variables == []
    assert ids(halves.tail.trainable_variables) == ids(drawn.model.trainable_variables)
    below, above = graphs.flat_layers(halves.prefix), graphs.flat_layers(halves.tail)
    tainted = drawn.tainted()
    for node in drawn.nodes:
        if node.moves:
            assert id(node.layer) not in below
            assert id(node.layer) in above
    held_above = {id(drawn.nodes[at].layer) for at in tainted}
    for at in drawn.needed():
        layer = drawn.nodes[at].layer
        if drawn.nodes[at].works and id(layer) not in held_above:
            assert id(layer) in below
            assert id(layer) not in above


def assert_same_step(drawn: Drawn, halves: Halves) -> None:
    """Check that a step of the tail changes what the same step of the model does, and nothing else."""
    model, before = drawn.model, values_of(drawn.model)
    if not model.trainable_variables:
        return
    expected = after_a_step(model, model, images())
    put_back(model, before)
    found = after_a_step(model, halves.tail, halves.prefix(images(), training=False))
    for variable, one, other, start in zip(model.variables, found, expected, before, strict=True):
        np.testing.assert_allclose(one, other, **CLOSE, err_msg=variable.path)
        if id(variable) in ids(halves.prefix.variables):
            np.testing.assert_array_equal(one, start)


def weighty(model: Any) -> set[str]:
    return {variable.path for variable in model.variables}


def after_a_step(model: Any, learner: Any, inputs: Any) -> graphs.Tensors:
    import keras

    loss = keras.losses.SparseCategoricalCrossentropy()
    learner.compile(keras.optimizers.SGD(0.1), loss, run_eagerly=True)
    learner.train_on_batch(inputs, LABELS)
    return values_of(model)


def chain(*kinds: str, learns_from: int) -> list[Step]:
    return [Step(kind, 0, 0, at >= learns_from, 2) for at, kind in enumerate(kinds)]


def of_chain(*kinds: str, learns_from: int, nested: bool = True, dropout: float = 0.0) -> Halves:
    found = split(graphs.build(
        chain(*kinds, learns_from=learns_from), nested=nested, dropout=dropout).model)
    assert found is not None
    return found


both = pytest.mark.parametrize("nested", [True, False], ids=["nested", "flat"])


@both
def test_a_batchnorm_that_learns_lies_above_and_a_frozen_one_below(nested: bool) -> None:
    assert of_chain("conv", "norm", "conv", learns_from=1, nested=nested).names == ("conv_0",)
    assert of_chain("conv", "norm", "conv", learns_from=2, nested=nested).names == ("norm_1",)


@both
def test_a_dropout_that_drops_lies_above_and_one_at_rest_below(nested: bool) -> None:
    assert of_chain("conv", "drop", "conv", learns_from=9, nested=nested).names == ("conv_0",)
    assert of_chain("conv", "keep", "conv", learns_from=2, nested=nested).names == ("keep_1",)


@both
def test_the_heads_pooling_lies_below_where_all_is_frozen(nested: bool) -> None:
    found = of_chain("conv", "relu", learns_from=9, nested=nested, dropout=0.5)
    assert found.shapes == ((2,),)
    assert found.names[0].startswith("global_average_pooling")


@both
def test_what_is_frozen_above_something_that_learns_stays_above(nested: bool) -> None:
    steps = [Step("conv", 0, 0, at == 1, 2) for at in range(4)]
    drawn = graphs.build(steps, nested=nested)
    found = split(drawn.model)
    assert found is not None
    assert found.names == ("conv_0",)
    assert {"conv_1", "conv_2", "conv_3"}.isdisjoint(layer.name for layer in found.prefix.layers)


def test_a_frozen_batchnorm_lies_above_where_fewer_tensors_cross_below_it() -> None:
    import keras
    from keras import layers

    image = keras.Input((4, 4, 3))
    trunk = layers.Conv2D(4, 1, trainable=False, name="trunk")(image)
    norm = layers.BatchNormalization(trainable=False, name="norm")(trunk)
    branch = layers.Conv2D(2, 1, name="learns")(layers.Activation("relu", name="relu")(norm))
    joined = layers.Concatenate()([trunk, branch])
    found = split(keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(joined))))
    assert found is not None
    assert found.names == ("trunk",)
    assert "norm" in [layer.name for layer in found.tail.layers]
    assert found.shapes == ((4, 4, 4),)


def test_at_a_tie_all_that_can_lies_below() -> None:
    assert of_chain("conv", "plus", "relu", "pool", "conv", learns_from=4).names == ("pool_3",)


def test_two_branches_cross_with_two_tensors_from_input_to_output() -> None:
    import keras
    from keras import layers

    image = keras.Input((4, 4, 3))
    first = layers.Conv2D(2, 1, trainable=False, name="first")(image)
    second = layers.Conv2D(5, 1, trainable=False, name="second")(first)
    one, other = layers.Conv2D(2, 1)(second), layers.Conv2D(2, 1)(first)
    pooled = layers.GlobalAveragePooling2D()(layers.Add()([one, other]))
    found = split(keras.Model(image, layers.Dense(3)(pooled)))
    assert found is not None
    assert found.names == ("first", "second")
    assert found.shapes == ((4, 4, 2), (4, 4, 5))


@pytest.mark.parametrize("learns_from", [0, 9], ids=["all", "none"])
def test_where_all_learns_or_nothing_does_there_is_no_cut(learns_from: int) -> None:
    steps = chain("conv", "norm", "conv", learns_from=learns_from)
    assert split(graphs.build(steps, nested=True, head_learns=learns_from == 0).model) is None


@both
def test_splitting_again_and_after_calls_elsewhere_gives_the_same(nested: bool) -> None:
    import keras

    steps = [*chain("conv", "norm", "relu", learns_from=9), Step("add", 0, 1, False, 2),
             *[Step("conv", 0, 0, True, 2)] * 2]
    model = graphs.build(steps, nested=nested).model
    first = split(model)
    other = keras.Input((graphs.EDGE, graphs.EDGE, 3))
    elsewhere = keras.Model(other, model(other))
    elsewhere(images())
    second = split(model)
    assert first is not None
    assert second is not None
    assert (first.names, first.shapes) == (second.names, second.shapes)
    for half in ("prefix", "tail"):
        one, again = getattr(first, half), getattr(second, half)
        assert ids(one.variables) == ids(again.variables)
        assert weighty(one) == weighty(again)
    answers = second.tail(first.prefix(images()))
    np.testing.assert_allclose(answers, model(images()), **CLOSE)


@both
def test_a_model_that_was_split_is_saved_as_it_was_and_plain_keras_loads_it(
    nested: bool, tmp_path: Path
) -> None:
    import keras

    from core.training.model import save_model

    steps = [*chain("conv", "plus", "norm", learns_from=9), Step("concat", 0, 1, False, 2),
             Step("conv", 0, 0, True, 3), Step("again", 0, 0, True, 2)]
    model = graphs.build(steps, nested=nested, dropout=0.5).model
    config, summary = json.dumps(model.get_config()), [layer.name for layer in model.layers]
    halves = split(model)
    assert halves is not None
    halves.tail.compile("sgd", "sparse_categorical_crossentropy")
    halves.tail.train_on_batch(halves.prefix(images()), LABELS)
    assert json.dumps(model.get_config()) == config
    save_model(model, ["a", "b", "c"], tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert [layer.name for layer in loaded.layers] == summary
    np.testing.assert_allclose(loaded(images()), model(images()), **CLOSE)
