from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.data.dataset import Dataset
from core.errors import NotFound
from core.runs import runner as runners
from core.runs.folder import RunFolder
from core.runs.runner import Runner, recover
from core.runs.status import State, Status
from core.training.plan import Plan
from core.workspace import Workspace

PATIENCE_S = 20


class Workshop:
    """Stands in for the training: records the order, waits to be let go or stopped."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.at_work = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)

    def __call__(self, _workspace: Workspace, folder: RunFolder, stop: threading.Event) -> Status:
        self.began.append(folder.id)
        folder.write_status(folder.status().ending(State.FAILED))
        self.at_work.release()
        while not stop.is_set() and not self.go_on.acquire(timeout=0.01):
            pass
        ended = folder.status().ending(State.STOPPED if stop.is_set() else State.FINISHED)
        folder.write_status(ended)
        return ended


@pytest.fixture
def workshop(monkeypatch: pytest.MonkeyPatch) -> Workshop:
    made = Workshop()
    monkeypatch.setattr(runners, "carry_out", made)
    return made


@pytest.fixture
def runner(workspace: Workspace, workshop: Workshop) -> Iterator[Runner]:
    made = Runner(workspace)
    made.start()
    yield made
    made.close()


@pytest.fixture
def plan(dataset: Dataset) -> Plan:
    return Plan(dataset.id, dataset.title, "efficientnet-lite0")


def state(workspace: Workspace, run_id: str) -> State:
    return RunFolder.open(workspace, run_id).status().state


def wait_until_idle(runner: Runner) -> None:
    done = threading.Event()
    for _each in range(PATIENCE_S * 100):
        if runner.snapshot().active is None and not runner.snapshot().queue:
            return
        done.wait(0.01)
    raise AssertionError("the runner did not become idle")


def test_a_second_start_waits_in_line_and_follows_in_order(
    runner: Runner, workshop: Workshop, plan: Plan, workspace: Workspace
) -> None:
    runs = [runner.submit(plan) for _each in range(3)]
    assert workshop.at_work.acquire(timeout=PATIENCE_S)
    snapshot = runner.snapshot()
    assert snapshot.active == runs[0]
    assert snapshot.queue == (runs[1], runs[2])
    assert state(workspace, runs[1]) is State.QUEUED
    workshop.go_on.release(3)
    wait_until_idle(runner)
    assert workshop.began == runs
    assert [state(workspace, run) for run in runs] == [State.FINISHED] * 3


def test_stop_ends_the_active_run_and_the_next_one_is_not_stopped(
    runner: Runner, workshop: Workshop, plan: Plan, workspace: Workspace
) -> None:
    first, second = runner.submit(plan), runner.submit(plan)
    assert workshop.at_work.acquire(timeout=PATIENCE_S)
    assert runner.stop(first)
    assert workshop.at_work.acquire(timeout=PATIENCE_S)
    assert not runner.snapshot().stopping
    workshop.go_on.release()
    wait_until_idle(runner)
    assert state(workspace, first) is State.STOPPED
    assert state(workspace, second) is State.FINISHED


def test_a_waiting_run_can_leave_the_line(
    runner: Runner, workshop: Workshop, plan: Plan, workspace: Workspace
) -> None:
    runner.submit(plan)
    waiting = runner.submit(plan)
    assert workshop.at_work.acquire(timeout=PATIENCE_S)
    assert runner.stop(waiting)
    assert runner.snapshot().queue == ()
    assert state(workspace, waiting) is State.STOPPED
    assert not runner.stop(waiting)


def test_a_run_that_breaks_does_not_end_the_line(
    runner: Runner, workshop: Workshop, plan: Plan, monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    calls: list[str] = []

    def broken_once(space: Workspace, folder: RunFolder, stop: threading.Event) -> Status:
        calls.append(folder.id)
        if len(calls) == 1:
            raise OSError("no space left on device")
        return workshop(space, folder, stop)

    monkeypatch.setattr(runners, "carry_out", broken_once)
    workshop.go_on.release(2)
    runner.submit(plan)
    second = runner.submit(plan)
    wait_until_idle(runner)
    assert state(workspace, second) is State.FINISHED


def test_closing_stops_the_active_run_and_marks_the_waiting_ones(
    runner: Runner, workshop: Workshop, plan: Plan, workspace: Workspace
) -> None:
    active, waiting = runner.submit(plan), runner.submit(plan)
    assert workshop.at_work.acquire(timeout=PATIENCE_S)
    runner.close()
    # Nobody asked for the end of either.
    assert state(workspace, active) is State.INTERRUPTED
    assert state(workspace, waiting) is State.INTERRUPTED


def test_a_run_that_was_stopped_just_before_the_end_stays_stopped(
    runner: Runner, workshop: Workshop, plan: Plan, workspace: Workspace
) -> None:
    active = runner.submit(plan)
    assert workshop.at_work.acquire(timeout=PATIENCE_S)
    assert runner.stop(active)
    runner.close()
    assert state(workspace, active) is State.STOPPED


def test_closing_does_not_wait_for_ever(
    runner: Runner, plan: Plan, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, let_go = threading.Event(), threading.Event()

    def deaf(_workspace: Workspace, folder: RunFolder, _stop: threading.Event) -> Status:
        folder.write_status(replace(folder.status(), state=State.TRAINING))
        begun.set()
        let_go.wait(PATIENCE_S)
        return folder.status()

    monkeypatch.setattr(runners, "carry_out", deaf)
    run = runner.submit(plan)
    assert begun.wait(PATIENCE_S)
    runner.close(timeout_s=0.05)
    assert state(workspace, run) is State.INTERRUPTED
    let_go.set()


def test_a_plan_for_a_dataset_that_is_gone_is_refused(runner: Runner) -> None:
    with pytest.raises(NotFound):
        runner.submit(Plan("gone", "Gone", "efficientnet-lite0"))


def test_what_a_dead_process_left_is_marked_interrupted(workspace: Workspace, plan: Plan) -> None:
    folder = RunFolder.create(workspace, plan)
    assert recover(workspace) == [folder.id]
    status = folder.status()
    assert status.state is State.INTERRUPTED
    assert status.error is not None
    assert recover(workspace) == []


def test_what_another_living_process_works_on_is_left_alone(
    workspace: Workspace, plan: Plan
) -> None:
    folder = RunFolder.create(workspace, plan)
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
    root = Path(__file__).resolve().parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == "held"
        assert recover(workspace) == []
        assert folder.status().state is State.QUEUED
        other.kill()
        other.communicate()
    assert recover(workspace) == [folder.id]
