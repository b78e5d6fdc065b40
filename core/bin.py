"""Deleted runs and datasets, kept for 30 days so that they can be brought back."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core.data.dataset import SUMMARY
from core.disk import clear_thumbnails, plan_title
from core.errors import BadInput, Busy, NotFound, ThawError, Unavailable
from core.files import JsonObject, read_json, write_json
from core.folders import remove_leftovers, remove_whole, renamed, unchanging_bytes
from core.i18n import _
from core.runs.about import about_of
from core.runs.folder import RunFolder
from core.runs.use import reserved, reserved_dataset
from core.workspace import Workspace, is_id

Kind = Literal["run", "dataset"]
RUN: Kind = "run"
DATASET: Kind = "dataset"
KEPT_DAYS = 30
_DAY_S = 86_400
_PLACES: dict[Kind, str] = {RUN: "runs", DATASET: "datasets"}
_NOTE = "deleted.json"
_LONGEST_ID = 80
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Binned:
    """Something in the bin.

    Attributes:
        kind: "run" or "dataset".
        id: What :func:`restore` wants: its id, or one made of it where the bin held that already.
        title: What people call it; text from outside.
        deleted: When it was deleted, in seconds since 1970.
        days_left: Days until it is removed for good, rounded up, 0 to 30.
        bytes: The size of its files.
        by: Who deleted it, as :class:`core.runs.about.About` says; empty where that is not known.
    """

    kind: Kind
    id: str
    title: str
    deleted: float
    days_left: int
    bytes: int
    by: str


def delete_run(workspace: Workspace, run_id: str, by: str = "") -> None:
    """Move a run to the bin, whole; a damaged one too.

    Args:
        workspace: Where it is.
        run_id: The run.
        by: Who wants it.

    Raises:
        NotFound: There is no such run.
        Busy: It is in use.
        BadInput: Its folder is a link to somewhere else.
        Unavailable: The folder cannot be moved, and is where it was.
    """
    path = _own(workspace.run_dir(run_id))
    with _told(run_id), reserved(workspace, run_id):
        if _remove_husk(path):
            raise _gone(run_id)
        _move(workspace, RUN, path, by)


def delete_dataset(workspace: Workspace, dataset_id: str, by: str = "") -> None:
    """Move a dataset to the bin, whole; a damaged one too. Its thumbnails go at once.

    Args:
        workspace: Where it is.
        dataset_id: The dataset.
        by: Who wants it.

    Raises:
        NotFound: There is no such dataset.
        Busy: A run learns from it, or will.
        BadInput: Its folder is a link to somewhere else.
        Unavailable: The folder cannot be moved, and is where it was.
    """
    path = _own(workspace.dataset_dir(dataset_id))
    with _told(dataset_id), reserved_dataset(workspace, dataset_id):
        _move(workspace, DATASET, path, by)
    clear_thumbnails(workspace, dataset_id)


def binned(workspace: Workspace) -> list[Binned]:
    """Return what is in the bin, what was deleted last first."""
    now = time.time()
    found = []
    for kind, folder in _folders(workspace):
        note = _note(folder)
        if note is not None:
            left = math.ceil(KEPT_DAYS - (now - note.at) / _DAY_S)
            found.append(Binned(
                kind, folder.name, _title(kind, folder, note.id), note.at,
                min(max(left, 0), KEPT_DAYS), unchanging_bytes(folder, _NOTE), note.by,
            ))
    return sorted(found, key=lambda each: (each.deleted, each.id), reverse=True)


def restore(workspace: Workspace, kind: Kind, id: str) -> str:
    """Bring back what was deleted, under the id that it had.

    Args:
        workspace: Where it is.
        kind: "run" or "dataset".
        id: What :class:`Binned` calls it.

    Returns:
        Its id, now and before.

    Raises:
        NotFound: It is no longer in the bin.
        Busy: There is one of its id again.
        Unavailable: The folder cannot be moved, and is where it was.
    """
    found = [path for of, path in _folders(workspace) if of == kind and path.name == id]
    note = _note(found[0]) if found else None
    if note is None:
        raise _gone(id)
    target = (workspace.runs if kind == RUN else workspace.datasets) / note.id
    with _told(note.id):
        _remove_husk(target)
        if not renamed(found[0], target):
            raise Busy(
                _("There is one of that name again."), given=note.id,
                fix=_("Delete that one first, then bring this one back."),
            )
        (target / _NOTE).unlink(missing_ok=True)
    return note.id


def purge(workspace: Workspace, now: float | None = None) -> int:
    """Remove for good what was deleted 30 days ago or earlier, and what an earlier removal left over.

    Args:
        workspace: Where the bin is.
        now: Seconds since 1970; ``None`` for this moment.

    Returns:
        How many runs and datasets were removed.
    """
    oldest = (time.time() if now is None else now) - KEPT_DAYS * _DAY_S
    _remove_leftovers(workspace)
    notes = [(folder, _note(folder)) for _kind, folder in _folders(workspace)]
    due = [folder for folder, note in notes if note is not None and note.at <= oldest]
    return sum(_removed(folder) is not None for folder in due)


def empty(workspace: Workspace) -> int:
    """Remove for good all that is in the bin, and return how many bytes that was."""
    leftovers = _remove_leftovers(workspace)
    return leftovers + sum(_removed(folder) or 0 for _kind, folder in _folders(workspace))


@dataclass(frozen=True)
class _Note:
    """What ``deleted.json`` says."""

    at: float
    by: str
    id: str


def _note(folder: Path) -> _Note | None:
    """Read when, by whom and from where a folder was deleted; ``None`` where it vanished meanwhile.

    A damaged note says nothing. The folder was last changed when it was written, and has its id.
    """
    try:
        changed = folder.lstat().st_mtime
        said = read_json(folder / _NOTE)
    except FileNotFoundError:
        return None
    except BadInput:
        return _Note(changed, "", folder.name)
    at, by, before = said.get("at"), str(said.get("by", "")), said.get("id")
    if not isinstance(at, float) or not math.isfinite(at):
        at = changed
    return _Note(at, by, before if isinstance(before, str) and is_id(before) else folder.name)


def _places(workspace: Workspace) -> list[tuple[Kind, Path]]:
    """Return the bin's folders. A link in their place could lead out of the workspace: it is none."""
    places = [(kind, workspace.bin / name) for kind, name in _PLACES.items()]
    return [
        (kind, place) for kind, place in places
        if place.is_dir() and not (workspace.bin.is_symlink() or place.is_symlink())
    ]


def _folders(workspace: Workspace) -> list[tuple[Kind, Path]]:
    """Return all that is in the bin."""
    return [
        (kind, path) for kind, place in _places(workspace) for path in sorted(place.iterdir())
        if is_id(path.name) and path.is_dir() and not path.is_symlink()
    ]


def _move(workspace: Workspace, kind: Kind, path: Path, by: str) -> None:
    place = _own(workspace.bin) / _PLACES[kind]
    _own(place).mkdir(parents=True, exist_ok=True)
    note: JsonObject = {"at": time.time(), "by": by, "id": path.name}
    try:
        write_json(path / _NOTE, note)
    except OSError as error:
        # A full disk is a reason to delete. The folder's own time then says when that was.
        (path / _NOTE).unlink(missing_ok=True)
        os.utime(path)
        _log.warning("%s is deleted without a note: %s", path.name, error)
    for attempt in range(1, 1000):
        suffix = "" if attempt == 1 else f"-{attempt}"
        target = place / f"{path.name[:_LONGEST_ID - len(suffix)]}{suffix}"
        if renamed(path, target):
            return
    raise Unavailable(_("No free name was found for a new folder."), given=path.name)


def _remove_husk(path: Path) -> bool:
    """Remove a folder that has a lock alone, and tell whether it was one.

    NOTE: who takes the lock of a run that was moved away in that moment makes its folder anew.
    """
    if path.is_symlink() or not path.is_dir() or {each.name for each in path.iterdir()} != {"lock"}:
        return False
    (path / "lock").unlink(missing_ok=True)
    path.rmdir()
    return True


def _removed(folder: Path) -> int | None:
    try:
        return remove_whole(folder)
    except OSError:
        # One that cannot be removed now stays in the bin and must not keep the others.
        _log.exception("%s cannot be removed from the bin", folder.name)
        return None


def _remove_leftovers(workspace: Workspace) -> int:
    return sum(remove_leftovers(place) for _kind, place in _places(workspace))


def _title(kind: Kind, folder: Path, before: str) -> str:
    try:
        if kind == RUN:
            return _run_title(RunFolder(folder))
        return str(read_json(folder / SUMMARY).get("title") or before)
    except ThawError:  # damaged; it can still be brought back
        return before


def _run_title(folder: RunFolder) -> str:
    called, what = about_of(folder).title, plan_title(folder.plan())
    return f"{called}: {what}" if called else what


def _own(path: Path) -> Path:
    if path.is_symlink():
        raise BadInput(
            _("This folder is a link to somewhere else, and is left alone."), given=path.name,
            fix=_("Remove the link by hand."),
        )
    return path


def _gone(name: str) -> NotFound:
    return NotFound(
        _("It is no longer there."), given=name[:80], fix=_("Choose one of those that are listed."))


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Tell people of what the disk refuses."""
    try:
        yield
    except FileNotFoundError as error:
        raise _gone(name) from error
    except OSError as error:
        raise Unavailable(
            _("The folder cannot be moved."), given=f"{name[:80]}: {error.strerror or error}",
            fix=_("Check that nothing else has it open and that the workspace can be written."),
        ) from error
