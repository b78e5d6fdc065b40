from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import reusing
from reusing import Heard

from core.data.dataset import Dataset
from core.errors import BadInput, Busy, RunFailed, Stopped
from core.runs.folder import RunFolder, saved_epoch
from core.training import engine, ways
from core.training.checkpoint import Checkpoint
from core.training.events import CacheUse, EpochRow, Outcome
from core.training.plan import Plan, Recipe
from core.training.reuse import Reuse
from core.training.ways import PlainWay
from core.workspace import Workspace

pytestmark = pytest.mark.slow


@pytest.fixture
def plan(data: Dataset) -> Plan:
    recipe = Recipe(epochs=2, batch_size=2, learning_rate=1e-2, seed=5)
    return Plan(data.id, data.title, "efficientnet-lite0", recipe=recipe)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Trains a model in place of the real one that is quickly built; the models made are listed."""
    import keras

    from core.training import model as models

    made: list[Any] = []

    def assemble(plan: Plan, classes: int, _weights_file: Path | None = None) -> Any:
        inputs = keras.Input((224, 224, 3), name="image")
        values = keras.layers.AveragePooling2D(56)(keras.layers.Rescaling(1 / 255)(inputs))
        values = keras.layers.Dropout(0.3, seed=plan.recipe.seed)(keras.layers.Flatten()(values))
        start = keras.initializers.GlorotUniform(seed=plan.recipe.seed)
        dense = keras.layers.Dense(classes, activation="softmax", kernel_initializer=start)
        model = keras.Model(inputs, dense(values), name="classifier")
        reusing.prepare(model, plan)
        made.append(model)
        return model

    monkeypatch.setattr(models, "assemble", assemble)
    monkeypatch.setattr(models, "prepare", reusing.prepare)
    return made


@pytest.fixture
def run(workspace: Workspace, plan: Plan) -> RunFolder:
    return RunFolder.create(workspace, plan)


def train(
    plan: Plan, data: Dataset, run: RunFolder,
    hook: Callable[[str, Heard, threading.Event], None] | None = None,
) -> tuple[Outcome, Heard]:
    stop = threading.Event()
    heard = Heard((lambda what, self: hook(what, self, stop)) if hook else Heard.hook)
    return engine.train(plan, data, run.places, heard, stop), heard


@pytest.mark.usefixtures("small")
def test_the_phases_steps_and_epochs_are_told_in_order(plan: Plan, data: Dataset, run: RunFolder) -> None:
    outcome, heard = train(plan, data, run)
    assert [name for name, _group in itertools.groupby(heard.phases)] == [
        "starting", "building", "training", "validating", "training", "validating", "saving", "testing",
    ]
    assert [(each.epoch, each.step, each.steps) for each in heard.steps] == [
        (epoch, step, 8) for epoch in (1, 2) for step in range(1, 9)
    ]
    progress = [each.progress for each in heard.steps]
    assert progress == sorted(progress)
    assert 0 < progress[0] < progress[-1] <= 1
    assert heard.steps[0].eta_s is None
    assert heard.steps[-1].images_per_s
    assert [row.epoch for row in heard.epochs] == [1, 2]
    assert outcome.history == tuple(heard.epochs)
    assert [row.position for row in heard.batches] == [pytest.approx(n / 8) for n in range(1, 17)]
    assert all(0 <= row.accuracy <= 1 for row in heard.batches)
    assert outcome.timing.total_s >= outcome.timing.fit_s > 0
    assert outcome.test is not None
    assert outcome.test.shape == (4, 2)


@pytest.mark.usefixtures("small")
def test_without_a_place_for_activations_the_whole_model_sees_every_photo(
    plan: Plan, data: Dataset, run: RunFolder
) -> None:
    outcome, heard = train(plan, data, run)
    assert outcome.cache.cut is None
    assert "nowhere to keep" in outcome.cache.reason
    assert set(heard.uses) == {outcome.cache}
    assert heard.extractions == []
    assert {step.saved_s for step in heard.steps} == {None}
    assert (outcome.cache.image_s, outcome.cache.compared_s) == (None, None)


@pytest.mark.usefixtures("small")
def test_the_timing_adds_up_to_the_whole(plan: Plan, data: Dataset, run: RunFolder) -> None:
    timing = train(plan, data, run)[0].timing
    assert timing.evaluate_s is not None
    parts = timing.prepare_s + timing.extract_s + timing.fit_s + timing.evaluate_s
    assert parts == pytest.approx(timing.total_s)
    assert min(timing.prepare_s, timing.extract_s, timing.fit_s, timing.evaluate_s) >= 0


@pytest.mark.usefixtures("small")
def test_the_test_figures_are_those_of_the_model_that_is_kept(
    plan: Plan, data: Dataset, run: RunFolder
) -> None:
    from core.training.model import load_model

    # So fast that the last epoch is not the best one.
    asked = replace(plan, recipe=replace(plan.recipe, epochs=6, learning_rate=1.0, optimizer="sgd"))
    outcome, _heard = train(asked, data, run)
    assert outcome.kept == max(outcome.history, key=lambda row: row.rank).epoch
    saved, _names = load_model(run.model)
    again = engine.probabilities(saved, ways.photos(data, "test"), 224)
    assert outcome.test is not None
    np.testing.assert_allclose(again, outcome.test, atol=1e-5)


@pytest.mark.usefixtures("small")
def test_points_within_an_epoch_average_to_the_epochs_figures(
    plan: Plan, data: Dataset, run: RunFolder
) -> None:
    _outcome, heard = train(plan, data, run)
    for epoch in heard.epochs:
        own = [row for row in heard.batches if epoch.epoch - 1 < row.position <= epoch.epoch + 1e-6]
        assert np.mean([row.loss for row in own]) == pytest.approx(epoch.loss, rel=1e-4)
        assert np.mean([row.accuracy for row in own]) == pytest.approx(epoch.accuracy, abs=1e-4)


@pytest.mark.usefixtures("small")
def test_the_same_seed_gives_the_same_history_and_another_seed_another(
    plan: Plan, data: Dataset, workspace: Workspace
) -> None:
    def figures(seed: int) -> list[tuple[float, ...]]:
        asked = replace(plan, recipe=replace(plan.recipe, seed=seed, augment="light"))
        outcome, _heard = train(asked, data, RunFolder.create(workspace, asked))
        return [(row.loss, row.accuracy, row.val_loss or 0.0) for row in outcome.history]

    first = figures(5)
    np.testing.assert_allclose(figures(5), first, rtol=1e-6)
    assert figures(6) != first


def test_a_stop_in_the_first_epoch_ends_after_the_step_and_keeps_a_model(
    plan: Plan, data: Dataset, run: RunFolder, small: list[Any]
) -> None:
    def stop_in_step_3(what: str, heard: Heard, stop: threading.Event) -> None:
        if what == "step" and len(heard.steps) == 3:
            stop.set()

    outcome, heard = train(plan, data, run, stop_in_step_3)
    assert outcome.stopped
    assert outcome.kept is None
    assert outcome.history == ()
    assert outcome.test is None
    assert outcome.timing.evaluate_s is None
    assert len(heard.steps) == 3
    assert "testing" not in heard.phases
    assert_holds(run.model, small[0])


def test_a_stop_in_a_validation_ends_it_at_once(
    plan: Plan, data: Dataset, run: RunFolder, small: list[Any]
) -> None:
    def stop_in_validation(what: str, _heard: Heard, stop: threading.Event) -> None:
        if what == "validating":
            stop.set()

    outcome, heard = train(plan, data, run, stop_in_validation)
    assert outcome.stopped
    assert outcome.history == ()
    assert len(heard.steps) == 8
    assert_holds(run.model, small[0])


@pytest.mark.usefixtures("small")
def test_a_stop_later_keeps_the_best_epoch_so_far(plan: Plan, data: Dataset, run: RunFolder) -> None:
    def stop_in_epoch_2(what: str, heard: Heard, stop: threading.Event) -> None:
        if what == "step" and heard.steps[-1].epoch == 2:
            stop.set()

    outcome, _heard = train(plan, data, run, stop_in_epoch_2)
    assert outcome.stopped
    assert outcome.kept == 1
    assert [row.epoch for row in outcome.history] == [1]
    assert run.model.read_bytes() == run.places.best.read_bytes()


@pytest.mark.usefixtures("small")
def test_left_for_now_that_is_told_once_it_can_go_on_and_the_model_of_the_best_epoch_follows(
    plan: Plan, data: Dataset, run: RunFolder
) -> None:
    stop = threading.Event()
    at_hand: list[tuple[bool, bool]] = []

    def hook(what: str, heard: Heard) -> None:
        if what == "step" and heard.steps[-1].epoch == 2:
            stop.set()
        if what == "parked":
            at_hand.append((run.places.last.is_file(), run.model.is_file()))

    heard = Heard(hook)
    outcome = engine.train(plan, data, run.places, heard, stop, for_now=lambda: True)
    assert at_hand == [(True, False)]
    assert (outcome.stopped, outcome.for_now, outcome.kept) == (True, True, 1)
    assert saved_epoch(run.model) == 1
    assert "saving" not in heard.phases
    assert heard.uses[-1] == heard.uses[0]


@pytest.mark.usefixtures("small")
def test_a_stop_in_the_last_look_leaves_out_the_test_figures_alone(
    plan: Plan, data: Dataset, run: RunFolder
) -> None:
    def stop_in_test(what: str, _heard: Heard, stop: threading.Event) -> None:
        if what == "testing":
            stop.set()

    outcome, _heard = train(plan, data, run, stop_in_test)
    assert outcome.stopped
    assert outcome.test is None
    assert len(outcome.history) == 2
    assert run.model.is_file()


class Stuck(Reuse):
    """The whole model on photos, as if the test photos' activations could not be kept."""

    def __init__(self, plain: PlainWay, error: Exception) -> None:
        self._plain = plain
        self._error = error
        self.learner, self.use, self.extract_s = plain.learner, plain.use, 0.0

    def source(self, split_name: str) -> Any:
        return self._plain.source(split_name)

    def compute_quietly(self, *_splits: str) -> None:
        raise self._error

    def close(self) -> None:
        self._plain.close()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("error", [OSError(28, "No space left"), Busy("It is held.")], ids=["disk", "lock"])
def test_a_cache_that_fails_in_the_last_look_loses_neither_model_nor_figures(
    plan: Plan, data: Dataset, run: RunFolder, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    from core.training.model import load_model

    def choose(plan: Plan, dataset: Dataset, model: Any, *_rest: object) -> Stuck:
        return Stuck(PlainWay(plan, dataset, model, CacheUse("top")), error)

    monkeypatch.setattr(ways, "choose", choose)
    outcome, _heard = train(plan, data, run)
    assert not outcome.stopped
    saved, _names = load_model(run.model)
    assert outcome.test is not None
    np.testing.assert_allclose(
        outcome.test, engine.probabilities(saved, ways.photos(data, "test"), 224), atol=1e-5
    )


@pytest.mark.usefixtures("small")
def test_a_loss_that_runs_away_ends_with_advice(
    plan: Plan, data: Dataset, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.training import model as models

    assemble = models.assemble

    def runaway(plan: Plan, classes: int, _weights_file: Path | None = None) -> Any:
        model = assemble(plan, classes)
        # So steep that one step at the highest rate leaves what a float can hold.
        model.layers[-1].set_weights([np.full_like(w, 1e38) for w in model.layers[-1].get_weights()])
        return model

    monkeypatch.setattr(models, "assemble", runaway)
    asked = replace(plan, recipe=replace(plan.recipe, optimizer="sgd", learning_rate=1.0))
    with pytest.raises(RunFailed, match="no longer a number") as caught:
        train(asked, data, run)
    assert "learning rate" in caught.value.fix
    assert caught.value.given.startswith("epoch 1, step ")


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("when", ["building", "step"])
def test_a_photo_that_goes_missing_ends_with_advice_and_names_it(
    plan: Plan, data: Dataset, run: RunFolder, when: str
) -> None:
    def delete(what: str, _heard: Heard, _stop: threading.Event) -> None:
        if what == when:
            for item in data.of_split("train"):
                data.file(item).unlink(missing_ok=True)

    with pytest.raises(RunFailed, match="can no longer be read") as caught:
        train(plan, data, run, delete)
    assert isinstance(caught.value.__cause__, BadInput)
    assert "Data page" in caught.value.fix
    assert ".png" in caught.value.given
    assert "Traceback" not in caught.value.given
    assert str(data.folder) not in str(caught.value)


@pytest.mark.usefixtures("small")
def test_without_a_validation_split_the_training_loss_decides(
    plan: Plan, data: Dataset, run: RunFolder
) -> None:
    only = replace(data, items=data.of_split("train"))
    outcome, heard = train(plan, only, run)
    assert [row.val_accuracy for row in outcome.history] == [None, None]
    assert outcome.kept == min(outcome.history, key=lambda row: row.loss).epoch
    assert outcome.test is None
    assert not outcome.stopped
    assert "validating" not in heard.phases
    assert "testing" not in heard.phases


@pytest.mark.usefixtures("small")
def test_the_scalars_can_be_read_by_tensorboard(plan: Plan, data: Dataset, run: RunFolder) -> None:
    outcome, _heard = train(plan, data, run)
    found = scalars(run.places.events)
    assert set(found) >= {"loss", "accuracy", "val_loss", "val_accuracy"}
    for name, values in found.items():
        expected = [(row.epoch, getattr(row, name)) for row in outcome.history]
        assert values == [(step, pytest.approx(value, rel=1e-5)) for step, value in expected]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("batch_size", [1, 5, 128])
def test_any_batch_size_reaches_every_photo(
    plan: Plan, data: Dataset, run: RunFolder, batch_size: int
) -> None:
    asked = replace(plan, recipe=replace(plan.recipe, epochs=1, batch_size=batch_size))
    outcome, heard = train(asked, data, run)
    assert len(heard.steps) == -(-16 // batch_size)
    assert outcome.test is not None
    assert len(outcome.test) == 4


def assert_holds(path: Path, model: Any) -> None:
    """Check that a model file holds a model's present weights."""
    from core.training.model import load_model

    saved, _names = load_model(path)
    for one, other in zip(saved.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Read event files as TensorBoard does."""
    import tensorflow as tf
    from tensorflow.core.util import event_pb2

    found: dict[str, list[tuple[int, float]]] = {}
    for record in tf.data.TFRecordDataset([str(path) for path in sorted(folder.iterdir())]):
        event = event_pb2.Event.FromString(record.numpy())
        for value in event.summary.value:
            assert value.metadata.plugin_data.plugin_name == "scalars"
            found.setdefault(value.tag, []).append((event.step, float(tf.make_ndarray(value.tensor))))
    return found


@pytest.mark.parametrize("phase", ["starting", "building"])
def test_a_stop_before_the_first_step_leaves_at_once_and_keeps_no_model(
    plan: Plan, data: Dataset, run: RunFolder, phase: str
) -> None:
    stop = threading.Event()
    heard = Heard(lambda what, _heard: stop.set() if what == phase else None)
    with pytest.raises(Stopped):
        engine.train(plan, data, run.places, heard, stop)
    assert heard.phases[-1] == phase
    assert heard.steps == []
    assert not run.model.exists()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("batch_size", [1, 128])
def test_speed_and_time_left_are_known_from_the_second_or_third_epoch_on(
    plan: Plan, data: Dataset, run: RunFolder, batch_size: int
) -> None:
    _outcome, heard = train(replace(plan, recipe=Recipe(epochs=4, batch_size=batch_size)), data, run)
    later = [step for step in heard.steps if step.epoch >= 3]
    assert later
    assert all(step.images_per_s and step.eta_s is not None for step in later)
    assert heard.steps[-1].progress <= 1


@pytest.mark.usefixtures("small")
def test_a_disk_that_is_full_at_a_checkpoint_keeps_the_one_before_and_it_goes_on_when_there_is_room(
    plan: Plan, data: Dataset, run: RunFolder, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = replace(plan, recipe=replace(plan.recipe, epochs=3))
    whole, _heard = train(asked, data, RunFolder.create(workspace, asked))
    write, written = np.savez, []

    def full(handle: Any, **arrays: Any) -> None:
        written.append(handle)
        if len(written) == 2:
            handle.write(b"half")
            raise OSError(28, "No space left on device")
        write(handle, **arrays)

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left"):
        train(asked, data, run)
    left = Checkpoint.load(run.places.last)
    assert left is not None
    assert (left.epochs, left.step) == (1, 0)
    outcome, heard = train(asked, data, run)
    assert {step.epoch for step in heard.steps} == {2, 3}
    assert [figures(row) for row in outcome.history] == [pytest.approx(figures(row)) for row in whole.history]


def figures(row: EpochRow) -> tuple[float, ...]:
    return row.loss, row.accuracy, row.val_loss or 0.0, row.val_accuracy or 0.0
