"""Which weights are kept of a training, and when they are written."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from core.runs.folder import saved_epoch
from core.training.events import EpochRow, Places

if TYPE_CHECKING:
    from core.training.keeping import KeepBest

pytestmark = pytest.mark.slow

PHOTOS = np.random.default_rng(3).normal(size=(12, 4)).astype(np.float32)
LABELS = np.arange(12, dtype=np.int32) % 2


@dataclass
class Clock:
    """Stands in for the clock; writing a file takes ``writing_s``."""

    now: float = 1000.0
    writing_s: float = 0.0

    def perf_counter(self) -> float:
        return self.now


@dataclass
class Told:
    """What the callback before knows."""

    history: list[EpochRow] = field(default_factory=list)


@dataclass
class Kept:
    """A model that is trained by hand, and what keeps its epochs."""

    whole: Any
    learner: Any
    keep: KeepBest
    told: Told
    places: Places
    clock: Clock

    def epoch(self, val_accuracy: float, *, value: float | None = None, seconds: float = 1.0) -> None:
        """End an epoch of so many seconds, with so good a figure and all weights at its number."""
        number = len(self.told.history) + 1
        if value is not None:
            fill(self.learner, value)
        self.clock.now += seconds
        self.told.history.append(EpochRow(number, "fit", 1.0, 0.5, 1.0, val_accuracy, 1e-3, seconds))
        self.keep.on_epoch_end(number - 1)


def fill(model: Any, value: float) -> None:
    for weight in model.weights:
        weight.assign(np.full(weight.shape, value))


def values(model: Any) -> list[np.ndarray]:
    return [weight.numpy() for weight in model.weights]


def assert_all(model: Any, value: float) -> None:
    for weight in model.weights:
        np.testing.assert_array_equal(weight.numpy(), np.full(weight.shape, value), err_msg=weight.path)


def assert_file_holds(path: Path, value: float) -> None:
    from core.training.model import load_model

    model, names = load_model(path)
    assert names == ("a", "b")
    assert_all(model, value)


def learning_model() -> Any:
    import keras

    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(3, activation="relu", name="hidden")(inputs)
    normal = keras.layers.BatchNormalization(name="normal")(hidden)
    outputs = keras.layers.Dense(2, activation="softmax", name="last")(normal)
    model = keras.Model(inputs, outputs)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    from core.training import keeping

    clock = Clock()
    monkeypatch.setattr(keeping.time, "perf_counter", clock.perf_counter)
    for name in ("write_atomic", "save_model"):
        original = getattr(keeping, name)

        def slowly(*given: Any, original: Callable[..., None] = original, **named: Any) -> None:
            original(*given, **named)
            clock.now += clock.writing_s

        monkeypatch.setattr(keeping, name, slowly)
    return clock


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "best.keras", tmp_path / "last.weights.h5", tmp_path / "m.keras", tmp_path)


@pytest.fixture
def kept(places: Places, clock: Clock) -> Kept:
    return keeping_of(learning_model(), places, clock)


def keeping_of(whole: Any, places: Places, clock: Clock, learner: Any = None) -> Kept:
    from core.training.keeping import KeepBest

    told = Told()
    keep = KeepBest(whole, places, told, ["a", "b"])  # type: ignore[arg-type]
    keep.set_model(learner or whole)
    return Kept(whole, learner or whole, keep, told, places, clock)


def at_each_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    from core.training import keeping

    monkeypatch.setattr(keeping, "WRITE_EVERY_S", 0.0)


def test_the_best_epoch_is_kept_and_not_the_last(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    at_each_epoch(monkeypatch)
    assert kept.keep.epoch is None
    for epoch, accuracy in enumerate((0.5, 0.9, 0.7), start=1):
        kept.epoch(accuracy, value=epoch)
    assert kept.keep.epoch == 2
    assert_file_holds(kept.places.best, 2.0)
    kept.whole.load_weights(kept.places.last)
    assert_all(kept.whole, 3.0)


def test_a_slow_epoch_is_written_at_its_end(kept: Kept) -> None:
    from core.training.events import WRITE_EVERY_S

    for epoch, accuracy in enumerate((0.5, 0.6, 0.4), start=1):
        kept.epoch(accuracy, value=epoch, seconds=WRITE_EVERY_S)
        assert_file_holds(kept.places.best, min(epoch, 2))
        assert saved_epoch(kept.places.best) == min(epoch, 2)
        kept.whole.load_weights(kept.places.last)
        assert_all(kept.whole, epoch)


def test_fast_epochs_are_written_every_few_seconds_at_the_most(kept: Kept) -> None:
    from core.training.events import WRITE_EVERY_S

    written = []
    for epoch in range(1, 41):
        kept.epoch(epoch / 100, value=epoch, seconds=0.5)
        written.append(saved_epoch(kept.places.best))
    every = int(WRITE_EVERY_S / 0.5)
    assert written == [epoch // every * every or None for epoch in range(1, 41)]


def test_writing_takes_a_twentieth_of_the_time_where_files_are_slow(kept: Kept) -> None:
    kept.clock.writing_s = 2.0
    written = []
    for epoch in range(1, 401):
        before = kept.clock.now
        kept.epoch(epoch / 1000, seconds=1.0)
        if kept.clock.now > before + 1.0:
            written.append(epoch)
    # The best and the last take 4 s together.
    assert written[0] == 5
    assert {later - earlier for earlier, later in itertools.pairwise(written)} == {80}


def test_before_the_first_writing_there_is_no_file(kept: Kept) -> None:
    kept.epoch(0.5, seconds=0.1)
    assert not kept.places.best.exists()
    assert not kept.places.last.exists()
    assert kept.keep.epoch == 1


@pytest.mark.parametrize("every_s", [0.0, 1000.0])
def test_in_the_end_the_files_and_the_model_are_of_the_best_and_the_last(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, every_s: float
) -> None:
    from core.training import keeping

    monkeypatch.setattr(keeping, "WRITE_EVERY_S", every_s)
    for epoch, accuracy in enumerate((0.5, 0.9, 0.9, 0.7), start=1):
        kept.epoch(accuracy, value=epoch)
    kept.keep.finish(within_epoch=False)
    assert kept.keep.epoch == 2
    assert_all(kept.whole, 2.0)
    assert_file_holds(kept.places.best, 2.0)
    assert saved_epoch(kept.places.best) == 2
    kept.whole.load_weights(kept.places.last)
    assert_all(kept.whole, 4.0)


def test_the_last_is_kept_with_its_optimizer(kept: Kept) -> None:
    kept.whole.fit(PHOTOS, LABELS, epochs=2, verbose=0)
    kept.epoch(0.9)
    kept.whole.fit(PHOTOS, LABELS, epochs=1, verbose=0)
    kept.epoch(0.1)
    optimizer = [variable.numpy() for variable in kept.whole.optimizer.variables]
    learnt = values(kept.whole)
    kept.keep.finish(within_epoch=False)
    other = learning_model()
    other.optimizer.build(other.trainable_variables)
    other.load_weights(kept.places.last)
    for one, another in zip(values(other), learnt, strict=True):
        np.testing.assert_array_equal(one, another)
    assert optimizer[0] > 0  # its steps
    for variable, value in zip(other.optimizer.variables, optimizer, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value, err_msg=variable.path)


def test_a_best_that_is_written_later_does_not_disturb_the_training(kept: Kept) -> None:
    from core.training.events import WRITE_EVERY_S

    kept.whole.fit(PHOTOS, LABELS, epochs=1, verbose=0)
    kept.epoch(0.9, seconds=0.1)
    best = values(kept.whole)
    kept.whole.fit(PHOTOS, LABELS, epochs=3, verbose=0)
    now = values(kept.whole)
    optimizer = [variable.numpy() for variable in kept.whole.optimizer.variables]
    kept.epoch(0.2, seconds=WRITE_EVERY_S)
    assert saved_epoch(kept.places.best) == 1
    for one, other in zip(values(kept.whole), now, strict=True):
        np.testing.assert_array_equal(one, other)
    for variable, value in zip(kept.whole.optimizer.variables, optimizer, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    from core.training.model import load_model

    saved, _names = load_model(kept.places.best)
    for one, other in zip(values(saved), best, strict=True):
        np.testing.assert_array_equal(one, other)
    assert any(not np.array_equal(one, other) for one, other in zip(best, now, strict=True))


@pytest.mark.parametrize("every_s", [0.0, 1000.0])
def test_a_stop_within_an_epoch_keeps_the_best_and_not_the_moved_weights(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, every_s: float
) -> None:
    from core.training import keeping

    monkeypatch.setattr(keeping, "WRITE_EVERY_S", every_s)
    for epoch, accuracy in enumerate((0.5, 0.9, 0.7), start=1):
        kept.epoch(accuracy, value=epoch)
    last = kept.places.last.read_bytes() if kept.places.last.exists() else None
    fill(kept.whole, 77.0)
    kept.keep.finish(within_epoch=True)
    assert_all(kept.whole, 2.0)
    assert_file_holds(kept.places.best, 2.0)
    assert saved_epoch(kept.places.best) == 2
    # Weights from within an epoch are no last epoch.
    assert (kept.places.last.read_bytes() if kept.places.last.exists() else None) == last
    assert (last is None) is (every_s > 0)


def test_a_stop_before_the_first_epoch_ended_keeps_the_model_as_it_is(kept: Kept) -> None:
    fill(kept.whole, 77.0)
    kept.keep.finish(within_epoch=True)
    assert kept.keep.epoch is None
    assert_all(kept.whole, 77.0)
    assert not kept.places.best.exists()
    assert not kept.places.last.exists()


@pytest.mark.parametrize("every_s", [0.0, 1000.0])
def test_where_only_the_tail_is_fitted_the_whole_model_is_kept(
    places: Places, clock: Clock, monkeypatch: pytest.MonkeyPatch, every_s: float
) -> None:
    import keras

    from core.training import keeping
    from core.training.model import load_model

    monkeypatch.setattr(keeping, "WRITE_EVERY_S", every_s)
    whole = learning_model()
    fill(whole.get_layer("hidden"), 0.5)
    tail = keras.Model(whole.get_layer("hidden").output, whole.output)
    kept = keeping_of(whole, places, clock, tail)
    for epoch, accuracy in enumerate((0.9, 0.7), start=1):
        kept.epoch(accuracy, value=epoch)
    kept.keep.finish(within_epoch=False)
    saved, _names = load_model(places.best)
    for model in (whole, saved):
        assert_all(model.get_layer("hidden"), 0.5)
        assert_all(model.get_layer("normal"), 1.0)
        assert_all(model.get_layer("last"), 1.0)
