"""Finding files: each one that is found is to be looked at, refused or ignored, under its name."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from core.data import layout
from core.data.dataset import Ignored, Refused
from core.data.layout import FoundFile
from core.errors import BadInput, NotFound
from core.i18n import _
from core.jobs import WAITING, Progress, no_progress

DOWNLOADING = "downloading"
FINDING = "finding"
UNPACKING = "unpacking"
CHECKING = "checking"
SAVING = "saving"

MAX_FILES = 200_000
"""The most files in one source, the ignored ones included."""

_EVERY = 200


def phase_text(phase: str) -> str:
    """Return a phase of an intake in words."""
    return {
        WAITING: _("Waiting for its turn"),
        DOWNLOADING: _("Downloading"),
        FINDING: _("Looking for files"),
        UNPACKING: _("Unpacking"),
        CHECKING: _("Checking images"),
        SAVING: _("Saving"),
    }.get(phase, phase)


@dataclass
class Gathered:
    """What was found so far.

    Attributes:
        files: Files to look at; their names are clean and all different.
        refused: Files that are left out without a look, with the reason.
        ignored: Files that are passed over.
    """

    files: list[FoundFile] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)
    _names: set[str] = field(default_factory=set)

    def admit(self, raw: str, *, trusted: bool = False) -> str | None:
        """Enter a file that was found under the name ``raw``.

        Args:
            raw: The name as it was given.
            trusted: Whether it was put together here from a folder's entries, and so cannot lead
                anywhere else.

        Returns:
            Its clean name, where it is to be looked at; ``None`` where it is now listed as
            refused or ignored.

        Raises:
            BadInput: There are more than ``MAX_FILES``.
        """
        if len(self._names) >= MAX_FILES:
            raise BadInput(
                _("There are more than {limit} files.").format(limit=MAX_FILES),
                fix=_("Take in fewer files, or divide them into several datasets."),
            )
        name = self._free(layout.clean_name(raw) or _("(no name)"))
        why_refused = None if trusted else layout.unsafe(raw)
        why_ignored = layout.ignored(name)
        if why_refused is not None:
            self.refused.append(Refused(name, why_refused))
        elif why_ignored is not None:
            self.ignored.append(Ignored(name, why_ignored))
        else:
            return name
        return None

    def keep(self, name: str, path: Path) -> None:
        """Put an admitted file on the list of those to look at."""
        self.files.append(FoundFile(name, path))

    def refuse(self, name: str, reason: str) -> None:
        """Put an admitted file on the list of refused ones."""
        self.refused.append(Refused(name, reason))

    def _free(self, name: str) -> str:
        """Return ``name``, or ``name`` with a number where it was given before, and remember it."""
        free = name
        numbers = count(2)
        while free in self._names:
            free = f"{name} ({next(numbers)})"
        self._names.add(free)
        return free


def from_files(files: Sequence[FoundFile]) -> Gathered:
    """Gather files that arrived one by one under names from outside."""
    gathered = Gathered()
    for file in files:
        name = gathered.admit(file.name)
        if name is not None:
            gathered.keep(name, file.path)
    return gathered


def from_folder(folder: Path, leave_out: Path, progress: Progress = no_progress) -> Gathered:
    """Gather the files in a folder on this machine, at any depth.

    Links to files within the folder are followed; links to folders, links that lead out, and
    what is no regular file are refused.

    Args:
        folder: Where to look.
        leave_out: A folder that is not entered where it lies within, such as the workspace.
        progress: Told how many files were found so far.

    Raises:
        NotFound: The folder cannot be read.
        BadInput: It holds more than ``MAX_FILES``.
    """
    root = folder.resolve()
    gathered = Gathered()
    for found, path in enumerate(_walk(root, leave_out.resolve(), gathered)):
        if found % _EVERY == 0:
            progress(FINDING, found, None)
        name = gathered.admit(_relative(path, root), trusted=True)
        if name is not None:
            reason = _unusable(path, root)
            if reason is None:
                gathered.keep(name, path)
            else:
                gathered.refuse(name, reason)
    return gathered


def _walk(root: Path, leave_out: Path, gathered: Gathered) -> Iterator[Path]:
    def unreadable(error: OSError) -> None:
        if Path(error.filename) == root:
            raise NotFound(
                _("The folder cannot be read."),
                given=root.name,
                fix=_("Check that it exists and that you may read it."),
            ) from error
        name = gathered.admit(_relative(Path(error.filename), root), trusted=True)
        if name is not None:
            gathered.refuse(name, _("The folder cannot be read."))

    for parent, folders, names in os.walk(root, onerror=unreadable):
        here = Path(parent)
        links = [name for name in folders if (here / name).is_symlink()]
        folders[:] = sorted(
            name for name in folders if name not in links and here / name != leave_out
        )
        for name in sorted([*names, *links]):
            yield here / name


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _unusable(path: Path, root: Path) -> str | None:
    try:
        if path.is_symlink() and not path.resolve(strict=True).is_relative_to(root):
            return _("It is a link that leads out of the folder.")
        mode = path.stat().st_mode
    except (OSError, RuntimeError):
        return _("It is a link that leads nowhere, or cannot be read.")
    if stat.S_ISDIR(mode):
        return _("It is a link to a folder.")
    if not stat.S_ISREG(mode):
        return _("It is not a regular file.")
    return None
