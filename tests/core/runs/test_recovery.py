"""What is made of runs whose process is gone."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import textwrap
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from core.runs import line, steer
from core.runs.folder import RunFolder
from core.runs.recovery import end, recover
from core.runs.status import Failure, State
from core.runs.work import held
from core.training.model import EPOCH_ENTRY
from core.training.plan import Plan
from core.workspace import Workspace

ROOT = Path(__file__).resolve().parents[3]
PLAN = Plan("photos", "Photos", "efficientnet-lite0")
AT_WORK = [State.PREPARING, State.TRAINING]


def run_in(workspace: Workspace, state: State) -> RunFolder:
    folder = RunFolder.create(workspace, PLAN)
    folder.write_status(replace(folder.status(), state=state))
    return folder


def written_long_ago(folder: RunFolder) -> RunFolder:
    os.utime(folder.path / "status.json", (1_000_000, 1_000_000))
    return folder


def archived(path: Path, epoch: int) -> bytes:
    """Write what stands for a model of an epoch."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(EPOCH_ENTRY, str(epoch))
    return path.read_bytes()


@contextmanager
def held_elsewhere(folder: RunFolder) -> Iterator[subprocess.Popen[str]]:
    """Let another process work on a run."""
    code = textwrap.dedent(
        f"""
        import pathlib
        from core.runs.folder import RunFolder
        from core.runs.work import held
        with held(RunFolder(pathlib.Path({str(folder.path)!r}))):
            print("held", flush=True)
            input()
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == "held"
        yield other
        other.kill()
        other.communicate()


@pytest.mark.parametrize("state", AT_WORK)
def test_what_a_dead_process_worked_on_is_interrupted_and_can_be_resumed(
    workspace: Workspace, state: State
) -> None:
    folder = run_in(workspace, state)
    assert recover(workspace) == [folder.id]
    status = folder.status()
    assert status.state is State.INTERRUPTED
    assert status.state.can_go_on
    assert status.error is not None
    assert "Resume" in status.error.fix
    assert status.ended is not None
    assert recover(workspace) == []


@pytest.mark.parametrize("state", [state for state in State if not state.active])
def test_what_has_ended_or_is_paused_is_left_alone(workspace: Workspace, state: State) -> None:
    folder = written_long_ago(run_in(workspace, state))
    before = folder.status()
    assert recover(workspace) == []
    assert folder.status() == before


def test_what_waits_in_the_line_goes_on_waiting(workspace: Workspace) -> None:
    folder = written_long_ago(steer.create(workspace, PLAN, wait=True))
    assert recover(workspace) == []
    assert folder.status().state is State.QUEUED
    assert line.waiting(workspace) == (folder.id,)


def test_what_is_queued_but_in_no_line_is_given_a_moment(workspace: Workspace) -> None:
    folder = steer.create(workspace, PLAN, wait=False)
    assert recover(workspace) == []
    assert folder.status().state is State.QUEUED
    written_long_ago(folder)
    assert recover(workspace) == [folder.id]
    assert folder.status().state is State.INTERRUPTED


def test_what_was_taken_from_the_line_a_moment_ago_is_left_to_who_took_it(workspace: Workspace) -> None:
    # It has waited for long; who took it does not hold its lock yet.
    folder = written_long_ago(steer.create(workspace, PLAN, wait=True))
    assert line.take(workspace, lambda _run_id: True) == folder.id
    assert recover(workspace) == []
    assert folder.status().state is State.QUEUED


def test_what_another_living_process_works_on_is_left_alone(workspace: Workspace) -> None:
    folder = written_long_ago(run_in(workspace, State.TRAINING))
    with held_elsewhere(folder) as other:
        assert recover(workspace) == []
        assert folder.status().state is State.TRAINING
        other.kill()
        other.communicate()
        assert recover(workspace) == [folder.id]


def test_what_another_thread_of_this_process_works_on_is_left_alone(workspace: Workspace) -> None:
    folder = run_in(workspace, State.TRAINING)
    with held(folder):
        assert recover(workspace) == []
    assert recover(workspace) == [folder.id]


def test_the_best_epoch_that_was_written_becomes_the_model(workspace: Workspace) -> None:
    folder = run_in(workspace, State.TRAINING)
    written = archived(folder.places.best, 2)
    recover(workspace)
    assert folder.model.read_bytes() == written
    assert folder.status().kept == 2


def test_figures_of_another_model_go_with_it_and_those_of_the_same_stay(workspace: Workspace) -> None:
    for epoch, left in ((1, {"accuracy": 1}), (3, None)):
        folder = run_in(workspace, State.TRAINING)
        archived(folder.model, 1)
        archived(folder.places.best, epoch)
        folder.write_report({"version": 1, "test": {"accuracy": 1}})
        recover(workspace)
        assert folder.report() == {"version": 1, "test": left}
        assert folder.status().kept == epoch


def test_a_run_that_cannot_be_read_does_not_keep_the_others(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    before, damaged, after = (run_in(workspace, State.TRAINING) for _each in range(3))
    (damaged.path / "status.json").write_text("{")
    (workspace.runs / "no-run").mkdir()
    with caplog.at_level(logging.CRITICAL):
        assert sorted(recover(workspace)) == sorted([before.id, after.id])


def test_a_disk_that_is_full_leaves_the_run_for_the_next_time(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run_in(workspace, State.TRAINING)

    def full(*_given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RunFolder, "write_status", full)
    assert recover(workspace) == []
    monkeypatch.undo()
    assert recover(workspace) == [folder.id]


def test_a_best_epoch_that_cannot_be_copied_does_not_keep_a_run_from_its_end(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run_in(workspace, State.TRAINING)
    archived(folder.places.best, 2)

    def full(*_given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.runs.folder.copy_file", full)
    end(folder, State.FAILED, Failure("What"))
    assert (folder.status().state, folder.status().error) == (State.FAILED, Failure("What"))
    assert not folder.model.exists()


def test_work_ended_when_its_process_last_wrote_and_not_when_that_was_found(workspace: Workspace) -> None:
    folder = RunFolder.create(workspace, PLAN)
    now = time.time()
    folder.write_status(replace(folder.status(), state=State.TRAINING, started=now - 1000))
    os.utime(folder.path / "status.json", (now - 900, now - 900))
    recover(workspace)
    assert folder.status().elapsed_s == pytest.approx(100, abs=1)
    steer.stop(workspace, folder.id)
    assert folder.status().state is State.STOPPED
    assert folder.status().elapsed_s == pytest.approx(100, abs=1)
