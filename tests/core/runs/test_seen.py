from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.data.dataset import Dataset
from core.errors import BadInput
from core.files import write_text
from core.runs import seen
from core.runs.about import About, write_about
from core.runs.folder import RunFolder
from core.runs.seen import about_seen, batches_of, history_of, once, plan_of, status_of
from core.runs.status import State
from core.training.events import BatchRow, EpochRow
from core.training.plan import Plan
from core.workspace import Workspace

ROWS = [BatchRow(at / 4, (10 - at) / 10, at / 10) for at in range(8)]


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    seen._kept.clear()
    seen._grown.clear()
    yield
    seen._kept.clear()
    seen._grown.clear()


@pytest.fixture
def folder(workspace: Workspace, dataset: Dataset) -> RunFolder:
    return RunFolder.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))


def settled(path: Path) -> Path:
    """Have a file written a while ago, as most are that are looked at."""
    before = time.time_ns() - 100 * seen.SETTLED_NS
    os.utime(path, ns=(before, before))
    return path


def test_what_does_not_change_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    settled(path)
    reads = []

    def read() -> str:
        reads.append(path.read_text())
        return reads[-1]

    assert [once(path, read) for _each in range(3)] == ["one"] * 3
    assert reads == ["one"]


def test_a_file_that_was_replaced_is_read_anew_though_size_and_time_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    settled(path)
    stamp = path.stat().st_mtime_ns
    assert once(path, path.read_text) == "one"
    write_text(path, "two")
    os.utime(path, ns=(stamp, stamp))
    assert once(path, path.read_text) == "two"


def test_what_has_only_just_been_written_is_read_each_time(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    ahead = time.time_ns() + 10**12
    os.utime(path, ns=(ahead, ahead))
    assert once(path, path.read_text) == "one"
    with path.open("r+") as handle:
        handle.write("two")
    os.utime(path, ns=(ahead, ahead))
    assert once(path, path.read_text) == "two"


def test_an_error_is_not_kept(folder: RunFolder) -> None:
    path = folder.path / "status.json"
    good = path.read_text()
    path.write_text("{")
    settled(path)
    for _each in range(2):
        with pytest.raises(BadInput):
            status_of(folder)
    write_text(path, good)
    assert status_of(folder).state is State.QUEUED


def test_plan_status_and_epochs_are_those_of_the_folder(folder: RunFolder) -> None:
    assert history_of(folder) == ()
    row = EpochRow(1, "fit", 0.5, 0.8, None, None, 1e-3, 2.0)
    folder.write_history([row])
    assert plan_of(folder) == folder.plan()
    assert history_of(folder) == (row,)
    folder.write_status(replace(folder.status(), state=State.TRAINING, epoch=2))
    assert status_of(folder).epoch == 2
    folder.write_status(replace(folder.status(), epoch=3))
    assert status_of(folder).epoch == 3


def test_a_run_is_called_what_it_was_called_last(folder: RunFolder) -> None:
    assert about_seen(folder) == About()
    for name in ("one", "two"):
        write_about(folder, About(7, name))
        settled(folder.path / "about.json")
        assert about_seen(folder) == about_seen(folder) == About(7, name)


def test_a_file_that_is_gone_is_not_remembered(folder: RunFolder) -> None:
    settled(folder.path / "plan.json")
    plan_of(folder)
    (folder.path / "plan.json").unlink()
    with pytest.raises(BadInput):
        plan_of(folder)


def test_of_a_curve_that_grows_only_what_came_on_is_read(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert batches_of(folder) == ()
    for row in ROWS[:3]:
        folder.append_batch(row)
    assert batches_of(folder) == tuple(ROWS[:3])

    def whole(_folder: RunFolder) -> tuple[BatchRow, ...]:
        raise AssertionError("the whole file is read again")

    monkeypatch.setattr(RunFolder, "batches", whole)
    for at, row in enumerate(ROWS[3:], start=4):
        folder.append_batch(row)
        assert batches_of(folder) == tuple(ROWS[:at])
    assert batches_of(folder) is batches_of(folder)


def test_a_line_that_is_half_written_is_left_for_later(folder: RunFolder) -> None:
    folder.append_batch(ROWS[0])
    assert batches_of(folder) == tuple(ROWS[:1])
    path = folder.path / "batches.csv"
    with path.open("a") as handle:
        handle.write("0.25000,0.9,")
    assert batches_of(folder) == tuple(ROWS[:1])
    with path.open("a") as handle:
        handle.write("0.1\n")
    assert batches_of(folder) == tuple(ROWS[:2])


@pytest.mark.parametrize("same_inode", [False, True])
def test_a_curve_that_was_cut_and_grew_again_is_read_whole(folder: RunFolder, *, same_inode: bool) -> None:
    for row in ROWS[:4]:
        folder.append_batch(row)
    assert batches_of(folder) == tuple(ROWS[:4])
    path = folder.path / "batches.csv"
    head, *lines = path.read_text().splitlines(keepends=True)
    text = head + "".join(line.replace("0.", "1.") for line in lines * 2)
    if same_inode:
        path.write_text(text)
    else:
        write_text(path, text)
    assert batches_of(folder) == folder.batches()
    assert len(batches_of(folder)) == 8


def test_a_damaged_curve_is_told(folder: RunFolder) -> None:
    (folder.path / "batches.csv").write_text("position,loss,accuracy\n1,two,3\n")
    with pytest.raises(BadInput, match="damaged"):
        batches_of(folder)
    (folder.path / "batches.csv").unlink()
    folder.append_batch(ROWS[0])
    assert batches_of(folder) == (ROWS[0],)
    with (folder.path / "batches.csv").open("a") as handle:
        handle.write("1,two,3\n")
    with pytest.raises(BadInput, match="damaged"):
        batches_of(folder)


def test_no_more_is_kept_than_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "MOST_FILES", 2)
    for name in "abcde":
        (tmp_path / name).write_text(json.dumps(name))
        settled(tmp_path / name)
        assert once(tmp_path / name, (tmp_path / name).read_text) == json.dumps(name)
        assert len(seen._kept) <= 2
