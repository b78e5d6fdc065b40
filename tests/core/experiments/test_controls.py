from __future__ import annotations

import shutil

import pytest
from fake_runs import finish, go_on

from core.data.dataset import Dataset
from core.experiments import design as designs
from core.experiments import steering
from core.experiments.experiment import Experiment
from core.experiments.results import results, rows
from core.runs import steer
from core.runs.folder import RunFolder
from core.training.plan import Plan
from core.training.presets import LP_FT
from core.workspace import Workspace


@pytest.fixture
def plan(dataset: Dataset) -> Plan:
    return Plan(dataset.id, dataset.title, "efficientnet-lite0")


def test_controls_stand_beside_their_run_and_the_most_frequent_class(
    workspace: Workspace, plan: Plan
) -> None:
    run = finish(workspace, steer.create(workspace, LP_FT.applied(plan), wait=False).id, right=90)
    experiment = steering.begin(workspace, designs.controls(workspace, run.id))
    for each, right in zip(experiment.members, (40, 88, 70), strict=True):
        finish(workspace, each.run, right=right)
    found = results(workspace, experiment)
    (series,) = found.series
    assert [(each.role, each.mean) for each in series.points] == [
        ("majority", 0.5), ("scratch", 0.4), ("head", 0.88), ("all", 0.7), ("run", 0.9)]
    assert found.test_figures == 4
    assert "Clearly more than: always the most frequent class 50.0%, from scratch 40.0% (p < 0.0001), " \
        "everything learns 70.0% (p < 0.0001)." in found.sentence
    assert "No clear difference to: head only 88.0% (p = 0.5)." in found.sentence
    assert "Where p is given, compared photo by photo, by McNemar’s exact test" in found.sentence
    assert [row["p"] for row in rows(found)][::4] == [None, None]


def test_controls_are_judged_photo_by_photo_where_their_intervals_would_overlap(
    workspace: Workspace, plan: Plan
) -> None:
    run = finish(workspace, steer.create(workspace, LP_FT.applied(plan), wait=False).id, right=90)
    experiment = steering.begin(workspace, designs.controls(workspace, run.id))
    for each in experiment.members:
        finish(workspace, each.run, right=82)
    found = results(workspace, experiment)
    points = {each.role: each for each in found.series[0].points}
    assert not points["run"].clear_of(points["head"])
    assert points["head"].p == pytest.approx(3 * 2 * 0.5**8)  # 8 photos to none, one of three tests
    assert "head only 82.0% (p = 0.023)" in found.sentence.partition("Clearly more than")[2]
    assert "No clear difference" not in found.sentence


def test_controls_without_answers_on_the_same_photos_are_judged_by_intervals(
    workspace: Workspace, plan: Plan
) -> None:
    run = finish(workspace, steer.create(workspace, LP_FT.applied(plan), wait=False).id, right=90)
    experiment = steering.begin(workspace, designs.controls(workspace, run.id))
    for each in experiment.members:
        folder = finish(workspace, each.run, right=82)
        (folder.path / "test.csv").unlink()
    found = results(workspace, experiment)
    assert "No clear difference to: from scratch 82.0%, head only 82.0%" in found.sentence
    assert "Clear is where the intervals do not overlap." in found.sentence


def controlled(
    workspace: Workspace, plan: Plan, right: int | None = 90
) -> tuple[RunFolder, Experiment]:
    """A run and its controls, all of which have ended."""
    run = finish(workspace, steer.create(workspace, LP_FT.applied(plan), wait=False).id, right=right)
    experiment = steering.begin(workspace, designs.controls(workspace, run.id))
    for each in experiment.members:
        finish(workspace, each.run, right=None if right is None else 70)
    return run, experiment


def test_controls_are_not_compared_with_a_run_that_went_on(workspace: Workspace, plan: Plan) -> None:
    run, experiment = controlled(workspace, plan)
    assert results(workspace, experiment).complete
    go_on(workspace, run, right=99)
    found = results(workspace, experiment)
    assert found.sentence.startswith("The run has gone on since these controls began")
    assert "more than" not in found.sentence
    assert [each.role for each in found.series[0].points] == ["majority", "scratch", "head", "all"]
    assert not found.complete


def test_controls_of_a_run_that_was_deleted_stay_on_their_photos_and_say_so(
    workspace: Workspace, plan: Plan
) -> None:
    run, experiment = controlled(workspace, plan)
    shutil.rmtree(run.path)
    found = results(workspace, experiment)
    assert found.sentence.startswith("The run that these are controls of was deleted")
    assert (found.split, found.test_figures, found.complete) == ("test", 3, False)
    assert [each.role for each in found.series[0].points] == ["majority", "scratch", "head", "all"]


def test_controls_on_validation_stay_there_when_their_run_is_measured(
    workspace: Workspace, plan: Plan
) -> None:
    run, experiment = controlled(workspace, plan, right=None)
    finish(workspace, run.id, right=95)
    found = results(workspace, experiment)
    assert (found.split, found.test_figures, found.complete) == ("validation", 0, True)
    assert [each.role for each in found.series[0].points] == ["scratch", "head", "all", "run"]


def test_a_run_that_is_its_own_control_stands_there_once(workspace: Workspace, plan: Plan) -> None:
    run = finish(workspace, steer.create(workspace, plan, wait=False).id, right=90)
    experiment = steering.begin(workspace, designs.controls(workspace, run.id))
    (series,) = results(workspace, experiment).series
    assert [each.label for each in series.points] == ["Most frequent class", "This run (head only)"]
