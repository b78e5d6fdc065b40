from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.data import dataset as datasets
from core.data.dataset import Dataset
from core.data.intake import take_in
from core.errors import BadInput, NotFound
from core.runs.folder import RunFolder
from core.runs.lineage import going_on_from
from core.studies.target import Target, chosen
from core.training.plan import Plan
from core.workspace import Workspace
from tests.conftest import make_photos


@pytest.fixture
def run(workspace: Workspace, dataset: Dataset) -> RunFolder:
    return RunFolder.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))


def test_a_split_of_its_own_dataset_is_in_the_datasets_order(
    workspace: Workspace, dataset: Dataset, run: RunFolder
) -> None:
    found = chosen(workspace, run, Target(split="test"))
    assert found.items == dataset.of_split("test")
    assert found.labels.tolist() == [item.label for item in found.items]
    assert (found.unknown, found.left_out, found.learned_from, found.learned_among) == ((), 0, 0, 0)
    whole = chosen(workspace, run, Target(split="all"))
    assert whole.items == dataset.items
    assert whole.learned_among == len(dataset.of_split("train"))
    assert chosen(workspace, run, Target(dataset.id, "test")).items == found.items


def test_another_dataset_is_read_by_the_names_of_its_classes(
    workspace: Workspace, run: RunFolder, tmp_path: Path
) -> None:
    folder = make_photos(tmp_path / "other", each=9, classes=("red", "green", "blue"))
    other = take_in(folder, workspace)
    found = chosen(workspace, run, Target(other.id, "all"))
    assert found.classes == ("blue", "red")
    assert found.unknown == ("green",)
    assert found.left_out == 9
    names = [found.dataset.classes[item.label] for item in found.items]
    assert [found.classes[label] for label in found.labels] == names


def test_photos_that_were_learned_from_are_left_out_of_another_dataset(
    workspace: Workspace, dataset: Dataset, run: RunFolder, photos: Path, tmp_path: Path
) -> None:
    same = take_in(photos, workspace, title="The same again")
    assert same.id != dataset.id
    found = chosen(workspace, run, Target(same.id, "all"))
    assert found.learned_from == len(dataset.of_split("train"))
    learned = {item.digest for item in dataset.of_split("train")}
    assert not learned & {item.digest for item in found.items}


@pytest.fixture
def later(workspace: Workspace, dataset: Dataset, run: RunFolder, tmp_path: Path) -> RunFolder:
    """A run on other photos that goes on from a run that goes on from the first one."""
    last = run
    for name in ("second", "third"):
        other = take_in(make_photos(tmp_path / name, classes=("red", "green", "blue")), workspace)
        last.model.write_bytes(b"a model")
        plan = going_on_from(Plan(other.id, other.title, "efficientnet-lite0"), last)
        last = RunFolder.create(workspace, plan)
    return last


def test_photos_that_an_earlier_run_of_the_line_learned_from_are_left_out_too(
    workspace: Workspace, dataset: Dataset, later: RunFolder
) -> None:
    found = chosen(workspace, later, Target(dataset.id, "all"))
    assert found.items == tuple(item for item in dataset.items if item.split != "train")
    assert found.learned_from == len(dataset.of_split("train"))
    assert found.unknown_before == ()


def test_photos_of_its_own_dataset_that_an_earlier_run_learned_from_are_counted(
    workspace: Workspace, dataset: Dataset, run: RunFolder, photos: Path
) -> None:
    same = replace(take_in(photos, workspace, title="The same again"), items=tuple(
        replace(item, split={"test": "train", "train": "test"}.get(item.split, item.split))
        for item in dataset.items))
    datasets.save(same, same.folder)
    run.model.write_bytes(b"a model")
    after = RunFolder.create(workspace, going_on_from(Plan(same.id, same.title, "efficientnet-lite0"), run))
    found = chosen(workspace, after, Target())
    assert len(found.items) == found.learned_among == len(dataset.of_split("train"))
    assert chosen(workspace, after, Target(split="validation")).learned_among == 0


def test_earlier_runs_and_photos_that_are_gone_are_named(
    workspace: Workspace, dataset: Dataset, run: RunFolder, later: RunFolder
) -> None:
    dataset.folder.rename(dataset.folder.with_name("elsewhere"))
    assert chosen(workspace, later, Target()).unknown_before == ("colours",)
    middle = workspace.run_dir(later.plan().weights.name)
    middle.rename(middle.with_name("elsewhere"))
    assert chosen(workspace, later, Target()).unknown_before == ("second", "colours")


def test_a_dataset_without_any_class_of_the_model_is_refused(
    workspace: Workspace, run: RunFolder, tmp_path: Path
) -> None:
    other = take_in(make_photos(tmp_path / "other", classes=("green",)), workspace)
    with pytest.raises(BadInput, match="no photo here"):
        chosen(workspace, run, Target(other.id, "all"))


@pytest.mark.parametrize("target", [Target(split="all of it"), Target("../up", "test"), Target("a/b", "all")])
def test_what_names_no_photos_is_refused(workspace: Workspace, run: RunFolder, target: Target) -> None:
    with pytest.raises(BadInput):
        chosen(workspace, run, target)


def test_a_dataset_that_is_gone_is_said(workspace: Workspace, run: RunFolder) -> None:
    with pytest.raises(NotFound):
        chosen(workspace, run, Target("20200101-000000-gone", "all"))


def test_the_key_names_a_file() -> None:
    assert Target().key == "own-test"
    assert Target("20200101-000000-cats", "all").key == "20200101-000000-cats-all"
