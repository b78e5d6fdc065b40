"""TensorFlow's flower photos: downloaded with resumption, and checked before they count."""

from __future__ import annotations

import errno
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.data import archive
from core.data.assemble import Origin, assemble
from core.data.dataset import Dataset
from core.data.gather import DOWNLOADING
from core.data.intake import scratch
from core.errors import BadInput, Unavailable
from core.i18n import _
from core.jobs import Progress
from core.workspace import Workspace

_CHUNK = 256 * 1024
_MAX_BYTES = 2**30
_PARTIAL = 206
_OUT_OF_RANGE = 416


@dataclass(frozen=True)
class Archive:
    """Where an archive is, and what must be in it.

    Attributes:
        url: An http or https address of a gzipped tar with one folder a class.
        file: The name under which it is kept in the cache while it is being fetched.
        classes: The class names it must hold, sorted.
        images: How many images it must hold.
        timeout: How long the server may be silent, in seconds.
        attempts: How often a connection that brings nothing new is tried again.
        pause: How long to wait between attempts, in seconds.
    """

    url: str
    file: str
    classes: tuple[str, ...]
    images: int
    timeout: float = 20.0
    attempts: int = 3
    pause: float = 0.5


FLOWERS = Archive(
    url="https://storage.googleapis.com/download.tensorflow.org/example_images/flower_photos.tgz",
    file="flower_photos.tgz",
    classes=("daisy", "dandelion", "roses", "sunflowers", "tulips"),
    images=3670,
)


def take_in_archive(
    wanted: Archive, workspace: Workspace, origin: Origin, progress: Progress
) -> Dataset:
    """Download an archive, or go on with a download that broke off, and take it in.

    Args:
        wanted: Where it is and what must be in it.
        workspace: Where the dataset goes; the download is kept in its cache until it is complete.
        origin: What to call the dataset.
        progress: Told the bytes that have arrived, then as in an intake. After a Stopped, what
            has arrived is kept for the next time.

    Raises:
        Unavailable: There is no network, the server fails, or what came is not what was wanted.
        Stopped: ``progress`` asked for it.
    """

    def accept(dataset: Dataset) -> None:
        images = len(dataset.items) + len(dataset.duplicates)
        if dataset.classes != wanted.classes or images != wanted.images:
            raise BadInput(
                _("It holds {images} images in {classes} classes.").format(
                    images=images, classes=len(dataset.classes)
                )
            )

    with scratch(workspace) as folder:
        file = download(wanted, workspace.cache, progress)
        unpacked = folder / "files"
        unpacked.mkdir()
        try:
            gathered = archive.unpack_tar(file, unpacked, progress)
            checked = Origin(
                title=origin.title,
                source=origin.source,
                seed=origin.seed,
                move=True,
                dataset_id=origin.dataset_id,
                accept=accept,
            )
            dataset = assemble(gathered, workspace, folder, checked, progress)
        except BadInput as error:
            file.unlink()
            raise Unavailable(
                _("What was downloaded is not the set that was expected, so it was not used."),
                given=error.what,
                fix=_("Try again later, or take a sample that needs no network."),
            ) from error
        file.unlink()
        return dataset


def download(wanted: Archive, cache: Path, progress: Progress) -> Path:
    """Fetch a file into ``cache``, going on where an earlier attempt broke off.

    Returns:
        The complete file.

    Raises:
        Unavailable: There is no network, or the server fails or answers with something else.
        OSError: The disk is full.
        Stopped: ``progress`` asked for it; what has arrived is kept.
    """
    complete = cache / wanted.file
    part = cache / f"{wanted.file}.part"
    barren = 0
    while not complete.exists():
        before = _size(part)
        try:
            if _fetch(wanted, part, progress):
                part.replace(complete)
                break
            reason = _("The connection was lost.")
        except urllib.error.HTTPError as error:
            error.close()
            reason = f"HTTP {error.code}"
            if error.code == _OUT_OF_RANGE and before:
                if error.headers.get("Content-Range") == f"bytes */{before}":
                    part.replace(complete)  # all of it was there already
                else:
                    part.unlink()  # what is there fits no longer; start anew
                continue
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            reason = _reason(error)
        barren = 0 if _size(part) > before else barren + 1
        if barren >= wanted.attempts:
            raise _no_network(reason, _size(part))
        _wait(wanted.pause, part, progress)
    return complete


def _reason(error: Exception) -> str:
    """Return what went wrong in words, without a system's number for it."""
    cause = getattr(error, "reason", error)
    said = cause.strerror if isinstance(cause, OSError) else str(cause)
    return said or type(error).__name__


def _fetch(wanted: Archive, part: Path, progress: Progress) -> bool:
    """Receive until the end or until the connection breaks; return whether all of it is there."""
    start = _size(part)
    tag = part.with_name(part.name + ".tag")
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if _size(tag):
            headers["If-Range"] = tag.read_text(encoding="ascii")
    request = urllib.request.Request(wanted.url, headers=headers)  # noqa: S310 - a constant
    with urllib.request.urlopen(request, timeout=wanted.timeout) as response:  # noqa: S310
        if response.status != _PARTIAL:
            start = 0
        elif not (response.headers.get("Content-Range") or "").startswith(f"bytes {start}-"):
            raise http.client.HTTPException(_("The server sent another part than was asked for."))
        length = response.headers.get("Content-Length", "")
        total = start + int(length) if length.isdecimal() else None
        if total is not None and total > _MAX_BYTES:
            raise http.client.HTTPException(_("The file is larger than expected."))
        tag.write_text(_safe_tag(response.headers.get("ETag", "")), encoding="ascii")
        arrived = _receive(response.read, part, start, total, progress)
    if total is not None and arrived < total:
        return False
    tag.unlink(missing_ok=True)
    return True


def _receive(
    read: Callable[[int], bytes], part: Path, start: int, total: int | None, progress: Progress
) -> int:
    arrived = start
    with part.open("r+b" if start else "wb") as handle:
        handle.seek(start)
        handle.truncate()
        while chunk := read(_CHUNK):
            handle.write(chunk)
            arrived += len(chunk)
            if arrived > _MAX_BYTES:
                raise http.client.HTTPException(_("The file is larger than expected."))
            progress(DOWNLOADING, arrived, total)
    return arrived


def _safe_tag(tag: str) -> str:
    return tag if tag.isascii() and tag.isprintable() and not tag.startswith("W/") else ""


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _wait(seconds: float, part: Path, progress: Progress) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        progress(DOWNLOADING, _size(part), None)  # so that a cancel is heard
        time.sleep(min(0.1, seconds))


def _no_network(reason: str, arrived: int) -> Unavailable:
    fix = _(
        "Check the network and try again, or take a sample that needs none: handwritten digits "
        "or textile defects."
    )
    if arrived:
        fix += " " + _("What has arrived is kept, and the download goes on from there.")
    return Unavailable(_("The photos could not be downloaded."), given=reason, fix=fix)
