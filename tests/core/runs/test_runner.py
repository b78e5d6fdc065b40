from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from core.data.dataset import Dataset
from core.errors import Busy, NotFound, RunFailed, ThawError
from core.runs import line, mlflow_log, steer
from core.runs import runner as runners
from core.runs.about import about_of
from core.runs.folder import RunFolder, run_folders
from core.runs.runner import Runner, RunnerSnapshot
from core.runs.status import State, Status
from core.runs.wishes import Leaving, Wish, heard
from core.runs.work import held
from core.training.plan import Plan
from core.workspace import Workspace
from tests.waiting import until

PATIENCE_S = 20
LEFT = {Wish.STOP: State.STOPPED, Wish.PAUSE: State.PAUSED, Wish.CLOSE: State.INTERRUPTED}


class Workshop:
    """Stands in for the training: records the order, waits to be let go or asked to leave."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.at_work = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)

    def __call__(self, _workspace: Workspace, folder: RunFolder, leaving: Leaving) -> Status:
        with held(folder), heard(folder, leaving):
            self.began.append(folder.id)
            folder.write_status(replace(folder.status(), state=State.TRAINING))
            self.at_work.release()
            while not leaving.event.is_set() and not self.go_on.acquire(timeout=0.01):
                pass
            ended = folder.status().ending(LEFT[leaving.wish] if leaving.wish else State.FINISHED)
            folder.write_status(ended)
            return ended


@pytest.fixture(autouse=True)
def looking_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runners, "LOOK_EVERY_S", 0.02)


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
    # One reading: between two, what waits may have become active.
    until(lambda: runner.snapshot() == RunnerSnapshot(None, ()))


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


def test_the_order_can_be_changed_meanwhile(
    runner: Runner, workshop: Workshop, plan: Plan, workspace: Workspace
) -> None:
    runs = [runner.submit(plan) for _each in range(3)]
    assert workshop.at_work.acquire(timeout=PATIENCE_S)
    line.move(workspace, runs[2], 1)
    workshop.go_on.release(3)
    wait_until_idle(runner)
    assert workshop.began == [runs[0], runs[2], runs[1]]


@pytest.mark.parametrize(
    ("ask", "left"), [(steer.stop, State.STOPPED), (steer.pause, State.PAUSED)], ids=["stop", "pause"]
)
def test_the_active_run_leaves_and_the_next_one_does_not(
    runner: Runner, workshop: Workshop, plan: Plan, workspace: Workspace,
    ask: Callable[[Workspace, str], None], left: State,
) -> None:
    first, second = runner.submit(plan), runner.submit(plan)
    assert workshop.at_work.acquire(timeout=PATIENCE_S)
    ask(workspace, first)
    assert workshop.at_work.acquire(timeout=PATIENCE_S)
    assert runner.snapshot() == RunnerSnapshot(second, ())
    workshop.go_on.release()
    wait_until_idle(runner)
    assert state(workspace, first) is left
    assert state(workspace, second) is State.FINISHED


def test_a_waiting_run_can_leave_the_line(
    runner: Runner, workshop: Workshop, plan: Plan, workspace: Workspace
) -> None:
    runner.submit(plan)
    waiting = runner.submit(plan)
    assert workshop.at_work.acquire(timeout=PATIENCE_S)
    steer.stop(workspace, waiting)
    assert runner.snapshot().queue == ()
    assert state(workspace, waiting) is State.STOPPED


def test_a_paused_run_goes_on_in_its_turn(
    runner: Runner, workshop: Workshop, plan: Plan, workspace: Workspace
) -> None:
    first, second = runner.submit(plan), runner.submit(plan)
    assert workshop.at_work.acquire(timeout=PATIENCE_S)
    steer.pause(workspace, first)
    assert workshop.at_work.acquire(timeout=PATIENCE_S)
    runner.resume(first)
    assert runner.snapshot() == RunnerSnapshot(second, (first,))
    workshop.go_on.release(2)
    wait_until_idle(runner)
    assert workshop.began == [first, second, first]
    assert state(workspace, first) is State.FINISHED


def test_a_finished_run_goes_on_for_more_epochs(
    runner: Runner, workshop: Workshop, plan: Plan, workspace: Workspace
) -> None:
    workshop.go_on.release(2)
    run = runner.submit(plan)
    wait_until_idle(runner)
    folder = RunFolder.open(workspace, run)
    folder.places.last.write_bytes(b"checkpoint")
    runner.resume(run, more=2)
    wait_until_idle(runner)
    assert workshop.began == [run, run]
    assert folder.plan().recipe.epochs == plan.recipe.epochs + 2


def test_who_starts_a_run_is_kept(runner: Runner, plan: Plan, workspace: Workspace) -> None:
    assert about_of(RunFolder.open(workspace, runner.submit(plan, by="someone"))).by == "someone"


FULL = OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (FULL, "disk is full"), (OSError(5, "Input/output error"), "could not be read or written"),
        (RunFailed("It broke."), "It broke."),
    ],
    ids=["full", "io", "ours"],
)
def test_a_run_that_breaks_is_failed_and_does_not_end_the_line(
    runner: Runner, workshop: Workshop, plan: Plan, monkeypatch: pytest.MonkeyPatch, workspace: Workspace,
    error: Exception, what: str,
) -> None:
    calls: list[str] = []

    def broken_once(space: Workspace, folder: RunFolder, leaving: Leaving) -> Status:
        calls.append(folder.id)
        if len(calls) == 1:
            raise error
        return workshop(space, folder, leaving)

    monkeypatch.setattr(runners, "carry_out", broken_once)
    workshop.go_on.release(2)
    first, second = runner.submit(plan), runner.submit(plan)
    wait_until_idle(runner)
    assert state(workspace, second) is State.FINISHED
    failed = RunFolder.open(workspace, first).status()
    assert failed.state is State.FAILED
    assert failed.error is not None
    assert what in failed.error.what


def test_a_run_that_another_process_works_on_is_left_to_it(
    runner: Runner, workshop: Workshop, plan: Plan, workspace: Workspace
) -> None:
    folder = steer.create(workspace, plan, wait=False)
    with held(folder):
        before = folder.status()
        with line.held_line(workspace):
            line.join(workspace, folder.id)
        workshop.go_on.release()
        second = runner.submit(plan)
        until(lambda: state(workspace, second) is State.FINISHED)
        assert folder.status() == before
    assert workshop.began == [second]


def test_a_run_that_vanished_from_the_line_is_passed_over(
    runner: Runner, workshop: Workshop, plan: Plan, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_run = RunFolder.open
    gone: list[str] = []

    def opened(space: Workspace, run_id: str) -> RunFolder:
        if not gone:
            gone.append(run_id)
            raise NotFound("There is no such run.")
        return open_run(space, run_id)

    monkeypatch.setattr(RunFolder, "open", opened)
    workshop.go_on.release(2)
    first, second = runner.submit(plan), runner.submit(plan)
    wait_until_idle(runner)
    assert gone == [first]
    assert workshop.began == [second]


def test_a_line_that_cannot_be_written_is_tried_again(
    runner: Runner, workshop: Workshop, plan: Plan, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runners, "RECOVER_EVERY_S", 0.02)
    refused = threading.Semaphore(0)
    take = line.take

    def full(space: Workspace, may_take: Callable[[str], bool]) -> str | None:
        for run_id in line.waiting(space):
            assert may_take(run_id)
            refused.release()
            raise FULL
        return None

    monkeypatch.setattr(line, "take", full)
    run = runner.submit(plan)
    assert all(refused.acquire(timeout=PATIENCE_S) for _each in range(2))
    assert runner.snapshot().queue == (run,)
    monkeypatch.setattr(line, "take", take)
    workshop.go_on.release()
    wait_until_idle(runner)
    assert workshop.began == [run]


def test_a_run_that_could_not_be_taken_is_not_shown_as_worked_on(
    runner: Runner, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runners, "RECOVER_EVERY_S", 0.02)
    refused = threading.Semaphore(0)

    def full(space: Workspace, may_take: Callable[[str], bool]) -> str | None:
        queue = line.waiting(space)
        if queue and refused.acquire(blocking=False):
            assert may_take(queue[0])
            raise FULL
        return None

    monkeypatch.setattr(line, "take", full)
    runner.submit(plan)
    refused.release()
    until(lambda: refused._value == 0)
    until(lambda: runner.snapshot().active is None)


def test_closing_interrupts_the_active_run_and_those_that_wait_go_on_waiting(
    runner: Runner, workshop: Workshop, plan: Plan, workspace: Workspace
) -> None:
    active, waiting = runner.submit(plan), runner.submit(plan)
    assert workshop.at_work.acquire(timeout=PATIENCE_S)
    runner.close()
    # Nobody asked for the end of either.
    assert state(workspace, active) is State.INTERRUPTED
    assert state(workspace, waiting) is State.QUEUED
    assert line.waiting(workspace) == (waiting,)
    assert workshop.began == [active]
    # The next server takes it up.
    workshop.go_on.release()
    other = Runner(workspace)
    other.start()
    wait_until_idle(other)
    other.close()
    assert workshop.began == [active, waiting]
    assert state(workspace, waiting) is State.FINISHED
    assert state(workspace, active) is State.INTERRUPTED


@pytest.mark.parametrize(
    ("ask", "left"), [(steer.stop, State.STOPPED), (steer.pause, State.PAUSED)], ids=["stop", "pause"]
)
def test_what_a_person_asked_just_before_the_close_is_what_is_done(
    runner: Runner, plan: Plan, workspace: Workspace, monkeypatch: pytest.MonkeyPatch,
    ask: Callable[[Workspace, str], None], left: State,
) -> None:
    begun = threading.Event()

    def slow_to_leave(_workspace: Workspace, folder: RunFolder, leaving: Leaving) -> Status:
        with heard(folder, leaving):
            folder.write_status(replace(folder.status(), state=State.TRAINING))
            begun.set()
            until(lambda: runner._closing)
            until(lambda: leaving.wish in (Wish.STOP, Wish.PAUSE))
            folder.write_status(folder.status().ending(LEFT[leaving.wish or Wish.CLOSE]))
        return folder.status()

    monkeypatch.setattr(runners, "carry_out", slow_to_leave)
    run = runner.submit(plan)
    assert begun.wait(PATIENCE_S)
    ask(workspace, run)
    runner.close()
    assert state(workspace, run) is left


def test_closing_does_not_wait_for_ever(
    runner: Runner, plan: Plan, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, let_go = threading.Event(), threading.Event()

    def deaf(_workspace: Workspace, folder: RunFolder, _leaving: Leaving) -> Status:
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


def test_once_it_closes_nothing_is_begun(runner: Runner, plan: Plan, workspace: Workspace) -> None:
    folder = steer.create(workspace, plan, wait=False)
    folder.write_status(folder.status().ending(State.PAUSED))
    runner.close()
    for begin in (lambda: runner.submit(plan), lambda: runner.resume(folder.id)):
        with pytest.raises(Busy, match="closing"):
            begin()
    assert line.waiting(workspace) == ()
    assert folder.status().state is State.PAUSED
    runner.close()


def test_one_that_was_never_started_can_be_closed(workspace: Workspace) -> None:
    Runner(workspace).close()


def test_a_second_start_begins_no_second_thread(runner: Runner) -> None:
    runner.start()
    assert [thread.name for thread in threading.enumerate()].count("thaw-runner") == 1


def test_two_servers_share_a_line_and_never_train_the_same_run(
    workspace: Workspace, workshop: Workshop, plan: Plan
) -> None:
    runs = [steer.create(workspace, plan, wait=True).id for _each in range(6)]
    servers = [Runner(workspace), Runner(workspace)]
    for server in servers:
        server.start()
    assert all(workshop.at_work.acquire(timeout=PATIENCE_S) for _each in servers)
    active = {server.snapshot().active for server in servers}
    assert active == set(runs[:2])
    assert all(server.snapshot().queue == tuple(runs[2:]) for server in servers)
    workshop.go_on.release(6)
    for server in servers:
        wait_until_idle(server)
        server.close()
    assert sorted(workshop.began) == sorted(runs)
    assert {state(workspace, run) for run in runs} == {State.FINISHED}


@pytest.mark.usefixtures("runner")
def test_what_another_process_puts_in_the_line_is_taken_up(
    workshop: Workshop, plan: Plan, workspace: Workspace
) -> None:
    workshop.go_on.release(2)
    new = steer.create(workspace, plan, wait=True)
    until(lambda: new.status().state is State.FINISHED)
    left = steer.create(workspace, plan, wait=False)
    left.write_status(left.status().ending(State.INTERRUPTED))
    steer.resume(workspace, left.id)
    until(lambda: left.status().state is State.FINISHED)


def test_what_another_process_leaves_behind_when_it_dies_is_found_while_it_runs(
    workspace: Workspace, workshop: Workshop, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runners, "RECOVER_EVERY_S", 0.02)
    server = Runner(workspace)
    server.start()
    folder = steer.create(workspace, plan, wait=False)
    with held(folder):
        folder.write_status(replace(folder.status(), state=State.TRAINING))
    until(lambda: folder.status().state is State.INTERRUPTED)
    server.close()


def test_what_mlflow_was_not_told_is_made_up_for_after_the_start_and_where_a_process_died(
    workspace: Workspace, workshop: Workshop, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runners, "RECOVER_EVERY_S", 0.02)
    states: list[list[State]] = []

    def make_up(space: Workspace) -> None:
        states.append([folder.status().state for folder in run_folders(space)])

    monkeypatch.setattr(mlflow_log, "make_up", make_up)
    server = Runner(workspace)
    server.start()
    until(lambda: states == [[]])
    folder = steer.create(workspace, plan, wait=False)
    with held(folder):
        folder.write_status(replace(folder.status(), state=State.TRAINING))
    until(lambda: len(states) > 1)
    server.close()
    assert states == [[], [State.INTERRUPTED]]


def test_what_mlflow_was_not_told_is_looked_for_again_now_and_then(
    workspace: Workspace, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runners, "RECOVER_EVERY_S", 0.02)
    monkeypatch.setattr(runners, "MAKE_UP_EVERY_S", 0.04)
    looked: list[Workspace] = []
    monkeypatch.setattr(mlflow_log, "make_up", looked.append)
    server = Runner(workspace)
    server.start()
    until(lambda: len(looked) > 2)
    server.close()


def test_a_plan_for_a_dataset_that_is_gone_is_refused(runner: Runner, workspace: Workspace) -> None:
    with pytest.raises(NotFound):
        runner.submit(Plan("gone", "Gone", "efficientnet-lite0"))
    assert list(workspace.runs.iterdir()) == []


def test_how_a_run_ended_that_cannot_be_written_is_logged_and_the_line_goes_on(
    runner: Runner, workshop: Workshop, plan: Plan, workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:
    calls: list[str] = []

    def broken_once(space: Workspace, folder: RunFolder, leaving: Leaving) -> Status:
        calls.append(folder.id)
        if len(calls) == 1:
            raise FULL
        return workshop(space, folder, leaving)

    def full(*_given: object) -> None:
        raise FULL

    monkeypatch.setattr(runners, "carry_out", broken_once)
    monkeypatch.setattr(runners, "end", full)
    workshop.go_on.release()
    with caplog.at_level(logging.CRITICAL):
        runner.submit(plan)
        second = runner.submit(plan)
        wait_until_idle(runner)
    assert state(workspace, second) is State.FINISHED


def test_an_unknown_run_is_not_resumed(runner: Runner) -> None:
    with pytest.raises(ThawError):
        runner.resume("20260101-000000-none")


def test_what_follows_a_run_is_done_after_it_and_before_the_next(
    workspace: Workspace, workshop: Workshop, plan: Plan
) -> None:
    did: list[str] = []
    server = Runner(
        workspace, begun=lambda: did.append("begun"),
        ended=lambda run: did.append(f"{run} {len(workshop.began)}"),
    )
    server.start()
    runs = [server.submit(plan) for _each in range(2)]
    workshop.go_on.release(2)
    wait_until_idle(server)
    server.close()
    assert did == ["begun", f"{runs[0]} 1", f"{runs[1]} 2"]


def test_what_follows_a_run_may_fail_and_the_next_is_carried_out(
    workspace: Workspace, workshop: Workshop, plan: Plan, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_given: str) -> None:
        raise RuntimeError("broken")

    server = Runner(workspace, begun=fails, ended=fails)
    with caplog.at_level(logging.ERROR):
        server.start()
        runs = [server.submit(plan) for _each in range(2)]
        workshop.go_on.release(2)
        wait_until_idle(server)
    server.close()
    assert [state(workspace, run) for run in runs] == [State.FINISHED] * 2
    assert "broken" in caplog.text


def test_a_runner_without_work_looks_now_and_then_whether_there_is_something_to_do(
    workspace: Workspace, workshop: Workshop, plan: Plan, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(runners, "RECOVER_EVERY_S", 0.02)
    looked: list[int] = []

    def idle() -> None:
        looked.append(len(workshop.began))
        if len(looked) == 1:
            raise RuntimeError("broken")

    server = Runner(workspace, idle=idle)
    with caplog.at_level(logging.ERROR):
        server.start()
        until(lambda: len(looked) > 1)
        server.submit(plan)
        assert workshop.at_work.acquire(timeout=PATIENCE_S)
        before = len(looked)
        workshop.go_on.release()
        until(lambda: len(looked) > before)
    server.close()
    assert set(looked[:before]) == {0}
    assert set(looked[before:]) == {1}
    assert "broken" in caplog.text


def test_a_close_while_something_follows_a_run_that_was_deleted_is_quiet(
    workspace: Workspace, workshop: Workshop, plan: Plan
) -> None:
    follows, go_on = threading.Event(), threading.Event()

    def ended(run: str) -> None:
        shutil.rmtree(workspace.run_dir(run))
        follows.set()
        assert go_on.wait(PATIENCE_S)

    server = Runner(workspace, ended=ended)
    server.start()
    workshop.go_on.release()
    server.submit(plan)
    assert follows.wait(PATIENCE_S)
    server.close(timeout_s=0.01)
    go_on.set()
    server.close()
