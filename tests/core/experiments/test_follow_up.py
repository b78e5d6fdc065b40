from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator

import filelock
import pytest
from fake_runs import end, finish, leave_line, now

from core import bin as bins
from core.data.dataset import Dataset
from core.errors import BadInput
from core.experiments import design as designs
from core.experiments import follow_up, scores, steering
from core.experiments.experiment import Experiment, changed
from core.experiments.standing import standing
from core.runs import line, steer
from core.runs.folder import RunFolder
from core.runs.recovery import interrupt
from core.runs.status import State
from core.training.events import EpochRow
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
        assert (plan.backbone, plan.recipe.method, plan.test_at_end) == (each.role, "lp-ft", False)
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


def test_of_the_two_the_better_on_validation_is_chosen_and_it_alone_is_looked_at(
    workspace: Workspace, ranking: Experiment, scored: list[str], looks: list[str]
) -> None:
    probed(workspace, ranking)
    first, second = now(workspace, ranking).members[3:]
    finish(workspace, first.run, validation=0.7)
    follow_up.advance(workspace, first.run)
    assert now(workspace, ranking).chosen == ""
    finish(workspace, second.run, validation=0.75)
    for _each in range(2):
        follow_up.advance(workspace, second.run)
    assert now(workspace, ranking).chosen == second.run
    assert looks == [second.run]
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


def test_an_interrupted_run_waits_again_at_the_next_start_and_once_only_where_it_gets_no_further(
    workspace: Workspace, thawing: Experiment
) -> None:
    run = thawing.members[0].run
    waiting = line.waiting(workspace)
    for epochs, waits in ((0, True), (1, True), (1, False)):
        folder = leave_line(workspace, run)
        folder.write_history([EpochRow(1, "fit", 0.9, 0.4, 0.9, 0.5, 1e-3, 1.0)][:epochs])
        interrupt(folder)
        follow_up.take_up(workspace)
        assert (run in line.waiting(workspace)) == waits
    assert line.waiting(workspace) == waiting[1:]


def test_a_run_comes_back_however_often_its_server_is_closed(
    workspace: Workspace, thawing: Experiment
) -> None:
    waiting = line.waiting(workspace)
    for _each in range(3):
        end(workspace, thawing.members[0].run, State.INTERRUPTED)  # as a close leaves it, without an error
        follow_up.take_up(workspace)
        assert line.waiting(workspace) == waiting


def test_what_a_cancel_that_broke_off_left_in_line_is_taken_out(
    workspace: Workspace, thawing: Experiment
) -> None:
    changed(workspace, thawing.id, cancelled=True)
    own = steer.create(workspace, thawing.plan, wait=True)
    again = thawing.members[0].run
    end(workspace, again, State.STOPPED)
    steer.resume(workspace, again)  # that somebody wanted
    follow_up.take_up(workspace)
    assert set(line.waiting(workspace)) == {own.id, again}


@pytest.mark.parametrize("left", ["stopped", "deleted"])
def test_a_server_without_work_takes_up_what_ended_without_a_worker(
    workspace: Workspace, thawing: Experiment, looks: list[str], left: str
) -> None:
    idle = follow_up.Idle(workspace)
    for each in thawing.members[:-1]:
        finish(workspace, each.run, validation=0.8)
    last = thawing.members[-1].run
    end(workspace, last, State.PAUSED)
    idle()
    assert now(workspace, thawing).chosen == ""
    if left == "stopped":
        steer.stop(workspace, last)
    else:
        bins.delete_run(workspace, last)
    idle()
    assert looks == [now(workspace, thawing).chosen]
    assert standing(workspace, now(workspace, thawing)).state == "finished"


def test_a_server_without_work_resumes_what_another_process_left_behind(
    workspace: Workspace, thawing: Experiment
) -> None:
    idle = follow_up.Idle(workspace)
    for each in thawing.members[1:]:
        finish(workspace, each.run)
    run = leave_line(workspace, thawing.members[0].run)
    interrupt(run)
    idle()
    assert line.waiting(workspace) == (run.id,)


def test_a_server_without_work_tries_what_fails_once_until_something_changes(
    workspace: Workspace, thawing: Experiment, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tried: list[str] = []

    def fails(_workspace: Workspace, folder: RunFolder) -> None:
        tried.append(folder.id)
        raise BadInput("no model")

    monkeypatch.setattr(follow_up, "measure", fails)
    idle = follow_up.Idle(workspace)
    for each in thawing.members:
        finish(workspace, each.run)
    with caplog.at_level(logging.CRITICAL):
        for _each in range(4):
            idle()
    assert len(tried) == 2  # once more since a run was chosen


def test_what_another_process_is_at_is_left_to_it_and_tried_again(
    workspace: Workspace, thawing: Experiment, looks: list[str]
) -> None:
    idle = follow_up.Idle(workspace)
    for each in thawing.members:
        finish(workspace, each.run)
    with filelock.FileLock(workspace.experiments / thawing.id / "settling.lock"):
        idle()
    assert looks == []
    idle()
    assert len(looks) == 1


def test_a_ranking_whose_photos_are_gone_is_chosen_by_its_probes(
    workspace: Workspace, ranking: Experiment, scored: list[str], looks: list[str]
) -> None:
    for each, reached in zip(ranking.members, (0.6, 0.9, 0.8), strict=True):
        finish(workspace, each.run, validation=reached)
    shutil.rmtree(workspace.dataset_dir(ranking.plan.dataset))
    follow_up.advance(workspace, ranking.members[0].run)
    assert now(workspace, ranking).chosen == ranking.members[1].run
    assert standing(workspace, now(workspace, ranking)).state == "finished"


def test_a_run_that_was_given_more_epochs_than_the_others_is_not_chosen(
    workspace: Workspace, thawing: Experiment, looks: list[str]
) -> None:
    for each in thawing.members[:-1]:
        finish(workspace, each.run, validation=0.7)
    longer = RunFolder.open(workspace, thawing.members[0].run)
    longer.places.last.write_bytes(b"checkpoint")
    steer.resume(workspace, longer.id, more=5)
    finish(workspace, longer.id, validation=0.9)
    finish(workspace, thawing.members[-1].run, validation=0.8)
    follow_up.advance(workspace, thawing.members[-1].run)
    assert looks == [thawing.members[-1].run]


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
