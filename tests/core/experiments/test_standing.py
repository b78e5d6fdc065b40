from __future__ import annotations

from dataclasses import replace

import pytest
from fake_runs import end, finish

from core.data.dataset import Dataset
from core.experiments import design as designs
from core.experiments import experiment as experiments
from core.experiments import steering
from core.experiments.experiment import Experiment
from core.experiments.standing import standing
from core.runs.status import State
from core.training.plan import Plan
from core.workspace import Workspace


@pytest.fixture
def four(workspace: Workspace, dataset: Dataset) -> Experiment:
    """Four runs, each expected to take 20 seconds."""
    plan = Plan(dataset.id, dataset.title, "efficientnet-lite0")
    begun = steering.begin(workspace, designs.seeds(plan, dataset, seeds=4), expected_s=80.0)
    members = tuple(replace(each, expected_s=20.0) for each in begun.members)
    return experiments.changed(workspace, begun.id, members=members)


def test_what_is_left_is_what_was_expected_before_anything_has_ended(
    workspace: Workspace, four: Experiment
) -> None:
    found = standing(workspace, four)
    assert (found.done, found.failed, found.total, found.at_work) == (0, 0, 4, None)
    assert (found.left_s, found.state, found.share) == (80.0, "running", 0.0)


def test_what_is_left_goes_by_what_the_runs_so_far_took(workspace: Workspace, four: Experiment) -> None:
    finish(workspace, four.members[0].run, seconds=30)
    finish(workspace, four.members[1].run, seconds=50)
    assert standing(workspace, four).left_s == pytest.approx(80.0)


def test_the_run_at_work_counts_by_how_far_it_is(workspace: Workspace, four: Experiment) -> None:
    finish(workspace, four.members[0].run, seconds=20)
    folder = end(workspace, four.members[1].run, State.TRAINING)
    folder.write_status(replace(folder.status(), progress=0.5))
    found = standing(workspace, four)
    assert found.at_work == folder.id
    assert found.share == pytest.approx(1.5 / 4)
    assert found.left_s == pytest.approx(15 + 20 + 20)


def test_where_nothing_was_expected_the_mean_of_those_that_ended_is_taken(
    workspace: Workspace, four: Experiment
) -> None:
    members = tuple(replace(each, expected_s=None) for each in four.members)
    unknown = experiments.changed(workspace, four.id, members=members, expected_s=None)
    assert standing(workspace, unknown).left_s is None
    finish(workspace, four.members[0].run, seconds=12)
    assert standing(workspace, unknown).left_s == pytest.approx(36.0)


@pytest.mark.parametrize("state", [State.FAILED, State.STOPPED, State.INTERRUPTED])
def test_it_has_ended_once_no_run_may_still_come_to_its_end(
    workspace: Workspace, four: Experiment, state: State
) -> None:
    for each in four.members[:3]:
        finish(workspace, each.run)
    end(workspace, four.members[3].run, state)
    found = standing(workspace, four)
    assert (found.done, found.failed, found.state, found.left_s, found.share) == (3, 1, "finished", 0.0, 1.0)


def test_a_paused_run_may_still_come_to_its_end(workspace: Workspace, four: Experiment) -> None:
    for each in four.members[:3]:
        finish(workspace, each.run)
    end(workspace, four.members[3].run, State.PAUSED)
    assert standing(workspace, four).state == "running"


def test_a_cancelled_one_says_so_and_keeps_count(workspace: Workspace, four: Experiment) -> None:
    finish(workspace, four.members[0].run)
    steering.cancel(workspace, four.id)
    found = standing(workspace, experiments.load(workspace, four.id))
    assert (found.done, found.failed, found.state, found.left_s) == (1, 3, "cancelled", 0.0)


def test_a_ranking_counts_the_runs_that_it_will_still_add(workspace: Workspace, dataset: Dataset) -> None:
    names = [f"efficientnet-lite{n}" for n in range(3)]
    plan = Plan(dataset.id, dataset.title, names[0])
    ranking = steering.begin(workspace, designs.backbones(plan, dataset, names=names))
    assert standing(workspace, ranking).total == 5
    for each in ranking.members:
        finish(workspace, each.run)
    found = standing(workspace, ranking)
    assert (found.done, found.state) == (3, "running")
    for each in ranking.members:
        end(workspace, each.run, State.FAILED)
    assert standing(workspace, ranking).state == "finished"
