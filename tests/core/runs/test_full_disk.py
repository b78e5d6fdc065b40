"""A disk that becomes full while a run is carried out: it says so, and nothing that was there is lost."""

from __future__ import annotations

import os
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.data.dataset import Dataset
from core.runs import runner as runners
from core.runs import steer
from core.runs.folder import RunFolder
from core.runs.recovery import recover
from core.runs.runner import Runner
from core.runs.status import State, Status
from core.training import engine
from core.training.checkpoint import Checkpoint
from core.training.events import BatchRow, CacheUse, EpochRow, Listener, Outcome, Places, Step, Timing
from core.training.failures import disk_full
from core.training.model import EPOCH_ENTRY
from core.training.plan import Plan, Recipe
from core.workspace import Workspace
from tests.waiting import until

pytestmark = pytest.mark.slow  # files are written until there is no room

ROWS = tuple(EpochRow(epoch, "fit", 0.7, 0.5, 0.6, epoch / 10, 1e-3, 2.0) for epoch in (1, 2))
FULL = OSError(28, "No space left on device")


@dataclass
class Disk:
    """Says which files of which run there is no room for."""

    run: str = ""
    refuses: Callable[[Path], bool] = lambda _path: False
    refused: list[str] = field(default_factory=list)

    def check(self, path: Path) -> None:
        if self.run in path.parts and self.refuses(path):
            self.refused.append(path.name)
            raise FULL


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    made = Disk()
    move, append = os.replace, RunFolder.append_batch

    def moved(source: Any, target: Any) -> None:
        made.check(Path(target))
        move(source, target)

    def appended(folder: RunFolder, row: BatchRow) -> None:
        made.check(folder.path / "batches.csv")
        append(folder, row)

    monkeypatch.setattr(os, "replace", moved)
    monkeypatch.setattr(RunFolder, "append_batch", appended)
    return made


def checkpoint(epochs: int) -> Checkpoint:
    return Checkpoint(epochs, 0, 0.0, {}, ROWS[:epochs], epochs or None, "", (np.zeros(3),), ())


def two_epochs(
    _plan: Plan, _dataset: Dataset, places: Places, listener: Listener, _stop: threading.Event,
    *_rest: object, **_named: object,
) -> Outcome:
    """Stands in for the training: writes what a training of two epochs writes."""
    listener.phase("building")
    listener.begins_at((), 0.0)
    listener.phase("training")
    for row in ROWS:
        listener.step(Step(row.epoch, 1, 1, row.epoch / 2, None, None))
        listener.batch(BatchRow(row.epoch, 0.5, 0.5))
        listener.epoch(row)
        checkpoint(row.epoch).save(places.last, durable=False)
        with zipfile.ZipFile(places.best, "w") as archive:
            archive.writestr(EPOCH_ENTRY, str(row.epoch))
    engine.copy_file(places.best, places.model)
    return Outcome(False, 2, ROWS, 100, 10, None, Timing(1.0, 0.0, 2.0, None, 3.0), CacheUse(None))


@pytest.fixture
def plan(dataset: Dataset) -> Plan:
    return Plan(dataset.id, dataset.title, "efficientnet-lite0", recipe=Recipe(epochs=2))


@pytest.fixture
def server(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runner]:
    monkeypatch.setattr(engine, "train", two_epochs)
    monkeypatch.setattr(runners, "LOOK_EVERY_S", 0.02)
    made = Runner(workspace)
    made.start()
    yield made
    made.close()


def both_ended(server: Runner, workspace: Workspace, plan: Plan, disk: Disk) -> tuple[RunFolder, Status]:
    """Let the disk be full for the first of two runs; return it once the second has finished."""
    first, second = (steer.create(workspace, plan, wait=False) for _each in range(2))
    disk.run = first.id
    for each in (first, second):
        each.write_status(each.status().ending(State.PAUSED))
        server.resume(each.id)
    until(lambda: second.status().state is State.FINISHED)
    return first, first.status()


def named(*names: str) -> Callable[[Path], bool]:
    return lambda path: path.name in names


def second(name: str) -> Callable[[Path], bool]:
    """Refuse a file from its second time on."""
    seen: list[Path] = []

    def refuses(path: Path) -> bool:
        if path.name == name:
            seen.append(path)
        return path.name == name and len(seen) > 1

    return refuses


def assert_says_so(status: Status) -> None:
    assert status.state is State.FAILED
    assert status.error is not None
    assert (status.error.what, status.error.fix) == (disk_full().what, disk_full().fix)
    assert status.state.can_go_on


@pytest.mark.parametrize(
    ("refuses", "epochs", "kept"),
    [
        (named("last.npz"), None, None), (second("last.npz"), 1, 1), (named("history.csv"), None, None),
        (named("batches.csv"), None, None), (named("report.json"), 2, 2), (named("model.keras"), 2, None),
    ],
    ids=["first checkpoint", "second checkpoint", "history", "curve", "report", "model"],
)
def test_the_run_fails_and_says_so_and_the_next_one_goes_on(
    server: Runner, workspace: Workspace, plan: Plan, disk: Disk,
    refuses: Callable[[Path], bool], epochs: int | None, kept: int | None,
) -> None:
    disk.refuses = refuses
    run, status = both_ended(server, workspace, plan, disk)
    assert disk.refused
    assert_says_so(status)
    assert status.kept == kept
    assert run.model.exists() is (kept is not None)
    left = Checkpoint.load(run.places.last)
    assert (left.epochs if left else None) == epochs
    assert not [path for path in run.path.rglob(".*") if path.is_file()]
    assert not (run.path / "room").exists()


def test_what_a_run_had_before_stays_when_it_goes_on_into_a_full_disk(
    server: Runner, workspace: Workspace, plan: Plan, disk: Disk
) -> None:
    before = steer.create(workspace, plan, wait=True)
    until(lambda: before.status().state is State.FINISHED)
    kept = {path: path.read_bytes() for path in (before.model, before.places.last)}
    history = before.history()
    disk.run, disk.refuses = before.id, named("last.npz", "history.csv")
    server.resume(before.id, more=1)
    until(lambda: before.status().state is State.FAILED)
    assert_says_so(before.status())
    assert {path: path.read_bytes() for path in kept} == kept
    assert before.history() == history
    # With room again it goes on from there.
    disk.run = ""
    server.resume(before.id)
    until(lambda: before.status().state is State.FINISHED)


def test_there_is_room_for_saying_how_it_ended(
    server: Runner, workspace: Workspace, plan: Plan, disk: Disk
) -> None:
    # Full to the last byte, but for what was kept for this.
    disk.refuses = lambda path: path.name == "status.json" and (path.parent / "room").exists()
    run, status = both_ended(server, workspace, plan, disk)
    assert disk.refused
    assert_says_so(status)
    assert not (run.path / "room").exists()


def test_without_room_for_a_word_the_next_run_goes_on_and_it_is_said_later(
    server: Runner, workspace: Workspace, plan: Plan, disk: Disk
) -> None:
    preparing: list[Path] = []

    def refuses(path: Path) -> bool:
        if path.name == "status.json":
            preparing.append(path)
        return path.name == "status.json" and len(preparing) > 3  # paused, queued, preparing

    disk.refuses = refuses
    run, status = both_ended(server, workspace, plan, disk)
    assert status.state is State.PREPARING
    assert recover(workspace) == []
    disk.run = ""
    assert recover(workspace) == [run.id]
    assert run.status().state is State.INTERRUPTED


def test_no_room_for_the_reserve_fails_the_run_before_it_begins(
    server: Runner, workspace: Workspace, plan: Plan, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve = runners.carry_out.__globals__["reserve"]

    def refused(folder: RunFolder) -> None:
        if folder.id == disk.run:
            raise FULL
        reserve(folder)

    monkeypatch.setitem(runners.carry_out.__globals__, "reserve", refused)
    run, status = both_ended(server, workspace, plan, disk)
    assert_says_so(status)
    assert run.history() == ()
