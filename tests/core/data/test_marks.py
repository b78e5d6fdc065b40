from __future__ import annotations

import errno
import json
import shutil
import threading
from dataclasses import replace

import pytest

from core.data import dataset as datasets
from core.data import marks
from core.data.dataset import Dataset
from core.data.marks import BAD, KEEP, WRONG, Mark, marks_of, of_items, set_mark
from core.errors import BadInput, NotFound, Unavailable


def other_class(dataset: Dataset, at: int) -> str:
    return dataset.classes[1 - dataset.items[at].label]


def test_a_dataset_has_no_marks_at_first(dataset: Dataset) -> None:
    assert marks_of(dataset.folder) == {}
    assert of_items(dataset) == {}


def test_a_mark_is_kept_at_once_and_found_by_the_photos_path(dataset: Dataset) -> None:
    first, second, third = (item.path for item in dataset.items[:3])
    set_mark(dataset, first, Mark(WRONG, other_class(dataset, 0)))
    set_mark(dataset, second, Mark(BAD))
    set_mark(dataset, third, Mark(KEEP))
    assert marks_of(dataset.folder) == {
        first: Mark(WRONG, other_class(dataset, 0)), second: Mark(BAD), third: Mark(KEEP)}
    assert marks.counts(marks_of(dataset.folder)) == {WRONG: 1, BAD: 1, KEEP: 1}


def test_a_later_mark_takes_the_place_of_an_earlier_one_and_none_takes_it_away(dataset: Dataset) -> None:
    path = dataset.items[0].path
    set_mark(dataset, path, Mark(BAD))
    set_mark(dataset, path, Mark(KEEP))
    assert marks_of(dataset.folder) == {path: Mark(KEEP)}
    set_mark(dataset, path, None)
    set_mark(dataset, path, None)
    assert marks_of(dataset.folder) == {}


def test_marks_leave_the_dataset_as_it_is(dataset: Dataset) -> None:
    set_mark(dataset, dataset.items[0].path, Mark(BAD))
    assert datasets.load(dataset.folder) is dataset


@pytest.mark.parametrize("path", ["images/999999.png", "../secret.png", ""])
def test_what_is_no_photo_of_the_dataset_cannot_be_marked(dataset: Dataset, path: str) -> None:
    with pytest.raises(BadInput, match="no such photo"):
        set_mark(dataset, path, Mark(BAD))
    assert marks_of(dataset.folder) == {}


@pytest.mark.parametrize(
    ("mark", "why"),
    [
        (Mark("nonsense"), "cannot be said"),
        (Mark(WRONG), "no such class"),
        (Mark(WRONG, "yellow"), "no such class"),
        (Mark(WRONG, "blue"), "the class that the photo has"),
        (Mark(KEEP, "red"), "Only a wrong label"),
    ],
)
def test_what_makes_no_sense_cannot_be_said_of_a_photo(dataset: Dataset, mark: Mark, why: str) -> None:
    blue = next(item for item in dataset.items if dataset.classes[item.label] == "blue")
    with pytest.raises(BadInput, match=why):
        set_mark(dataset, blue.path, mark)
    assert marks_of(dataset.folder) == {}


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"version": 2, "marks": {}}',
        '{"version": 1, "marks": []}',
        '{"version": 1, "marks": {"../../secret.png": ["bad image", ""]}}',
        '{"version": 1, "marks": {"images/000000.png": ["nonsense", ""]}}',
        '{"version": 1, "marks": {"images/000000.png": ["wrong label", 3]}}',
        '{"version": 1, "marks": {"images/000000.png": "bad image"}}',
    ],
)
def test_a_damaged_file_of_marks_says_so_and_is_not_written_over(dataset: Dataset, content: str) -> None:
    file = dataset.folder / marks.FILE
    file.write_text(content)
    with pytest.raises(BadInput):
        marks_of(dataset.folder)
    with pytest.raises(BadInput):
        set_mark(dataset, dataset.items[0].path, Mark(BAD))
    assert file.read_text() == content


def test_marks_of_photos_and_classes_that_are_not_there_mean_nothing(dataset: Dataset) -> None:
    rows = {
        "images/888888.png": [BAD, ""], dataset.items[0].path: [WRONG, "yellow"],
        dataset.items[1].path: [KEEP, ""],
    }
    (dataset.folder / marks.FILE).write_text(json.dumps({"version": 1, "marks": rows}))
    assert of_items(dataset) == {dataset.items[1].path: Mark(KEEP)}


def test_a_part_of_a_dataset_shows_only_the_marks_of_its_own_photos(dataset: Dataset) -> None:
    for item in dataset.items[:2]:
        set_mark(dataset, item.path, Mark(BAD))
    part = replace(dataset, items=dataset.items[1:])
    assert list(of_items(part)) == [dataset.items[1].path]


def test_two_tabs_that_mark_at_once_lose_nothing(dataset: Dataset) -> None:
    def mark_all(start: int) -> None:
        for item in dataset.items[start::2]:
            set_mark(dataset, item.path, Mark(KEEP))

    threads = [threading.Thread(target=mark_all, args=(start,)) for start in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(marks_of(dataset.folder)) == {item.path for item in dataset.items}


@pytest.mark.parametrize(
    ("code", "why"), [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "could not be written")])
def test_a_mark_that_cannot_be_written_says_so_and_the_others_stay(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, code: int, why: str
) -> None:
    set_mark(dataset, dataset.items[0].path, Mark(KEEP))

    def fail(*_given: object) -> None:
        raise OSError(code, "as the system says it")

    monkeypatch.setattr(marks, "write_json", fail)
    with pytest.raises(Unavailable, match=why):
        set_mark(dataset, dataset.items[1].path, Mark(BAD))
    assert marks_of(dataset.folder) == {dataset.items[0].path: Mark(KEEP)}


def test_a_photo_of_a_dataset_that_is_gone_cannot_be_marked(dataset: Dataset) -> None:
    shutil.rmtree(dataset.folder)
    with pytest.raises(NotFound, match="this dataset is gone"):
        set_mark(dataset, dataset.items[0].path, Mark(BAD))
