"""What dropout draws in an epoch depends on the seed, the epoch and the layer, and on nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.training.checkpoint import Checkpoint
from core.training.epoch_start import EpochStart

pytestmark = pytest.mark.slow

PHOTOS = np.random.default_rng(3).normal(size=(12, 4)).astype(np.float32)
LABELS = np.arange(12, dtype=np.int32) % 2


def model_with_dropout(seed: int = 5) -> Any:
    import keras

    inputs = keras.Input((4,))
    values = keras.layers.Dropout(0.5, seed=seed, name="first")(inputs)
    values = keras.layers.Dropout(0.0, name="none")(values)
    values = keras.layers.Dense(3, name="between")(values)
    values = keras.layers.Dropout(0.5, seed=seed, name="second")(values)
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(values))
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def begun(seed: int, epoch: int, going_on: Checkpoint | None = None) -> tuple[np.ndarray, ...]:
    """Return the generators' states of a new model at an epoch's begin."""
    start = EpochStart(model_with_dropout(), seed, going_on)
    start.on_epoch_begin(epoch)
    return start.states()


def same(one: tuple[np.ndarray, ...], other: tuple[np.ndarray, ...]) -> bool:
    return all(map(np.array_equal, one, other))


def test_layers_epochs_and_seeds_draw_differently_and_alike_when_asked_again() -> None:
    first = begun(5, 0)
    assert len(first) == 2  # a layer that drops nothing draws nothing
    assert not np.array_equal(*first)
    assert same(first, begun(5, 0))
    assert not same(first, begun(5, 1))
    assert not same(first, begun(6, 0))


def test_an_epoch_does_not_depend_on_those_before_in_the_process() -> None:
    model = model_with_dropout()
    start = EpochStart(model, 5, None)
    model.fit(PHOTOS, LABELS, batch_size=4, epochs=2, verbose=0, callbacks=[start])
    assert not same(start.states(), begun(5, 1))  # it has drawn
    start.on_epoch_begin(2)
    assert same(start.states(), begun(5, 2))


def checkpoint(start: EpochStart, *, epochs: int, step: int) -> Checkpoint:
    return Checkpoint(
        epochs, step, 1.0, {"loss": 1.0, "accuracy": 0.5}, (), None, "", (), (), start.states(), start.means()
    )


def test_an_epoch_that_was_left_goes_on_with_what_it_had_drawn_and_counted() -> None:
    model = model_with_dropout()
    start = EpochStart(model, 5, None)
    model.fit(PHOTOS[:8], LABELS[:8], batch_size=4, epochs=1, verbose=0, callbacks=[start])
    left = checkpoint(start, epochs=0, step=2)
    assert not same(left.seeds, begun(5, 0))

    other = model_with_dropout()
    again = EpochStart(other, 5, left)
    again.set_model(other)
    again.on_epoch_begin(0)
    assert same(again.states(), left.seeds)
    assert len(again.means()) == len(left.metrics) > 0
    assert same(again.means(), left.metrics)
    assert left.metrics[1] == 8  # photos counted
    again.on_epoch_begin(1)
    assert same(again.states(), begun(5, 1))


@pytest.mark.parametrize("changed", [{"step": 0}, {"epochs": 4}], ids=["at an end", "another epoch"])
def test_an_epoch_that_begins_anew_takes_nothing_of_what_was_left(changed: dict[str, int]) -> None:
    model = model_with_dropout()
    start = EpochStart(model, 5, None)
    model.fit(PHOTOS[:8], LABELS[:8], batch_size=4, epochs=1, verbose=0, callbacks=[start])
    left = replace(checkpoint(start, epochs=3, step=2), **changed)
    assert same(begun(5, 3, left), begun(5, 3))
