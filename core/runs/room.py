"""Room on the disk for saying that there is none left, and what a dead process left half written."""

from __future__ import annotations

from core.runs import about, wishes
from core.runs.folder import RunFolder

_BYTES = 64 * 1024
_FILE = "room"
# Another process may just be writing these.
_OF_OTHERS = (about.FILE, wishes.FILE)


def reserve(folder: RunFolder) -> None:
    """Keep a little room, for the status that says how a run ended.

    Raises:
        OSError: There is no such room.
    """
    # NOTE: not zeros, for which some file systems keep no room.
    (folder.path / _FILE).write_bytes(b"room" * (_BYTES // 4))


def free_reserve(folder: RunFolder) -> None:
    """Give the room back."""
    (folder.path / _FILE).unlink(missing_ok=True)


def remove_temporary(folder: RunFolder) -> None:
    """Remove what a process that died was writing; hold the run's lock."""
    for parent in (folder.path, folder.path / "checkpoint"):
        for path in parent.glob(".*.*"):
            if not path.name.endswith(_OF_OTHERS):
                path.unlink(missing_ok=True)
