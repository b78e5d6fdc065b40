"""Deleting to the bin, bringing back, and removing for good."""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from core import bin as bin_
from core import folders
from core.bin import DATASET, KEPT_DAYS, RUN, binned, delete_dataset, delete_run, empty, purge, restore
from core.data import dataset as datasets
from core.data.dataset import Dataset
from core.disk import thumbnails_of
from core.errors import BadInput, Busy, NotFound, Unavailable
from core.folders import bytes_below
from core.runs.about import About, write_about
from core.runs.folder import RunFolder
from core.runs.status import State
from core.runs.work import held
from core.training.plan import Plan
from core.training.start import Start
from core.workspace import Workspace

PLAN = Plan("flowers", "Flowers *", "efficientnet-lite0")
DAY_S = 86_400
OUTSIDE = ["", "..", "../runs", "/etc", "a/b", "A", "a\x00", "-a", "a" * 81, ".hidden"]


def run_of(workspace: Workspace, state: State = State.FINISHED, plan: Plan = PLAN) -> RunFolder:
    run = RunFolder.create(workspace, plan)
    run.write_status(replace(run.status(), state=state))
    return run


def dataset_of(workspace: Workspace, name: str = "photos", content: bytes = b"photo") -> Path:
    """Make a folder that has a dataset's form as far as the bin looks."""
    folder = workspace.datasets / name
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "000000.jpg").write_bytes(content)
    (folder / "summary.json").write_text('{"title": "Photos <b>"}')
    return folder


def files_of(folder: Path) -> dict[str, bytes]:
    """Return all that is in a folder, without the lock."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*") if path.is_file() and path.name != "lock"
    }


def age(workspace: Workspace, kind: str, name: str, days: float) -> None:
    """Let something have been deleted so many days ago."""
    note = workspace.bin / f"{kind}s" / name / "deleted.json"
    note.write_text(json.dumps({**json.loads(note.read_text()), "at": time.time() - days * DAY_S}))


def test_a_deleted_run_is_in_the_bin_and_comes_back_as_it_was(workspace: Workspace) -> None:
    run = run_of(workspace)
    before = files_of(run.path)
    started = time.time()
    delete_run(workspace, run.id, by="a" * 32)
    assert not run.path.exists()
    (found,) = binned(workspace)
    assert (found.kind, found.id, found.by) == (RUN, run.id, "a" * 32)
    assert started <= found.deleted <= time.time()
    assert found.days_left == KEPT_DAYS == 30
    assert found.bytes == bytes_below(workspace.bin / "runs" / run.id) > 0
    assert restore(workspace, RUN, run.id) == run.id
    assert files_of(run.path) == before
    assert binned(workspace) == []


def test_a_deleted_dataset_is_in_the_bin_and_can_be_loaded_again_after(
    workspace: Workspace, dataset: Dataset
) -> None:
    delete_dataset(workspace, dataset.id)
    assert datasets.summaries(workspace) == []
    (found,) = binned(workspace)
    assert (found.kind, found.id, found.title, found.by) == (DATASET, dataset.id, dataset.title, "")
    assert restore(workspace, DATASET, dataset.id) == dataset.id
    assert datasets.load(dataset.folder) == dataset
    assert not (dataset.folder / "deleted.json").exists()


def test_thumbnails_go_with_their_dataset(workspace: Workspace) -> None:
    for name in ("photos", "others"):
        dataset_of(workspace, name)
        (thumbnails_of(workspace) / name).mkdir(parents=True)
        (thumbnails_of(workspace) / name / "0-96.jpg").write_bytes(b"small")
    delete_dataset(workspace, "photos")
    assert [each.name for each in thumbnails_of(workspace).iterdir()] == ["others"]


@pytest.mark.parametrize(
    ("about", "title"),
    [
        (None, "EfficientNet-Lite0 on Flowers *"),
        (About(7), "Run 7: EfficientNet-Lite0 on Flowers *"),
        (About(7, "Best so far"), "Best so far: EfficientNet-Lite0 on Flowers *"),
    ],
)
def test_a_run_in_the_bin_is_called_by_what_is_known_of_it(
    workspace: Workspace, about: About | None, title: str
) -> None:
    run = run_of(workspace)
    if about is not None:
        write_about(run, about)
    delete_run(workspace, run.id)
    assert [each.title for each in binned(workspace)] == [title]


def test_what_is_damaged_can_be_deleted_and_is_called_by_its_id(workspace: Workspace) -> None:
    run, folder = run_of(workspace, State.QUEUED), dataset_of(workspace)
    for path in (run.path / "plan.json", run.path / "status.json", folder / "summary.json"):
        path.write_text("{")
    delete_run(workspace, run.id)
    delete_dataset(workspace, folder.name)
    assert {(each.id, each.title) for each in binned(workspace)} == {
        (run.id, run.id), (folder.name, folder.name)}


def test_what_was_deleted_last_comes_first_and_days_are_counted_down(workspace: Workspace) -> None:
    ages = {"new": 0.0, "day": 1.5, "last": 29.5, "due": 30.5, "future": -3.0}
    for name, days in ages.items():
        dataset_of(workspace, name)
        delete_dataset(workspace, name)
        age(workspace, DATASET, name, days)
    assert [(each.id, each.days_left) for each in binned(workspace)] == [
        ("future", 30), ("new", 30), ("day", 29), ("last", 1), ("due", 0)]


@pytest.mark.parametrize("state", [State.QUEUED, State.TRAINING])
def test_a_run_in_use_stays(workspace: Workspace, state: State) -> None:
    run = run_of(workspace, state)
    if state is State.QUEUED:
        with pytest.raises(Busy, match="waits in the queue"):
            delete_run(workspace, run.id)
    else:
        with held(run), pytest.raises(Busy, match="worked on"):
            delete_run(workspace, run.id)
    assert run.status().state is state
    assert binned(workspace) == []
    assert not (run.path / "deleted.json").exists()


def test_a_run_that_another_starts_from_and_a_dataset_that_one_learns_from_stay(
    workspace: Workspace
) -> None:
    first = run_of(workspace)
    folder = dataset_of(workspace, "flowers")
    run_of(workspace, State.QUEUED, replace(PLAN, weights=Start("run", first.id)))
    with pytest.raises(Busy, match="starts from this"):
        delete_run(workspace, first.id)
    with pytest.raises(Busy, match="learns from this"):
        delete_dataset(workspace, "flowers")
    assert first.path.is_dir()
    assert folder.is_dir()


def test_nobody_can_begin_on_a_run_while_it_moves(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(workspace)
    tried: list[str] = []

    def renamed(path: Path, target: Path) -> bool:
        with pytest.raises(Busy), held(run):
            pass
        tried.append(path.name)
        return folders.renamed(path, target)

    monkeypatch.setattr(bin_, "renamed", renamed)
    delete_run(workspace, run.id)
    assert tried == [run.id]


def test_many_who_delete_one_run_delete_it_once(workspace: Workspace) -> None:
    run = run_of(workspace)
    said: list[str] = []

    def delete() -> None:
        try:
            delete_run(workspace, run.id)
            said.append("deleted")
        except NotFound:
            said.append("gone")

    threads = [threading.Thread(target=delete) for _each in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == ["deleted", *["gone"] * 5]
    assert [each.id for each in binned(workspace)] == [run.id]
    assert list(workspace.runs.iterdir()) == []


def test_a_folder_with_a_lock_alone_is_no_run_and_does_not_keep_one_from_coming_back(
    workspace: Workspace
) -> None:
    run = run_of(workspace)
    delete_run(workspace, run.id)
    with held(run):  # as a worker does that was about to begin
        pass
    with pytest.raises(NotFound):
        delete_run(workspace, run.id)
    assert not run.path.exists()
    with held(run):
        pass
    restore(workspace, RUN, run.id)
    assert run.status().state is State.FINISHED


@pytest.mark.parametrize("name", [*OUTSIDE, "gone"])
def test_what_is_not_there_cannot_be_deleted_or_brought_back(workspace: Workspace, name: str) -> None:
    for delete in (delete_run, delete_dataset):
        with pytest.raises(NotFound):
            delete(workspace, name)
    for kind in (RUN, DATASET, "browser"):
        with pytest.raises(NotFound):
            restore(workspace, kind, name)  # type: ignore[arg-type]


def test_what_was_made_again_and_deleted_again_is_in_the_bin_twice(workspace: Workspace) -> None:
    for content in (b"first", b"second", b"third"):
        dataset_of(workspace, "sample-digits", content)
        delete_dataset(workspace, "sample-digits")
    found = {each.id for each in binned(workspace)}
    assert found == {"sample-digits", "sample-digits-2", "sample-digits-3"}
    assert restore(workspace, DATASET, "sample-digits-2") == "sample-digits"
    photo = workspace.datasets / "sample-digits" / "images" / "000000.jpg"
    assert photo.read_bytes() == b"second"
    with pytest.raises(Busy, match="one of that name"):
        restore(workspace, DATASET, "sample-digits")
    assert photo.read_bytes() == b"second"
    assert {each.id for each in binned(workspace)} == {"sample-digits", "sample-digits-3"}


def test_the_longest_id_finds_a_free_name_too(workspace: Workspace) -> None:
    for _each in range(2):
        dataset_of(workspace, "a" * 80)
        delete_dataset(workspace, "a" * 80)
    assert {each.id for each in binned(workspace)} == {"a" * 80, "a" * 78 + "-2"}
    assert restore(workspace, DATASET, "a" * 78 + "-2") == "a" * 80


def test_what_was_deleted_30_days_ago_is_removed(workspace: Workspace) -> None:
    for name in ("old", "new"):
        dataset_of(workspace, name)
        delete_dataset(workspace, name)
    age(workspace, DATASET, "old", 30.01)
    age(workspace, DATASET, "new", 29.99)
    run = run_of(workspace)
    delete_run(workspace, run.id)
    assert purge(workspace) == 1
    assert {each.id for each in binned(workspace)} == {"new", run.id}
    assert purge(workspace) == 0
    assert purge(workspace, now=time.time() + 31 * DAY_S) == 2
    assert files_of(workspace.bin) == {}


def test_an_emptied_bin_has_nothing_and_its_bytes_are_told(workspace: Workspace) -> None:
    assert empty(workspace) == 0
    run, _folder = run_of(workspace), dataset_of(workspace)
    delete_run(workspace, run.id)
    delete_dataset(workspace, "photos")
    taken = sum(each.bytes for each in binned(workspace))
    assert empty(workspace) == taken > 0
    assert binned(workspace) == []
    assert files_of(workspace.bin) == {}


def test_what_a_dead_process_left_half_removed_is_not_listed_and_goes_next_time(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset_of(workspace)
    delete_dataset(workspace, "photos")

    def die(path: Path, ignore_errors: bool) -> None:
        (path / "summary.json").unlink()
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(folders.shutil, "rmtree", die)
        with pytest.raises(SystemExit):
            empty(workspace)
    assert binned(workspace) == []
    assert "photos" not in {each.name for each in (workspace.bin / "datasets").iterdir()}
    assert files_of(workspace.bin) != {}
    assert purge(workspace) == 0
    assert files_of(workspace.bin) == {}


def test_one_that_cannot_be_removed_does_not_keep_the_others(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("first", "second"):
        dataset_of(workspace, name)
        delete_dataset(workspace, name)

    def remove_whole(path: Path) -> int | None:
        if path.name == "first":
            raise PermissionError(errno.EACCES, "Permission denied")
        return folders.remove_whole(path)

    monkeypatch.setattr(bin_, "remove_whole", remove_whole)
    with caplog.at_level(logging.ERROR):
        assert purge(workspace, now=time.time() + 31 * DAY_S) == 1
    assert [each.id for each in binned(workspace)] == ["first"]
    assert "first cannot be removed" in caplog.text


def test_removing_leaves_what_links_lead_to(workspace: Workspace, tmp_path: Path) -> None:
    outside = tmp_path / "mine"
    outside.mkdir()
    (outside / "photo").write_text("mine")
    (dataset_of(workspace) / "images" / "link").symlink_to(outside)
    delete_dataset(workspace, "photos")
    (workspace.bin / "datasets" / "link").symlink_to(outside)
    assert [each.id for each in binned(workspace)] == ["photos"]
    empty(workspace)
    assert (outside / "photo").read_text() == "mine"


def test_a_folder_that_is_a_link_is_left_alone(workspace: Workspace, tmp_path: Path) -> None:
    outside = tmp_path / "mine"
    outside.mkdir()
    (workspace.runs / "linked").symlink_to(outside)
    (workspace.datasets / "linked").symlink_to(outside)
    for delete in (delete_run, delete_dataset):
        with pytest.raises(BadInput, match="link to somewhere else"):
            delete(workspace, "linked")
    assert list(outside.iterdir()) == []
    assert (workspace.runs / "linked").is_symlink()


@pytest.mark.parametrize("below", ["", "datasets"])
def test_a_bin_that_is_a_link_is_neither_filled_nor_emptied(
    workspace: Workspace, tmp_path: Path, below: str
) -> None:
    outside = tmp_path / "mine"
    (outside / "datasets" / "photos").mkdir(parents=True)
    (outside / "photos").mkdir()
    if not below:
        workspace.bin.rmdir()
    (workspace.bin / below).symlink_to(outside)
    folder = dataset_of(workspace)
    with pytest.raises(BadInput, match="link to somewhere else"):
        delete_dataset(workspace, "photos")
    assert folder.is_dir()
    assert binned(workspace) == []
    empty(workspace)
    assert (outside / "datasets" / "photos").is_dir()
    assert (outside / "photos").is_dir()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"at": "1", "id": 3}', '{"at": NaN, "id": "../../x"}', '{"at": true}'])
def test_a_damaged_note_says_nothing_and_the_folder_tells_when_it_was_deleted(
    workspace: Workspace, text: str
) -> None:
    dataset_of(workspace)
    delete_dataset(workspace, "photos")
    folder = workspace.bin / "datasets" / "photos"
    (folder / "deleted.json").write_text(text)
    then = time.time() - 10 * DAY_S
    os.utime(folder, (then, then))
    (found,) = binned(workspace)
    assert (found.id, found.days_left) == ("photos", 20)
    assert found.deleted == pytest.approx(then)
    assert restore(workspace, DATASET, "photos") == "photos"


def test_a_full_disk_does_not_keep_anybody_from_deleting(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = dataset_of(workspace)
    (folder / "deleted.json").write_text('{"at": 1.0}')  # of a process that died before it moved the folder
    os.utime(folder, (1, 1))

    def full(path: Path, value: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(bin_, "write_json", full)
    delete_dataset(workspace, "photos")
    assert [(each.id, each.days_left) for each in binned(workspace)] == [("photos", 30)]


def test_a_folder_that_the_disk_does_not_move_stays_where_it_was(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(workspace)
    dataset_of(workspace)
    delete_dataset(workspace, "photos")

    def refused(path: Path, target: Path) -> bool:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(bin_, "renamed", refused)
    with pytest.raises(Unavailable, match="cannot be moved"):
        delete_run(workspace, run.id)
    with pytest.raises(Unavailable, match="cannot be moved"):
        restore(workspace, DATASET, "photos")
    assert run.status().state is State.FINISHED
    assert [each.id for each in binned(workspace)] == ["photos"]


def test_what_is_in_the_bin_may_vanish_while_it_is_listed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("first", "second"):
        dataset_of(workspace, name)
        delete_dataset(workspace, name)
    found = bin_._folders(workspace)
    shutil.rmtree(workspace.bin / "datasets" / "first")
    monkeypatch.setattr(bin_, "_folders", lambda _workspace: found)
    assert [each.id for each in binned(workspace)] == ["second"]
    with pytest.raises(NotFound):
        restore(workspace, DATASET, "first")
