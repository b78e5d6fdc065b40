from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import pytest

from core.data import dataset as datasets
from core.data.dataset import Dataset
from core.errors import BadInput, Stopped
from core.jobs import no_progress
from core.runs.received_photos import checked_photos
from core.words import one_line

Change = Callable[..., None]


@pytest.fixture
def change(dataset: Dataset) -> Change:
    """Return a function that changes the manifest of a dataset that came along."""
    def changing(**changes: object) -> None:
        path = dataset.folder / "dataset.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return changing


def rows(dataset: Dataset) -> list[list[object]]:
    found: list[list[object]] = json.loads((dataset.folder / "dataset.json").read_text())["items"]
    return found


def test_sound_photos_come_over_as_they_are(dataset: Dataset) -> None:
    before = (dataset.folder / "dataset.json").read_text()
    assert checked_photos(dataset.folder, no_progress) == dataset
    assert (dataset.folder / "dataset.json").read_text() == before


@pytest.mark.parametrize("content", [b"<script>not a photo</script>", b"", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_photo_is_refused_whatever_its_digest(
    dataset: Dataset, change: Change, content: bytes
) -> None:
    items = rows(dataset)
    items[0][4] = hashlib.sha256(content).hexdigest()
    dataset.file(dataset.items[0]).write_bytes(content)
    change(items=items)
    with pytest.raises(BadInput, match=r"^The (file|image)"):
        checked_photos(dataset.folder, no_progress)


def test_a_photo_of_another_kind_than_its_name_says_is_refused(dataset: Dataset, change: Change) -> None:
    items = rows(dataset)
    items[0][0] = "images/000000.php"
    dataset.file(dataset.items[0]).rename(dataset.folder / "images/000000.php")
    change(items=items)
    with pytest.raises(BadInput, match="another kind"):
        checked_photos(dataset.folder, no_progress)


def test_a_photo_that_is_missing_or_another_is_refused(dataset: Dataset) -> None:
    first, second = (dataset.file(item) for item in dataset.items[:2])
    first.write_bytes(second.read_bytes())
    with pytest.raises(BadInput, match="another one"):
        checked_photos(dataset.folder, no_progress)
    first.unlink()
    with pytest.raises(BadInput, match="missing"):
        checked_photos(dataset.folder, no_progress)


@pytest.mark.parametrize("column", [0, 4], ids=["path", "bytes"])
def test_a_photo_that_is_there_twice_is_refused(dataset: Dataset, change: Change, column: int) -> None:
    items = rows(dataset)
    items[0][column] = items[1][column]
    change(items=items)
    with pytest.raises(BadInput, match="damaged"):
        checked_photos(dataset.folder, no_progress)


@pytest.mark.parametrize("classes", [
    ["blue", "blue"], ["blue", ""], ["blue", "\x1b]0;pwned\x07\x1b[2J"], ["blue", "x" * 300],
])
def test_classes_that_no_intake_would_give_are_refused(
    dataset: Dataset, change: Change, classes: list[str]
) -> None:
    change(classes=classes)
    with pytest.raises(BadInput, match="damaged"):
        checked_photos(dataset.folder, no_progress)


def test_sizes_are_those_of_the_photos(dataset: Dataset, change: Change) -> None:
    change(items=[[*row[:5], -10**9, 10**9] for row in rows(dataset)])
    found = checked_photos(dataset.folder, no_progress)
    assert found.items == dataset.items


def test_texts_are_each_on_one_line_and_not_too_long(dataset: Dataset, change: Change) -> None:
    hostile = "\x1b[2J\ud800" + "x" * 300_000
    change(
        title=hostile, source=hostile, refused=[[hostile, hostile]], ignored=[[hostile, hostile]],
        duplicates=[[hostile, hostile]], problems=[["warning", hostile, hostile]],
        items=[[row[0], hostile, *row[2:]] for row in rows(dataset)],
    )
    found = checked_photos(dataset.folder, no_progress)
    assert len(found.title) <= 80
    assert (dataset.folder / "dataset.json").stat().st_size < 500_000
    texts = [
        found.title, found.source, found.refused[0].reason, found.ignored[0].reason,
        *(each.message for each in found.problems),
    ]
    assert all(one_line(each) == each for each in texts)


def test_what_a_dataset_hides_of_its_problems_is_found(dataset: Dataset, change: Change) -> None:
    change(items=[row for row in rows(dataset) if row[2] == 0], problems=[["error", "Made up", "Made up."]])
    found = checked_photos(dataset.folder, no_progress)
    assert not found.usable
    assert "Made up" not in [each.title for each in found.problems]


def test_a_date_that_is_none_is_refused(dataset: Dataset, change: Change) -> None:
    change(created="yesterday")
    with pytest.raises(BadInput, match="damaged"):
        checked_photos(dataset.folder, no_progress)


def test_photos_that_are_not_named_go(dataset: Dataset) -> None:
    (dataset.folder / "images/999999.sh").write_text("x")
    checked_photos(dataset.folder, no_progress)
    assert len(list((dataset.folder / "images").iterdir())) == len(dataset.items)


def test_looking_at_photos_can_be_cancelled(dataset: Dataset) -> None:
    def cancel(_phase: str, _done: int, _total: int | None) -> None:
        raise Stopped("It was cancelled.")

    with pytest.raises(Stopped):
        checked_photos(dataset.folder, cancel)
    assert datasets.load(dataset.folder) == dataset
