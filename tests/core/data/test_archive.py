from __future__ import annotations

import io
import stat
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from core.data import archive, gather
from core.errors import BadInput, Stopped


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "deep" / "inside" / "files"
    folder.mkdir(parents=True)
    return folder


def zipped(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for entry, data in entries:
            made.writestr(entry, data)
    return path


def special(name: str, mode: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = mode << 16
    return entry


def everything_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


HOSTILE = [
    "../../../evil.jpg",
    "/tmp/evil.jpg",
    "cat/../../evil.jpg",
    "..\\..\\evil.jpg",
    "C:\\evil.jpg",
    "c:evil.jpg",
    "\\\\host\\share\\evil.jpg",
]


def test_no_entry_leaves_the_folder_and_the_rest_goes_on(tmp_path: Path, into: Path) -> None:
    source = zipped(
        tmp_path / "a.zip", *((name, b"evil") for name in HOSTILE), ("cat/1.jpg", b"good")
    )
    before = everything_in(tmp_path)
    gathered = archive.unpack_zip(source, into)
    assert [file.name for file in gathered.files] == ["cat/1.jpg"]
    assert gathered.files[0].path.read_bytes() == b"good"
    assert gathered.files[0].path.parent == into
    assert len(gathered.refused) == len(HOSTILE)
    new = set(everything_in(tmp_path)) - set(before)
    assert new == {f"deep/inside/files/{gathered.files[0].path.name}"}


def test_links_and_special_files_are_refused(tmp_path: Path, into: Path) -> None:
    source = zipped(
        tmp_path / "a.zip",
        (special("cat/link.jpg", stat.S_IFLNK | 0o777), b"/etc/passwd"),
        (special("cat/pipe.jpg", stat.S_IFIFO | 0o644), b""),
        (special("cat/1.jpg", stat.S_IFREG | 0o644), b"good"),
    )
    gathered = archive.unpack_zip(source, into)
    assert [entry.reason for entry in gathered.refused] == [
        "It is a link.",
        "It is not a regular file.",
    ]
    assert [file.name for file in gathered.files] == ["cat/1.jpg"]


def test_folders_and_what_systems_leave_behind_are_passed_over(tmp_path: Path, into: Path) -> None:
    source = zipped(
        tmp_path / "a.zip", ("cat/", b""), ("__MACOSX/cat/._1.jpg", b"x"), ("cat/1.jpg", b"good")
    )
    gathered = archive.unpack_zip(source, into)
    assert len(gathered.files) == 1
    assert [entry.file for entry in gathered.ignored] == ["__MACOSX/cat/._1.jpg"]
    assert len(everything_in(into)) == 1


def test_backslashes_of_old_windows_zips_are_separators(tmp_path: Path, into: Path) -> None:
    gathered = archive.unpack_zip(zipped(tmp_path / "a.zip", ("cat\\1.jpg", b"x")), into)
    assert gathered.files[0].name == "cat/1.jpg"


def test_names_in_utf8_without_the_flag_are_read_right(tmp_path: Path, into: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("cafXX/1.jpg", b"x"))
    path.write_bytes(path.read_bytes().replace(b"cafXX", "caf\u00e9".encode()))
    assert archive.unpack_zip(path, into).files[0].name == "caf\u00e9/1.jpg"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_comes_twice_is_kept_apart(tmp_path: Path, into: Path) -> None:
    source = zipped(tmp_path / "a.zip", ("cat/1.jpg", b"first"), ("cat/1.jpg", b"second"))
    names = {file.name: file.path.read_bytes() for file in archive.unpack_zip(source, into).files}
    assert names == {"cat/1.jpg": b"first", "cat/1.jpg (2)": b"second"}


def test_a_zip_with_a_password_is_a_clear_error(tmp_path: Path, into: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("cat/1.jpg", b"x"))
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    data[6] |= 1
    path.write_bytes(data)
    with pytest.raises(BadInput, match="password"):
        archive.unpack_zip(path, into)


@pytest.mark.parametrize("cut", [0, 10, 300, -10, -60])
def test_a_broken_zip_is_a_clear_error(tmp_path: Path, into: Path, cut: int) -> None:
    path = zipped(tmp_path / "a.zip", *((f"cat/{n}.jpg", bytes(range(256))) for n in range(5)))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(BadInput, match="broken"):
        archive.unpack_zip(path, into)


def test_a_damaged_entry_is_a_clear_error(tmp_path: Path, into: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as made:
        made.writestr("cat/1.jpg", b"a" * 100)
    path.write_bytes(path.read_bytes().replace(b"aaaa", b"abaa", 1))
    with pytest.raises(BadInput, match="broken"):
        archive.unpack_zip(path, into)


def test_an_unknown_packing_method_refuses_the_entry(tmp_path: Path, into: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("cat/1.jpg", b"x"), ("cat/2.jpg", b"y"))
    data = bytearray(path.read_bytes())
    struct.pack_into("<H", data, 8, 9)
    struct.pack_into("<H", data, data.index(b"PK\x01\x02") + 10, 9)
    path.write_bytes(data)
    gathered = archive.unpack_zip(path, into)
    assert [file.name for file in gathered.files] == ["cat/2.jpg"]
    assert "method" in gathered.refused[0].reason


def test_a_zip_bomb_is_stopped_by_what_it_unpacks_to(tmp_path: Path, into: Path) -> None:
    source = zipped(tmp_path / "a.zip", *((f"cat/{n}.jpg", bytes(2**23)) for n in range(4)))
    with pytest.raises(BadInput, match="100 times"):
        archive.unpack_zip(source, into)
    assert sum(path.stat().st_size for path in into.iterdir()) <= archive.RATIO_FREE_BYTES


def test_a_header_that_lies_about_the_size_changes_nothing(tmp_path: Path, into: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("cat/1.jpg", bytes(2**25)))
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 10)
    path.write_bytes(data)
    with pytest.raises(BadInput):
        archive.unpack_zip(path, into)


def test_the_limit_on_unpacked_bytes_counts(
    tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 1000)
    source = zipped(tmp_path / "a.zip", *((f"cat/{n}.jpg", bytes(400)) for n in range(3)))
    with pytest.raises(BadInput, match="unpacks to more"):
        archive.unpack_zip(source, into)


def test_the_limit_on_files_counts(
    tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gather, "MAX_FILES", 5)
    source = zipped(tmp_path / "a.zip", *((f"cat/{n}.jpg", b"x") for n in range(6)))
    with pytest.raises(BadInput, match="more than 5 files"):
        archive.unpack_zip(source, into)


def test_a_file_over_the_limit_is_refused_and_the_rest_goes_on(
    tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_FILE_BYTES", 100)
    source = zipped(tmp_path / "a.zip", ("cat/1.jpg", bytes(101)), ("cat/2.jpg", bytes(100)))
    gathered = archive.unpack_zip(source, into)
    assert [file.name for file in gathered.files] == ["cat/2.jpg"]
    assert [entry.file for entry in gathered.refused] == ["cat/1.jpg"]
    assert len(everything_in(into)) == 1


def test_unpacking_can_be_stopped(tmp_path: Path, into: Path) -> None:
    def stop(_phase: str, done: int, _total: int | None) -> None:
        if done == 2:
            raise Stopped("Enough.")

    source = zipped(tmp_path / "a.zip", *((f"cat/{n}.jpg", b"x") for n in range(6)))
    with pytest.raises(Stopped):
        archive.unpack_zip(source, into, stop)


def test_a_tar_is_unpacked_as_carefully(tmp_path: Path, into: Path) -> None:
    path = tmp_path / "a.tgz"
    with tarfile.open(path, "w:gz") as made:
        for name in ("../evil.jpg", "/evil.jpg", "set/cat/1.jpg"):
            member = tarfile.TarInfo(name)
            member.size = 4
            made.addfile(member, io.BytesIO(b"data"))
        link = tarfile.TarInfo("set/cat/link.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        made.addfile(link)
        hard = tarfile.TarInfo("set/cat/hard.jpg")
        hard.type, hard.linkname = tarfile.LNKTYPE, "../../../etc/passwd"
        made.addfile(hard)
    gathered = archive.unpack_tar(path, into)
    assert [file.name for file in gathered.files] == ["set/cat/1.jpg"]
    assert len(gathered.refused) == 4
    assert len(everything_in(into)) == 1


@pytest.mark.parametrize("data", [b"", b"no tar at all", b"\x1f\x8b\x08\x00broken"])
def test_a_broken_tar_is_a_clear_error(tmp_path: Path, into: Path, data: bytes) -> None:
    path = tmp_path / "a.tgz"
    path.write_bytes(data)
    with pytest.raises(BadInput, match="broken"):
        archive.unpack_tar(path, into)


def test_an_entry_without_a_name_is_a_file_like_any_other(tmp_path: Path, into: Path) -> None:
    source = zipped(tmp_path / "set.zip", ("cat/1.png", b"1"))
    with zipfile.ZipFile(source, "a") as made, made.open(zipfile.ZipInfo(""), "w") as nameless:
        nameless.write(b"2")
    gathered = archive.unpack_zip(source, into)
    assert len(gathered.files) + len(gathered.refused) == 2
    assert {file.path.read_bytes() for file in gathered.files} <= {b"1", b"2"}
