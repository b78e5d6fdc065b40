from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from fake_runs import end, finish, leave_line, now

from core.data.dataset import Dataset
from core.errors import BadInput
from core.experiments import design as designs
from core.experiments import follow_up, scores, steering
from core.experiments.experiment import Experiment
from core.experiments.standing import standing
from core.runs import line, steer
from core.runs.folder import RunFolder
from core.runs.status import State
from core.training.plan import Plan
from core.workspace import Workspace

LITE0, LITE1, LITE2 = (f"efficientnet-lite{n}" for n in range(3))


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Which runs' test photos were looked at: as a look does, it leaves its figures."""
    seen: list[str] = []

    def look(workspace: Workspace, folder: RunFolder) -> None:
        seen.append(folder.id)
        history = folder.history()
        finish(workspace, folder.id, validation=history[-1].val_accuracy or 0.0, right=70)

    monkeypatch.setattr(follow_up, "measure", look)
    return seen


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []

    def score(_workspace: Workspace, plan: Plan) -> float:
        asked.append(plan.backbone)
        return -0.25

    monkeypatch.setattr(scores, "of_plan", score)
    return asked


@pytest.fixture
def ranking(workspace: Workspace, dataset: Dataset) -> Experiment:
    plan = Plan(dataset.id, dataset.title, LITE0)
    return steering.begin(workspace, designs.backbones(plan, dataset, names=[LITE0, LITE1, LITE2]))


@pytest.fixture
def thawing(workspace: Workspace, dataset: Dataset) -> Experiment:
    return steering.begin(workspace, designs.blocks(Plan(dataset.id, dataset.title, LITE0), dataset))


def probed(workspace: Workspace, ranking: Experiment) -> None:
    for each, reached in zip(ranking.members, (0.6, 0.9, 0.8), strict=True):
        finish(workspace, each.run, validation=reached)
        follow_up.advance(workspace, each.run)


def test_the_best_two_backbones_are_trained_for_real_once_all_probes_have_ended(
    workspace: Workspace, ranking: Experiment, scored: list[str]
) -> None:
    probed(workspace, ranking)
    verifying = now(workspace, ranking).members[3:]
    assert [(each.role, each.verifies) for each in verifying] == [(LITE1, True), (LITE2, True)]
    assert line.waiting(workspace) == tuple(each.run for each in verifying)
    for each in verifying:
        plan = RunFolder.open(workspace, each.run).plan()
        assert (plan.backbone, plan.recipe.method, plan.test_at_end) == (each.role, "lp-ft", True)
        assert plan.trainable
    assert sorted(scored) == [LITE0, LITE1, LITE2]


def test_they_are_added_once_however_often_it_is_asked(
    workspace: Workspace, ranking: Experiment, scored: list[str]
) -> None:
    probed(workspace, ranking)
    for _each in range(3):
        follow_up.advance(workspace, ranking.members[0].run)
        follow_up.take_up(workspace)
    assert len(now(workspace, ranking).members) == 5
    assert len(scored) == 3
    assert set(scores.scores(workspace, ranking.id).values()) == {-0.25}


def test_of_the_two_the_better_on_validation_is_chosen_and_no_further_look_is_taken(
    workspace: Workspace, ranking: Experiment, scored: list[str], looks: list[str]
) -> None:
    probed(workspace, ranking)
    first, second = now(workspace, ranking).members[3:]
    finish(workspace, first.run, validation=0.7, right=95)
    follow_up.advance(workspace, first.run)
    assert now(workspace, ranking).chosen == ""
    finish(workspace, second.run, validation=0.75, right=60)
    follow_up.advance(workspace, second.run)
    assert now(workspace, ranking).chosen == second.run
    assert looks == []
    assert standing(workspace, now(workspace, ranking)).state == "finished"


def test_the_best_block_on_validation_alone_is_looked_at_on_the_test_photos_once(
    workspace: Workspace, thawing: Experiment, looks: list[str]
) -> None:
    best = thawing.members[4].run
    for each in thawing.members:
        assert looks == []
        finish(workspace, each.run, validation=0.9 if each.run == best else 0.8)
        follow_up.advance(workspace, each.run)
    follow_up.advance(workspace, thawing.members[0].run)
    follow_up.take_up(workspace)
    assert now(workspace, thawing).chosen == best
    assert looks == [best]


def test_a_look_that_failed_is_made_up_for_at_the_next_start(
    workspace: Workspace, thawing: Experiment, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fails(_workspace: Workspace, _folder: RunFolder) -> None:
        raise BadInput("no model")

    monkeypatch.setattr(follow_up, "measure", fails)
    for each in thawing.members:
        finish(workspace, each.run)
    with caplog.at_level(logging.ERROR):
        follow_up.advance(workspace, thawing.members[0].run)
    assert "cannot go on" in caplog.text
    looked: list[str] = []
    monkeypatch.setattr(follow_up, "measure", lambda _workspace, folder: looked.append(folder.id))
    follow_up.take_up(workspace)
    assert looked == [now(workspace, thawing).chosen]


def test_a_cancelled_experiment_is_left_as_it_is(
    workspace: Workspace, thawing: Experiment, ranking: Experiment, looks: list[str], scored: list[str]
) -> None:
    for experiment in (thawing, ranking):
        finish(workspace, experiment.members[0].run)
        steering.cancel(workspace, experiment.id)
        follow_up.advance(workspace, experiment.members[0].run)
    follow_up.take_up(workspace)
    assert looks == scored == []
    assert len(now(workspace, ranking).members) == 3


def test_probes_that_failed_are_passed_over(
    workspace: Workspace, ranking: Experiment, scored: list[str]
) -> None:
    finish(workspace, ranking.members[0].run)
    for each in ranking.members[1:]:
        end(workspace, each.run, State.FAILED)
        follow_up.advance(workspace, each.run)
    assert [each.role for each in now(workspace, ranking).members[3:]] == [LITE0]


def test_nothing_is_chosen_where_nothing_finished(
    workspace: Workspace, thawing: Experiment, looks: list[str]
) -> None:
    for each in thawing.members:
        end(workspace, each.run, State.FAILED)
        follow_up.advance(workspace, each.run)
    assert (now(workspace, thawing).chosen, looks) == ("", [])
    assert standing(workspace, thawing).state == "finished"


def test_an_interrupted_run_waits_again_at_the_next_start_and_once_only(
    workspace: Workspace, thawing: Experiment
) -> None:
    run = thawing.members[0].run
    waiting = line.waiting(workspace)
    end(workspace, run, State.INTERRUPTED)
    follow_up.take_up(workspace)
    assert line.waiting(workspace) == waiting
    end(workspace, run, State.INTERRUPTED)
    follow_up.take_up(workspace)
    assert line.waiting(workspace) == waiting[1:]


def test_a_run_of_its_own_and_a_damaged_experiment_disturb_nobody(
    workspace: Workspace, thawing: Experiment, caplog: pytest.LogCaptureFixture
) -> None:
    own = steer.create(workspace, thawing.plan, wait=False)
    follow_up.advance(workspace, own.id)
    assert caplog.text == ""
    (workspace.experiments / thawing.id / "experiment.json").write_text("{")
    leave_line(workspace, thawing.members[0].run)
    with caplog.at_level(logging.WARNING):
        follow_up.advance(workspace, thawing.members[0].run)
        follow_up.advance(workspace, "no-such-run")
        follow_up.take_up(workspace)
    assert "cannot go on" in caplog.text
