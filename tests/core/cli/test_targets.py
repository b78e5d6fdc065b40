from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from core.cli.targets import copied, target, target_file, target_folder, unpacked
from core.errors import BadInput, NotFound


def test_a_file_and_a_folder_may_be_new(tmp_path: Path) -> None:
    assert target_file(str(tmp_path / "x.zip")) == tmp_path / "x.zip"
    assert target_folder(str(tmp_path / "x")) == tmp_path / "x"
    assert target_folder(str(tmp_path)) == tmp_path


def test_what_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(NotFound):
        target(str(tmp_path / "no" / "x"))
    with pytest.raises(BadInput, match="where to"):
        target("")
    with pytest.raises(BadInput, match="This is a folder"):
        target_file(str(tmp_path))
    for taken in (tmp_path, tmp_path / "mine"):
        with pytest.raises(BadInput, match="already"):
            target_folder(str(taken))


def test_a_copy_is_no_link(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    copied(tmp_path / "kept", tmp_path / "mine")
    (tmp_path / "mine").write_text("changed")
    assert (tmp_path / "kept").read_text() == "kept"


def zipped(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("one", b"1" * 100)
        archive.writestr("in/two", b"2")
    return path


def test_a_folder_is_unpacked_also_into_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("new", "empty"):
        unpacked(zipped(tmp_path / "x.zip"), tmp_path / name)
        assert (tmp_path / name / "in" / "two").read_bytes() == b"2"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "new", "x.zip"]


def test_a_folder_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    source = zipped(tmp_path / "x.zip")
    data = bytearray(source.read_bytes())
    data[40] ^= 1
    source.write_bytes(data)
    with pytest.raises(zipfile.BadZipFile):
        unpacked(source, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["x.zip"]
