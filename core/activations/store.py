"""Kept activations: what a prefix makes of images, found again by image, weights, cut, size and view."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import threading
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import filelock
import numpy as np
from numpy.typing import NDArray

from core.activations.budget import budget_of, free_for, locked, root_of
from core.activations.segment import INDEX, KEY_BYTES, RECORD_BYTES, Segment, Writer
from core.errors import BadInput, Busy, Stopped
from core.files import JsonObject, read_json, write_json
from core.i18n import _
from core.words import bytes_text
from core.workspace import Workspace

FORM = 1
"""Part of every key: raise it when an image is decoded, resized or changed in another way, or when a
backbone of the same name and weights computes something else."""

MOST_SEGMENTS = 64  # each that is mapped holds an open file
DISK_RESERVE = 2 * 10**9
MADE_BY, SPEED = "made_by.json", "speed.json"
_CHECKED_AT_A_TIME = 256
_LONGEST_IMAGE_S = 3600.0
_log = logging.getLogger(__name__)


def row_key(digest: str, view: tuple[object, ...] = ()) -> bytes:
    """Return the key of an image, or of one view of it.

    Args:
        digest: SHA-256 of the image file's bytes, in hex.
        view: What the view is drawn from; empty for the image as it is.
    """
    return hashlib.blake2b(f"{digest} {view}".encode(), digest_size=KEY_BYTES).digest()


class NoRoom(Exception):
    """There is no room for what would be kept; :attr:`reason` is one sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Activations:
    """The rows of one prefix, for the time of one run. Close it, or use it in a ``with``.

    Args:
        workspace: Where they are kept.
        made_by: What determines them beside the image: backbone, weights, cut, size and so on.
        shapes: The shape of each tensor that crosses the cut, for one image; float32.
        label: What :func:`core.activations.labelled.rows_labelled` finds them by; it determines nothing.

    Attributes:
        row_bytes: What a row takes on disk.
        damaged: How many rows, or whole segments, :meth:`find` could not use.
    """

    def __init__(
        self, workspace: Workspace, made_by: JsonObject, shapes: Sequence[tuple[int, ...]],
        label: JsonObject | None = None,
    ) -> None:
        self._workspace = workspace
        self._shapes = [tuple(shape) for shape in shapes]
        self._lengths = [4 * int(np.prod(shape)) for shape in self._shapes]
        self.row_bytes = sum(self._lengths)
        described = {"form": FORM, "shapes": [list(shape) for shape in self._shapes], **made_by}
        name = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:32]
        self.folder = root_of(workspace) / name
        self._described = {**described, "row_bytes": self.row_bytes, "label": label}
        self._marks: list[filelock.BaseFileLock] = []
        self._maps: list[NDArray[np.uint8]] = []
        self._places: dict[bytes, tuple[int, int]] = {}
        self.damaged = 0

    def __enter__(self) -> Activations:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __contains__(self, key: bytes) -> bool:
        return key in self._places

    def find(
        self, keys: Sequence[bytes], told: Callable[[int], None], stop: threading.Event
    ) -> int:
        """Look for rows, and check each that is found against its checksum.

        Args:
            keys: Those that a run needs.
            told: Told now and then how many have been found.
            stop: Set it to leave.

        Returns:
            How many were found whole. The others are as if they were not there.

        Raises:
            Stopped: ``stop`` was set.
        """
        wanted = set(keys) - set(self._places)
        damaged: set[bytes] = set()
        unreadable = 0
        for segment in self._segments()[:MOST_SEGMENTS]:
            if not wanted:
                break
            try:
                damaged |= self._take(segment, wanted, told, stop)
            except (OSError, ValueError):
                unreadable += 1
                _log.warning("kept activations of %s cannot be read", segment.index, exc_info=True)
        # What was damaged in one place may have been computed anew since, and be whole in another.
        self.damaged = len(damaged & wanted) + (unreadable if wanted else 0)
        return sum(key in self._places for key in keys)

    def _segments(self) -> list[Segment]:
        found = [Segment(path) for path in self.folder.glob(f"*{INDEX}")]
        return sorted(found, key=lambda each: (each.used, each.index.name), reverse=True)

    def _take(
        self, segment: Segment, wanted: set[bytes], told: Callable[[int], None], stop: threading.Event
    ) -> set[bytes]:
        """Take what is wanted and whole from a segment, and mark it as used; ``wanted`` shrinks.

        Returns:
            The keys of what is wanted and damaged.
        """
        with locked(self._workspace):
            if not segment.index.exists():
                return set()
            self._marks.append(segment.mark())
        keys, checks = segment.records(self.row_bytes)
        here = {key: at for at, key in enumerate(keys) if key in wanted}
        if not here:
            _unmark(self._marks.pop())
            return set()
        damaged = set()
        rows = segment.mapped(self.row_bytes, len(keys))
        self._maps.append(rows)
        number = len(self._maps) - 1
        segment.touch()
        for done, (key, at) in enumerate(here.items()):
            if done % _CHECKED_AT_A_TIME == 0:
                told(len(self._places))
                if stop.is_set():
                    raise Stopped(_("Stopped before anything was learned."))
            if zlib.crc32(rows[at]) == checks[at]:
                self._places[key] = number, at
                wanted.discard(key)
            else:
                damaged.add(key)
                _log.warning("a row of %s is damaged", segment.index)
        return damaged

    def make_room(self, images: int) -> None:
        """Make room for more rows, removing what was not used for the longest time and is not in use.

        Raises:
            NoRoom: The budget, or the disk, does not have it.
        """
        needed = images * (self.row_bytes + RECORD_BYTES)
        budget = budget_of(self._workspace)
        root = root_of(self._workspace)
        root.mkdir(parents=True, exist_ok=True)
        left = shutil.disk_usage(root).free - DISK_RESERVE
        if needed > left:
            raise NoRoom(
                _("What the frozen part makes of the photos takes {needed}; the disk is nearly full.").format(
                    needed=bytes_text(needed))
            )
        if not free_for(self._workspace, needed):
            raise NoRoom(
                _("What the frozen part makes of the photos takes {needed}; {budget} may be kept.").format(
                    needed=bytes_text(needed), budget=bytes_text(budget))
            )

    @property
    def image_s(self) -> float | None:
        """Seconds that an image took when it was last computed, or ``None`` where that is not known."""
        try:
            known = read_json(self.folder / SPEED).get("image_s")
        except BadInput:
            return None
        return known if isinstance(known, float) and 0 < known < _LONGEST_IMAGE_S else None

    def remember_speed(self, image_s: float) -> None:
        """Keep how many seconds an image took, where there is room for it."""
        with suppress(OSError):  # only a forecast is the worse for it
            write_json(self.folder / SPEED, {"image_s": image_s}, durable=False)

    def writer(self) -> Writing:
        """Begin a segment for rows that are computed now."""
        segment = Segment.new(self.folder)
        with locked(self._workspace):
            self.folder.mkdir(parents=True, exist_ok=True)
            write_json(self.folder / MADE_BY, self._described, durable=False)
            mark = segment.mark()
        return Writing(self, segment, mark)

    def added(self, segment: Segment, mark: filelock.BaseFileLock, keys: Sequence[bytes]) -> None:
        """Take up rows that a writer has written, in their order."""
        if not keys:
            _unmark(mark)
            return
        self._marks.append(mark)
        self._maps.append(segment.mapped(self.row_bytes, len(keys)))
        number = len(self._maps) - 1
        self._places |= {key: (number, at) for at, key in enumerate(keys)}

    def gather(self, keys: Sequence[bytes]) -> tuple[NDArray[np.float32], ...]:
        """Return the tensors of images, each ``(images, *shape)``, in the order of the keys."""
        places = np.array([self._places[key] for key in keys], dtype=np.int64)
        rows = np.empty((len(keys), self.row_bytes), np.uint8)
        for number in np.unique(places[:, 0]):
            here = places[:, 0] == number
            rows[here] = self._maps[number][places[here, 1]]
        tensors, begin = [], 0
        for shape, length in zip(self._shapes, self._lengths, strict=True):
            part = np.ascontiguousarray(rows[:, begin : begin + length])
            tensors.append(part.view(np.float32).reshape(len(keys), *shape))
            begin += length
        return tuple(tensors)

    def rows_of(self, tensors: Sequence[NDArray[np.float32]]) -> NDArray[np.uint8]:
        """Return the rows ``(images, row_bytes)`` that hold these tensors; :meth:`gather` reads them."""
        parts = [
            np.ascontiguousarray(each, np.float32).reshape(len(each), -1).view(np.uint8)
            for each in tensors
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def close(self) -> None:
        """Let go of the files; they may be removed from now on, at once where less may be kept by now."""
        self._maps.clear()
        self._places.clear()
        while self._marks:
            _unmark(self._marks.pop())
        with suppress(OSError, Busy):  # the next run makes room for itself
            free_for(self._workspace, 0)


class Writing:
    """Writes rows while they are computed, and hands them over in the end."""

    def __init__(self, kept: Activations, segment: Segment, mark: filelock.BaseFileLock) -> None:
        self._kept = kept
        self._mark = mark
        self._writer = Writer(segment, kept.row_bytes)
        self._keys: list[bytes] = []

    @property
    def images(self) -> int:
        """How many rows were written."""
        return len(self._keys)

    def append(self, keys: Sequence[bytes], tensors: Sequence[NDArray[np.float32]]) -> None:
        """Keep what the prefix made of some images; raises OSError where the disk is full."""
        self._writer.append(keys, self._kept.rows_of(tensors))
        self._keys += keys

    def close(self) -> None:
        """End writing; what was written can be gathered, by this run and by others."""
        try:
            self._writer.close()
        except OSError:
            _unmark(self._mark)
            raise
        self._kept.added(self._writer.segment, self._mark, self._keys)


def _unmark(mark: filelock.BaseFileLock) -> None:
    mark.release()
    with suppress(OSError):  # somebody is just looking whether it is held; it is removed another time
        Path(mark.lock_file).unlink(missing_ok=True)
