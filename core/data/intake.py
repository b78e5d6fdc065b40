"""Taking in images: from a folder, a zip or uploaded files to a dataset, whole or not at all."""

from __future__ import annotations

import errno
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from core.data import archive, gather
from core.data.assemble import Origin, assemble
from core.data.dataset import Dataset
from core.data.layout import FoundFile
from core.errors import BadInput, NotFound, Unavailable
from core.i18n import _
from core.jobs import Progress, no_progress
from core.workspace import Workspace

__all__ = ["FoundFile", "Progress", "check", "remove_leftovers", "take_in", "take_in_files"]

_SCRATCH = "intake-"
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def take_in(
    source: Path,
    workspace: Workspace,
    *,
    title: str | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    move: bool = False,
    accept: Callable[[Dataset], None] | None = None,
) -> Dataset:
    """Take in a folder of images or a zip of one.

    Args:
        source: A folder or a zip on this machine. A zip is left where it is.
        workspace: Where the dataset goes.
        title: What to call it; ``None`` takes the name of the folder or zip.
        seed: What the split is drawn with.
        progress: Told how far it is; may raise Stopped to cancel.
        move: Whether the files of a folder may be moved instead of copied.
        accept: Called with the dataset before it appears; what it raises leaves nothing behind.

    Returns:
        The new dataset; it may hold problems, look at ``usable``.

    Raises:
        NotFound: There is nothing at ``source``.
        BadInput: It is no folder and no zip, a zip is broken or over a limit, or there is no
            usable image in it.
        Unavailable: The disk is full or cannot be written.
        Stopped: ``progress`` asked for it.

    After any error nothing is left behind.
    """
    kind = "folder" if source.is_dir() else "zip"
    origin = Origin(title or _title_of(source), kind, seed=seed, move=move, accept=accept)
    return _take_in(source, workspace, origin, progress or no_progress)


def take_in_files(
    files: Sequence[FoundFile],
    workspace: Workspace,
    *,
    title: str,
    source: str = "upload",
    seed: int = 0,
    progress: Progress | None = None,
    move: bool = False,
) -> Dataset:
    """Take in files that arrived one by one, such as those of a folder chosen in a browser.

    Args:
        files: The files with their relative names, which are text from outside.
        workspace: Where the dataset goes.
        title: What to call it.
        source: "upload", or another word for where the files came from.
        seed: What the split is drawn with.
        progress: Told how far it is; may raise Stopped to cancel.
        move: Whether the files may be moved instead of copied; they stay where they are until
            everything was checked.

    Raises:
        BadInput: There is no usable image.
        Unavailable: The disk is full or cannot be written.
        Stopped: ``progress`` asked for it.
    """
    origin = Origin(title, source, seed=seed, move=move)
    with scratch(workspace) as folder:
        gathered = gather.from_files(files)
        return assemble(gathered, workspace, folder, origin, progress or no_progress)


def check(
    source: Path, workspace: Workspace, *, seed: int = 0, progress: Progress | None = None
) -> Dataset:
    """Check a folder or zip as :func:`take_in` does, and leave nothing behind.

    Returns:
        A dataset with all counts and problems, but without an id and without stored images.

    Raises:
        As :func:`take_in`.
    """
    kind = "folder" if source.is_dir() else "zip"
    origin = Origin(_title_of(source), kind, seed=seed, store=False)
    return _take_in(source, workspace, origin, progress or no_progress)


def _title_of(source: Path) -> str:
    path = source.resolve()
    return path.name if path.is_dir() else path.stem


def _take_in(source: Path, workspace: Workspace, origin: Origin, progress: Progress) -> Dataset:
    if not source.exists():
        raise NotFound(
            _("There is no such folder or zip."),
            given=str(source),
            fix=_("Check the path; it is one on the machine where Thaw runs."),
        )
    with scratch(workspace) as folder:
        if source.is_dir():
            gathered = gather.from_folder(source, workspace.root, progress)
        elif source.is_file():
            unpacked = folder / "files"
            unpacked.mkdir()
            gathered = archive.unpack_zip(source, unpacked, progress)
            origin = replace(origin, move=True)
        else:
            raise BadInput(_("This is neither a folder nor a zip."), given=str(source))
        return assemble(gathered, workspace, folder, origin, progress)


@contextmanager
def scratch(workspace: Workspace) -> Iterator[Path]:
    """Give a folder for what is half made, and remove it with all that is still in it at the end.

    Raises:
        Unavailable: The disk is full or cannot be written.
    """
    folder = workspace.incoming / f"{_SCRATCH}{secrets.token_hex(8)}"
    try:
        folder.mkdir(parents=True)
        yield folder
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise Unavailable(
                _("The disk is full."),
                fix=_("Make room, or choose a workspace on another disk."),
            ) from error
        raise Unavailable(
            _("The files could not be read or written."),
            given=error.strerror or "",
            fix=_("Check that the workspace can be written and the files can be read."),
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(workspace: Workspace, older_than_s: float = 86_400.0) -> None:
    """Remove what intakes left half made whose process was killed.

    Args:
        workspace: Where to look.
        older_than_s: How many seconds ago a folder must have been begun, so that one at work in
            another process is let be.
    """
    for folder in workspace.incoming.glob(f"{_SCRATCH}*"):
        if time.time() - folder.stat().st_mtime > older_than_s:
            shutil.rmtree(folder, ignore_errors=True)
