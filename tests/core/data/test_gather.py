from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.data import gather
from core.data.layout import FoundFile
from core.errors import BadInput, NotFound


def write(path: Path, data: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_files_at_any_depth_are_found_under_their_relative_names(tmp_path: Path) -> None:
    write(tmp_path / "cat" / "a" / "1.jpg")
    write(tmp_path / "2.jpg")
    gathered = gather.from_folder(tmp_path, Path("none"))
    assert {file.name for file in gathered.files} == {"cat/a/1.jpg", "2.jpg"}


def test_links_that_lead_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    secret = write(tmp_path / "secret.jpg")
    outside = write(tmp_path / "outside" / "3.jpg").parent
    root = write(tmp_path / "set" / "cat" / "1.jpg").parents[1]
    (root / "cat" / "out.jpg").symlink_to(secret)
    (root / "cat" / "gone.jpg").symlink_to(root / "nothing")
    (root / "dog").symlink_to(outside)
    (root / "loop").symlink_to(root)
    (root / "cat" / "in.jpg").symlink_to(root / "cat" / "1.jpg")
    gathered = gather.from_folder(root, Path("none"))
    assert {file.name for file in gathered.files} == {"cat/1.jpg", "cat/in.jpg"}
    reasons = {entry.file: entry.reason for entry in gathered.refused}
    assert set(reasons) == {"cat/out.jpg", "cat/gone.jpg", "dog", "loop"}
    assert "out of the folder" in reasons["cat/out.jpg"]
    assert "out of the folder" in reasons["dog"]
    assert "link to a folder" in reasons["loop"]


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    gathered = gather.from_folder(tmp_path, Path("none"))
    assert gathered.refused[0].reason == "It is not a regular file."


def test_names_that_are_not_utf8_are_shown_and_kept_apart(tmp_path: Path) -> None:
    for name in (b"cat/\xff.jpg", b"cat/\xfe.jpg"):
        path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
        write(path)
    names = [file.name for file in gather.from_folder(tmp_path, Path("none")).files]
    assert sorted(names) == ["cat/\ufffd.jpg", "cat/\ufffd.jpg (2)"]


def test_the_workspace_within_the_folder_is_not_entered(tmp_path: Path) -> None:
    write(tmp_path / "cat" / "1.jpg")
    write(tmp_path / "workspace" / "datasets" / "a" / "images" / "000000.jpg")
    gathered = gather.from_folder(tmp_path, tmp_path / "workspace")
    assert [file.name for file in gathered.files] == ["cat/1.jpg"]


def test_a_folder_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        gather.from_folder(tmp_path / "none", Path("none"))


def test_uploaded_names_that_lead_elsewhere_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "0")
    names = ["cat/1.jpg", "../evil.jpg", "/evil.jpg", "cat/.DS_Store", "cat/1.jpg", ""]
    gathered = gather.from_files([FoundFile(name, path) for name in names])
    assert [file.name for file in gathered.files] == ["cat/1.jpg", "cat/1.jpg (2)", "(no name)"]
    assert len(gathered.refused) == 2
    assert len(gathered.ignored) == 1


def test_the_limit_on_files_counts_ignored_ones_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gather, "MAX_FILES", 3)
    for number in range(4):
        write(tmp_path / f".{number}")
    with pytest.raises(BadInput, match="more than 3"):
        gather.from_folder(tmp_path, Path("none"))


def test_every_phase_has_words() -> None:
    for phase in ("waiting", "downloading", "finding", "unpacking", "checking", "saving"):
        assert gather.phase_text(phase) != phase
