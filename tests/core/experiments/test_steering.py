from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
from fake_runs import end, finish, now

from core import bin as bins
from core.data.dataset import Dataset
from core.errors import Busy, NotFound
from core.experiments import design as designs
from core.experiments import experiment as experiments
from core.experiments import steering
from core.experiments.design import Design
from core.experiments.experiment import Experiment
from core.runs import line, steer, wishes
from core.runs.about import about_of
from core.runs.folder import RunFolder, run_folders
from core.runs.listing import listed
from core.runs.status import State
from core.runs.wishes import Wish
from core.training.plan import Plan
from core.workspace import Workspace

LITE0 = "efficientnet-lite0"


@pytest.fixture
def design(dataset: Dataset) -> Design:
    return designs.seeds(Plan(dataset.id, dataset.title, LITE0), dataset, seeds=3)


@pytest.fixture
def begun(workspace: Workspace, design: Design) -> Experiment:
    return steering.begin(workspace, design, by="someone")


def states(workspace: Workspace, experiment: Experiment) -> list[State]:
    return [RunFolder.open(workspace, each.run).status().state for each in experiment.members]


def test_the_runs_wait_in_line_in_order_and_know_their_experiment(
    workspace: Workspace, begun: Experiment
) -> None:
    runs = [each.run for each in begun.members]
    assert line.waiting(workspace) == tuple(runs)
    for run in runs:
        about = about_of(RunFolder.open(workspace, run))
        assert (about.experiment, about.by) == (begun.id, "someone")
    assert {run.experiment for run in listed(workspace)} == {begun.id}
    assert [run.name for run in reversed(listed(workspace))] == ["Seed 0", "Seed 1", "Seed 2"]


def test_what_was_begun_is_read_back_whole(workspace: Workspace, begun: Experiment) -> None:
    assert experiments.load(workspace, begun.id) == begun
    assert experiments.listed(workspace) == [begun]


def test_nothing_is_begun_on_photos_that_are_gone(workspace: Workspace, design: Design) -> None:
    shutil.rmtree(workspace.dataset_dir(design.plan.dataset))
    with pytest.raises(NotFound):
        steering.begin(workspace, design)
    assert run_folders(workspace) == []
    assert list(workspace.experiments.iterdir()) == []


def test_a_ctrl_c_while_it_is_begun_leaves_nothing_of_an_experiment(
    workspace: Workspace, design: Design, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(*_given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("core.experiments.steering.save", pressed)
    with pytest.raises(KeyboardInterrupt):
        steering.begin(workspace, design)
    assert run_folders(workspace) == []


@pytest.mark.parametrize("fails", ["core.experiments.members.write_about", "core.experiments.steering.save"])
def test_a_full_disk_leaves_nothing_of_an_experiment(
    workspace: Workspace, design: Design, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    def full(*_given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fails, full)
    with pytest.raises(OSError, match="No space left"):
        steering.begin(workspace, design)
    assert run_folders(workspace) == []
    assert line.waiting(workspace) == ()
    assert experiments.listed(workspace) == []


def test_a_cancel_takes_out_what_waits_stops_what_is_at_work_and_keeps_what_has_ended(
    workspace: Workspace, begun: Experiment
) -> None:
    first, second, _third = (each.run for each in begun.members)
    finish(workspace, first)
    at_work = end(workspace, second, State.TRAINING)
    other = steer.create(workspace, begun.plan, wait=True)
    steering.cancel(workspace, begun.id)
    assert states(workspace, begun) == [State.FINISHED, State.TRAINING, State.STOPPED]
    assert wishes.asked(at_work) is Wish.STOP
    assert line.waiting(workspace) == (other.id,)
    assert now(workspace, begun).cancelled
    steering.cancel(workspace, begun.id)


def test_a_borrowed_run_is_neither_cancelled_nor_deleted(workspace: Workspace, design: Design) -> None:
    lent = finish(workspace, steer.create(workspace, design.plan, wait=False).id)
    members = (replace(design.members[0], run=lent.id), *design.members[1:])
    begun = steering.begin(workspace, replace(design, members=members))
    assert [each.borrowed for each in begun.members] == [True, False, False]
    assert len(line.waiting(workspace)) == 2
    steering.cancel(workspace, begun.id)
    steering.delete(workspace, begun.id, by="me")
    assert [each.id for each in run_folders(workspace)] == [lent.id]
    assert about_of(lent).experiment == ""


def test_deleting_puts_the_runs_into_the_bin_and_one_that_comes_back_is_one_of_its_own(
    workspace: Workspace, begun: Experiment
) -> None:
    for each in begun.members:
        finish(workspace, each.run)
    steering.delete(workspace, begun.id, by="me")
    assert experiments.listed(workspace) == []
    assert listed(workspace) == []
    assert {each.id for each in bins.binned(workspace)} == {each.run for each in begun.members}
    bins.restore(workspace, bins.RUN, begun.members[0].run)
    assert [run.experiment for run in listed(workspace)] == [""]
    with pytest.raises(NotFound):
        steering.delete(workspace, begun.id, by="me")


def test_a_run_that_another_experiment_borrowed_stays_and_is_one_of_its_own(
    workspace: Workspace, design: Design, begun: Experiment
) -> None:
    for each in begun.members:
        finish(workspace, each.run)
    lent, base = (begun.members[at].run for at in (0, 1))
    members = (replace(design.members[0], run=lent),)
    other = steering.begin(workspace, replace(design, kind="controls", members=members, base_run=base))
    steering.delete(workspace, begun.id)
    assert {run.id: run.experiment for run in listed(workspace)} == {lent: "", base: ""}
    assert about_of(RunFolder.open(workspace, lent)).experiment == ""
    assert experiments.listed(workspace) == [other]


def test_runs_whose_experiment_was_never_written_are_listed_as_runs_of_their_own(
    workspace: Workspace, begun: Experiment
) -> None:
    (workspace.experiments / begun.id / "experiment.json").unlink()
    assert {run.experiment for run in listed(workspace)} == {""}


def test_an_experiment_that_goes_on_is_not_deleted_in_part(workspace: Workspace, begun: Experiment) -> None:
    finish(workspace, begun.members[0].run)
    with pytest.raises(Busy):
        steering.delete(workspace, begun.id, by="me")
    assert len(run_folders(workspace)) == 3
    assert experiments.listed(workspace) == [begun]


@pytest.mark.parametrize("experiment_id", ["", "../runs", "none", "x" * 500])
def test_an_experiment_that_is_not_there_is_refused(workspace: Workspace, experiment_id: str) -> None:
    for act in (steering.cancel, steering.delete, experiments.load):
        with pytest.raises(NotFound):
            act(workspace, experiment_id)
