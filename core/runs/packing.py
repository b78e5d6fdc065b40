"""A run as one file, to go on with elsewhere: what is in it, and writing it."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from core import __version__
from core.data import dataset as datasets
from core.data.dataset import MANIFEST, Dataset
from core.errors import Busy, NotFound
from core.files import JsonObject, write_atomic
from core.i18n import _
from core.jobs import Progress, no_progress
from core.runs.folder import RunFolder
from core.runs.studied import STUDIES
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
    """A file of a run that is packed: its name in the zip, and where it is."""

    name: str
    file: Path


def fingerprint(dataset: Dataset) -> str:
    """Return what two datasets share only where they hold the same photos, divided and named alike.

    Titles and ids may differ: on two machines the same photos are taken in at different times.
    """
    told = [list(dataset.classes), [
        (item.path, item.label, item.split, item.digest) for item in dataset.items
    ]]
    return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")).hexdigest()


def packed(workspace: Workspace, folder: RunFolder, *, photos: bool) -> Iterator[bytes]:
    """Return a run as a zip, piece by piece, so that nothing of it is held in memory or on the disk twice.

    Args:
        workspace: Where its dataset is.
        folder: A run that is not being worked on.
        photos: Whether the photos of its dataset go along.

    Raises:
        Busy: The run waits or is worked on.
        NotFound: The photos are wanted, and are gone.
        BadInput: The run is damaged.
    """
    head, parts = _contents(workspace, folder, photos)
    return _pieces(head, parts)


def pack_to(
    workspace: Workspace, folder: RunFolder, target: Path, *, photos: bool, progress: Progress = no_progress
) -> None:
    """Write a run as a zip to a file, whole or not at all; see :func:`packed`.

    Raises:
        As :func:`packed`, and OSError where the disk is full, and Stopped where ``progress`` asks for it.
    """
    head, parts = _contents(workspace, folder, photos)
    total = sum(part.file.stat().st_size for part in parts)

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
        parts += [Part(DATASET_PART + item.path, dataset.file(item)) for item in dataset.items]
    head: JsonObject = {
        "format": FORMAT_VERSION, "thaw": __version__, "run": folder.id, "dataset": plan.dataset,
        "photos": photos, "fingerprint": fingerprint(dataset) if dataset is not None else None,
    }
    return head, parts


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


def _pieces(head: JsonObject, parts: list[Part]) -> Iterator[bytes]:
    sink = _Sink()
    # Stored: models and photos are packed as they are.
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(HEAD, json.dumps(head, ensure_ascii=False))
        for part in parts:
            entry = zipfile.ZipInfo.from_file(part.file, part.name)
            with part.file.open("rb") as source, archive.open(entry, "w") as target:
                yield from _copied(source, target, sink)
        yield sink.taken()
    yield sink.taken()


def _copied(source: IO[bytes], target: IO[bytes], sink: _Sink) -> Iterator[bytes]:
    while piece := source.read(_CHUNK):
        target.write(piece)
        yield sink.taken()
