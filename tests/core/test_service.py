from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from core import children as children_of_ours
from core import service
from core.data import intake
from core.data.dataset import Dataset
from core.errors import Busy, Stopped, Unavailable
from core.runs import runner as runners
from core.runs.about import about_of
from core.runs.folder import RunFolder
from core.runs.status import State, Status
from core.runs.wishes import Leaving
from core.service import Service
from core.training.calibration import Wanted
from core.training.plan import Plan
from core.workspace import Workspace
from tests.waiting import until


@pytest.fixture(autouse=True)
def nothing_installed() -> Iterator[None]:
    service.install(None)
    yield
    service.install(None)


def test_what_was_installed_is_what_is_found(workspace: Workspace) -> None:
    made = Service(workspace)
    service.install(made)
    assert service.current() is made


def test_without_a_server_one_is_made_for_the_workspace_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered: list[object] = []
    monkeypatch.setattr(service.atexit, "register", registered.append)
    monkeypatch.setenv("THAW_HOME", str(tmp_path / "home"))
    made = service.current()
    assert made.workspace.root == tmp_path / "home"
    assert service.current() is made
    assert registered == [made.close]
    made.close()


def test_a_workspace_that_cannot_be_made_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("THAW_HOME", str(tmp_path / "file"))
    with pytest.raises(Unavailable):
        service.current()


def test_a_start_finds_what_a_dead_process_left_behind(workspace: Workspace, dataset: Dataset) -> None:
    folder = RunFolder.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    folder.write_status(replace(folder.status(), state=State.TRAINING))
    half_unpacked = workspace.incoming / f"{intake._SCRATCH}1"
    half_unpacked.mkdir()
    os.utime(half_unpacked, (0, 0))
    made = Service(workspace)
    made.start()
    made.close()
    assert folder.status().state is State.INTERRUPTED
    assert not half_unpacked.exists()


def test_after_the_close_nothing_is_begun(workspace: Workspace, dataset: Dataset) -> None:
    made = Service(workspace)
    made.start()
    made.close()
    with pytest.raises(Busy):
        made.runner.submit(Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    made.close()


PATIENCE_S = 30


class Measuring:
    """Stands in for the process that measures: it ends when it is stopped."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.stopped: list[str] = []

    def __call__(self, words: Sequence[str], stop: threading.Event) -> dict[str, object]:
        self.began.append(words[1])
        assert stop.wait(PATIENCE_S)
        self.stopped.append(words[1])
        raise Stopped("Stopped before it was done.")


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> Measuring:
    made = Measuring()
    monkeypatch.setattr(children_of_ours, "run_json", made)
    return made


@pytest.fixture
def let_go(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Stands in for the training: it ends when the event is set, or when it is stopped."""
    go = threading.Event()

    def carry_out(_workspace: Workspace, folder: RunFolder, leaving: Leaving) -> Status:
        end = time.monotonic() + PATIENCE_S
        while not (go.wait(0.01) or leaving.event.is_set()):
            assert time.monotonic() < end
        ended = folder.status().ending(State.FINISHED)
        folder.write_status(ended)
        return ended

    monkeypatch.setattr(runners, "carry_out", carry_out)
    return go


@pytest.fixture
def started(workspace: Workspace, measuring: Measuring, let_go: threading.Event) -> Iterator[Service]:
    made = Service(workspace)
    made.start()
    yield made
    let_go.set()
    made.close()


def test_a_training_ends_a_measurement_and_what_waits_for_one(
    started: Service, measuring: Measuring, dataset: Dataset
) -> None:
    started.measure([Wanted("vgg16", 96), Wanted("resnet50", 96)])
    until(lambda: measuring.began == ["vgg16"])
    run = started.submit(Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    assert measuring.stopped == ["vgg16"]
    assert started.calibrations.snapshot().active is None
    assert started.calibrations.snapshot().waiting == 0
    until(lambda: started.runner.snapshot().active == run)


def test_a_run_that_is_resumed_ends_a_measurement_too(
    started: Service, measuring: Measuring, workspace: Workspace, dataset: Dataset
) -> None:
    folder = RunFolder.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    folder.write_status(folder.status().ending(State.PAUSED))
    started.measure([Wanted("vgg16", 96)])
    until(lambda: measuring.began == ["vgg16"])
    started.resume(folder.id)
    assert measuring.stopped == ["vgg16"]
    until(lambda: started.runner.snapshot().active == folder.id)


def test_who_starts_a_run_is_kept_with_it(started: Service, workspace: Workspace, dataset: Dataset) -> None:
    run = started.submit(Plan(dataset.id, dataset.title, "efficientnet-lite0"), by="someone")
    assert about_of(RunFolder.open(workspace, run)).by == "someone"


def test_nothing_is_measured_while_a_training_goes_on_or_waits(
    started: Service, measuring: Measuring, dataset: Dataset, let_go: threading.Event
) -> None:
    started.submit(Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    # At once: whether the runner has taken it up by now or not.
    with pytest.raises(Busy) as caught:
        started.measure([Wanted("vgg16", 96)])
    assert caught.value.fix
    until(lambda: started.runner.snapshot().active is not None)
    with pytest.raises(Busy):
        started.measure([Wanted("vgg16", 96)])
    assert measuring.began == []
    let_go.set()
    until(lambda: started.runner.snapshot().active is None)
    started.measure([Wanted("vgg16", 96)])
    until(lambda: measuring.began == ["vgg16"])


def test_a_close_ends_a_measurement(started: Service, measuring: Measuring) -> None:
    started.measure([Wanted("vgg16", 96)])
    until(lambda: measuring.began == ["vgg16"])
    started.close()
    assert measuring.stopped == ["vgg16"]


def test_a_start_removes_what_killed_downloads_left_behind(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    left = tmp_path / "keras" / "models" / ".arriving-x"
    left.mkdir(parents=True)
    os.utime(left, (0, 0))
    made = Service(workspace)
    made.start()
    made.close()
    assert not left.exists()
