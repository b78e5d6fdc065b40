"""One file of kept activations: fixed rows of bytes, and an index that says whose they are.

A run writes what it computes into a segment of its own, so nobody waits for anybody; others read what is
there. ``<name>.rows`` is appended to first and ``<name>.index`` after it: a process that dies leaves
whole rows behind, and every row carries a checksum, so what is damaged is computed anew.
"""

from __future__ import annotations

import mmap
import os
import secrets
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import filelock
import numpy as np
from numpy.typing import NDArray

KEY_BYTES = 16
_RECORD = np.dtype([("key", np.uint8, KEY_BYTES), ("check", "<u4")])
RECORD_BYTES = _RECORD.itemsize
ROWS, INDEX, USE = ".rows", ".index", ".use"


@dataclass(frozen=True)
class Segment:
    """A pair of files.

    Attributes:
        index: Its ``.index`` file; the ``.rows`` lie beside it.
    """

    index: Path

    @classmethod
    def new(cls, folder: Path) -> Segment:
        """Name a segment that nobody else writes to."""
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        return cls(folder / f"{stamp}-{secrets.token_hex(4)}{INDEX}")

    @property
    def rows(self) -> Path:
        """The file of the rows."""
        return self.index.with_suffix(ROWS)

    @property
    def size(self) -> int:
        """Bytes that it takes on disk; 0 where it was removed meanwhile."""
        sizes = 0
        for path in (self.rows, self.index):
            with suppress(FileNotFoundError):
                sizes += path.stat().st_size
        return sizes

    @property
    def used(self) -> float:
        """When it was last used, in seconds since 1970; long ago where it was removed meanwhile."""
        try:
            return self.index.stat().st_mtime
        except FileNotFoundError:
            return 0.0

    def records(self, row_bytes: int) -> tuple[list[bytes], NDArray[np.uint32]]:
        """Return the keys and the checksums of its whole rows; a half-written end is passed over."""
        with self.index.open("rb") as handle:
            whole = handle.read()
        stored = self.rows.stat().st_size // row_bytes
        count = min(len(whole) // _RECORD.itemsize, stored)
        found = np.frombuffer(whole[: count * _RECORD.itemsize], _RECORD)
        keys = found["key"].tobytes()
        return [keys[at : at + KEY_BYTES] for at in range(0, len(keys), KEY_BYTES)], found["check"]

    def mapped(self, row_bytes: int, count: int) -> NDArray[np.uint8]:
        """Return its first rows ``(count, row_bytes)``, mapped into memory and not read yet."""
        with self.rows.open("rb") as handle:
            held = mmap.mmap(handle.fileno(), count * row_bytes, access=mmap.ACCESS_READ)
        return np.frombuffer(held, np.uint8).reshape(count, row_bytes)

    def touch(self) -> None:
        """Note that it is used now."""
        os.utime(self.index)

    def mark(self) -> filelock.BaseFileLock:
        """Keep it from being removed until the mark is released, or this process ends."""
        mark = filelock.FileLock(self.index.with_suffix(f".{secrets.token_hex(4)}{USE}"))
        mark.acquire(timeout=0)
        return mark

    def in_use(self) -> bool:
        """Tell whether somebody has marked it; marks of dead processes are removed."""
        return any_alive(self.index.parent.glob(f"{self.index.stem}.*{USE}"))

    def remove(self) -> None:
        """Remove it; the index goes first, so that nobody finds rows that are gone."""
        with suppress(PermissionError):  # Windows keeps what somebody has open; it goes another time
            self.index.unlink(missing_ok=True)
            self.rows.unlink(missing_ok=True)


def any_alive(marks: Iterable[Path]) -> bool:
    """Tell whether somebody holds one of these marks; those of dead processes are removed."""
    for path in marks:
        lock = filelock.FileLock(path)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            return True
        lock.release()
        path.unlink(missing_ok=True)
    return False


class Writer:
    """Appends rows to a new segment.

    Args:
        segment: Where to.
        row_bytes: The length of a row.
    """

    def __init__(self, segment: Segment, row_bytes: int) -> None:
        self.segment = segment
        self._row_bytes = row_bytes
        self._rows = segment.rows.open("xb", buffering=0)
        self._index = segment.index.open("xb", buffering=0)

    def append(self, keys: Sequence[bytes], rows: NDArray[np.uint8]) -> None:
        """Add rows ``(images, row_bytes)`` under their keys.

        Raises:
            OSError: The disk is full; the rows before are whole.
        """
        if rows.shape != (len(keys), self._row_bytes):
            raise ValueError(f"rows of shape {rows.shape} for {len(keys)} keys of {self._row_bytes} bytes")
        records = np.empty(len(keys), _RECORD)
        for at, key in enumerate(keys):
            records[at] = np.frombuffer(key, np.uint8), zlib.crc32(rows[at])
        _write_all(self._rows.fileno(), np.ascontiguousarray(rows))
        _write_all(self._index.fileno(), records.view(np.uint8))

    def close(self) -> None:
        """End the segment; one without a row is removed."""
        self._index.close()
        self._rows.close()
        if not self.segment.index.stat().st_size:
            self.segment.remove()


def _write_all(file: int, content: NDArray[np.uint8]) -> None:
    """Write all: a disk that is nearly full takes a part and raises only the next time."""
    left = memoryview(content).cast("B")  # type: ignore[arg-type]
    while left:
        left = left[os.write(file, left) :]
