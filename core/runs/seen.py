"""What a run's folder holds, read once for all who look at it: until a file changes it is not read again."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

from core.files import JsonObject
from core.runs import about
from core.runs.about import About
from core.runs.folder import RunFolder
from core.runs.status import Status
from core.training.events import BatchRow, EpochRow
from core.training.plan import Plan

_Value = TypeVar("_Value")
_Mark = tuple[int, int, int]

MOST_FILES = 4096
SETTLED_NS = 50_000_000
LAST_BYTES = 256
_lock = threading.Lock()
_kept: dict[Path, tuple[_Mark, object]] = {}
_grown: dict[Path, _Grown] = {}


def once(path: Path, read: Callable[[], _Value]) -> _Value:
    """Return what a file holds, as it was read before where the file has not changed since.

    Args:
        path: The file. Each has one ``read``, whoever asks.
        read: Reads and checks it. What it returns is shared, so nobody may change it.

    Raises:
        Exception: Whatever ``read`` raises; that is not kept.
    """
    # NOTE: the mark is taken before the reading. A file that is replaced in between is read anew the
    # next time; the other way round it would be taken for read.
    mark = _mark(path)
    if mark is None:
        return read()
    with _lock:
        known = _kept.get(path)
    if known is not None and known[0] == mark:
        return known[1]  # type: ignore[return-value]
    value = read()
    # NOTE: of two changes within one tick of the file system's clock the second may look like the
    # first. So what has only just been written is not kept.
    if time.time_ns() - mark[0] > SETTLED_NS:
        with _lock:
            _make_room(_kept)
            _kept[path] = mark, value
    return value


def about_seen(folder: RunFolder) -> About:
    """Return what a run is called, as :func:`core.runs.about.about_of` does."""
    return once(folder.path / about.FILE, partial(about.about_of, folder))


def plan_of(folder: RunFolder) -> Plan:
    """Return what was asked for; raises BadInput where it is damaged."""
    return once(folder.path / "plan.json", folder.plan)


def status_of(folder: RunFolder) -> Status:
    """Return how a run stands; raises BadInput where that is damaged."""
    return once(folder.path / "status.json", folder.status)


def history_of(folder: RunFolder) -> tuple[EpochRow, ...]:
    """Return the finished epochs; raises BadInput where they are damaged."""
    return once(folder.path / "history.csv", folder.history)


def report_of(folder: RunFolder) -> JsonObject | None:
    """Return a run's report, ``None`` before there is one; raises BadInput where it is damaged."""
    return once(folder.path / "report.json", folder.report)


def batches_of(folder: RunFolder) -> tuple[BatchRow, ...]:
    """Return the points of the live curve; raises BadInput where they are damaged.

    Their file is appended to many times a second, so only what came on is read.
    """
    path = folder.path / "batches.csv"
    with _lock:
        known = _grown.get(path)
    try:
        with path.open("rb") as handle:
            come_on = None if known is None else _come_on(handle, known)
    except FileNotFoundError:
        return ()
    if known is None or come_on is None:
        return _whole(path, folder)
    if come_on:
        try:
            known = known.with_lines(come_on)
        except (ValueError, TypeError):
            return folder.batches()  # which says what is wrong
        with _lock:
            _grown[path] = known
    return known.rows


@dataclass(frozen=True)
class _Grown:
    """The rows of a file so far, which file that is, how far it was read, and what stood last there."""

    inode: int
    end: int
    last: bytes
    rows: tuple[BatchRow, ...]

    def with_lines(self, lines: bytes) -> _Grown:
        """Return it with some whole lines more."""
        rows = [BatchRow(*map(float, line.split(b","))) for line in lines.splitlines()]
        last = (self.last + lines)[-len(self.last):]
        return _Grown(self.inode, self.end + len(lines), last, (*self.rows, *rows))


def _come_on(handle: BinaryIO, known: _Grown) -> bytes | None:
    """Return the whole lines that came on; ``None`` where this is no longer the same file.

    NOTE: a file that takes another's place may have its inode. So what stood last is compared too.
    """
    if os.fstat(handle.fileno()).st_ino != known.inode:
        return None
    handle.seek(known.end - len(known.last))
    found = handle.read()
    if not found.startswith(known.last):
        return None
    return found[len(known.last): found.rfind(b"\n") + 1]


def _whole(path: Path, folder: RunFolder) -> tuple[BatchRow, ...]:
    with path.open("rb") as handle:
        inode = os.fstat(handle.fileno()).st_ino
        text = handle.read()
    rows = folder.batches()
    end = text.rfind(b"\n") + 1
    # What was appended between the two readings is in the rows, but not in the text.
    if rows and text[:end].count(b"\n") == len(rows) + 1:
        with _lock:
            _make_room(_grown)
            _grown[path] = _Grown(inode, end, text[max(0, end - LAST_BYTES):end], rows)
    return rows


def _make_room(kept: dict[Path, _Value]) -> None:
    if len(kept) >= MOST_FILES:
        kept.clear()


def _mark(path: Path) -> _Mark | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
