"""Whatever happens to the files: a row that is found is right, and the others are as if not there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kept_rows import (
    RECORD_BYTES,
    TWO,
    assert_right,
    find,
    keep,
    keys_of,
    opened,
    other_process,
    segments,
    tensors_of,
    write,
)

from core.activations.segment import Segment
from core.workspace import Workspace

IMAGES = 5
ROW = 4 * (4 + 3)
KEYS = keys_of(IMAGES)


@contextmanager
def kept_on_disk() -> Iterator[tuple[Workspace, Segment]]:
    """Make a workspace that holds one segment of five rows of two tensors."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.open(folder)
        with opened(workspace, TWO) as kept:
            write(kept, IMAGES, shapes=TWO)
        (segment,) = segments(workspace)
        assert segment.rows.stat().st_size == IMAGES * ROW
        assert segment.index.stat().st_size == IMAGES * RECORD_BYTES
        yield workspace, segment


def found_rows(workspace: Workspace) -> set[int]:
    """Find what is there, and check that it is right."""
    with opened(workspace, TWO) as kept:
        count = find(kept, KEYS)
        there = assert_right(kept, KEYS, TWO)
        assert count == len(there)
    return there


def cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


@settings(deadline=None)
@given(rows=st.integers(0, IMAGES * ROW), records=st.integers(0, IMAGES * RECORD_BYTES))
def test_a_process_that_was_killed_leaves_the_rows_that_it_had_written_whole(rows: int, records: int) -> None:
    with kept_on_disk() as (workspace, segment):
        cut(segment.rows, rows)
        cut(segment.index, records)
        assert found_rows(workspace) == set(range(min(rows // ROW, records // RECORD_BYTES)))


@settings(deadline=None)
@given(at=st.integers(0, IMAGES * ROW - 1), change=st.integers(1, 255))
def test_of_a_row_with_any_byte_changed_nothing_is_found(at: int, change: int) -> None:
    with kept_on_disk() as (workspace, segment):
        flip(segment.rows, at, change)
        assert found_rows(workspace) == set(range(IMAGES)) - {at // ROW}


@settings(deadline=None)
@given(at=st.integers(0, IMAGES * RECORD_BYTES - 1), change=st.integers(1, 255))
def test_of_a_row_whose_key_or_checksum_was_changed_nothing_is_found(at: int, change: int) -> None:
    with kept_on_disk() as (workspace, segment):
        flip(segment.index, at, change)
        assert found_rows(workspace) == set(range(IMAGES)) - {at // RECORD_BYTES}


def flip(path: Path, at: int, change: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= change
    path.write_bytes(content)


@settings(deadline=None)
@given(one=st.integers(0, IMAGES - 1), other=st.integers(0, IMAGES - 1))
def test_rows_that_changed_their_places_are_not_found(one: int, other: int) -> None:
    with kept_on_disk() as (workspace, segment):
        content = segment.rows.read_bytes()
        rows = [content[at * ROW : (at + 1) * ROW] for at in range(IMAGES)]
        rows[one], rows[other] = rows[other], rows[one]
        segment.rows.write_bytes(b"".join(rows))
        assert found_rows(workspace) == set(range(IMAGES)) - ({one, other} if one != other else set())


@settings(deadline=None)
@given(rows=st.binary(max_size=300), index=st.binary(max_size=120))
def test_files_that_hold_anything_else_hold_nothing(rows: bytes, index: bytes) -> None:
    with kept_on_disk() as (workspace, segment):
        segment.rows.write_bytes(rows)
        segment.index.write_bytes(index)
        assert found_rows(workspace) == set()


def test_how_much_was_damaged_is_counted(workspace: Workspace) -> None:
    def damaged() -> int:
        with opened(workspace, TWO) as kept:
            assert kept.damaged == 0
            find(kept, KEYS)
            return kept.damaged

    with opened(workspace, TWO) as kept:
        write(kept, IMAGES, shapes=TWO)
    (segment,) = segments(workspace)
    assert damaged() == 0
    flip(segment.rows, 0, 1)
    flip(segment.index, 3 * RECORD_BYTES - 1, 1)
    assert damaged() == 2
    # A half-written end is no damage.
    cut(segment.rows, 4 * ROW + 5)
    cut(segment.index, 4 * RECORD_BYTES + 5)
    assert damaged() == 2
    segment.rows.unlink()
    assert damaged() == 1


def test_a_damaged_row_is_taken_from_another_segment_that_has_it(workspace: Workspace) -> None:
    for _each in range(2):
        with opened(workspace, TWO) as kept:
            write(kept, IMAGES, shapes=TWO)
    first, second = segments(workspace)
    flip(first.rows, 0, 1)
    flip(second.rows, 2 * ROW, 1)
    assert found_rows(workspace) == set(range(IMAGES))
    flip(second.rows, 0, 1)
    assert found_rows(workspace) == set(range(1, IMAGES))


def test_a_row_that_is_damaged_is_written_anew_and_found_again(workspace: Workspace) -> None:
    with opened(workspace, TWO) as kept:
        write(kept, IMAGES, shapes=TWO)
    flip(segments(workspace)[0].rows, 3 * ROW, 1)
    with opened(workspace, TWO) as kept:
        assert find(kept, KEYS) == IMAGES - 1
        writing = kept.writer()
        writing.append([KEYS[3]], [each[3:4] for each in tensors_of(IMAGES, TWO)])
        writing.close()
        assert assert_right(kept, KEYS, TWO) == set(range(IMAGES))
    assert found_rows(workspace) == set(range(IMAGES))


def lose_rows(segment: Segment) -> None:
    segment.rows.unlink()


def put_a_folder_for_the_index(segment: Segment) -> None:
    segment.index.unlink()
    segment.index.mkdir()


def put_a_folder_for_the_rows(segment: Segment) -> None:
    segment.rows.unlink()
    segment.rows.mkdir()


def empty_both(segment: Segment) -> None:
    segment.index.write_bytes(b"")
    segment.rows.write_bytes(b"")


def point_nowhere(segment: Segment) -> None:
    segment.index.unlink()
    segment.index.symlink_to(segment.index.parent / "gone")


@pytest.mark.parametrize(
    "damage",
    [lose_rows, put_a_folder_for_the_index, put_a_folder_for_the_rows, empty_both, point_nowhere],
)
def test_a_segment_that_cannot_be_read_is_passed_over(workspace: Workspace, damage: object) -> None:
    keep(workspace, 3)
    (bad,) = segments(workspace)
    keep(workspace, 3, start=3)
    assert callable(damage)
    damage(bad)
    with opened(workspace) as kept:
        assert find(kept, keys_of(6)) == 3
        assert assert_right(kept, keys_of(6)) == {3, 4, 5}
        write(kept, 3)
        assert assert_right(kept, keys_of(6)) == {0, 1, 2, 3, 4, 5}


def test_a_segment_that_may_not_be_read_is_passed_over(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbidden = keep(workspace, 3)
    keep(workspace, 3, start=3)
    original = Segment.records

    def records(self: Segment, row_bytes: int) -> object:
        if self == forbidden:
            raise PermissionError(13, "Permission denied")
        return original(self, row_bytes)

    monkeypatch.setattr(Segment, "records", records)
    with opened(workspace) as kept:
        assert find(kept, keys_of(6)) == 3


def test_other_files_in_the_folder_are_passed_over(workspace: Workspace) -> None:
    folder = keep(workspace, 3).index.parent
    for name in ("garbage", "garbage.index", "garbage.rows", ".index", "a.b.index", "x.use", "made_by.json"):
        (folder / name).write_bytes(b"no activations at all, but longer than one record of an index")
    (folder / "folder").mkdir()
    with opened(workspace) as kept:
        assert find(kept, keys_of(3)) == 3
        assert assert_right(kept, keys_of(3)) == {0, 1, 2}


def test_a_file_in_the_place_of_the_folder_holds_nothing(workspace: Workspace) -> None:
    with opened(workspace) as kept:
        kept.folder.parent.mkdir(parents=True)
        kept.folder.write_bytes(b"")
        assert find(kept, keys_of(3)) == 0
        with pytest.raises(OSError, match="exists"):
            kept.writer()


def test_what_a_killed_process_had_written_is_found(workspace: Workspace) -> None:
    work = "writing = kept.writer(); writing.append(keys_of(4), tensors_of(4))"
    # It need not have ended: rows are whole as soon as they are in the index.
    with other_process(workspace, work), opened(workspace) as kept:
        assert find(kept, keys_of(4)) == 4
    with opened(workspace) as kept:
        assert find(kept, keys_of(4)) == 4
        assert assert_right(kept, keys_of(4)) == {0, 1, 2, 3}
