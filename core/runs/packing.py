"""A run as one file, to go on with elsewhere: what is in it, and writing it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import zipfile
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

from core import __version__
from core.data import dataset as datasets
from core.data.dataset import MANIFEST, Dataset
from core.data.records import Item
from core.errors import Busy, NotFound, Unavailable
from core.files import JsonObject, write_atomic
from core.i18n import _
from core.jobs import Progress, no_progress
from core.runs.folder import RunFolder
from core.runs.report import completed
from core.runs.studied import STUDIES, writing
from core.runs.work import dataset_of, held
from core.workspace import Workspace

HEAD = "thaw-run.json"
FORMAT_VERSION = 1
RUN_PART, DATASET_PART = "run/", "dataset/"
RUN_FILES = (
    "plan.json", "start.json", "status.json", "about.json", "report.json", "history.csv", "batches.csv",
    "test.csv", "model.keras",
)
PREDICTIONS = re.compile(r"predictions-own-(train|validation|test|all)\.npz")
_CHUNK = 2**20


@dataclass(frozen=True)
class Part:
    """A file of a run that is packed.

    Attributes:
        name: Its name in the zip.
        file: Where it is.
    """

    name: str
    file: Path

    @cached_property
    def entry(self) -> zipfile.ZipInfo:
        """What the zip says of it: its size, as it is when this is first asked for."""
        return zipfile.ZipInfo.from_file(self.file, self.name)


def fingerprint(dataset: Dataset) -> str:
    """Return what two datasets share only where they hold the same photos, divided and named alike.

    Titles and ids may differ: on two machines the same photos are taken in at different times.
    """
    told = [list(dataset.classes), [
        (item.path, item.label, item.split, item.digest) for item in dataset.items
    ]]
    return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True)
class Packed:
    """A run as a zip that is made while it is sent.

    Attributes:
        size: How many bytes it has.
        pieces: Give it piece by piece, so that nothing of it is held in memory or on the disk twice. They
            end in Unavailable where a file of the run is changed meanwhile.
    """

    size: int
    pieces: Iterator[bytes]


def packed(workspace: Workspace, folder: RunFolder, *, photos: bool) -> Packed:
    """Return a run as a zip.

    Args:
        workspace: Where its dataset is.
        folder: A run that is not being worked on.
        photos: Whether the photos of its dataset go along.

    Raises:
        Busy: The run waits or is worked on.
        NotFound: The photos are wanted, and they or one of them are gone.
        BadInput: The run is damaged.
        Unavailable: Its report lacks parts, see :func:`core.runs.report.completed`, and cannot be written.
    """
    head, parts = _contents(workspace, folder, photos)
    return Packed(_size(head, parts), _pieces(head, parts))


def pack_to(
    workspace: Workspace, folder: RunFolder, target: Path, *, photos: bool, progress: Progress = no_progress
) -> None:
    """Write a run as a zip to a file, whole or not at all; see :func:`packed`.

    Raises:
        As :func:`packed`, Unavailable where a file of the run is changed meanwhile, OSError where the disk is
        full, and Stopped where ``progress`` asks for it.
    """
    head, parts = _contents(workspace, folder, photos)
    total = sum(part.entry.file_size for part in parts)

    def write(temporary: Path) -> None:
        done = told = 0
        progress(_("Packing"), 0, total // 2**20)
        with temporary.open("wb") as handle:
            for piece in _pieces(head, parts):
                handle.write(piece)
                done += len(piece)
                if min(done, total) // 2**20 > told:
                    told = min(done, total) // 2**20
                    progress(_("Packing"), told, total // 2**20)

    write_atomic(target, write)


def _contents(workspace: Workspace, folder: RunFolder, photos: bool) -> tuple[JsonObject, list[Part]]:
    if folder.status().state.active:
        raise Busy(
            _("This run has not ended."), given=folder.id,
            fix=_("Stop it first, or wait until it has ended."))
    plan = folder.plan()
    try:
        dataset: Dataset | None = datasets.load(workspace.dataset_dir(plan.dataset))
    except NotFound:
        if photos:
            raise
        dataset = None
    if dataset is not None:
        _complete_report(workspace, folder)
    files = [Part(RUN_PART + name, folder.path / name) for name in RUN_FILES]
    studies = folder.path / STUDIES
    if studies.is_dir():
        files += [
            Part(f"{RUN_PART}{STUDIES}/{path.name}", path) for path in sorted(studies.iterdir())
            if PREDICTIONS.fullmatch(path.name)
        ]
    parts = [part for part in files if part.file.is_file()]
    if dataset is not None and photos:
        parts.append(Part(DATASET_PART + MANIFEST, dataset.folder / MANIFEST))
        parts += [_photo(dataset, item) for item in dataset.items]
    head: JsonObject = {
        "format": FORMAT_VERSION, "thaw": __version__, "run": folder.id, "dataset": plan.dataset,
        "photos": photos, "fingerprint": fingerprint(dataset) if dataset is not None else None,
    }
    return head, parts


def _complete_report(workspace: Workspace, folder: RunFolder) -> None:
    """Add what the report of an earlier version lacks: it would be taken in nowhere."""
    if "version" not in (folder.report() or {"version": 1}):
        with writing(folder), held(folder):
            folder.write_report(completed(folder, dataset_of(workspace, folder.plan())))


def _photo(dataset: Dataset, item: Item) -> Part:
    part = Part(DATASET_PART + item.path, dataset.file(item))
    if not part.file.is_file():
        raise NotFound(
            _("A photo of this dataset is gone."), given=f"{item.name[:80]}: {item.path}",
            fix=_("Export the run without its photos."))
    return part


class _Sink(io.RawIOBase):
    """Takes what a zip writes and hands it on; it cannot be sought, so the zip never goes back."""

    def __init__(self) -> None:
        super().__init__()
        self._held = bytearray()

    def writable(self) -> bool:
        """Say that it takes what is written."""
        return True

    def write(self, data: object) -> int:
        """Take a piece."""
        piece = bytes(data)  # type: ignore[call-overload]
        self._held += piece
        return len(piece)

    def taken(self) -> bytes:
        """Hand over what has come since the last time."""
        found = bytes(self._held)
        self._held.clear()
        return found


def _size(head: JsonObject, parts: list[Part]) -> int:
    """Return how many bytes :func:`_pieces` will give, by letting a zip be written that lacks the files."""
    sink = _Counter()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(HEAD, _told(head))
        for part in parts:
            entry, size = copy(part.entry), part.entry.file_size
            with archive.open(entry, "w"):
                sink.count += size
            # Written of it behind all files; whether a number is long there depends on how large it is.
            entry.file_size = entry.compress_size = size
    return sink.count


class _Counter(io.RawIOBase):
    """Counts what a zip writes, and keeps nothing of it."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def writable(self) -> bool:
        """Say that it takes what is written."""
        return True

    def write(self, data: object) -> int:
        """Count a piece."""
        size = memoryview(data).nbytes  # type: ignore[arg-type]
        self.count += size
        return size

    def tell(self) -> int:
        """Return how much was counted, files that were left out too: a zip notes where each one begins."""
        return self.count


def _pieces(head: JsonObject, parts: list[Part]) -> Iterator[bytes]:
    sink = _Sink()
    # Stored: models and photos are packed as they are.
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(HEAD, _told(head))
        for part in parts:
            with _opened(part) as source, archive.open(copy(part.entry), "w") as target:
                yield from _copied(part, source, target, sink)
        yield sink.taken()
    yield sink.taken()


def _told(head: JsonObject) -> str:
    return json.dumps(head, ensure_ascii=False)


def _opened(part: Part) -> IO[bytes]:
    """Open a file, unless it is another by now: its size has been said before."""
    try:
        source = part.file.open("rb")
    except FileNotFoundError as error:
        raise _changed(part) from error
    if os.fstat(source.fileno()).st_size != part.entry.file_size:
        source.close()
        raise _changed(part)
    return source


def _copied(part: Part, source: IO[bytes], target: IO[bytes], sink: _Sink) -> Iterator[bytes]:
    # NOTE: as much as was said, and not to the end. The live curve is appended to where the run goes on just
    # now, and is whole up to there; all other files are replaced, so that what was opened stays as it was.
    left = part.entry.file_size
    while left:
        piece = source.read(min(left, _CHUNK))
        if not piece:
            raise _changed(part)
        target.write(piece)
        left -= len(piece)
        yield sink.taken()


def _changed(part: Part) -> Unavailable:
    return Unavailable(
        _("A file of this run was changed while it was packed."), given=part.name, fix=_("Try it again."))
