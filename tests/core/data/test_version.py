from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from core import bin as bins
from core.data import dataset as datasets
from core.data import version
from core.data.dataset import SPLITS, Dataset
from core.data.intake import take_in
from core.data.marks import BAD, KEEP, WRONG, Mark, marks_of
from core.data.records import Change, Item
from core.data.version import changes_of, new_version, version_of
from core.disk import usage
from core.errors import BadInput, NotFound, Stopped, Unavailable
from core.workspace import Workspace
from tests.conftest import make_photos


@pytest.fixture
def dataset(workspace: Workspace, tmp_path: Path) -> Dataset:
    """30 photos in three classes."""
    return take_in(make_photos(tmp_path / "Colours", 10, ("blue", "green", "red")), workspace)


def of_class(dataset: Dataset, name: str, split: str | None = None) -> list[Item]:
    label = dataset.classes.index(name)
    return [item for item in dataset.items if item.label == label and split in (None, item.split)]


def some_marks(dataset: Dataset) -> dict[str, Mark]:
    bad, wrong, kept = of_class(dataset, "blue", "train")[:3]
    return {bad.path: Mark(BAD), wrong.path: Mark(WRONG, "red"), kept.path: Mark(KEEP)}


def left_in(workspace: Workspace) -> list[Path]:
    return [*workspace.incoming.iterdir(), *workspace.datasets.glob(".*")]


def test_bad_images_are_left_out_labels_put_right_and_all_else_is_as_it_was(
    workspace: Workspace, dataset: Dataset
) -> None:
    bad, wrong, _kept = of_class(dataset, "blue", "train")[:3]
    made = new_version(workspace, dataset, some_marks(dataset))
    before = {item.path: item for item in dataset.items}
    assert set(before) - {item.path for item in made.items} == {bad.path}
    for item in made.items:
        was = before[item.path]
        assert (item.name, item.split, item.digest) == (was.name, was.split, was.digest)
        assert made.classes[item.label] == ("red" if item.path == wrong.path else dataset.classes[was.label])
        assert made.file(item).read_bytes() == dataset.file(was).read_bytes()
    assert left_in(workspace) == []


def test_the_version_says_what_it_was_made_of(workspace: Workspace, dataset: Dataset) -> None:
    bad, wrong, _kept = of_class(dataset, "blue", "train")[:3]
    made = new_version(workspace, dataset, some_marks(dataset))
    assert (made.title, made.source) == ("Colours (version 2)", "version")
    assert made.id != dataset.id
    assert made.revision is not None
    assert (made.revision.of, made.revision.title, made.revision.number) == (dataset.id, "Colours", 2)
    assert set(made.revision.changes) == {
        Change(bad.path, bad.name, "blue", ""), Change(wrong.path, wrong.name, "blue", "red")}
    assert datasets.load(workspace.dataset_dir(made.id)).revision == made.revision


def test_the_dataset_that_it_was_made_of_stays_as_it_is(workspace: Workspace, dataset: Dataset) -> None:
    before = {path.name: path.read_bytes() for path in dataset.folder.rglob("*") if path.is_file()}
    new_version(workspace, dataset, some_marks(dataset))
    after = {path.name: path.read_bytes() for path in dataset.folder.rglob("*") if path.is_file()}
    assert after == before


def test_the_same_marks_twice_give_the_same_version(workspace: Workspace, dataset: Dataset) -> None:
    marked = some_marks(dataset)
    assert version_of(workspace, dataset, changes_of(dataset, marked)) is None
    made = new_version(workspace, dataset, marked)
    again = new_version(workspace, dataset, dict(reversed(marked.items())))
    assert again.id == made.id
    assert version_of(workspace, dataset, changes_of(dataset, marked)) == made
    assert len(datasets.summaries(workspace)) == 2


def test_other_marks_make_another_version_with_a_number_of_its_own(
    workspace: Workspace, dataset: Dataset
) -> None:
    first = new_version(workspace, dataset, some_marks(dataset))
    other = new_version(workspace, dataset, {of_class(dataset, "red", "train")[0].path: Mark(BAD)})
    assert other.id != first.id
    assert other.title == "Colours (version 3)"


def test_a_version_of_a_version_counts_on(workspace: Workspace, dataset: Dataset) -> None:
    second = new_version(workspace, dataset, some_marks(dataset))
    third = new_version(workspace, second, {of_class(second, "red", "train")[0].path: Mark(BAD)})
    assert third.title == "Colours (version 3)"
    assert third.revision is not None
    assert third.revision.of == second.id
    assert len(third.items) == len(dataset.items) - 2


def test_photos_that_were_looked_at_are_marked_to_be_kept_in_the_version(
    workspace: Workspace, dataset: Dataset
) -> None:
    _bad, wrong, kept = of_class(dataset, "blue", "train")[:3]
    made = new_version(workspace, dataset, some_marks(dataset))
    assert marks_of(made.folder) == {wrong.path: Mark(KEEP), kept.path: Mark(KEEP)}
    assert marks_of(dataset.folder) == {}


def test_a_version_is_made_of_the_whole_dataset_whatever_part_is_given(
    workspace: Workspace, dataset: Dataset
) -> None:
    path = of_class(dataset, "blue", "train")[0].path
    made = new_version(workspace, dataset.limited(12), {path: Mark(BAD)})
    assert len(made.items) == len(dataset.items) - 1


@pytest.mark.parametrize("mark", [Mark(KEEP), Mark(WRONG, "no class of it")])
def test_marks_that_change_nothing_make_no_version(
    workspace: Workspace, dataset: Dataset, mark: Mark
) -> None:
    with pytest.raises(BadInput, match="change nothing"):
        new_version(workspace, dataset, {dataset.items[0].path: mark, "images/999999.png": Mark(BAD)})
    assert len(datasets.summaries(workspace)) == 1


def test_a_class_without_a_photo_is_left_out_with_a_warning(workspace: Workspace, dataset: Dataset) -> None:
    marked = {item.path: Mark(WRONG, "blue") for item in of_class(dataset, "green")}
    made = new_version(workspace, dataset, marked)
    assert made.classes == ("blue", "red")
    assert [made.classes[item.label] for item in made.items].count("blue") == 20
    assert made.usable
    (told,) = [each for each in made.problems if each.title == "Classes that are left out"]
    assert "green" in told.message


@pytest.mark.parametrize("split", SPLITS)
def test_a_version_with_an_empty_split_is_refused(
    workspace: Workspace, dataset: Dataset, split: str
) -> None:
    with pytest.raises(BadInput, match="too little would be left"):
        new_version(workspace, dataset, {item.path: Mark(BAD) for item in dataset.of_split(split)})
    assert len(datasets.summaries(workspace)) == 1
    assert left_in(workspace) == []


def test_a_class_without_a_test_photo_is_told(workspace: Workspace, dataset: Dataset) -> None:
    marked = {item.path: Mark(BAD) for item in of_class(dataset, "green", "test")}
    made = new_version(workspace, dataset, marked)
    (told,) = [each for each in made.problems if each.title == "No photos left for the test"]
    assert "green" in told.message


def test_what_the_intake_saw_is_still_told_and_what_is_no_longer_so_is_not(
    workspace: Workspace, tmp_path: Path
) -> None:
    folder = make_photos(tmp_path / "photos", 15)
    (tmp_path / "root").mkdir()
    folder.rename(tmp_path / "root" / "train")
    only_train = take_in(tmp_path / "root", workspace, title="Only train")
    titles = {each.title for each in only_train.problems}
    assert "No validation and test set came with the images" in titles
    made = new_version(workspace, only_train, {of_class(only_train, "red", "train")[0].path: Mark(BAD)})
    assert {each.title for each in made.problems} == titles


def test_photos_take_no_room_twice_and_stay_when_the_other_version_goes(
    workspace: Workspace, dataset: Dataset
) -> None:
    made = new_version(workspace, dataset, some_marks(dataset))
    item = made.items[0]
    assert os.path.samefile(made.file(item), dataset.folder / item.path)
    apart = usage(workspace)
    assert apart.shared > 0
    assert apart.total == sum(each.bytes for each in apart.datasets) - apart.shared
    bins.delete_dataset(workspace, dataset.id)
    assert usage(workspace).shared == apart.shared
    bins.empty(workspace)
    assert usage(workspace).shared == 0
    assert made.file(item).stat().st_size > 0


def test_where_links_cannot_be_made_photos_are_copied(
    workspace: Workspace, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_given: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(version.os, "link", refuse)
    made = new_version(workspace, dataset, some_marks(dataset))
    item = made.items[0]
    assert not os.path.samefile(made.file(item), dataset.folder / item.path)
    assert made.file(item).read_bytes() == (dataset.folder / item.path).read_bytes()


def test_a_cancelled_version_leaves_nothing_behind(workspace: Workspace, dataset: Dataset) -> None:
    def cancel(_phase: str, _done: int, _total: int | None) -> None:
        raise Stopped("It was cancelled.")

    with pytest.raises(Stopped):
        new_version(workspace, dataset, some_marks(dataset), cancel)
    assert len(datasets.summaries(workspace)) == 1
    assert left_in(workspace) == []


def test_a_version_can_be_cancelled_when_its_last_photo_is_there(
    workspace: Workspace, dataset: Dataset
) -> None:
    def cancel(_phase: str, done: int, total: int | None) -> None:
        if done == total:
            raise Stopped("It was cancelled.")

    with pytest.raises(Stopped):
        new_version(workspace, dataset, some_marks(dataset), cancel)
    assert len(datasets.summaries(workspace)) == 1
    assert left_in(workspace) == []


def test_a_damaged_version_is_passed_over_and_the_others_are_found(
    workspace: Workspace, dataset: Dataset
) -> None:
    marked = some_marks(dataset)
    made = new_version(workspace, dataset, marked)
    (blue,) = of_class(dataset, "red", "train")[:1]
    other = new_version(workspace, dataset, {blue.path: Mark(BAD)})
    (other.folder / "dataset.json").write_text("{")
    os.utime(other.folder / "dataset.json", ns=(1, 1))
    assert version_of(workspace, dataset, changes_of(dataset, marked)) == made
    assert version_of(workspace, dataset, changes_of(dataset, {blue.path: Mark(BAD)})) is None
    again = new_version(workspace, dataset, {blue.path: Mark(BAD)})
    assert again.id not in (made.id, other.id)


def test_a_photo_that_is_gone_leaves_nothing_behind(workspace: Workspace, dataset: Dataset) -> None:
    dataset.file(dataset.items[-1]).unlink()
    with pytest.raises(Unavailable):
        new_version(workspace, dataset, some_marks(dataset))
    assert len(datasets.summaries(workspace)) == 1
    assert left_in(workspace) == []


def test_a_dataset_that_is_gone_is_not_found(workspace: Workspace, dataset: Dataset) -> None:
    marked = some_marks(dataset)
    bins.delete_dataset(workspace, dataset.id)
    with pytest.raises(NotFound):
        new_version(workspace, dataset, marked)


def test_a_dataset_of_an_earlier_thaw_has_no_revision(dataset: Dataset) -> None:
    path = dataset.folder / "dataset.json"
    manifest = json.loads(path.read_text())
    del manifest["revision"]
    path.write_text(json.dumps(manifest))
    os.utime(path, ns=(1, 1))
    assert datasets.load(dataset.folder).revision is None


@pytest.mark.parametrize(
    "revision",
    [
        "text",
        {"of": "../..", "title": "t", "number": 2, "changes": []},
        {"of": "some", "title": "t", "number": "2", "changes": []},
        {"of": "some", "title": "t", "number": 2, "changes": [["too", "short"]]},
        {"of": "some", "title": "t", "number": 2},
    ],
)
def test_a_damaged_revision_is_bad_input(dataset: Dataset, revision: object) -> None:
    path = dataset.folder / "dataset.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "revision": revision}))
    os.utime(path, ns=(1, 1))
    with pytest.raises(BadInput, match="damaged"):
        datasets.load(dataset.folder)
