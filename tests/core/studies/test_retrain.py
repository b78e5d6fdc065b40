from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from core.data import dataset as datasets
from core.data.dataset import Dataset
from core.data.intake import take_in
from core.data.marks import BAD, WRONG, Mark, set_mark
from core.errors import BadInput, NotFound, Stopped
from core.runs.about import about_of, rename
from core.runs.folder import RunFolder
from core.runs.work import dataset_of
from core.studies import retrain as again
from core.studies.retrain import marked_version, retrain
from core.training.plan import Head, Plan, Recipe
from core.workspace import Workspace
from tests.conftest import make_photos


@pytest.fixture
def dataset(workspace: Workspace, tmp_path: Path) -> Dataset:
    """24 photos in two classes, one marked as wrongly labelled and one as bad."""
    made = take_in(make_photos(tmp_path / "colours", 12), workspace)
    first, second = made.of_split("train")[:2]
    set_mark(made, first.path, Mark(BAD))
    set_mark(made, second.path, Mark(WRONG, made.classes[1 - second.label]))
    return made


def run_on(workspace: Workspace, dataset: Dataset, **changes: object) -> RunFolder:
    plan = Plan(
        dataset.id, dataset.title, "efficientnet-lite0", ("top",), Head(hidden=8), Recipe(epochs=3, seed=7))
    return RunFolder.create(workspace, replace(plan, **changes))  # type: ignore[arg-type]


def submitted(workspace: Workspace) -> tuple[list[Plan], Callable[[Plan], str]]:
    plans: list[Plan] = []

    def submit(plan: Plan) -> str:
        plans.append(plan)
        return RunFolder.create(workspace, plan).id

    return plans, submit


def test_the_same_plan_is_trained_again_on_the_version_and_its_name_says_so(
    workspace: Workspace, dataset: Dataset
) -> None:
    run = run_on(workspace, dataset)
    plans, submit = submitted(workspace)
    again = RunFolder.open(workspace, retrain(workspace, run, "Run 1", submit))
    (plan,) = plans
    version = datasets.load(workspace.dataset_dir(plan.dataset))
    assert version.revision is not None
    assert (version.revision.of, len(version.items)) == (dataset.id, len(dataset.items) - 1)
    assert replace(plan, dataset=dataset.id, dataset_title=dataset.title) == run.plan()
    assert about_of(again).name == "Run 1, version 2"


def test_a_run_on_a_version_says_only_the_last_version(workspace: Workspace, dataset: Dataset) -> None:
    _plans, submit = submitted(workspace)
    first = RunFolder.open(
        workspace, retrain(workspace, run_on(workspace, dataset), "x" * 60, submit))
    version = datasets.load(workspace.dataset_dir(first.plan().dataset))
    assert about_of(first).name == "x" * 49 + ", version 2"
    rename(workspace, first.id, "Better, version 2")
    set_mark(version, version.of_split("train")[3].path, Mark(BAD))
    second = retrain(workspace, first, "Better, version 2", submit)
    assert about_of(RunFolder.open(workspace, second)).name == "Better, version 3"


def test_a_run_that_learned_from_a_part_makes_a_version_of_the_whole_and_takes_a_part_again(
    workspace: Workspace, dataset: Dataset
) -> None:
    run = run_on(workspace, dataset, limit=12, train_per_class=3)
    plans, submit = submitted(workspace)
    retrain(workspace, run, "Run 1", submit)
    version = datasets.load(workspace.dataset_dir(plans[0].dataset))
    assert len(version.items) == len(dataset.items) - 1
    assert (plans[0].limit, plans[0].train_per_class) == (12, 3)
    assert len(dataset_of(workspace, plans[0]).items) <= 12


def test_what_cannot_be_trained_on_is_not_submitted(workspace: Workspace, dataset: Dataset) -> None:
    for item in dataset.of_split("validation"):
        set_mark(dataset, item.path, Mark(BAD))
    plans, submit = submitted(workspace)
    with pytest.raises(BadInput, match="too little would be left"):
        retrain(workspace, run_on(workspace, dataset), "Run 1", submit)
    assert plans == []


def test_without_marks_there_is_no_version(workspace: Workspace, dataset: Dataset) -> None:
    for item in dataset.items:
        set_mark(dataset, item.path, None)
    with pytest.raises(BadInput, match="change nothing"):
        marked_version(workspace, run_on(workspace, dataset))


def test_a_run_whose_dataset_is_gone_cannot_be_trained_again(workspace: Workspace, dataset: Dataset) -> None:
    run = run_on(workspace, dataset)
    shutil.rmtree(dataset.folder)
    with pytest.raises(NotFound):
        marked_version(workspace, run)


def test_a_cancel_that_comes_after_the_version_was_made_begins_no_run(
    workspace: Workspace, dataset: Dataset
) -> None:
    run = run_on(workspace, dataset)
    marked_version(workspace, run)
    plans, submit = submitted(workspace)

    def cancel(_phase: str, _done: int, _total: int | None) -> None:
        raise Stopped("It was cancelled.")

    with pytest.raises(Stopped):
        retrain(workspace, run, "Run 1", submit, cancel)
    assert plans == []


def test_a_run_whose_name_cannot_be_kept_is_begun_all_the_same(
    workspace: Workspace, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(again, "rename", full)
    plans, submit = submitted(workspace)
    run_id = retrain(workspace, run_on(workspace, dataset), "Run 1", submit)
    assert len(plans) == 1
    assert about_of(RunFolder.open(workspace, run_id)).name == ""
