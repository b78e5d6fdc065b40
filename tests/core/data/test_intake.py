from __future__ import annotations

import os
import random
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from core.data import checks, dataset, intake
from core.data.dataset import Dataset
from core.data.layout import FoundFile
from core.errors import BadInput, NotFound, Stopped, Unavailable
from core.workspace import Workspace


def picture(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, "PNG")
    return path


def pictures(folder: Path, *groups: str, each: int = 10) -> Path:
    for place, group in enumerate(groups):
        for number in range(each):
            picture(folder / group / f"{number:03}.png", 1000 * place + number)
    return folder


def zipped(folder: Path, target: Path) -> Path:
    with zipfile.ZipFile(target, "w") as made:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                made.write(path, path.relative_to(folder))
    return target


def left_behind(workspace: Workspace) -> list[Path]:
    return [*workspace.incoming.iterdir(), *workspace.datasets.iterdir()]


def splits_by_name(taken: Dataset) -> dict[str, str]:
    return {item.name: item.split for item in taken.items}


def all_files(taken: Dataset) -> list[str]:
    return [
        *(item.name for item in taken.items),
        *(entry.file for entry in taken.refused),
        *(entry.file for entry in taken.duplicates),
        *(entry.file for entry in taken.ignored),
    ]


def titles(taken: Dataset, level: str) -> list[str]:
    return [problem.title for problem in taken.problems if problem.level == level]


def test_a_folder_becomes_a_dataset(tmp_path: Path, workspace: Workspace) -> None:
    source = pictures(tmp_path / "My photos", "cat", "dog", each=20)
    taken = intake.take_in(source, workspace)
    assert taken.classes == ("cat", "dog")
    assert [(count.train, count.validation, count.test) for count in taken.counts()] == [
        (14, 3, 3),
        (14, 3, 3),
    ]
    assert taken.title == "My photos"
    assert taken.source == "folder"
    assert taken.id.endswith("-my-photos")
    assert taken.usable
    assert not taken.own_split
    assert dataset.load(workspace.dataset_dir(taken.id)) is taken
    assert list(workspace.incoming.iterdir()) == []


def test_the_original_bytes_are_stored_under_names_of_ours(
    tmp_path: Path, workspace: Workspace
) -> None:
    source = pictures(tmp_path / "set", "cat", "dog")
    taken = intake.take_in(source, workspace)
    for item in taken.items:
        assert taken.file(item).read_bytes() == (source / item.name).read_bytes()
        assert taken.file(item).suffix == ".png"
        assert (item.width, item.height) == (8, 6)
    assert len(list((taken.folder / "images").iterdir())) == len(taken.items)


def test_the_stored_ending_tells_the_format_found_and_not_the_name(
    tmp_path: Path, workspace: Workspace
) -> None:
    source = pictures(tmp_path / "set", "cat", "dog")
    (source / "cat" / "000.png").rename(source / "cat" / "a.evil")
    taken = intake.take_in(source, workspace)
    assert {taken.file(item).suffix for item in taken.items} == {".png"}


def test_a_zip_and_its_folder_give_the_same_dataset(tmp_path: Path, workspace: Workspace) -> None:
    source = pictures(tmp_path / "set", "cat", "dog")
    from_folder = intake.take_in(source, workspace, seed=4)
    from_zip = intake.take_in(zipped(source, tmp_path / "set.zip"), workspace, seed=4)
    assert from_zip.items == from_folder.items
    assert from_zip.source == "zip"
    assert (tmp_path / "set.zip").exists()


def test_the_split_depends_on_content_and_seed_alone(tmp_path: Path, workspace: Workspace) -> None:
    source = pictures(tmp_path / "set", "cat", "dog", each=20)
    first = {item.digest: item.split for item in intake.take_in(source, workspace, seed=1).items}
    names = sorted((source / "cat").iterdir())
    shuffled = list(names)
    random.Random(3).shuffle(shuffled)
    for number, path in enumerate(shuffled):
        path.rename(source / "cat" / f"renamed{number}.png")
    again = {item.digest: item.split for item in intake.take_in(source, workspace, seed=1).items}
    other = {item.digest: item.split for item in intake.take_in(source, workspace, seed=2).items}
    assert again == first
    assert other != first


def test_uploaded_files_are_moved_only_when_all_went_well(
    tmp_path: Path, workspace: Workspace
) -> None:
    paths = [picture(tmp_path / "up" / str(number), number) for number in range(12)]
    files = [
        FoundFile(f"top/{'cat' if number % 2 else 'dog'}/{number}.png", path)
        for number, path in enumerate(paths)
    ]

    def stop(phase: str, done: int, _total: int | None) -> None:
        if phase == "checking" and done == 5:
            raise Stopped("Enough.")

    with pytest.raises(Stopped):
        intake.take_in_files(files, workspace, title="t", progress=stop, move=True)
    assert all(path.exists() for path in paths)
    assert left_behind(workspace) == []
    taken = intake.take_in_files(files, workspace, title="t", move=True)
    assert len(taken.items) == 12
    assert not any(path.exists() for path in paths)


def test_a_ready_made_split_is_kept(tmp_path: Path, workspace: Workspace) -> None:
    groups = [f"{split}/{name}" for split in ("train", "valid", "test") for name in ("cat", "dog")]
    taken = intake.take_in(pictures(tmp_path / "set", *groups), workspace)
    assert taken.own_split
    assert all(
        (count.train, count.validation, count.test) == (10, 10, 10) for count in taken.counts()
    )
    assert all(
        split == {"train": "train", "valid": "validation", "test": "test"}[name.split("/")[0]]
        for name, split in splits_by_name(taken).items()
    )
    assert taken.problems == ()


@pytest.mark.parametrize(("came", "missing"), [("val", "test"), ("test", "validation")])
def test_a_missing_part_of_a_split_is_taken_from_training_and_said(
    tmp_path: Path, workspace: Workspace, came: str, missing: str
) -> None:
    groups = [f"{split}/{name}" for split in ("train", came) for name in ("cat", "dog")]
    taken = intake.take_in(pictures(tmp_path / "set", *groups, each=20), workspace)
    for count in taken.counts():
        assert count.train == 17
        assert getattr(count, missing) == 3
    assert any(missing in title.lower() and "made here" in title for title in titles(taken, "warning"))
    assert all(
        split == {"val": "validation", "test": "test"}[came]
        for name, split in splits_by_name(taken).items()
        if name.startswith(came)
    )


def test_training_images_alone_are_divided_and_it_is_said(
    tmp_path: Path, workspace: Workspace
) -> None:
    taken = intake.take_in(
        pictures(tmp_path / "set", "train/cat", "train/dog", each=20), workspace
    )
    assert [(count.train, count.validation, count.test) for count in taken.counts()] == [
        (14, 3, 3),
        (14, 3, 3),
    ]
    assert not taken.own_split
    assert any("No validation and test set" in title for title in titles(taken, "warning"))


def test_the_test_sets_copy_of_a_leaked_image_is_kept(tmp_path: Path, workspace: Workspace) -> None:
    groups = [f"{split}/{name}" for split in ("train", "val", "test") for name in ("cat", "dog")]
    source = pictures(tmp_path / "set", *groups)
    shutil.copy(source / "test/cat/000.png", source / "train/cat/leak.png")
    shutil.copy(source / "test/cat/000.png", source / "val/cat/leak.png")
    shutil.copy(source / "val/dog/001.png", source / "train/dog/leak.png")
    taken = intake.take_in(source, workspace)
    assert {(entry.file, entry.same_as) for entry in taken.duplicates} == {
        ("train/cat/leak.png", "test/cat/000.png"),
        ("val/cat/leak.png", "test/cat/000.png"),
        ("train/dog/leak.png", "val/dog/001.png"),
    }
    assert "Same images on both sides of the split" in titles(taken, "warning")
    assert len({item.digest for item in taken.items}) == len(taken.items)
    assert len(list((taken.folder / "images").iterdir())) == len(taken.items)


def test_the_same_bytes_in_two_classes_are_said(tmp_path: Path, workspace: Workspace) -> None:
    source = pictures(tmp_path / "set", "cat", "dog")
    shutil.copy(source / "cat/000.png", source / "dog/same.png")
    taken = intake.take_in(source, workspace)
    assert [entry.same_as for entry in taken.duplicates] == ["cat/000.png"]
    problem = next(entry for entry in taken.problems if entry.title == "Same images in two classes")
    assert problem.message.startswith("1 file ")


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    source = pictures(tmp_path / "set", "photos/cat", "photos/dog", each=6)
    photos = source / "photos"
    shutil.copy(photos / "cat/000.png", photos / "cat/again.png")
    (photos / "cat" / "notes.txt").write_text("a text")
    (photos / "dog" / "empty.jpg").write_bytes(b"")
    (photos / "dog" / "cut.png").write_bytes((photos / "dog/000.png").read_bytes()[:60])
    (photos / "Thumbs.db").write_bytes(b"x")
    (photos / ".hidden").mkdir()
    (photos / ".hidden" / "x.png").write_bytes(b"x")
    (source / "README.txt").write_text("a text")
    picture(photos / "loose.png", 77)
    (photos / "bird").mkdir()
    (photos / "bird" / "only.txt").write_text("no bird")
    return source


def test_every_file_is_in_exactly_one_list(mixed: Path, workspace: Workspace) -> None:
    on_disk = sorted(
        path.relative_to(mixed).as_posix() for path in mixed.rglob("*") if path.is_file()
    )
    taken = intake.take_in(mixed, workspace)
    assert sorted(all_files(taken)) == on_disk
    assert {entry.file for entry in taken.refused} == {
        "README.txt",
        "photos/bird/only.txt",
        "photos/cat/notes.txt",
        "photos/dog/cut.png",
        "photos/dog/empty.jpg",
        "photos/loose.png",
    }
    assert all(entry.reason.endswith(".") for entry in taken.refused)
    assert len(taken.items) == 12
    assert "Classes without a usable image" in titles(taken, "warning")
    assert "Many files cannot be used" in titles(taken, "warning")


NAMES = st.lists(
    st.lists(
        st.sampled_from(["cat", "dog", "train", "val", "test", "..", ".x", "\x00", "C:", "a b", ""]),
        max_size=3,
    ),
    min_size=1,
    max_size=12,
)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(NAMES, st.data())
def test_any_names_end_in_one_list_each_or_in_bad_input(
    tmp_path: Path, workspace: Workspace, names: list[list[str]], data: st.DataObject
) -> None:
    paths = [picture(tmp_path / "pool" / str(seed), seed) for seed in range(3)]
    files = [
        FoundFile("/".join([*parts, f"{number}.png"]), data.draw(st.sampled_from(paths)))
        for number, parts in enumerate(names)
    ]
    before = set(workspace.datasets.iterdir())
    try:
        taken = intake.take_in_files(files, workspace, title="\u202e../../x\x00")
    except BadInput:
        assert set(workspace.datasets.iterdir()) == before
    else:
        assert len(all_files(taken)) == len(set(all_files(taken))) == len(files)
        assert taken.folder.parent == workspace.datasets
        assert dataset.load(taken.folder) == taken
    assert list(workspace.incoming.iterdir()) == []


def test_checking_tells_the_same_and_leaves_nothing_behind(
    mixed: Path, workspace: Workspace, tmp_path: Path
) -> None:
    packed = zipped(mixed, tmp_path / "mixed.zip")
    before = sorted(mixed.rglob("*"))
    checked = intake.check(mixed, workspace)
    from_zip = intake.check(packed, workspace)
    assert left_behind(workspace) == []
    assert sorted(mixed.rglob("*")) == before
    taken = intake.take_in(mixed, workspace)
    assert checks.report(checked) == checks.report(taken)
    assert checks.report(from_zip) == checks.report(taken)


def cancel_at(phase: str) -> Callable[[str, int, int | None], None]:
    def stop(now: str, done: int, _total: int | None) -> None:
        if now == phase and done in (0, 3):
            raise Stopped("Enough.")

    return stop


@pytest.mark.parametrize("phase", ["unpacking", "checking", "saving"])
def test_a_cancelled_intake_leaves_nothing_behind(
    tmp_path: Path, workspace: Workspace, phase: str
) -> None:
    source = zipped(pictures(tmp_path / "set", "cat", "dog"), tmp_path / "set.zip")
    with pytest.raises(Stopped):
        intake.take_in(source, workspace, progress=cancel_at(phase))
    assert left_behind(workspace) == []


def test_a_full_disk_is_said_and_leaves_nothing_behind(
    tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    source = pictures(tmp_path / "set", "cat", "dog")
    monkeypatch.setattr(dataset, "save", full)
    with pytest.raises(Unavailable, match="disk is full"):
        intake.take_in(source, workspace)
    assert left_behind(workspace) == []


def test_a_broken_zip_leaves_nothing_behind(tmp_path: Path, workspace: Workspace) -> None:
    source = zipped(pictures(tmp_path / "set", "cat", "dog"), tmp_path / "set.zip")
    data = bytearray(source.read_bytes())
    middle = data.index(b"IDAT", len(data) // 2)
    data[middle + 10 : middle + 20] = bytes(10)
    source.write_bytes(data)
    with pytest.raises(BadInput, match="broken"):
        intake.take_in(source, workspace)
    assert left_behind(workspace) == []


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ([], "no images"),
        (["1.png", "2.png"], "in no class folders"),
        (["cat/a.txt", "dog/b.txt"], "None of the files"),
        ([".x/a.png"], "no images"),
    ],
)
def test_nothing_usable_is_bad_input(
    tmp_path: Path, workspace: Workspace, files: list[str], reason: str
) -> None:
    (tmp_path / "set").mkdir()
    for number, name in enumerate(files):
        path = picture(tmp_path / "set" / name, number)
        if name.endswith(".txt"):
            path.write_text("text")
    with pytest.raises(BadInput, match=reason):
        intake.take_in(tmp_path / "set", workspace)
    assert left_behind(workspace) == []


def test_a_source_that_is_not_there_is_not_found(tmp_path: Path, workspace: Workspace) -> None:
    with pytest.raises(NotFound):
        intake.take_in(tmp_path / "none", workspace)


def test_a_file_that_is_no_zip_is_bad_input(tmp_path: Path, workspace: Workspace) -> None:
    with pytest.raises(BadInput, match="not a zip"):
        intake.take_in(picture(tmp_path / "a.png", 1), workspace)


def test_a_class_name_never_becomes_a_path(tmp_path: Path, workspace: Workspace) -> None:
    path = picture(tmp_path / "a", 1)
    other = picture(tmp_path / "b", 2)
    hostile = "<img src=x> ![](http:evil) $(rm -rf)"
    taken = intake.take_in_files(
        [FoundFile(f"{hostile}/1.png", path), FoundFile("dog/2.png", other)],
        workspace,
        title="../../etc",
    )
    assert hostile in taken.classes
    assert taken.folder.parent == workspace.datasets
    assert {path.suffix for path in taken.folder.rglob("*") if path.is_file()} == {".json", ".png"}


def test_two_intakes_of_the_same_name_get_different_ids(
    tmp_path: Path, workspace: Workspace
) -> None:
    source = pictures(tmp_path / "set", "cat", "dog", each=3)
    ids = {intake.take_in(source, workspace, seed=turn).id for turn in range(3)}
    assert len(ids) == 3


def test_files_are_moved_out_of_a_folder_when_allowed(tmp_path: Path, workspace: Workspace) -> None:
    source = pictures(tmp_path / "set", "cat", "dog", each=3)
    (source / "cat" / "link.png").symlink_to(source / "cat" / "000.png")
    taken = intake.take_in(source, workspace, move=True)
    assert not (source / "cat" / "001.png").exists()
    assert not any(taken.file(item).is_symlink() for item in taken.items)


def test_progress_ends_at_its_total(tmp_path: Path, workspace: Workspace) -> None:
    seen: list[tuple[str, int, int | None]] = []
    source = zipped(pictures(tmp_path / "set", "cat", "dog"), tmp_path / "set.zip")
    intake.take_in(source, workspace, progress=lambda *step: seen.append(step))
    assert ("unpacking", 20, 20) in seen
    assert ("checking", 20, 20) in seen
    assert seen[-1][0] == "saving"


def test_leftovers_of_a_killed_process_are_removed_once_they_are_old(workspace: Workspace) -> None:
    for name in ("intake-old", "intake-new", "upload-other"):
        (workspace.incoming / name).mkdir()
    os.utime(workspace.incoming / "intake-old", (1, 1))
    os.utime(workspace.incoming / "upload-other", (1, 1))
    intake.remove_leftovers(workspace)
    assert sorted(path.name for path in workspace.incoming.iterdir()) == [
        "intake-new",
        "upload-other",
    ]
