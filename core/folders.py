"""Folders as a whole: how large they are, and moving or removing them without leaving one half done."""

from __future__ import annotations

import errno
import logging
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

_GOING = ".going"
_log = logging.getLogger(__name__)


def bytes_below(path: Path, *others: Path) -> int:
    """Return the size of a file, or of all files of a folder, or of some together; links are not followed.

    What vanishes meanwhile, or may not be looked at, counts nothing.
    """
    passed_over = (FileNotFoundError, NotADirectoryError, PermissionError)
    size, folders = 0, [str(each) for each in (path, *others)]
    linked: set[tuple[int, int]] = set()  # of two names of one file the second takes no room
    with suppress(*passed_over):
        if not others and not stat.S_ISDIR((own := path.lstat()).st_mode):
            return own.st_size
    while folders:
        with suppress(*passed_over), os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                    continue
                with suppress(*passed_over):
                    found = entry.stat(follow_symlinks=False)
                    known = found.st_nlink > 1 and (found.st_dev, found.st_ino) in linked
                    if found.st_nlink > 1:
                        linked.add((found.st_dev, found.st_ino))
                    size += 0 if known else found.st_size
    return size


def unchanging_bytes(folder: Path, *told_by: str) -> int:
    """Return what :func:`bytes_below` does, measured once in a process while nothing changes.

    Args:
        folder: A folder that is left as it is once it is filled.
        told_by: Its files that are written last, and folders in it that files come into. Where one of them,
            or the list of the files beside it, has changed, the folder is measured again.
    """
    return _measured((folder,), _changes((folder, *(folder / name for name in told_by))))


def shared_bytes(folders: Sequence[Path]) -> int:
    """Return how much less folders take together than each of them by itself: they have files in common.

    Args:
        folders: Folders whose files are never changed in place; measured once as by :func:`unchanging_bytes`.
    """
    if len(folders) < 2:
        return 0
    together = _measured(tuple(folders), _changes(folders))
    return max(0, sum(map(unchanging_bytes, folders)) - together)


def _changes(paths: Iterable[Path]) -> tuple[int, ...]:
    changed = []
    for path in paths:
        with suppress(FileNotFoundError, NotADirectoryError):
            changed.append(path.lstat().st_mtime_ns)
    return tuple(changed)


@lru_cache(maxsize=10_000)
def _measured(folders: tuple[Path, ...], _changed: tuple[int, ...]) -> int:
    return bytes_below(*folders)


def renamed(path: Path, target: Path) -> bool:
    """Rename a folder within its disk, whole or not at all.

    Returns:
        ``False`` where there is something of that name already.

    Raises:
        OSError: It cannot be renamed, and is as it was.
    """
    if os.path.lexists(target):
        return False
    try:
        path.rename(target)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            return False
        raise
    return True


def remove_whole(path: Path) -> int | None:
    """Let a folder vanish at once, then remove what was in it; what links lead to stays.

    Where the process dies meanwhile, :func:`remove_leftovers` removes the rest.

    Returns:
        How many bytes were removed; ``None`` where there is nothing of that name.

    Raises:
        OSError: It cannot be renamed, and is as it was.
    """
    going = path.with_name(f".{secrets.token_hex(8)}{_GOING}")
    try:
        path.rename(going)
    except FileNotFoundError:
        return None
    return _remove(going)


def remove_leftovers(parent: Path) -> int:
    """Remove what :func:`remove_whole` left in ``parent`` half done, and return how many bytes that was."""
    return sum(_remove(each) for each in parent.glob(f".*{_GOING}"))


def _remove(path: Path) -> int:
    before = bytes_below(path)
    if path.is_symlink():
        path.unlink(missing_ok=True)
    else:
        # Another process may remove the same leftovers; what stays is removed another time.
        shutil.rmtree(path, ignore_errors=True)
    if os.path.lexists(path):
        _log.warning("%s could not be removed whole", path)
        return before - bytes_below(path)
    return before
