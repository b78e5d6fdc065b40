"""Folders as a whole: sizes, renaming, removing."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

import pytest

from core import folders
from core.folders import bytes_below, remove_leftovers, remove_whole, renamed, unchanging_bytes


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder of 111 bytes, below a folder of its own."""
    tree = tmp_path / "parent" / "tree"
    (tree / "a" / "b").mkdir(parents=True)
    for name, size in (("one", 1), ("a/ten", 10), ("a/b/hundred", 100)):
        (tree / name).write_bytes(b"x" * size)
    return tree


def test_the_size_is_that_of_all_files(tree: Path) -> None:
    assert bytes_below(tree) == 111
    assert bytes_below(tree / "a" / "ten") == 10
    assert bytes_below(tree / "gone") == 0


def test_the_size_does_not_follow_links(tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "large").write_bytes(b"x" * 10_000)
    (tree / "folder").symlink_to(outside)
    (tree / "file").symlink_to(outside / "large")
    (tree / "round").symlink_to(tree)
    links = sum((tree / name).lstat().st_size for name in ("folder", "file", "round"))
    assert bytes_below(tree) == 111 + links
    assert bytes_below(tree / "folder") == (tree / "folder").lstat().st_size


def test_what_vanishes_while_it_is_measured_counts_nothing(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.scandir

    def scandir(path: object) -> object:
        if path == str(tree / "a"):
            shutil.rmtree(tree / "a")
        return real(path)

    monkeypatch.setattr(folders.os, "scandir", scandir)
    assert bytes_below(tree) == 1


def test_what_does_not_change_is_measured_once(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[Path] = []
    monkeypatch.setattr(folders, "bytes_below", lambda path: measured.append(path) or bytes_below(path))
    assert [unchanging_bytes(tree, "one") for _each in range(3)] == [111, 111, 111]
    assert measured == [tree]


def test_it_is_measured_again_where_its_file_or_its_list_of_files_has_changed(tree: Path) -> None:
    os.utime(tree, (1, 1))
    assert unchanging_bytes(tree, "one") == 111
    (tree / "one").write_bytes(b"xxxx")
    os.utime(tree / "one", (2, 2))
    assert unchanging_bytes(tree, "one") == 114
    (tree / "two").write_bytes(b"xx")
    os.utime(tree, (3, 3))
    assert unchanging_bytes(tree, "one") == 116


def test_it_is_measured_again_where_files_came_into_one_of_its_folders(tree: Path) -> None:
    (tree / "studies").mkdir()
    os.utime(tree, (1, 1))
    os.utime(tree / "studies", (1, 1))
    assert unchanging_bytes(tree, "one", "studies") == 111
    (tree / "studies" / "new").write_bytes(b"xxxx")
    os.utime(tree / "studies", (2, 2))
    assert unchanging_bytes(tree, "one", "studies") == 115


def test_a_folder_whose_file_is_missing_is_measured_too(tree: Path) -> None:
    assert unchanging_bytes(tree, "gone") == 111
    assert unchanging_bytes(tree / "gone", "one") == 0


def test_a_folder_is_renamed_unless_there_is_something_of_that_name(tree: Path, tmp_path: Path) -> None:
    full, file, empty = tmp_path / "full", tmp_path / "file", tmp_path / "empty"
    (full / "sub").mkdir(parents=True)
    empty.mkdir()
    file.write_text("mine")
    for taken in (full, file, empty):
        assert not renamed(tree, taken)
    assert bytes_below(tree) == 111
    assert renamed(tree, tmp_path / "free")
    assert (bytes_below(tmp_path / "free"), tree.exists()) == (111, False)
    with pytest.raises(FileNotFoundError):
        renamed(tree, tmp_path / "other")


def test_a_removed_folder_is_gone_and_its_bytes_are_told(tree: Path) -> None:
    assert remove_whole(tree) == 111
    assert list(tree.parent.iterdir()) == []
    assert remove_whole(tree) is None


def test_removing_leaves_what_links_lead_to(tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine").write_text("mine")
    (tree / "a" / "link").symlink_to(outside)
    remove_whole(tree)
    tree.symlink_to(outside)
    remove_whole(tree)
    assert not tree.is_symlink()
    assert (outside / "mine").read_text() == "mine"


def test_what_a_dead_process_left_half_removed_goes_next_time(
    tree: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING):
        patched.setattr(folders.shutil, "rmtree", lambda path, ignore_errors: (path / "one").unlink())
        assert remove_whole(tree) == 1
    assert "could not be removed whole" in caplog.text
    assert not tree.exists()
    (tree.parent / ".hidden").mkdir()
    (tree.parent / "others").mkdir()
    assert remove_leftovers(tree.parent) == 110
    assert {each.name for each in tree.parent.iterdir()} == {".hidden", "others"}
    assert remove_leftovers(tree.parent) == 0
