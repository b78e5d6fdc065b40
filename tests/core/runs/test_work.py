from __future__ import annotations

import csv
import json
import logging
import threading
import zipfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from core.data import dataset as datasets
from core.data.dataset import Dataset
from core.errors import BadInput, Busy, NotFound, RunFailed, Stopped
from core.insight.metrics import Share
from core.runs import begun, studied, work
from core.runs.folder import RunFolder
from core.runs.lineage import going_on_from
from core.runs.listener import FolderListener
from core.runs.status import State, Status
from core.runs.wishes import Leaving, Wish, ask, asked
from core.runs.work import carry_out, dataset_of, evaluation_of, held, looks, measure
from core.training import engine
from core.training.counts import counts
from core.training.events import (
    CacheUse,
    EpochRow,
    Extraction,
    Listener,
    Outcome,
    Places,
    Step,
    Timing,
)
from core.training.model import EPOCH_ENTRY
from core.training.plan import Plan, Recipe
from core.workspace import Workspace

USE = CacheUse("block7", 3, 13, 4096, image_s=0.02, compared_s=9.5)
ROW = EpochRow(1, "fit", 0.7, 0.5, 0.6, 0.75, 1e-3, 2.0)


class Engine:
    """Stands in for the training: writes a model, tells one epoch, comes to ``outcome``."""

    def __init__(self) -> None:
        self.stopped = False
        self.test: np.ndarray | None = None
        self.error: Exception | None = None
        self.seen: list[Status] = []
        self.dataset: Dataset | None = None
        self.weights_file: Path | None = None
        self.workspace: Workspace | None = None

    def __call__(
        self, _plan: Plan, dataset: Dataset, places: Places, listener: Listener, _stop: threading.Event,
        weights_file: Path | None = None, workspace: Workspace | None = None, **_named: object,
    ) -> Outcome:
        assert isinstance(listener, FolderListener)
        self.dataset = dataset
        self.weights_file = weights_file
        self.workspace = workspace
        listener.phase("building")
        self.seen.append(RunFolder(places.model.parent).status())
        listener.phase("extracting")
        listener.extracted(Extraction(16, 16, 40.0, 0.0))
        listener.cache(USE)
        self.seen.append(RunFolder(places.model.parent).status())
        listener.phase("training")
        listener.step(Step(1, 1, 1, 0.5, 3.0, 9.0, 2.5))
        if self.error is not None:
            raise self.error
        listener.epoch(ROW)
        places.model.write_bytes(b"model")
        timing = Timing(1.0, 0.25, 2.0, None if self.test is None else 0.5, 3.5)
        return Outcome(self.stopped, 1, (ROW,), 100, 10, self.test, timing, USE)


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> Engine:
    made = Engine()
    monkeypatch.setattr(engine, "train", made)
    return made


@pytest.fixture
def plan(dataset: Dataset) -> Plan:
    return Plan(dataset.id, dataset.title, "efficientnet-lite0", recipe=Recipe(epochs=2))


@pytest.fixture
def folder(workspace: Workspace, plan: Plan) -> RunFolder:
    return RunFolder.create(workspace, plan)


def model_that(looks_at: Callable[[int], object]) -> Callable[[Path], object]:
    """Stand in for loading a model that finds every photo blue, and tells how many it is shown."""
    def predict_on_batch(images: np.ndarray) -> np.ndarray:
        looks_at(len(images))
        return np.tile(np.array([[0.75, 0.25]], np.float32), (len(images), 1))

    model = SimpleNamespace(keras=SimpleNamespace(predict_on_batch=predict_on_batch), size=24)
    return lambda _path: model


def all_blue(dataset: Dataset) -> np.ndarray:
    return np.tile(np.array([[0.75, 0.25]], np.float32), (len(dataset.of_split("test")), 1))


def test_a_run_goes_from_queued_over_preparing_to_finished(
    workspace: Workspace, folder: RunFolder, trainer: Engine, dataset: Dataset
) -> None:
    trainer.test = all_blue(dataset)
    assert folder.status().state is State.QUEUED
    ended = carry_out(workspace, folder, Leaving())
    assert trainer.seen[0].state is State.PREPARING
    assert trainer.seen[0].phase == "building"
    assert trainer.seen[0].started is not None
    assert ended == folder.status()
    assert (ended.state, ended.kept, ended.progress, ended.phase) == (State.FINISHED, 1, 1.0, "")
    assert ended.ended is not None
    assert ended.eta_s is None
    assert ended.error is None


def test_while_the_frozen_part_sees_the_photos_the_status_says_how_many(
    workspace: Workspace, folder: RunFolder, trainer: Engine
) -> None:
    ended = carry_out(workspace, folder, Leaving())
    meanwhile = trainer.seen[1]
    assert (meanwhile.state, meanwhile.phase) == (State.PREPARING, "extracting")
    assert (meanwhile.extracted, meanwhile.to_extract) == (16, 16)
    assert (meanwhile.images_per_s, meanwhile.eta_s) == (40.0, 0.0)
    assert meanwhile.cache == USE
    assert (ended.extracted, ended.to_extract) == (None, None)
    assert (ended.saved_s, ended.cache) == (2.5, USE)


def test_activations_are_kept_in_the_workspace_of_the_run(
    workspace: Workspace, folder: RunFolder, trainer: Engine
) -> None:
    carry_out(workspace, folder, Leaving())
    assert trainer.workspace == workspace


def test_the_report_says_what_was_measured_on_what(
    workspace: Workspace, folder: RunFolder, trainer: Engine, dataset: Dataset
) -> None:
    trainer.test = all_blue(dataset)
    carry_out(workspace, folder, Leaving())
    report = folder.report()
    assert report is not None
    assert report["version"] == 1
    assert report["classes"] == ["blue", "red"]
    assert report["images"] == {"train": 12, "validation": 2, "test": 2}
    assert report["parameters"] == {"total": 100, "trainable": 10}
    assert report["best"] == {"epoch": 1, "val_accuracy": 0.75}
    assert report["timing"] == {
        "prepare_s": 1.0, "extract_s": 0.25, "fit_s": 2.0, "evaluate_s": 0.5, "total_s": 3.5,
    }
    assert report["cache"] == asdict(USE)
    assert Plan.from_json(dict(report["plan"])) == folder.plan()  # type: ignore[call-overload]
    assert set(report["versions"]) == {"thaw", "tensorflow", "keras", "numpy", "pillow"}  # type: ignore[call-overload]
    found = evaluation_of(folder)
    assert found is not None
    assert (found.accuracy.right, found.accuracy.images) == (1, 2)
    assert found.confusion == ((1, 0), (1, 0))


def test_every_test_photo_has_its_row(
    workspace: Workspace, folder: RunFolder, trainer: Engine, dataset: Dataset
) -> None:
    trainer.test = all_blue(dataset)
    carry_out(workspace, folder, Leaving())
    with (folder.path / "test.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    assert [row["image"] for row in rows] == [item.path for item in dataset.of_split("test")]
    assert [row["is"] for row in rows] == ["0", "1"]
    assert [row["said"] for row in rows] == ["0", "0"]
    assert [float(row["confidence"]) for row in rows] == [0.75, 0.75]
    assert [float(row["probability_of_true"]) for row in rows] == [0.75, 0.25]


def test_a_run_that_is_stopped_before_anything_was_learned_has_no_model(
    workspace: Workspace, folder: RunFolder, trainer: Engine
) -> None:
    trainer.error = Stopped("Stopped before anything was learned.")
    ended = carry_out(workspace, folder, Leaving())
    assert (ended.state, ended.kept, ended.error) == (State.STOPPED, None, None)
    assert not folder.model.exists()


def test_a_stopped_run_keeps_its_progress_and_has_no_test_figures(
    workspace: Workspace, folder: RunFolder, trainer: Engine
) -> None:
    trainer.stopped = True
    ended = carry_out(workspace, folder, Leaving())
    assert (ended.state, ended.progress, ended.kept) == (State.STOPPED, 0.5, 1)
    report = folder.report()
    assert report is not None
    assert report["test"] is None
    assert report["timing"]["evaluate_s"] is None  # type: ignore[index]
    assert evaluation_of(folder) is None


LEFT = [(Wish.STOP, State.STOPPED), (Wish.PAUSE, State.PAUSED), (Wish.CLOSE, State.INTERRUPTED)]


@pytest.mark.parametrize(("wish", "state"), LEFT)
def test_how_a_run_ends_that_was_asked_to_leave_says_why(
    workspace: Workspace, folder: RunFolder, trainer: Engine, wish: Wish, state: State
) -> None:
    trainer.stopped = True
    leaving = Leaving()
    leaving.ask(wish)
    ended = carry_out(workspace, folder, leaving)
    assert (ended.state, ended.progress, ended.kept, ended.error) == (state, 0.5, 1, None)


@pytest.mark.parametrize(("wish", "state"), LEFT)
def test_so_does_one_that_left_before_anything_was_learned(
    workspace: Workspace, folder: RunFolder, trainer: Engine, wish: Wish, state: State
) -> None:
    trainer.error = Stopped("Stopped before anything was learned.")
    leaving = Leaving()
    leaving.ask(wish)
    assert carry_out(workspace, folder, leaving).state is state


def test_who_asks_through_the_folder_is_heard_and_answered_once(
    workspace: Workspace, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def until_asked(
        _plan: Plan, _dataset: Dataset, places: Places, _listener: Listener, stop: threading.Event,
        *_rest: object, **_named: object,
    ) -> Outcome:
        ask(RunFolder(places.model.parent), Wish.PAUSE)
        assert stop.wait(60)
        raise Stopped("Stopped.")

    monkeypatch.setattr(engine, "train", until_asked)
    assert carry_out(workspace, folder, Leaving()).state is State.PAUSED
    assert asked(folder) is None


def test_a_run_that_breaks_off_keeps_the_best_epoch_that_was_written(
    workspace: Workspace, folder: RunFolder, trainer: Engine
) -> None:
    trainer.error = RunFailed("The loss ran away.")
    with zipfile.ZipFile(folder.places.best, "w") as archive:
        archive.writestr(EPOCH_ENTRY, "3")
    ended = carry_out(workspace, folder, Leaving())
    assert (ended.state, ended.kept) == (State.FAILED, 3)
    assert folder.model.read_bytes() == folder.places.best.read_bytes()


class LeavingLate(Engine):
    """Tells an epoch and keeps its model, then breaks off."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.breaks_off = error

    def __call__(self, *given: Any, **named: Any) -> Outcome:
        places, listener = given[2], given[3]
        listener.cache(USE)
        listener.epoch(ROW)
        with zipfile.ZipFile(places.best, "w") as archive:
            archive.writestr(EPOCH_ENTRY, "1")
        raise self.breaks_off


@pytest.mark.parametrize("error", [Stopped("Stopped."), RunFailed("The loss ran away.")], ids=repr)
def test_a_run_that_breaks_off_with_a_model_has_a_whole_report(
    workspace: Workspace, folder: RunFolder, plan: Plan, dataset: Dataset, monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    monkeypatch.setattr(engine, "train", LeavingLate(error))
    carry_out(workspace, folder, Leaving())
    report = folder.report()
    assert report is not None
    learned = counts(plan, 2)
    assert report["classes"] == ["blue", "red"]
    assert report["images"] == {"train": 12, "validation": 2, "test": 2}
    assert report["parameters"] == {"total": learned.total, "trainable": learned.learning}
    assert report["best"] == {"epoch": 1, "val_accuracy": 0.75}
    assert (report["cache"], report["test"], looks(report)) == (asdict(USE), None, 0)


def test_what_a_report_says_of_the_epoch_that_is_kept_still_stays(
    workspace: Workspace, folder: RunFolder, trainer: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer.stopped = True
    carry_out(workspace, folder, Leaving())
    before = folder.report()
    monkeypatch.setattr(engine, "train", LeavingLate(Stopped("Stopped.")))
    carry_out(workspace, folder, Leaving())
    assert folder.report() == before


def test_a_run_without_a_report_has_a_whole_one_once_it_is_measured(
    workspace: Workspace, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write_history([ROW])
    folder.model.write_bytes(b"model")
    folder.write_status(replace(folder.status().ending(State.INTERRUPTED), kept=1))
    monkeypatch.setattr("core.insight.predict.loaded", model_that(lambda _count: None))
    assert measure(workspace, folder) is not None
    report = folder.report()
    assert report is not None
    assert (report["version"], report["best"]) == (1, {"epoch": 1, "val_accuracy": 0.75})
    assert report["parameters"]
    assert report["versions"] is None  # those of now may be others
    assert looks(report) == 1


def test_the_time_of_every_sitting_counts(
    workspace: Workspace, folder: RunFolder, trainer: Engine
) -> None:
    folder.write_status(replace(folder.status(), state=State.PAUSED, started=100.0, ended=1100.0))
    folder.write_status(folder.status().waiting_again(2))
    ended = carry_out(workspace, folder, Leaving())
    assert ended.elapsed_s is not None
    assert 1000 <= ended.elapsed_s < 1060
    assert trainer.dataset is not None


def test_what_a_dead_process_left_half_written_is_gone_when_it_goes_on(
    workspace: Workspace, folder: RunFolder, trainer: Engine
) -> None:
    half = folder.places.last.with_name(f".0a1b2c3d.{folder.places.last.name}")
    half.write_bytes(b"half")
    assert carry_out(workspace, folder, Leaving()).state is State.FINISHED
    assert not half.exists()
    assert not (folder.path / "room").exists()
    assert trainer.dataset is not None


def test_an_error_meant_for_people_is_kept_in_the_status(
    workspace: Workspace, folder: RunFolder, trainer: Engine
) -> None:
    trainer.error = RunFailed("The loss ran away.", given="epoch 1", fix="Lower the rate.")
    ended = carry_out(workspace, folder, Leaving())
    assert ended.state is State.FAILED
    assert ended.error is not None
    assert (ended.error.what, ended.error.given, ended.error.fix) == (
        "The loss ran away.", "epoch 1", "Lower the rate.",
    )
    assert folder.report() is None


def test_an_unforeseen_error_shows_no_words_of_its_own(
    workspace: Workspace, folder: RunFolder, trainer: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    trainer.error = ZeroDivisionError("/home/me/secret")
    with caplog.at_level(logging.ERROR):
        ended = carry_out(workspace, folder, Leaving())
    assert ended.state is State.FAILED
    assert "secret" not in (folder.path / "status.json").read_text()
    assert ended.error is not None
    assert ended.error.fix
    assert "/home/me/secret" in caplog.text


def test_photos_that_are_gone_fail_the_run_with_advice(workspace: Workspace, folder: RunFolder) -> None:
    plan = replace(folder.plan(), dataset="20260101-000000-gone")
    plan.save(folder.path / "plan.json")
    ended = carry_out(workspace, folder, Leaving())
    assert ended.state is State.FAILED
    assert ended.error is not None
    assert "photos that this run learned from are not in this workspace" in ended.error.what


def test_a_dataset_that_cannot_be_trained_on_fails_before_tensorflow_is_asked(
    workspace: Workspace, folder: RunFolder, trainer: Engine, dataset: Dataset
) -> None:
    bad = replace(dataset, problems=(datasets.Problem("error", "One class.", "Add another."),))
    datasets.save(bad, bad.folder)
    ended = carry_out(workspace, folder, Leaving())
    assert ended.state is State.FAILED
    assert trainer.dataset is None


def test_a_limit_makes_the_dataset_smaller_by_the_plans_seed(
    workspace: Workspace, plan: Plan, trainer: Engine, dataset: Dataset
) -> None:
    limited = replace(plan, limit=10, recipe=replace(plan.recipe, seed=3))
    carry_out(workspace, RunFolder.create(workspace, limited), Leaving())
    assert trainer.dataset is not None
    assert len(trainer.dataset.items) == 10
    assert trainer.dataset == dataset.limited(10, 3)
    assert dataset_of(workspace, plan) == dataset


def test_one_run_is_carried_out_by_one_at_a_time(
    workspace: Workspace, folder: RunFolder, trainer: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "_PATIENCE_S", 0.05)
    with held(folder), pytest.raises(Busy):
        carry_out(workspace, folder, Leaving())
    assert folder.status().state is State.QUEUED
    assert carry_out(workspace, folder, Leaving()).state is State.FINISHED


def test_what_was_measured_is_read_and_not_measured_again(
    workspace: Workspace, folder: RunFolder, trainer: Engine, dataset: Dataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trainer.test = all_blue(dataset)
    carry_out(workspace, folder, Leaving())

    def again(*_given: object, **_named: object) -> None:
        raise AssertionError("the test photos were looked at twice")

    monkeypatch.setattr("core.insight.predict.loaded", again)
    assert measure(workspace, folder) == evaluation_of(folder)


def test_a_stopped_run_is_measured_once_when_asked(
    workspace: Workspace, folder: RunFolder, trainer: Engine, dataset: Dataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trainer.stopped = True
    carry_out(workspace, folder, Leaving())
    looked: list[int] = []
    monkeypatch.setattr("core.insight.predict.loaded", model_that(looked.append))
    first = measure(workspace, folder)
    assert first is not None
    assert isinstance(first.accuracy, Share)
    assert measure(workspace, folder) == first
    assert looked == [2]
    report = folder.report()
    assert report is not None
    assert report["parameters"] == {"total": 100, "trainable": 10}
    assert looks(report) == 1


def test_a_run_notes_the_model_that_it_begins_with(
    workspace: Workspace, folder: RunFolder, trainer: Engine
) -> None:
    carry_out(workspace, folder, Leaving())
    after = RunFolder.create(workspace, going_on_from(folder.plan(), folder))
    carry_out(workspace, after, Leaving())
    begun.require_same_start(workspace, after, after.plan())
    folder.model.write_bytes(b"the model after more epochs")
    with pytest.raises(BadInput, match="trained further since"):
        begun.require_same_start(workspace, after, after.plan())


def test_while_a_run_is_trained_its_test_photos_are_not_looked_at(
    workspace: Workspace, folder: RunFolder, trainer: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer.stopped = True
    carry_out(workspace, folder, Leaving())
    monkeypatch.setattr(work, "_MOMENT_S", 0.05)
    monkeypatch.setattr("core.insight.predict.loaded", lambda _path: pytest.fail("looked"))
    with held(folder), pytest.raises(Busy):
        measure(workspace, folder)
    assert evaluation_of(folder) is None


def test_the_test_figures_of_a_model_that_changed_meanwhile_are_not_written(
    workspace: Workspace, folder: RunFolder, trainer: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer.stopped = True
    carry_out(workspace, folder, Leaving())
    before = folder.report()
    monkeypatch.setattr("core.insight.predict.loaded", model_that(
        lambda _count: folder.model.write_bytes(b"the model after more epochs")))
    with pytest.raises(BadInput, match="trained further meanwhile"):
        measure(workspace, folder)
    assert folder.report() == before
    assert studied.kept_predictions(folder, "own-test") is None


def test_what_is_written_into_the_report_while_the_photos_are_looked_at_stays(
    workspace: Workspace, folder: RunFolder, trainer: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer.stopped = True
    carry_out(workspace, folder, Leaving())
    monkeypatch.setattr("core.insight.predict.loaded", model_that(
        lambda _count: folder.write_report({**(folder.report() or {}), "note": "meanwhile"})))
    measure(workspace, folder)
    assert (folder.report() or {})["note"] == "meanwhile"
    assert looks(folder.report() or {}) == 1


def test_a_look_at_the_test_photos_can_be_cancelled_and_does_not_count_then(
    workspace: Workspace, folder: RunFolder, trainer: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_phase: str, done: int, _total: int | None) -> None:
        if done:
            raise Stopped("It was cancelled.")

    trainer.stopped = True
    carry_out(workspace, folder, Leaving())
    monkeypatch.setattr("core.insight.predict.loaded", model_that(lambda _count: None))
    with pytest.raises(Stopped):
        measure(workspace, folder, stop)
    assert looks(folder.report() or {}) == 0


def test_test_answers_that_are_no_numbers_are_no_figures(
    workspace: Workspace, folder: RunFolder, trainer: Engine, dataset: Dataset
) -> None:
    trainer.test = all_blue(dataset) * np.nan
    assert carry_out(workspace, folder, Leaving()).state is State.FINISHED
    assert evaluation_of(folder) is None
    assert looks(folder.report() or {}) == 0


def test_each_time_that_a_run_goes_on_and_its_test_photos_are_seen_again_counts(
    workspace: Workspace, folder: RunFolder, trainer: Engine, dataset: Dataset
) -> None:
    trainer.test = all_blue(dataset)
    assert looks({}) == 0
    assert looks({"test": {"of": "an earlier version"}}) == 1
    for times in (1, 2):
        carry_out(workspace, folder, Leaving())
        assert looks(folder.report() or {}) == times


def test_without_test_photos_nothing_is_measured(
    workspace: Workspace, folder: RunFolder, dataset: Dataset
) -> None:
    kept = tuple(item for item in dataset.items if item.split != "test")
    datasets.save(replace(dataset, items=kept), dataset.folder)
    assert measure(workspace, folder) is None


def test_a_run_without_a_model_cannot_be_measured(workspace: Workspace, folder: RunFolder) -> None:
    with pytest.raises(BadInput, match="no model"):
        measure(workspace, folder)


def test_a_run_whose_photos_are_gone_cannot_be_measured(
    workspace: Workspace, folder: RunFolder
) -> None:
    replace(folder.plan(), dataset="20260101-000000-gone").save(folder.path / "plan.json")
    with pytest.raises(NotFound):
        measure(workspace, folder)


def test_numbers_in_the_report_are_json(
    workspace: Workspace, folder: RunFolder, trainer: Engine, dataset: Dataset
) -> None:
    trainer.test = all_blue(dataset)
    carry_out(workspace, folder, Leaving())
    text = (folder.path / "report.json").read_text()
    assert json.loads(text) == folder.report()
    assert "NaN" not in text


def test_of_equally_common_classes_the_harder_to_beat_is_the_baseline(
    workspace: Workspace, folder: RunFolder, trainer: Engine, dataset: Dataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    red_twice = replace(dataset, items=(*dataset.items, next(
        item for item in dataset.of_split("test") if item.label == 1)))
    monkeypatch.setattr(work, "dataset_of", lambda *_given: red_twice)
    trainer.test = all_blue(red_twice)
    carry_out(workspace, folder, Leaving())
    found = evaluation_of(folder)
    assert found is not None
    assert (found.majority_class, found.majority.right, found.majority.images) == (1, 2, 3)
