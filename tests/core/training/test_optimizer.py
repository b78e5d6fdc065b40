"""What the optimizer does to weights, held against its rule written out in NumPy."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.training.optimizer import factors, make_optimizer, same_rate
from core.training.plan import Plan, Recipe

pytestmark = pytest.mark.slow  # Keras fits in each of them
OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop")
RATE, BATCH, STEPS, EPOCHS = 0.05, 2, 3, 2
SLOW = 0.5
Arrays = list[np.ndarray]

random = np.random.default_rng(5)
PHOTOS = random.normal(size=(BATCH * STEPS, 3))
TARGETS = random.normal(size=(BATCH * STEPS, 2))
# Kernel and bias of a lower layer of four units, and of an upper one of two.
START: Arrays = [random.normal(size=shape) for shape in ((3, 4), (4,), (4, 2), (2,))]


def recipe_for(optimizer: str, **given: Any) -> Recipe:
    return Recipe(**{"optimizer": optimizer, "learning_rate": RATE, "epochs": EPOCHS, **given})


# ---- The rules, in NumPy -------------------------------------------------------------------------------


def gradients(weights: Arrays, photos: np.ndarray, targets: np.ndarray) -> Arrays:
    """Return those of the mean squared error of two layers without activation."""
    kernel, bias, upper_kernel, upper_bias = weights
    hidden = photos @ kernel + bias
    error = 2 * (hidden @ upper_kernel + upper_bias - targets) / targets.size
    below = error @ upper_kernel.T
    return [photos.T @ below, below.sum(0), hidden.T @ error, error.sum(0)]


def sgd(state: dict[str, np.ndarray], gradient: np.ndarray, rate: float, _step: int) -> np.ndarray:
    state["momentum"] = 0.9 * state.get("momentum", 0) - rate * gradient
    return state["momentum"]


def adam(state: dict[str, np.ndarray], gradient: np.ndarray, rate: float, step: int) -> np.ndarray:
    state["first"] = 0.9 * state.get("first", 0) + 0.1 * gradient
    state["second"] = 0.999 * state.get("second", 0) + 0.001 * gradient**2
    correction = math.sqrt(1 - 0.999**step) / (1 - 0.9**step)
    return -rate * correction * state["first"] / (np.sqrt(state["second"]) + 1e-7)


def rmsprop(state: dict[str, np.ndarray], gradient: np.ndarray, rate: float, _step: int) -> np.ndarray:
    state["mean"] = 0.9 * state.get("mean", 0) + 0.1 * gradient**2
    return -rate * gradient / np.sqrt(state["mean"] + 1e-7)


RULES: dict[str, Callable[..., np.ndarray]] = {"adam": adam, "adamw": adam, "sgd": sgd, "rmsprop": rmsprop}


def by_hand(optimizer: str, rates: Sequence[float], decay: float, scales: Sequence[float]) -> Arrays:
    """Return the weights after a step at each of the rates, which ``scales`` multiplies for each weight."""
    weights, states = [each.copy() for each in START], [{} for _each in START]
    for at, rate in enumerate(rates):
        rows = slice(at % STEPS * BATCH, (at % STEPS + 1) * BATCH)
        found = gradients(weights, PHOTOS[rows], TARGETS[rows])
        for index, (scale, gradient) in enumerate(zip(scales, found, strict=True)):
            own = rate * scale
            weight = weights[index]
            if weight.ndim > 1:  # biases do not decay
                weight = weight - own * decay * weight
            weights[index] = weight + RULES[optimizer](states[index], gradient, own, at + 1)
    return weights


# ---- The same by Keras ---------------------------------------------------------------------------------


def two_layers() -> Any:
    import keras

    inputs = keras.Input((3,))
    lower, upper = keras.layers.Dense(4, name="lower"), keras.layers.Dense(2, name="upper")
    model = keras.Model(inputs, upper(lower(inputs)))
    model.set_weights(START)
    return model


def compiled(recipe: Recipe, scale: float | None = SLOW, *, at_once: int = 1) -> Any:
    """Return a model whose lower layer is slower by ``scale``; ``None`` for a plain optimizer."""
    model = two_layers()
    below = {id(variable) for variable in model.get_layer("lower").weights}
    factor_of = same_rate if scale is None else lambda each: scale if id(each) in below else 1.0
    optimizer = make_optimizer(recipe, steps_an_epoch=STEPS, factor_of=factor_of)
    model.compile(optimizer, "mse", steps_per_execution=at_once)
    optimizer.build(model.trainable_variables)
    return model


def fitted(model: Any, first: int = 0, end: int = EPOCHS) -> Arrays:
    model.fit(PHOTOS, TARGETS, batch_size=BATCH, initial_epoch=first, epochs=end, shuffle=False, verbose=0)
    return list(model.get_weights())


def warmed_up_cosine() -> list[float]:
    """Return the rates of six steps of which the first three rise and the others fall to 0."""
    rising = [0.0, RATE / 3, RATE * 2 / 3]
    return [*rising, *(RATE * (1 + math.cos(math.pi * at / 3)) / 2 for at in range(3))]


CONSTANT = ({}, [RATE] * STEPS * EPOCHS)
COSINE = ({"schedule": "cosine", "warmup": 1}, warmed_up_cosine())


@pytest.mark.parametrize(("schedule", "decay"), [
    pytest.param(CONSTANT, 0.0, id="constant"),
    pytest.param(CONSTANT, 0.3, id="constant with decay", marks=pytest.mark.zoo),
    pytest.param(COSINE, 0.0, id="warm-up and cosine", marks=pytest.mark.zoo),
    pytest.param(COSINE, 0.3, id="warm-up and cosine with decay"),
])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_fit_changes_weights_by_the_rule_with_half_the_rate_below(
    optimizer: str, decay: float, schedule: tuple[dict[str, Any], list[float]]
) -> None:
    given, rates = schedule
    found = fitted(compiled(recipe_for(optimizer, weight_decay=decay, **given)))
    expected = by_hand(optimizer, rates, decay, [SLOW, SLOW, 1, 1])
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_single_batches_change_weights_by_the_rule_too(optimizer: str) -> None:
    model = compiled(recipe_for(optimizer, weight_decay=0.3))
    for at in range(STEPS):
        rows = slice(at * BATCH, (at + 1) * BATCH)
        model.train_on_batch(PHOTOS[rows], TARGETS[rows])
    expected = by_hand(optimizer, [RATE] * STEPS, 0.3, [SLOW, SLOW, 1, 1])
    for one, other in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_several_steps_at_once_come_to_the_same(optimizer: str) -> None:
    recipe = recipe_for(optimizer, weight_decay=0.3, schedule="cosine", warmup=1)
    one, three = fitted(compiled(recipe)), fitted(compiled(recipe, at_once=STEPS))
    for found, expected in zip(three, one, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


# ---- Beside the plain optimizers of Keras --------------------------------------------------------------


def plain(recipe: Recipe, rate: Any) -> Any:
    """Return what Keras itself offers for a recipe."""
    import keras

    makers = {
        "adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW, "rmsprop": keras.optimizers.RMSprop,
        "sgd": lambda *given, **named: keras.optimizers.SGD(*given, momentum=0.9, **named),
    }
    optimizer = makers[recipe.optimizer](rate, weight_decay=recipe.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


@pytest.mark.parametrize("warm", [pytest.param(False, marks=pytest.mark.zoo), True])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_factors_of_one_give_the_very_bits_of_plain_keras(optimizer: str, warm: bool) -> None:
    import keras

    recipe = recipe_for(optimizer, weight_decay=0.3, **(COSINE[0] if warm else {}))
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, STEPS, warmup_target=RATE, warmup_steps=STEPS) if warm else RATE
    model = two_layers()
    model.compile(plain(recipe, rate), "mse")
    expected = fitted(model)
    for scale in (None, 1.0):
        for one, other in zip(fitted(compiled(recipe, scale)), expected, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("optimizer", "kind"), [
    ("adam", "Adam"), ("adamw", "AdamW"), ("sgd", "SGD"), ("rmsprop", "RMSprop"),
])
def test_where_all_learn_at_one_rate_the_optimizer_is_plain_keras(optimizer: str, kind: str) -> None:
    import keras

    made = make_optimizer(recipe_for(optimizer), steps_an_epoch=STEPS)
    assert type(made) is getattr(keras.optimizers, kind)


@pytest.mark.parametrize("given", [{}, {"schedule": "cosine"}], ids=["constant", "cosine"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_with_factors_an_optimizer_has_the_variables_of_the_plain_one(
    optimizer: str, given: dict[str, Any]
) -> None:
    recipe = recipe_for(optimizer, **given)
    with_factors, without = (
        [
            # Keras numbers the optimizers of a process.
            (re.sub(r"^([a-z_]+?)(_\d+)?/", r"\1/", each.path), tuple(each.shape), each.dtype)
            for each in compiled(recipe, scale).optimizer.variables
        ]
        for scale in (SLOW, None)
    )
    assert with_factors == without


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_with_its_variables_put_back_a_training_goes_on_with_the_same_bits(optimizer: str) -> None:
    recipe = recipe_for(optimizer, epochs=3, weight_decay=0.3, schedule="cosine", warmup=1)
    whole = compiled(recipe)
    fitted(whole, 0, 1)
    weights, held = whole.get_weights(), [each.numpy() for each in whole.optimizer.variables]
    expected = fitted(whole, 1, 3)
    again = compiled(recipe)
    again.set_weights(weights)
    for variable, value in zip(again.optimizer.variables, held, strict=True):
        variable.assign(value)
    for one, other in zip(fitted(again, 1, 3), expected, strict=True):
        np.testing.assert_array_equal(one, other)


# ---- Weight decay --------------------------------------------------------------------------------------


def of_every_kind() -> Any:
    """Return a model with layers whose names say what does not decay, and one nameless weight."""
    import keras
    from keras import layers

    class Scale(layers.Layer):  # type: ignore[misc]
        def build(self, shape: Any) -> None:
            self.scale = self.add_weight(shape=(shape[-1],), initializer="ones")

        def call(self, values: Any) -> Any:
            return values * self.scale

    inputs = keras.Input((6, 6, 3))
    values = layers.Conv2D(4, 3, name="beta_conv")(inputs)
    values = layers.DepthwiseConv2D(3, name="gamma_depthwise")(values)
    values = layers.SeparableConv2D(4, 1, name="separable")(values)
    values = Scale()(layers.LayerNormalization()(layers.BatchNormalization()(values)))
    values = layers.GlobalAveragePooling2D()(values)
    return keras.Model(inputs, layers.Dense(2, name="bias_dense")(values))


@pytest.mark.parametrize("scale", [pytest.param(None, marks=pytest.mark.zoo), SLOW])
def test_kernels_decay_and_biases_and_what_normalisation_scales_by_do_not(scale: float | None) -> None:
    import keras

    keras.utils.set_random_seed(3)
    model = of_every_kind()
    start = [each + 0.5 for each in model.get_weights()]
    photos, targets = np.ones((2, 6, 6, 3)), np.zeros((2, 2))
    after = []
    for decay in (0.0, 0.2):
        factor_of = same_rate if scale is None else lambda _each: scale
        optimizer = make_optimizer(
            recipe_for("sgd", weight_decay=decay), steps_an_epoch=1, factor_of=factor_of)
        model.compile(optimizer, "mse")
        model.set_weights(start)
        before = [each.numpy() for each in model.trainable_variables]
        model.train_on_batch(photos, targets)
        after.append([each.numpy() for each in model.trainable_variables])
    decayed = set()
    for variable, first, without, with_decay in zip(model.trainable_variables, before, *after, strict=True):
        pulled = 0.2 * RATE * (scale or 1) * first
        if variable.name.endswith("kernel"):
            decayed.add(variable.path)
            np.testing.assert_allclose(with_decay, without - pulled, rtol=1e-5, atol=1e-6)
        else:
            np.testing.assert_array_equal(with_decay, without, err_msg=variable.path)
    assert decayed == {
        "beta_conv/kernel", "gamma_depthwise/kernel", "separable/depthwise_kernel",
        "separable/pointwise_kernel", "bias_dense/kernel",
    }


def test_adamw_decays_as_the_recipe_says_and_not_as_keras_does() -> None:
    found = fitted(compiled(recipe_for("adamw", weight_decay=0.0), None))
    for one, other in zip(found, fitted(compiled(recipe_for("adam"), None)), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop"])
def test_without_decay_none_is_asked_for(optimizer: str) -> None:
    assert make_optimizer(recipe_for(optimizer), steps_an_epoch=1).weight_decay is None


# ---- The rate over the steps ---------------------------------------------------------------------------


def rates_of(steps: int, steps_an_epoch: int, **given: Any) -> list[float]:
    """Return the rate of each of the first steps."""
    optimizer = make_optimizer(recipe_for("adam", **given), steps_an_epoch=steps_an_epoch)
    rates = []
    for step in range(steps):
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    return rates


def test_a_constant_rate_is_a_number_that_can_be_read_and_set() -> None:
    optimizer = make_optimizer(recipe_for("adam"), steps_an_epoch=STEPS)
    assert float(optimizer.learning_rate) == pytest.approx(RATE)
    optimizer.learning_rate = 0.5
    assert float(optimizer.learning_rate) == 0.5


def test_a_whole_number_can_be_the_rate() -> None:
    assert rates_of(2, 1, learning_rate=1) == [1.0, 1.0]


def test_a_cosine_begins_at_the_full_rate_and_is_at_zero_after_the_last_step() -> None:
    expected = [RATE * (1 + math.cos(math.pi * at / 8)) / 2 for at in range(8)]
    found = rates_of(12, 4, epochs=2, schedule="cosine")
    assert found == pytest.approx([*expected, 0, 0, 0, 0], abs=1e-8)
    assert min(found[:8]) > 0
    assert found[8:] == [0, 0, 0, 0]


def test_a_warm_up_rises_from_zero_and_the_rate_then_stays() -> None:
    found = rates_of(10, 4, epochs=2, warmup=1)
    assert found == pytest.approx([0, RATE / 4, RATE / 2, RATE * 3 / 4, *[RATE] * 6])
    assert found[4:] == [float(np.float32(RATE))] * 6


def test_after_a_warm_up_a_cosine_falls_over_what_is_left() -> None:
    falling = [RATE * (1 + math.cos(math.pi * at / 8)) / 2 for at in range(8)]
    found = rates_of(13, 4, epochs=3, warmup=1, schedule="cosine")
    assert found == pytest.approx([0, RATE / 4, RATE / 2, RATE * 3 / 4, *falling, 0], abs=1e-8)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("warmup", [2, 50])
def test_a_warm_up_as_long_as_the_training_or_longer_ends_with_it(schedule: str, warmup: int) -> None:
    found = rates_of(9, 4, epochs=2, warmup=warmup, schedule=schedule)
    assert found == pytest.approx([RATE * at / 8 for at in range(9)])


# ---- The rate from block to block ----------------------------------------------------------------------

PLAN = Plan(
    "", "", "efficientnet-lite0", image_size=32, recipe=recipe_for("sgd", lr_factor=0.5, seed=1))


@pytest.fixture(scope="module")
def classifier() -> tuple[Any, Any]:
    """A backbone with random weights and the model that it is in; the last two blocks learn, and the head."""
    import keras

    from core.backbones.build import block_layers, build

    body = build(PLAN.backbone, weights="none", image_size=32, seed=1)
    for block, layers in block_layers(body, PLAN.backbone).items():
        for layer in layers:
            normalises = isinstance(layer, keras.layers.BatchNormalization)
            layer.trainable = block in ("block7", "top") and not normalises
            if isinstance(layer, keras.layers.Dropout):
                layer.rate = 0.0
    inputs = keras.Input((32, 32, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(body(inputs))
    outputs = keras.layers.Dense(2, activation="softmax", name="classes")(pooled)
    return body, keras.Model(inputs, outputs)


def distance_factor(body: Any, variable: Any) -> float:
    """Return what is known of a variable: the head's is 1, the top's 0.5, and so on towards the input."""
    from core.backbones.build import block_layers

    blocks = list(block_layers(body, PLAN.backbone).values())
    for distance, layers in enumerate(reversed(blocks), start=1):
        if any(variable is each for layer in layers for each in layer.weights):
            return 0.5**distance
    return 1.0


def test_every_block_has_the_factor_of_its_distance_from_the_head(classifier: tuple[Any, Any]) -> None:
    body, model = classifier
    factor_of = factors(body, PLAN)
    found = {factor_of(each) for each in model.variables}
    assert found == {0.5**distance for distance in range(10)}  # the head, top, seven blocks, stem
    for variable in model.variables:
        assert factor_of(variable) == pytest.approx(distance_factor(body, variable), rel=1e-12)


def test_factors_do_not_depend_on_the_rate(classifier: tuple[Any, Any]) -> None:
    body, model = classifier
    other = replace(PLAN, recipe=replace(PLAN.recipe, learning_rate=1e-7))
    for variable in model.variables:
        assert factors(body, other)(variable) == pytest.approx(factors(body, PLAN)(variable), rel=1e-12)


def test_a_factor_of_one_asks_for_the_plain_optimizer(classifier: tuple[Any, Any]) -> None:
    import keras

    body, _model = classifier
    plan = replace(PLAN, recipe=replace(PLAN.recipe, lr_factor=1.0))
    made = make_optimizer(plan.recipe, steps_an_epoch=1, factor_of=factors(body, plan))
    assert type(made) is keras.optimizers.SGD


@pytest.mark.parametrize("cut", [
    pytest.param(False, id="whole", marks=pytest.mark.zoo), pytest.param(True, id="tail"),
])
def test_a_step_of_the_model_or_of_its_tail_moves_each_block_by_its_factor(
    classifier: tuple[Any, Any], cut: bool
) -> None:
    from core.training.cut import split

    body, model = classifier
    photos = np.random.default_rng(3).normal(size=(4, 32, 32, 3)).astype(np.float32)
    labels, start = np.array([0, 1, 1, 0]), model.get_weights()
    halves = split(model)
    assert halves is not None
    learner, given = (halves.tail, halves.prefix(photos, training=False)) if cut else (model, photos)
    moved = []
    for factor_of in (same_rate, factors(body, PLAN)):
        optimizer = make_optimizer(PLAN.recipe, steps_an_epoch=1, factor_of=factor_of)
        # As in a training: the optimizer is built for the model, and its tail learns with it.
        optimizer.build(model.trainable_variables)
        learner.compile(optimizer, "sparse_categorical_crossentropy")
        before = [each.numpy() for each in model.trainable_variables]
        learner.train_on_batch(given, labels)
        moved.append([
            each.numpy() - old for each, old in zip(model.trainable_variables, before, strict=True)])
        model.set_weights(start)
    seen = set()
    for variable, plainly, scaled in zip(model.trainable_variables, *moved, strict=True):
        factor = distance_factor(body, variable)
        largest = np.abs(plainly).max()
        assert largest > 1e-5
        np.testing.assert_allclose(scaled, factor * plainly, rtol=1e-2, atol=1e-3 * largest)
        seen.add(factor)
    assert seen == {1.0, 0.5, 0.25}
