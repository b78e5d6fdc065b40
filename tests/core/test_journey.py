from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from core.data.dataset import Dataset
from core.data.intake import take_in
from core.data.marks import BAD, Mark
from core.data.version import new_version
from core.drafts import Draft
from core.journey import Progress, chosen_run, journey, run_with_model
from core.runs import steer
from core.runs.about import About, write_about
from core.runs.folder import RunFolder
from core.runs.status import State
from core.training.plan import Plan
from core.workspace import Workspace
from tests.conftest import make_photos


def states(workspace: Workspace, draft: Draft) -> dict[str, Progress]:
    return {name: step.progress for name, step in journey(workspace, draft).steps.items()}


def test_at_first_only_start_and_data_are_open(workspace: Workspace) -> None:
    found = journey(workspace, Draft())
    assert {name for name, step in found.steps.items() if step.progress is Progress.OPEN} == {
        "start", "data",
    }
    assert found.steps["model"].at == "data"
    # One way that leads on, and not from one closed page to the next.
    assert found.steps["evaluate"].at == "data"
    assert all(step.missing for step in found.steps.values() if step.progress is Progress.LOCKED)


def test_photos_open_model_and_train(workspace: Workspace, dataset: Dataset) -> None:
    found = states(workspace, Draft(dataset=dataset.id))
    assert found["data"] is Progress.DONE
    assert found["model"] is Progress.OPEN
    assert found["train"] is Progress.OPEN
    assert found["predict"] is Progress.LOCKED
    assert journey(workspace, Draft(dataset=dataset.id)).steps["predict"].at == "train"


@pytest.mark.parametrize(
    ("how", "done"),
    [
        (State.FINISHED, True), (State.STOPPED, True), (State.FAILED, False), (State.INTERRUPTED, False),
        (State.PAUSED, False),
    ],
)
def test_a_training_counts_as_done_where_it_came_to_something(
    workspace: Workspace, dataset: Dataset, how: State, done: bool
) -> None:
    run = RunFolder.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    run.write_status(run.status().ending(how))
    assert (states(workspace, Draft(dataset=dataset.id))["train"] is Progress.DONE) is done


def test_while_a_training_goes_on_the_next_steps_say_so(workspace: Workspace, dataset: Dataset) -> None:
    RunFolder.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    step = journey(workspace, Draft(dataset=dataset.id)).steps["evaluate"]
    assert (step.progress, step.at) == (Progress.LOCKED, "train")
    assert "still going on" in step.missing


def test_a_dataset_that_is_gone_locks_what_needs_it(workspace: Workspace) -> None:
    assert states(workspace, Draft(dataset="not-there"))["model"] is Progress.LOCKED


def test_a_run_with_a_model_opens_the_rest(workspace: Workspace, dataset: Dataset) -> None:
    folder = RunFolder.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    draft = Draft(dataset=dataset.id, run=folder.id)
    assert states(workspace, draft)["evaluate"] is Progress.LOCKED
    folder.model.write_bytes(b"model")
    folder.write_status(folder.status().ending(State.FINISHED))
    assert states(workspace, draft)["train"] is Progress.DONE
    assert states(workspace, draft)["evaluate"] is Progress.OPEN
    folder.write_report({"test": {"accuracy": 1}})
    assert states(workspace, draft)["evaluate"] is Progress.DONE


def test_without_a_choice_the_newest_run_is_looked_at(workspace: Workspace, dataset: Dataset) -> None:
    plan = Plan(dataset.id, dataset.title, "efficientnet-lite0")
    first = RunFolder.create(workspace, plan)
    second = RunFolder.create(workspace, replace(plan, trainable=("top",)))
    found = journey(workspace, Draft())
    assert found.run is not None
    assert found.run.id in (first.id, second.id)
    assert journey(workspace, Draft(run=first.id)).run == first


def test_while_a_run_on_a_version_has_no_model_that_of_the_photos_it_was_made_of_is_looked_at(
    workspace: Workspace, dataset: Dataset, tmp_path: Path
) -> None:
    def run_on(of: Dataset, *, model: bool) -> RunFolder:
        run = RunFolder.create(workspace, Plan(of.id, of.title, "efficientnet-lite0"))
        if model:
            run.model.write_bytes(b"model")
        return run

    version = new_version(workspace, dataset, {dataset.items[0].path: Mark(BAD)})
    base = run_on(dataset, model=True)
    other = run_on(take_in(make_photos(tmp_path / "Other", each=5), workspace), model=True)
    again = run_on(version, model=False)
    assert run_with_model(workspace, Draft()) == other
    assert run_with_model(workspace, Draft(run=again.id)) == base
    # Runs on the very photos go before those on what they were made of.
    same = run_on(version, model=True)
    assert run_with_model(workspace, Draft(run=again.id)) == same
    shutil.rmtree(same.path)
    shutil.rmtree(dataset.folder)
    assert run_with_model(workspace, Draft(run=again.id)) == base
    shutil.rmtree(version.folder)
    assert run_with_model(workspace, Draft(run=again.id)) == other


def test_where_no_run_is_chosen_ones_own_go_before_those_of_others(
    workspace: Workspace, dataset: Dataset
) -> None:
    plan = Plan(dataset.id, dataset.title, "efficientnet-lite0")
    me, other = "a" * 32, "b" * 32
    own, theirs = (steer.create(workspace, plan, by=who, wait=False) for who in (me, other))
    for run in (own, theirs):
        run.model.write_bytes(b"model")
    assert chosen_run(workspace, Draft(), me) == own
    assert run_with_model(workspace, Draft(), me) == own
    assert chosen_run(workspace, Draft(run=theirs.id), me) == theirs
    assert chosen_run(workspace, Draft(), "c" * 32) == theirs
    assert chosen_run(workspace, Draft()) == theirs


def test_a_run_of_an_experiment_is_looked_at_only_where_it_is_chosen(
    workspace: Workspace, dataset: Dataset
) -> None:
    plan = Plan(dataset.id, dataset.title, "efficientnet-lite0")
    me = "a" * 32
    alone, part = (steer.create(workspace, plan, by=me, wait=False) for _each in range(2))
    write_about(part, About(2, "", me, "seeds-1"))
    for run in (alone, part):
        run.model.write_bytes(b"model")
    experiment = workspace.experiments / "seeds-1"
    experiment.mkdir(parents=True)
    (experiment / "experiment.json").write_text("{}")
    for found in (chosen_run, run_with_model):
        assert found(workspace, Draft(), me) == alone
        assert found(workspace, Draft(run=part.id), me) == part
    shutil.rmtree(alone.path)
    assert chosen_run(workspace, Draft(), me) is None
    # Once its experiment is gone it is a run of its own.
    shutil.rmtree(experiment)
    assert chosen_run(workspace, Draft(), me) == part
