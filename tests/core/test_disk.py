"""What a workspace takes, and clearing it."""

from __future__ import annotations

import errno
import io
import os
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest

from core import disk, folders
from core.activations import budget
from core.backbones.kept import keep, kept_files
from core.bin import delete_dataset
from core.data.dataset import Dataset
from core.disk import Disk, Taken, clear_thumbnails, delete_weights, thumbnails_of, usage
from core.errors import Busy, NotFound, Unavailable
from core.folders import bytes_below
from core.runs.folder import RunFolder
from core.runs.status import State
from core.runs.work import held
from core.training.plan import Plan
from core.training.start import Start
from core.workspace import Workspace

PLAN = Plan("flowers", "Flowers", "efficientnet-lite0")
Room = namedtuple("Room", ["total", "used", "free"])


def run_of(workspace: Workspace, state: State = State.FINISHED, plan: Plan = PLAN) -> RunFolder:
    run = RunFolder.create(workspace, plan)
    run.write_status(replace(run.status(), state=state))
    return run


def fill(path: Path, size: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    return path


def test_an_empty_workspace_takes_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _path: Room(1000, 400, 600))
    found = usage(workspace)
    assert found == Disk((), (), (), 0, 0, 0, 0, 0, 0, free=600, capacity=1000)
    assert found.total == 0


def test_each_part_is_told_apart_and_the_total_has_all(workspace: Workspace, dataset: Dataset) -> None:
    run = run_of(workspace, plan=replace(PLAN, dataset=dataset.id, dataset_title=dataset.title))
    name = keep(workspace, "Mine.h5", io.BytesIO(b"x" * 50))
    fill(budget.root_of(workspace) / "key" / "one.index", 3)
    fill(budget.root_of(workspace) / "key" / "one.rows", 4)
    fill(thumbnails_of(workspace) / dataset.id / "0-96.jpg", 20)
    fill(workspace.cache / "keras" / "models" / "resnet50.h5", 300)
    fill(workspace.cache / "flowers.tgz.part", 100)
    fill(workspace.bin / "runs" / "gone" / "plan.json", 6)
    fill(workspace.bin / "datasets" / "gone" / "images" / "0.jpg", 7)
    fill(workspace.incoming / "half" / "photo", 9)
    found = usage(workspace)
    assert found.datasets == (Taken(dataset.id, dataset.title, bytes_below(dataset.folder), ""),)
    title = f"Run 1: EfficientNet-Lite0 on {dataset.title}"
    assert found.runs == (Taken(run.id, title, bytes_below(run.path), ""),)
    assert found.weights == (Taken(name, "mine.h5", 50, ""),)
    sizes = (found.activations, found.thumbnails, found.downloads, found.bin, found.incoming)
    assert sizes == (7, 20, 400, 13, 9)
    assert found.total == bytes_below(dataset.folder) + bytes_below(run.path) + 50 + sum(sizes)
    assert 0 < found.free <= found.capacity


def test_activations_in_use_are_told(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk.budget, "usage", lambda _workspace: budget.Usage(7, 5, 100))
    found = usage(workspace)
    assert (found.activations, found.activations_in_use) == (7, 5)


def test_the_largest_comes_first_and_what_is_damaged_is_there_too(workspace: Workspace) -> None:
    sound, damaged = run_of(workspace), run_of(workspace)
    (damaged.path / "plan.json").write_text("{")
    fill(damaged.path / "model.keras", 5000)
    for name, size in (("small", 1), ("large", 9), ("middle", 5)):
        fill(workspace.datasets / name / "images" / "0.jpg", size)
    fill(workspace.datasets / "notes.txt", 3)
    fill(workspace.datasets / ".hidden" / "file", 3)
    found = usage(workspace)
    assert [(each.id, each.title) for each in found.runs] == [
        (damaged.id, damaged.id), (sound.id, "Run 1: EfficientNet-Lite0 on Flowers")]
    assert [(each.title, each.bytes) for each in found.datasets] == [
        ("large", 9), ("middle", 5), ("small", 1)]


def test_what_is_in_use_says_why(workspace: Workspace) -> None:
    name = keep(workspace, "mine.h5", io.BytesIO(b"x"))
    fill(workspace.datasets / "flowers" / "images" / "0.jpg", 1)
    run = run_of(workspace, State.TRAINING, replace(PLAN, weights=Start("file", name)))
    with held(run):
        found = usage(workspace)
    assert [each.in_use for each in found.runs] == ["This run is being worked on."]
    assert [each.in_use for each in found.datasets] == [
        "Run 1 learns from this dataset and has not ended."]
    assert [each.in_use for each in found.weights] == ["Run 1 starts from this and has not ended."]


def test_photos_are_not_looked_at_again_while_they_stay(
    workspace: Workspace, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(workspace)
    fill(thumbnails_of(workspace) / dataset.id / "0-96.jpg", 20)
    first = usage(workspace)
    walked: list[Path] = []
    monkeypatch.setattr(folders, "bytes_below", lambda path: walked.append(path) or bytes_below(path))
    assert replace(usage(workspace), free=first.free) == first
    assert walked == []
    delete_dataset(workspace, dataset.id)
    run.write_status(run.status())
    os.utime(run.path / "status.json", (1, 1))
    walked.clear()
    after = usage(workspace)
    assert walked == [run.path, workspace.bin / "datasets" / dataset.id]
    assert after.datasets == ()
    assert after.bin > first.datasets[0].bytes


def test_a_run_in_use_is_measured_at_each_look(workspace: Workspace) -> None:
    run = run_of(workspace, State.QUEUED)
    fill(run.path / "checkpoint" / "last.npz", 10)
    before = usage(workspace).runs[0].bytes
    fill(run.path / "checkpoint" / "last.npz", 30)  # neither status nor list of files has changed
    assert usage(workspace).runs[0].bytes == before + 20


def test_a_new_thumbnail_is_counted(workspace: Workspace) -> None:
    folder = thumbnails_of(workspace) / "photos"
    fill(folder / "0-96.jpg", 20)
    os.utime(folder, (1, 1))
    assert usage(workspace).thumbnails == 20
    fill(folder / "1-96.jpg", 30)
    assert usage(workspace).thumbnails == 50


def test_all_thumbnails_or_those_of_a_dataset_are_removed_and_nothing_else(
    workspace: Workspace, tmp_path: Path
) -> None:
    for name in ("photos", "others", "more"):
        fill(thumbnails_of(workspace) / name / "0-96.jpg", 20)
    kept = [
        fill(workspace.cache / "keras" / "models" / "resnet50.h5", 300),
        fill(budget.root_of(workspace) / "key" / "one.rows", 4),
        fill(workspace.cache / "speed" / "resnet50-224.json", 4),
    ]
    assert clear_thumbnails(workspace, "photos") == 20
    assert {each.name for each in thumbnails_of(workspace).iterdir()} == {"others", "more"}
    assert clear_thumbnails(workspace, "photos") == 0
    assert clear_thumbnails(workspace) == 40
    assert clear_thumbnails(workspace) == 0
    assert not thumbnails_of(workspace).exists()
    assert all(path.is_file() for path in kept)


@pytest.mark.parametrize("name", ["", "..", "../keras", "/etc", "photos/../..", ".hidden"])
def test_only_an_id_of_ours_names_thumbnails(workspace: Workspace, name: str) -> None:
    photo = fill(thumbnails_of(workspace) / "photos" / "0-96.jpg", 20)
    assert clear_thumbnails(workspace, name) == 0
    assert photo.is_file()


def test_thumbnails_that_a_dead_process_left_half_removed_go_next_time(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(thumbnails_of(workspace) / "photos" / "0-96.jpg", 20)
    with monkeypatch.context() as patched:
        patched.setattr(folders.shutil, "rmtree", lambda path, ignore_errors: None)
        assert clear_thumbnails(workspace) == 0
    assert bytes_below(workspace.cache) == 20
    assert clear_thumbnails(workspace) == 20
    assert bytes_below(workspace.cache) == 0


def test_a_weight_file_is_removed_and_its_bytes_are_told(workspace: Workspace) -> None:
    name = keep(workspace, "mine.h5", io.BytesIO(b"x" * 50))
    other = keep(workspace, "other.h5", io.BytesIO(b"y"))
    run_of(workspace, State.FINISHED, replace(PLAN, weights=Start("file", name)))
    assert delete_weights(workspace, name) == 50
    assert [each.name for each in kept_files(workspace)] == [other]


@pytest.mark.parametrize("state", [State.QUEUED, State.PAUSED, State.INTERRUPTED])
def test_a_weight_file_stays_until_the_run_that_starts_from_it_has_ended(
    workspace: Workspace, state: State
) -> None:
    name = keep(workspace, "mine.h5", io.BytesIO(b"x"))
    run_of(workspace, state, replace(PLAN, weights=Start("file", name)))
    with pytest.raises(Busy, match="Run 1 starts from this") as caught:
        delete_weights(workspace, name)
    assert (caught.value.given, bool(caught.value.fix)) == (name, True)
    assert [each.name for each in kept_files(workspace)] == [name]


@pytest.mark.parametrize("name", ["", "..", "../settings.json", "0123456789ab-gone.h5", "a/b.h5"])
def test_only_a_kept_weight_file_can_be_removed(workspace: Workspace, name: str) -> None:
    with pytest.raises(NotFound):
        delete_weights(workspace, name)


def test_what_the_disk_does_not_remove_is_said(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = keep(workspace, "mine.h5", io.BytesIO(b"x"))
    fill(thumbnails_of(workspace) / "photos" / "0-96.jpg", 20)

    def refused(*_given: object, **_named: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refused)
    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(Unavailable, match="cannot be removed"):
        delete_weights(workspace, name)
    with pytest.raises(Unavailable, match="cannot be removed"):
        clear_thumbnails(workspace)
