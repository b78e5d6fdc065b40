"""Runs in every state, and what is done with them when somebody steers them."""

from __future__ import annotations

import os
import shutil
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from core.data.dataset import Dataset
from core.errors import BadInput, Busy, NotFound, ThawError
from core.runs import line, steer, wishes
from core.runs.about import About, about_of
from core.runs.folder import RunFolder, run_folders
from core.runs.status import Failure, State
from core.runs.wishes import Wish
from core.training import fields
from core.training.events import EpochRow
from core.training.model import EPOCH_ENTRY
from core.training.plan import Plan, Recipe
from core.training.start import RUN, Start
from core.workspace import Workspace

AT_WORK = (State.PREPARING, State.TRAINING)
CAN_GO_ON = (State.PAUSED, State.STOPPED, State.INTERRUPTED, State.FAILED)
UNKNOWN = ["20260101-000000-none", "../runs", ""]


@pytest.fixture
def plan(dataset: Dataset) -> Plan:
    return Plan(dataset.id, dataset.title, "efficientnet-lite0", recipe=Recipe(epochs=3))


def run_in(workspace: Workspace, plan: Plan, state: State, *, waits: bool = False) -> RunFolder:
    """Return a run that has a checkpoint and is in a state."""
    folder = steer.create(workspace, plan, wait=waits)
    folder.places.last.write_bytes(b"checkpoint")
    error = Failure("What") if state is State.FAILED else None
    folder.write_status(replace(folder.status(), state=state, kept=1, error=error))
    return folder


def untouched(folder: RunFolder) -> tuple[object, ...]:
    return (
        folder.status(), folder.plan(), wishes.asked(folder), folder.places.last.is_file(),
        line.waiting(Workspace(folder.path.parents[1])),
    )


def archived(path: Path, epoch: int) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(EPOCH_ENTRY, str(epoch))


def test_a_new_run_waits_or_is_left_to_the_caller(workspace: Workspace, plan: Plan) -> None:
    waits = steer.create(workspace, plan, by="someone", name="Name", wait=True)
    mine = steer.create(workspace, plan, wait=False)
    assert line.waiting(workspace) == (waits.id,)
    assert [each.status().state for each in (waits, mine)] == [State.QUEUED] * 2
    assert (about_of(waits), about_of(mine)) == (About(1, "Name", "someone"), About(2, "", ""))


def test_a_plan_outside_its_bounds_makes_no_run(workspace: Workspace, plan: Plan) -> None:
    with pytest.raises(BadInput):
        steer.create(workspace, replace(plan, trainable=("block99",)), wait=True)
    assert run_folders(workspace) == []
    assert line.waiting(workspace) == ()


def test_runs_made_at_once_have_their_own_numbers_and_all_wait(workspace: Workspace, plan: Plan) -> None:
    threads = [
        threading.Thread(target=lambda: steer.create(workspace, plan, wait=True)) for _each in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(about_of(each).number or 0 for each in run_folders(workspace)) == [1, 2, 3, 4]
    assert len(line.waiting(workspace)) == 4


@pytest.mark.parametrize("state", AT_WORK)
@pytest.mark.parametrize(("ask", "wish"), [(steer.stop, Wish.STOP), (steer.pause, Wish.PAUSE)])
def test_who_works_on_a_run_is_asked_to_leave(
    workspace: Workspace, plan: Plan, state: State, ask: object, wish: Wish
) -> None:
    folder = run_in(workspace, plan, state)
    ask(workspace, folder.id)  # type: ignore[operator]
    assert wishes.asked(folder) is wish
    assert folder.status().state is state


def test_a_run_that_waits_leaves_the_line_when_it_is_stopped(workspace: Workspace, plan: Plan) -> None:
    others = [run_in(workspace, plan, State.QUEUED, waits=True) for _each in range(2)]
    folder = run_in(workspace, plan, State.QUEUED, waits=True)
    steer.stop(workspace, folder.id)
    assert folder.status().state is State.STOPPED
    assert folder.status().ended is not None
    assert line.waiting(workspace) == tuple(each.id for each in others)
    assert wishes.asked(folder) is None


def test_a_run_that_was_just_taken_is_asked_and_not_ended_behind_its_workers_back(
    workspace: Workspace, plan: Plan
) -> None:
    folder = run_in(workspace, plan, State.QUEUED, waits=True)
    assert line.take(workspace, lambda _run_id: True) == folder.id
    steer.stop(workspace, folder.id)
    assert folder.status().state is State.QUEUED
    assert wishes.asked(folder) is Wish.STOP


@pytest.mark.parametrize("state", [State.QUEUED, State.PAUSED, State.INTERRUPTED])
def test_a_stop_of_a_run_that_has_learned_keeps_its_best_epoch(
    workspace: Workspace, plan: Plan, state: State
) -> None:
    folder = run_in(workspace, plan, state, waits=state is State.QUEUED)
    archived(folder.places.best, 2)
    steer.stop(workspace, folder.id)
    assert folder.status().state is State.STOPPED
    assert folder.status().kept == 2
    assert folder.model.read_bytes() == folder.places.best.read_bytes()


@pytest.mark.parametrize("state", [State.FINISHED, State.STOPPED, State.FAILED])
def test_what_has_ended_cannot_be_stopped(workspace: Workspace, plan: Plan, state: State) -> None:
    folder = run_in(workspace, plan, state)
    before = untouched(folder)
    with pytest.raises(BadInput, match="not going on") as caught:
        steer.stop(workspace, folder.id)
    assert caught.value.given == f"{folder.id}: {state.value}"
    assert caught.value.fix
    assert untouched(folder) == before


def test_what_waits_leaves_the_line_when_it_is_paused(workspace: Workspace, plan: Plan) -> None:
    folder = run_in(workspace, plan, State.QUEUED, waits=True)
    steer.pause(workspace, folder.id)
    assert folder.status().state is State.PAUSED
    assert line.waiting(workspace) == ()


@pytest.mark.parametrize("state", [state for state in State if not state.active])
def test_what_does_not_go_on_cannot_be_paused(workspace: Workspace, plan: Plan, state: State) -> None:
    folder = run_in(workspace, plan, state)
    before = untouched(folder)
    with pytest.raises(BadInput, match="not going on") as caught:
        steer.pause(workspace, folder.id)
    assert caught.value.given == f"{folder.id}: {state.value}"
    assert untouched(folder) == before


@pytest.mark.parametrize("state", CAN_GO_ON)
def test_what_was_left_waits_again_and_what_was_interrupted_goes_first(
    workspace: Workspace, plan: Plan, state: State
) -> None:
    first = run_in(workspace, plan, State.QUEUED, waits=True)
    folder = run_in(workspace, plan, state)
    wishes.ask(folder, Wish.STOP)  # left over from before
    assert steer.resume(workspace, folder.id) == folder
    status = folder.status()
    assert (status.state, status.error, status.ended, status.kept) == (State.QUEUED, None, None, 1)
    both = (folder.id, first.id) if state is State.INTERRUPTED else (first.id, folder.id)
    assert line.waiting(workspace) == both
    assert wishes.asked(folder) is None
    assert folder.plan() == plan.checked()


def test_what_failed_before_its_first_checkpoint_can_be_tried_again(workspace: Workspace, plan: Plan) -> None:
    folder = run_in(workspace, plan, State.FAILED)
    folder.places.last.unlink()
    steer.resume(workspace, folder.id)
    assert line.waiting(workspace) == (folder.id,)


@pytest.mark.parametrize("state", [*AT_WORK, State.QUEUED])
@pytest.mark.parametrize("more", [0, 2])
def test_what_goes_on_or_waits_is_not_resumed(
    workspace: Workspace, plan: Plan, state: State, more: int
) -> None:
    folder = run_in(workspace, plan, state, waits=state is State.QUEUED)
    before = untouched(folder)
    with pytest.raises(Busy, match="goes on already") as caught:
        steer.resume(workspace, folder.id, more=more)
    assert caught.value.given == folder.id
    assert untouched(folder) == before


def test_a_second_resume_is_refused_and_the_run_waits_once(workspace: Workspace, plan: Plan) -> None:
    folder = run_in(workspace, plan, State.PAUSED)
    steer.resume(workspace, folder.id)
    with pytest.raises(Busy):
        steer.resume(workspace, folder.id)
    assert line.waiting(workspace) == (folder.id,)


def test_of_many_who_resume_at_once_one_does(workspace: Workspace, plan: Plan) -> None:
    folder = run_in(workspace, plan, State.PAUSED)
    answers: list[str] = []

    def resume() -> None:
        try:
            steer.resume(workspace, folder.id, more=1)
            answers.append("resumed")
        except ThawError as error:
            answers.append(type(error).__name__)

    threads = [threading.Thread(target=resume) for _each in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["Busy", "Busy", "Busy", "resumed"]
    assert folder.plan().recipe.epochs == plan.recipe.epochs + 1


def test_what_has_finished_goes_on_for_more_epochs_alone(workspace: Workspace, plan: Plan) -> None:
    folder = run_in(workspace, plan, State.FINISHED)
    folder.write_status(replace(folder.status(), progress=1.0))
    before = untouched(folder)
    with pytest.raises(BadInput, match="has finished") as caught:
        steer.resume(workspace, folder.id)
    assert "more epochs" in caught.value.fix
    assert untouched(folder) == before
    steer.resume(workspace, folder.id, more=3)
    assert folder.plan() == replace(plan, recipe=replace(plan.recipe, epochs=6)).checked()
    status = folder.status()
    assert (status.state, status.epochs, status.progress) == (State.QUEUED, 6, 0.5)
    assert line.waiting(workspace) == (folder.id,)


@pytest.mark.parametrize("state", CAN_GO_ON)
def test_what_has_learned_and_lost_its_checkpoint_does_not_begin_anew(
    workspace: Workspace, plan: Plan, state: State
) -> None:
    folder = run_in(workspace, plan, state)
    folder.places.last.unlink()
    folder.model.write_bytes(b"model")
    before = untouched(folder)
    assert steer.lacks_checkpoint(folder)
    with pytest.raises(BadInput, match="no checkpoint") as caught:
        steer.resume(workspace, folder.id)
    assert caught.value.fix
    assert untouched(folder) == before
    folder.model.unlink()  # without one there is nothing to lose
    steer.resume(workspace, folder.id)
    assert folder.status().state is State.QUEUED


@pytest.mark.parametrize("planned", [30, 4], ids=["before its last epoch", "in its last epoch"])
def test_what_ran_out_of_patience_goes_on_from_there_and_to_its_new_end(
    workspace: Workspace, plan: Plan, planned: int
) -> None:
    early = replace(plan, recipe=replace(plan.recipe, epochs=planned, early_stopping=2))
    folder = run_in(workspace, early, State.FINISHED)
    folder.write_history([EpochRow(n, "fit", 1.0, 0.5, 1.0, 0.5, 1e-3, 1.0) for n in (1, 2, 3, 4)])
    steer.resume(workspace, folder.id, more=5)
    found = folder.plan().recipe
    assert (found.epochs, found.early_stopping) == (9, 0)


def test_progress_and_the_epochs_that_are_left_count_from_where_a_run_ended(
    workspace: Workspace, plan: Plan
) -> None:
    early = replace(plan, recipe=replace(plan.recipe, epochs=500, early_stopping=2))
    folder = run_in(workspace, early, State.FINISHED)
    folder.write_status(replace(folder.status(), progress=1.0))
    rows = [EpochRow(n, "fit", 1.0, 0.5, 1.0, 0.5, 1e-3, 1.0) for n in (1, 2, 3, 4)]
    folder.write_history(rows)
    assert steer.most_more(early, rows) == 496
    steer.resume(workspace, folder.id, more=4)
    status = folder.status()
    assert (status.epochs, status.progress) == (8, 0.5)


def test_what_was_left_before_its_early_end_keeps_to_it(workspace: Workspace, plan: Plan) -> None:
    early = replace(plan, recipe=replace(plan.recipe, epochs=30, early_stopping=2))
    folder = run_in(workspace, early, State.STOPPED)
    folder.write_history([EpochRow(1, "fit", 1.0, 0.5, 1.0, 0.5, 1e-3, 1.0)])
    steer.resume(workspace, folder.id, more=5)
    found = folder.plan().recipe
    assert (found.epochs, found.early_stopping) == (35, 2)


def test_what_has_finished_without_a_checkpoint_is_not_begun_anew(workspace: Workspace, plan: Plan) -> None:
    folder = run_in(workspace, plan, State.FINISHED)
    folder.places.last.unlink()
    before = untouched(folder)
    with pytest.raises(BadInput, match="no checkpoint") as caught:
        steer.resume(workspace, folder.id, more=3)
    assert "starts from it" in caught.value.fix
    assert untouched(folder) == before


@pytest.mark.parametrize("state", [State.FINISHED, State.PAUSED, State.STOPPED])
def test_more_epochs_than_there_may_be_change_nothing(workspace: Workspace, plan: Plan, state: State) -> None:
    folder = run_in(workspace, plan, state)
    before = untouched(folder)
    assert steer.most_more(plan) == fields.EPOCHS.high - 3
    with pytest.raises(BadInput):
        steer.resume(workspace, folder.id, more=steer.most_more(plan) + 1)
    assert untouched(folder) == before
    steer.resume(workspace, folder.id, more=steer.most_more(plan))
    assert folder.plan().recipe.epochs == fields.EPOCHS.high


@pytest.mark.parametrize("state", [State.FINISHED, *CAN_GO_ON])
def test_fewer_epochs_cannot_be_asked_for(workspace: Workspace, plan: Plan, state: State) -> None:
    folder = run_in(workspace, plan, state)
    before = untouched(folder)
    with pytest.raises(BadInput):
        steer.resume(workspace, folder.id, more=-1)
    assert untouched(folder) == before


def test_a_run_keeps_its_place_among_the_others_whatever_is_done_with_it(
    workspace: Workspace, plan: Plan
) -> None:
    runs = [run_in(workspace, plan, State.FINISHED) for _each in range(3)]
    for minute, each in enumerate(runs):
        os.utime(each.path / "plan.json", (1_000_000 + 60 * minute,) * 2)
    before = [each.id for each in run_folders(workspace)]
    steer.resume(workspace, runs[0].id, more=2)
    steer.stop(workspace, runs[0].id)
    steer.resume(workspace, runs[0].id)
    assert [each.id for each in run_folders(workspace)] == before
    assert [about_of(each).number for each in runs] == [1, 2, 3]


def test_a_run_whose_dataset_is_gone_is_not_resumed(
    workspace: Workspace, plan: Plan, dataset: Dataset
) -> None:
    folder = run_in(workspace, plan, State.PAUSED)
    shutil.rmtree(dataset.folder)
    before = untouched(folder)
    with pytest.raises(NotFound, match="no longer in the workspace") as caught:
        steer.resume(workspace, folder.id, more=2)
    assert "Restore them from the bin" in caught.value.fix
    assert untouched(folder) == before


def test_a_run_whose_ancestor_is_gone_is_not_resumed(workspace: Workspace, plan: Plan) -> None:
    folder = run_in(workspace, plan, State.PAUSED)
    gone = replace(folder.plan(), weights=Start(RUN, "20260101-000000-gone"))
    gone.save(folder.path / "plan.json")
    before = untouched(folder)
    with pytest.raises(ThawError):
        steer.resume(workspace, folder.id)
    assert untouched(folder) == before


def test_in_the_foreground_a_run_is_taken_out_of_the_line(workspace: Workspace, plan: Plan) -> None:
    other = run_in(workspace, plan, State.QUEUED, waits=True)
    waits = run_in(workspace, plan, State.QUEUED, waits=True)
    paused = run_in(workspace, plan, State.PAUSED)
    for each in (waits, paused):
        steer.resume(workspace, each.id, wait=False)
        assert each.status().state is State.QUEUED
    assert line.waiting(workspace) == (other.id,)
    for state in AT_WORK:
        with pytest.raises(Busy):
            steer.resume(workspace, run_in(workspace, plan, state).id, wait=False)


@pytest.mark.parametrize("run_id", UNKNOWN)
@pytest.mark.parametrize("do", [steer.stop, steer.pause, steer.resume])
def test_a_run_that_is_not_there_is_not_found(workspace: Workspace, do: object, run_id: str) -> None:
    with pytest.raises(NotFound):
        do(workspace, run_id)  # type: ignore[operator]


def test_a_disk_that_is_full_while_a_run_is_resumed_leaves_it_as_it_was(
    workspace: Workspace, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run_in(workspace, plan, State.PAUSED)
    before = folder.status()

    def full(*_given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        steer.resume(workspace, folder.id)
    monkeypatch.undo()
    assert folder.status() == before
    steer.resume(workspace, folder.id)
    assert line.waiting(workspace) == (folder.id,)
