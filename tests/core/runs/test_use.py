"""What runs that have not ended still need."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from core.backbones.kept import keep
from core.data.dataset import Dataset
from core.errors import Busy
from core.runs import line
from core.runs.folder import RunFolder
from core.runs.status import State
from core.runs.use import (
    in_use,
    left_with,
    require_dataset_free,
    require_free,
    require_weights_free,
    reserved,
    reserved_dataset,
    why_dataset_in_use,
    why_in_use,
    why_weights_in_use,
)
from core.runs.work import held
from core.training.plan import Plan
from core.training.start import Start
from core.workspace import Workspace

PLAN = Plan("flowers", "Flowers", "efficientnet-lite0")
UNENDED = [State.QUEUED, State.PREPARING, State.TRAINING, State.PAUSED, State.INTERRUPTED]
ENDED = [State.FINISHED, State.STOPPED, State.FAILED]


def run_of(workspace: Workspace, state: State = State.FINISHED, plan: Plan = PLAN) -> RunFolder:
    run = RunFolder.create(workspace, plan)
    run.write_status(replace(run.status(), state=state))
    return run


def from_run(run: RunFolder) -> Plan:
    return replace(PLAN, dataset="others", weights=Start("run", run.id))


def test_every_state_is_either_ended_or_not() -> None:
    assert set(UNENDED) | set(ENDED) == set(State)


def test_a_run_that_waits_is_in_use_and_its_lock_is_left_alone(workspace: Workspace) -> None:
    run = run_of(workspace, State.QUEUED)
    assert why_in_use(workspace, run.id) == "This run waits in the queue."
    with pytest.raises(Busy, match="waits in the queue") as caught:
        require_free(workspace, run.id)
    assert (caught.value.given, bool(caught.value.fix)) == (run.id, True)
    assert not run.lock.exists()


@pytest.mark.parametrize("state", [State.PREPARING, State.TRAINING, State.FINISHED])
def test_a_run_whose_lock_is_held_is_in_use(workspace: Workspace, state: State) -> None:
    run = run_of(workspace, state)
    with held(run):
        assert why_in_use(workspace, run.id) == "This run is being worked on."
        with pytest.raises(Busy, match="worked on") as caught:
            require_free(workspace, run.id)
        assert (caught.value.given, bool(caught.value.fix)) == (run.id, True)
    assert why_in_use(workspace, run.id) == ""
    require_free(workspace, run.id)


@pytest.mark.parametrize("state", [each for each in State if each is not State.QUEUED])
def test_a_run_that_nobody_works_on_is_free_whatever_its_status_says(
    workspace: Workspace, state: State
) -> None:
    run = run_of(workspace, state)
    assert why_in_use(workspace, run.id) == ""
    assert why_dataset_in_use(workspace, PLAN.dataset) == ""
    require_free(workspace, run.id)
    require_dataset_free(workspace, PLAN.dataset)


def test_looking_makes_no_lock(workspace: Workspace) -> None:
    run = run_of(workspace)
    in_use(workspace)
    assert not run.lock.exists()


@pytest.mark.parametrize("state", UNENDED)
def test_a_run_that_one_that_has_not_ended_starts_from_is_in_use(
    workspace: Workspace, state: State
) -> None:
    first = run_of(workspace)
    run_of(workspace, state, from_run(first))
    assert why_in_use(workspace, first.id) == "Run 2 starts from this and has not ended."
    with pytest.raises(Busy, match="Run 2"):
        require_free(workspace, first.id)


@pytest.mark.parametrize("state", ENDED)
def test_a_run_that_an_ended_one_started_from_is_free(workspace: Workspace, state: State) -> None:
    first = run_of(workspace)
    run_of(workspace, state, from_run(first))
    assert why_in_use(workspace, first.id) == ""


def test_a_damaged_run_is_free_unless_somebody_holds_it(workspace: Workspace) -> None:
    run = run_of(workspace, State.QUEUED)
    (run.path / "plan.json").write_text("{")
    (run.path / "status.json").unlink()
    assert why_in_use(workspace, run.id) == ""
    with held(run):
        assert why_in_use(workspace, run.id) == "This run is being worked on."


def test_a_dataset_is_in_use_while_a_run_waits_for_it(workspace: Workspace) -> None:
    run = run_of(workspace, State.QUEUED)
    assert why_dataset_in_use(workspace, PLAN.dataset) == (
        "Run 1 learns from this dataset and has not ended.")
    assert why_dataset_in_use(workspace, "others") == ""
    with pytest.raises(Busy, match="learns from this") as caught:
        require_dataset_free(workspace, PLAN.dataset)
    assert caught.value.given == PLAN.dataset
    assert why_in_use(workspace, run.id) == "This run waits in the queue."


@pytest.mark.parametrize("state", [State.PREPARING, State.TRAINING])
def test_a_dataset_is_in_use_while_a_run_learns_from_it(workspace: Workspace, state: State) -> None:
    run = run_of(workspace, state)
    with held(run):
        assert "learns from this" in why_dataset_in_use(workspace, PLAN.dataset)
    assert why_dataset_in_use(workspace, PLAN.dataset) == ""


@pytest.mark.parametrize("state", list(State))
def test_a_weight_file_is_in_use_until_the_run_that_starts_from_it_has_ended(
    workspace: Workspace, state: State
) -> None:
    name = keep(workspace, "mine.h5", io.BytesIO(b"weights"))
    run_of(workspace, state, replace(PLAN, weights=Start("file", name)))
    if state in ENDED:
        assert why_weights_in_use(workspace, name) == ""
        require_weights_free(workspace, name)
        return
    assert why_weights_in_use(workspace, name) == "Run 1 starts from this and has not ended."
    with pytest.raises(Busy, match="Run 1"):
        require_weights_free(workspace, name)


def test_what_is_reserved_can_neither_be_worked_on_nor_join_the_line(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "_LONGEST_WAIT_S", 0.01)
    run = run_of(workspace)
    with reserved(workspace, run.id):
        with pytest.raises(Busy), held(run):
            pass
        with pytest.raises(Busy), line.held_line(workspace):
            pass
    with reserved_dataset(workspace, PLAN.dataset), pytest.raises(Busy), line.held_line(workspace):
        pass
    with held(run), line.held_line(workspace):  # let go of again
        pass


def test_what_is_in_use_cannot_be_reserved(workspace: Workspace) -> None:
    run = run_of(workspace, State.QUEUED)
    with pytest.raises(Busy, match="waits in the queue"), reserved(workspace, run.id):
        pass
    with pytest.raises(Busy, match="learns from"), reserved_dataset(workspace, PLAN.dataset):
        pass


def test_runs_that_were_left_are_told_by_their_photos(workspace: Workspace, dataset: Dataset) -> None:
    runs = [
        RunFolder.create(workspace, Plan(photos, "Photos", "efficientnet-lite0"))
        for photos in (dataset.id, dataset.id, dataset.id, "others")
    ]
    for run, how in zip(runs, (State.PAUSED, State.INTERRUPTED, State.FINISHED, State.PAUSED), strict=True):
        run.write_status(run.status().ending(how))
    assert {run.id for run in left_with(workspace, dataset.id)} == {runs[0].id, runs[1].id}
