from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.data import dataset as datasets
from core.data.dataset import (
    SPLITS,
    Dataset,
    Duplicate,
    Ignored,
    Item,
    Problem,
    Refused,
)
from core.errors import BadInput, NotFound
from core.workspace import Workspace

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def made(cells: dict[tuple[int, str], int], folder: Path = Path()) -> Dataset:
    items = []
    for (label, split), count in cells.items():
        for _repeat in range(count):
            number = len(items)
            name = f"class {label}/\u00fcber {number}.jpg"
            path = f"images/{number:06d}.jpg"
            items.append(Item(path, name, label, split, f"{number:064x}", 640, 480))
    return Dataset(
        id=folder.name,
        title="T\u00eft *le*",
        source="folder",
        folder=folder,
        classes=tuple(f"class {label}" for label in range(4)),
        items=tuple(items),
        refused=(Refused("a.txt", "No."),),
        duplicates=(Duplicate("b.jpg", "c.jpg"),),
        ignored=(Ignored(".d", "Hidden."),),
        problems=(Problem("warning", "Few", "Very few."),),
        seed=3,
        own_split=True,
        created="2026-01-02T03:04:05+00:00",
    )


@pytest.fixture
def stored(workspace: Workspace) -> Dataset:
    folder = workspace.datasets / "stored"
    (folder / "images").mkdir(parents=True)
    dataset = made({(0, "train"): 3, (1, "train"): 2, (1, "test"): 1}, folder)
    datasets.save(dataset, folder)
    return dataset


def test_what_is_saved_is_loaded_again(stored: Dataset) -> None:
    assert datasets.load(stored.folder) == stored


def test_a_second_load_gives_the_same_object(stored: Dataset) -> None:
    assert datasets.load(stored.folder) is datasets.load(stored.folder)


def test_counts_are_by_class_and_split(stored: Dataset) -> None:
    counts = stored.counts()
    assert [count.train for count in counts] == [3, 2, 0, 0]
    assert [count.test for count in counts] == [0, 1, 0, 0]
    assert counts[1].total == 3
    assert [item.label for item in stored.of_split("test")] == [1]


def test_a_stored_image_is_found_in_the_folder(stored: Dataset) -> None:
    assert stored.file(stored.items[0]) == stored.folder / "images" / "000000.jpg"


def test_errors_make_a_dataset_unusable() -> None:
    dataset = made({(0, "train"): 1})
    assert dataset.usable
    bad = Dataset(**{**vars(dataset), "problems": (Problem("error", "a", "b"),)})
    assert not bad.usable


def test_a_missing_dataset_is_not_found(workspace: Workspace) -> None:
    with pytest.raises(NotFound):
        datasets.load(workspace.datasets / "none")


def damage(stored: Dataset, **changes: object) -> None:
    path = stored.folder / "dataset.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 99},
        {"items": "none"},
        {"items": [["images/000000.jpg", "a"]]},
        {"items": [["../../secret.jpg", "a", 0, "train", "d", 1, 1]]},
        {"items": [["images/000000.jpg", "a", 9, "train", "d", 1, 1]]},
        {"items": [["images/000000.jpg", "a", 0, "exam", "d", 1, 1]]},
        {"classes": None},
        {"refused": [["only one"]]},
        {"seed": "x"},
    ],
)
def test_a_damaged_manifest_is_bad_input(stored: Dataset, changes: dict[str, object]) -> None:
    damage(stored, **changes)
    with pytest.raises(BadInput):
        datasets.load(stored.folder)


def test_summaries_are_newest_first_and_skip_damaged_ones(
    stored: Dataset, workspace: Workspace
) -> None:
    later = workspace.datasets / "later"
    shutil.copytree(stored.folder, later)
    summary = json.loads((later / "summary.json").read_text())
    (later / "summary.json").write_text(json.dumps({**summary, "created": "2027-01-01"}))
    (workspace.datasets / "half-made").mkdir()
    (workspace.datasets / "broken").mkdir()
    (workspace.datasets / "broken" / "summary.json").write_text("{")
    found = datasets.summaries(workspace)
    assert [summary.id for summary in found] == ["later", "stored"]
    assert found[1].images == 6
    assert found[1].classes == 4
    assert found[1].usable


CELLS = st.dictionaries(
    st.tuples(st.integers(0, 3), st.sampled_from(SPLITS)), st.integers(1, 30), min_size=1
)


@UNHURRIED
@given(CELLS, st.integers(1, 200), st.integers(0, 5))
def test_a_limited_dataset_keeps_something_of_every_cell(
    cells: dict[tuple[int, str], int], n: int, seed: int
) -> None:
    dataset = made(cells)
    if n < min(len(cells), len(dataset.items)):
        with pytest.raises(BadInput, match=f"at least {len(cells)}"):
            dataset.limited(n, seed)
        return
    limited = dataset.limited(n, seed)
    kept = Counter((item.label, item.split) for item in limited.items)
    assert len(limited.items) == min(n, len(dataset.items))
    assert set(limited.items) <= set(dataset.items)
    assert limited == dataset.limited(n, seed)
    assert set(kept) == set(cells)


def test_a_limited_dataset_keeps_the_proportions() -> None:
    dataset = made({(0, "train"): 300, (0, "test"): 100, (1, "train"): 600})
    kept = Counter((item.label, item.split) for item in dataset.limited(100).items)
    assert kept == {(0, "train"): 30, (0, "test"): 10, (1, "train"): 60}


def test_a_limit_below_one_is_bad_input() -> None:
    with pytest.raises(BadInput):
        made({(0, "train"): 3}).limited(0)
