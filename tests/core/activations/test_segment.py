"""The two files of a segment, and what becomes of them when a disk is full."""

from __future__ import annotations

import contextlib
import errno
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kept_rows import RECORD_BYTES, assert_right, find, keys_of, opened, segments, tensors_of
from numpy.typing import NDArray

from core.activations import segment as of_segments
from core.activations.segment import Segment, Writer
from core.workspace import Workspace

ROW = 12


@pytest.fixture
def segment(tmp_path: Path) -> Segment:
    return Segment.new(tmp_path)


def rows_of(images: int) -> NDArray[np.uint8]:
    return np.arange(images * ROW, dtype=np.uint8).reshape(images, ROW)


def written(segment: Segment, images: int) -> Segment:
    writer = Writer(segment, ROW)
    writer.append(keys_of(images), rows_of(images))
    writer.close()
    return segment


def test_rows_are_appended_in_order_with_a_checksum_each(segment: Segment) -> None:
    writer = Writer(segment, ROW)
    for at in range(0, 6, 2):
        writer.append(keys_of(6)[at : at + 2], rows_of(6)[at : at + 2])
    writer.close()
    keys, checks = segment.records(ROW)
    assert keys == keys_of(6)
    assert checks.tolist() == [zlib.crc32(row) for row in rows_of(6)]
    np.testing.assert_array_equal(segment.mapped(ROW, 6), rows_of(6))
    np.testing.assert_array_equal(segment.mapped(ROW, 2), rows_of(2))


def test_its_size_is_that_of_both_files(segment: Segment) -> None:
    assert segment.size == 0
    written(segment, 5)
    assert segment.size == 5 * (ROW + RECORD_BYTES)
    assert segment.size == segment.rows.stat().st_size + segment.index.stat().st_size


def test_no_two_new_ones_are_the_same(tmp_path: Path) -> None:
    assert len({Segment.new(tmp_path).index for _each in range(100)}) == 100


def test_nobody_writes_to_a_segment_that_is_there(segment: Segment) -> None:
    written(segment, 2)
    with pytest.raises(FileExistsError):
        Writer(segment, ROW)
    assert segment.records(ROW)[0] == keys_of(2)


@pytest.mark.parametrize(("keys", "rows"), [(2, 3), (3, 2), (1, 0)])
def test_as_many_rows_as_keys_are_asked_for(segment: Segment, keys: int, rows: int) -> None:
    writer = Writer(segment, ROW)
    with pytest.raises(ValueError, match="rows of shape"):
        writer.append(keys_of(keys), rows_of(rows))
    with pytest.raises(ValueError, match="rows of shape"):
        writer.append(keys_of(2), rows_of(2)[:, :-1])
    writer.close()
    assert not segment.index.exists()
    assert not segment.rows.exists()


def test_a_segment_that_is_touched_was_used_last(segment: Segment) -> None:
    written(segment, 1)
    os.utime(segment.index, (1000, 1000))
    assert segment.used == 1000
    segment.touch()
    assert segment.used > 1000


def test_a_mark_says_that_it_is_in_use_until_it_is_released(segment: Segment) -> None:
    written(segment, 1)
    assert not segment.in_use()
    first, second = segment.mark(), segment.mark()
    assert segment.in_use()
    first.release()
    assert segment.in_use()
    second.release()
    assert not segment.in_use()
    assert list(segment.index.parent.glob("*.use")) == []


def test_the_mark_of_another_segment_is_none_of_it(tmp_path: Path) -> None:
    one, longer = Segment(tmp_path / "a.index"), Segment(tmp_path / "ab.index")
    written(one, 1)
    written(longer, 1)
    mark = longer.mark()
    assert not one.in_use()
    assert longer.in_use()
    mark.release()


def test_one_that_is_removed_leaves_nothing_and_may_be_removed_again(segment: Segment) -> None:
    written(segment, 2)
    segment.remove()
    assert list(segment.index.parent.iterdir()) == []
    segment.remove()


class Disk:
    """Stands in for ``os`` in writing: takes so many bytes and is full then."""

    def __init__(self, room: int, most: int) -> None:
        self.room = room
        self._most = most

    def write(self, file: int, content: memoryview) -> int:
        taken = min(self.room, self._most, len(content))
        if not taken:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= taken
        return os.write(file, content[:taken])


def put_on(monkeypatch: pytest.MonkeyPatch, disk: Disk) -> None:
    given = {name: getattr(os, name) for name in ("utime",)}
    monkeypatch.setattr(of_segments, "os", SimpleNamespace(write=disk.write, **given))


def test_a_disk_that_takes_a_part_at_a_time_gets_all(
    segment: Segment, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_on(monkeypatch, Disk(10**6, 7))
    written(segment, 5)
    np.testing.assert_array_equal(segment.mapped(ROW, 5), rows_of(5))
    assert segment.records(ROW)[0] == keys_of(5)


Fresh = Callable[[], Workspace]


@pytest.fixture
def fresh(tmp_path: Path) -> Fresh:
    """Makes a workspace for each example."""
    made: list[Path] = []

    def workspace() -> Workspace:
        made.append(tmp_path / f"workspace{len(made)}")
        return Workspace.open(made[-1])

    return workspace


# Three batches of three rows take 288 bytes.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(room=st.integers(0, 287), most=st.integers(1, 50))
def test_a_disk_that_is_full_leaves_whole_rows(fresh: Fresh, room: int, most: int) -> None:
    keys, (values,) = keys_of(9), tensors_of(9)
    workspace, whole = fresh(), 0
    with pytest.MonkeyPatch.context() as patch, opened(workspace) as kept:
        writing = kept.writer()
        put_on(patch, Disk(room, most))
        with contextlib.suppress(OSError):
            for at in range(0, 9, 3):
                writing.append(keys[at : at + 3], [values[at : at + 3]])
                whole += 3
        assert whole < 9
        writing.close()
        assert assert_right(kept, keys) == set(range(whole))
    with opened(workspace) as again:
        there = assert_found(again, keys)
        assert there >= set(range(whole))
        assert len(there) < 9


def assert_found(kept: Any, keys: list[bytes]) -> set[int]:
    """Find what is there, and check that it is right."""
    count = find(kept, keys)
    there = assert_right(kept, keys)
    assert count == len(there)
    return there


def test_a_disk_that_is_full_at_once_leaves_no_files(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(workspace) as kept:
        writing = kept.writer()
        put_on(monkeypatch, Disk(0, 1))
        with pytest.raises(OSError, match="No space left"):
            writing.append(keys_of(2), tensors_of(2))
        writing.close()
        assert [path.name for path in kept.folder.iterdir()] == ["made_by.json"]
    assert segments(workspace) == []
