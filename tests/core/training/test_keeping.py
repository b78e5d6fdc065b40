"""Which weights are kept of a training, and when they are written."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from core.runs.folder import saved_epoch
from core.training.checkpoint import Checkpoint
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
    step: int = 0
    epoch_seconds: float = 0.0
    means: dict[str, float] = field(default_factory=dict)


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
        self.told.step = 0
        self.told.history.append(EpochRow(number, "fit", 1.0, 0.5, 1.0, val_accuracy, 1e-3, seconds))
        self.keep.on_epoch_end(number - 1)

    def leave_in(self, step: int) -> None:
        """Leave the epoch under way after a step."""
        self.told.step, self.told.epoch_seconds = step, 2.5
        self.told.means = {"loss": 0.25, "accuracy": 0.75}
        self.keep.leave()
        self.keep.finish()

    @property
    def checkpoint(self) -> Checkpoint:
        found = Checkpoint.load(self.places.last)
        assert found is not None
        return found


def fill(model: Any, value: float) -> None:
    for weight in model.weights:
        weight.assign(np.full(weight.shape, value))


def values(model: Any) -> list[np.ndarray]:
    return [weight.numpy() for weight in model.weights]


def assert_all(model: Any, value: float) -> None:
    for weight in model.weights:
        np.testing.assert_array_equal(weight.numpy(), np.full(weight.shape, value), err_msg=weight.path)


def assert_each(arrays: Sequence[np.ndarray], value: float) -> None:
    assert arrays
    for each in arrays:
        np.testing.assert_array_equal(each, np.full(each.shape, value))


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
    return compiled(keras.Model(inputs, outputs))


def compiled(model: Any) -> Any:
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    from core.training import keeping

    clock = Clock()
    monkeypatch.setattr(keeping.time, "perf_counter", clock.perf_counter)
    original = keeping.save_model

    def slowly(*given: Any, **named: Any) -> None:
        original(*given, **named)
        clock.now += clock.writing_s

    monkeypatch.setattr(keeping, "save_model", slowly)
    return clock


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "best.keras", tmp_path / "last.npz", tmp_path / "m.keras", tmp_path)


@pytest.fixture
def kept(places: Places, clock: Clock) -> Kept:
    return keeping_of(learning_model(), places, clock)


def keeping_of(
    whole: Any, places: Places, clock: Clock, learner: Any = None, going_on: Checkpoint | None = None
) -> Kept:
    from core.training.checkpoint import Changing
    from core.training.epoch_start import EpochStart
    from core.training.keeping import KeepBest

    told = Told(list(going_on.history) if going_on else [])
    start = EpochStart(whole, 5, going_on)
    keep = KeepBest(
        whole, Changing.of(whole), places, told, start, ["a", "b"], going_on,  # type: ignore[arg-type]
    )
    for each in (start, keep):
        each.set_model(learner or whole)
    return Kept(whole, learner or whole, keep, told, places, clock)


def every(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    from core.training import keeping

    monkeypatch.setattr(keeping, "WRITE_EVERY_S", seconds)


def test_the_best_epoch_is_kept_and_not_the_last(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    every(monkeypatch, 0.0)
    assert kept.keep.epoch is None
    for epoch, accuracy in enumerate((0.5, 0.9, 0.7), start=1):
        kept.epoch(accuracy, value=epoch)
    assert kept.keep.epoch == 2
    assert_file_holds(kept.places.best, 2.0)
    assert kept.checkpoint.kept == 2
    assert_each(kept.checkpoint.weights, 3.0)
    assert_each(kept.checkpoint.best, 2.0)


def test_the_checkpoint_is_written_at_each_epochs_end_however_fast(kept: Kept) -> None:
    for epoch, accuracy in enumerate((0.5, 0.9, 0.7), start=1):
        kept.epoch(accuracy, value=epoch, seconds=0.01)
        found = kept.checkpoint
        assert (found.epochs, found.step, found.seconds, found.logs) == (epoch, 0, 0.0, {})
        assert found.history == tuple(kept.told.history)
        assert found.kept == min(epoch, 2)
        assert_each(found.weights, epoch)
        assert (found.seeds, found.metrics) == ((), ())
    assert not kept.places.best.exists()


def test_the_best_weights_are_in_the_checkpoint_once(kept: Kept) -> None:
    kept.epoch(0.5, value=1.0)
    assert kept.checkpoint.best == ()
    kept.epoch(0.4, value=2.0)
    assert_each(kept.checkpoint.best, 1.0)
    kept.epoch(0.9, value=3.0)
    assert kept.checkpoint.best == ()


def test_a_slow_epoch_is_written_at_its_end(kept: Kept) -> None:
    from core.training.events import WRITE_EVERY_S

    for epoch, accuracy in enumerate((0.5, 0.6, 0.4), start=1):
        kept.epoch(accuracy, value=epoch, seconds=WRITE_EVERY_S)
        assert_file_holds(kept.places.best, min(epoch, 2))
        assert saved_epoch(kept.places.best) == min(epoch, 2)
        assert_all(kept.whole, epoch)


def test_models_of_fast_epochs_are_written_every_few_seconds_at_the_most(kept: Kept) -> None:
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
    for epoch in range(1, 201):
        before = kept.clock.now
        kept.epoch(epoch / 1000, seconds=1.0)
        if kept.clock.now > before + 1.0:
            written.append(epoch)
    assert written[0] == 5
    assert {later - earlier for earlier, later in itertools.pairwise(written)} == {40}


def test_a_model_that_is_written_is_not_written_again_for_epochs_that_are_worse(kept: Kept) -> None:
    from core.training.events import WRITE_EVERY_S

    kept.epoch(0.9, seconds=WRITE_EVERY_S)
    written = kept.places.best.stat().st_mtime_ns
    for _each in range(3):
        kept.epoch(0.1, seconds=WRITE_EVERY_S)
    kept.keep.finish()
    assert kept.places.best.stat().st_mtime_ns == written


@pytest.mark.parametrize("every_s", [0.0, 1000.0])
def test_in_the_end_the_files_and_the_model_are_of_the_best_and_the_last(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, every_s: float
) -> None:
    every(monkeypatch, every_s)
    for epoch, accuracy in enumerate((0.5, 0.9, 0.9, 0.7), start=1):
        kept.epoch(accuracy, value=epoch)
    kept.keep.finish()
    assert kept.keep.epoch == 2
    assert_all(kept.whole, 2.0)
    assert_file_holds(kept.places.best, 2.0)
    assert saved_epoch(kept.places.best) == 2
    assert_each(kept.checkpoint.weights, 4.0)


def test_a_checkpoint_brings_weights_and_optimizer_back(kept: Kept) -> None:
    from core.training.checkpoint import Changing, restore_optimizer, restore_weights

    kept.whole.fit(PHOTOS, LABELS, epochs=2, verbose=0)
    kept.epoch(0.9)
    kept.whole.fit(PHOTOS, LABELS, epochs=1, verbose=0)
    kept.epoch(0.1)
    optimizer = [variable.numpy() for variable in kept.whole.optimizer.variables]
    learnt = values(kept.whole)
    kept.keep.finish()
    other = learning_model()
    restore_weights(kept.checkpoint, Changing.of(other))
    restore_optimizer(kept.checkpoint, other)
    for one, another in zip(values(other), learnt, strict=True):
        np.testing.assert_array_equal(one, another)
    assert optimizer[0] > 0  # its steps
    for variable, value in zip(other.optimizer.variables, optimizer, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value, err_msg=variable.path)


def test_a_best_that_is_written_later_does_not_disturb_the_training(kept: Kept) -> None:
    from core.training.events import WRITE_EVERY_S
    from core.training.model import load_model

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
    saved, _names = load_model(kept.places.best)
    for one, other in zip(values(saved), best, strict=True):
        np.testing.assert_array_equal(one, other)
    assert any(not np.array_equal(one, other) for one, other in zip(best, now, strict=True))


@pytest.mark.parametrize("every_s", [0.0, 1000.0])
def test_leaving_within_an_epoch_keeps_the_best_as_model_and_the_moved_weights_to_go_on(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, every_s: float
) -> None:
    every(monkeypatch, every_s)
    for epoch, accuracy in enumerate((0.5, 0.9, 0.7), start=1):
        kept.epoch(accuracy, value=epoch)
    fill(kept.whole, 77.0)
    kept.leave_in(step=4)
    assert_all(kept.whole, 2.0)
    assert_file_holds(kept.places.best, 2.0)
    assert saved_epoch(kept.places.best) == 2
    found = kept.checkpoint
    assert (found.epochs, found.step, found.seconds) == (3, 4, 2.5)
    assert found.logs == {"loss": 0.25, "accuracy": 0.75}
    assert found.best_row == kept.told.history[1]
    assert_each(found.weights, 77.0)
    assert_each(found.best, 2.0)


def test_leaving_within_an_epoch_keeps_the_means_so_far(kept: Kept) -> None:
    kept.whole.fit(PHOTOS, LABELS, batch_size=4, epochs=1, verbose=0)
    kept.leave_in(step=2)
    means = [variable.numpy() for variable in kept.whole.metrics_variables]
    assert len(kept.checkpoint.metrics) == len(means) == 4
    for one, other in zip(kept.checkpoint.metrics, means, strict=True):
        np.testing.assert_array_equal(one, other)
    assert kept.checkpoint.metrics[1] == len(PHOTOS)  # counted


def test_leaving_before_the_first_epoch_ended_keeps_the_model_as_it_is(kept: Kept) -> None:
    fill(kept.whole, 77.0)
    kept.leave_in(step=1)
    assert kept.keep.epoch is None
    assert_all(kept.whole, 77.0)
    assert not kept.places.best.exists()
    assert (kept.checkpoint.kept, kept.checkpoint.best_row, kept.checkpoint.best) == (None, None, ())
    assert_each(kept.checkpoint.weights, 77.0)


def test_gone_on_with_the_best_of_before_stays_unless_an_epoch_is_better(
    kept: Kept, places: Places, clock: Clock
) -> None:
    for epoch, accuracy in enumerate((0.5, 0.9, 0.7), start=1):
        kept.epoch(accuracy, value=epoch)
    later = keeping_of(learning_model(), places, clock, going_on=kept.checkpoint)
    assert later.keep.epoch == 2
    later.epoch(0.8, value=4.0)
    assert (later.keep.epoch, later.checkpoint.kept) == (2, 2)
    assert_each(later.checkpoint.best, 2.0)
    later.keep.finish()
    assert_all(later.whole, 2.0)
    assert_file_holds(places.best, 2.0)
    again = keeping_of(learning_model(), places, clock, going_on=later.checkpoint)
    again.epoch(0.95, value=5.0)
    again.keep.finish()
    assert again.keep.epoch == 5
    assert_file_holds(places.best, 5.0)


@pytest.mark.parametrize("every_s", [0.0, 1000.0])
def test_where_only_the_tail_is_fitted_the_whole_model_is_kept(
    places: Places, clock: Clock, monkeypatch: pytest.MonkeyPatch, every_s: float
) -> None:
    import keras

    from core.training.model import load_model

    every(monkeypatch, every_s)
    whole = learning_model()
    fill(whole.get_layer("hidden"), 0.5)
    whole.get_layer("hidden").trainable = False
    compiled(whole)
    tail = keras.Model(whole.get_layer("hidden").output, whole.output)
    kept = keeping_of(whole, places, clock, tail)
    for epoch, accuracy in enumerate((0.9, 0.7), start=1):
        kept.epoch(accuracy, value=epoch)
    kept.keep.finish()
    saved, _names = load_model(places.best)
    for model in (whole, saved):
        assert_all(model.get_layer("hidden"), 0.5)
        assert_all(model.get_layer("normal"), 1.0)
        assert_all(model.get_layer("last"), 1.0)
    assert len(kept.checkpoint.weights) == len(tail.weights)
