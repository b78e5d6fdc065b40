"""Taking in a packed run beside a server, in a process of its own: a hostile file harms nobody else."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import replace
from pathlib import Path
from typing import IO

from core.data.intake import scratch
from core.errors import BadInput, Stopped
from core.i18n import _
from core.jobs import Progress
from core.runs.about import about_of, write_about
from core.runs.folder import RunFolder
from core.studies.apart import run_apart
from core.words import one_line
from core.workspace import Workspace


def set_down(workspace: Workspace, content: IO[bytes]) -> Path:
    """Write what a browser sent to the disk, and return where; what is left there is swept one day."""
    folder = workspace.incoming / f"intake-{secrets.token_hex(8)}"
    folder.mkdir(parents=True)
    path = folder / "run.zip"
    with path.open("wb") as handle:
        shutil.copyfileobj(content, handle)
    return path


def take_in_apart(
    workspace: Workspace, source: Path, by: str, progress: Progress, *, given_name: str = ""
) -> RunFolder:
    """Do as :func:`core.runs.unpacking.unpack` in a process of its own.

    Args:
        workspace: Where it goes.
        source: The zip.
        by: Who takes it in, see :class:`core.runs.about.About`.
        progress: Told that it goes on; it may raise Stopped.
        given_name: What the zip was called where it was set down for this alone; it is removed then.

    Raises:
        ThawError: As there. Stopped where ``progress`` asked for it before the run appeared; afterwards it
            is too late, and the run is taken in.
    """
    try:
        with scratch(workspace) as folder:
            ticket = folder / "ticket"
            ticket.touch()
            # NOTE: the process stands in another folder, and reads a name with a hyphen first as an option.
            words = ["import", str(source.absolute()), "--ticket", str(ticket)]
            answer = run_apart(words, workspace, _in_time(progress, ticket), _("Checking the run"))
    except BadInput as error:
        if given_name and error.given.strip() in ("", source.name):
            raise BadInput(error.what, given=one_line(given_name)[:80], fix=error.fix) from error
        raise
    finally:
        if given_name:
            shutil.rmtree(source.parent, ignore_errors=True)
    run = RunFolder.open(workspace, str(answer["run"]))
    write_about(run, replace(about_of(run), by=by))
    return run


def claim(ticket: Path) -> None:
    """Let a run appear, in the process that takes it in; raises Stopped where it was cancelled before."""
    if not _is_mine(ticket):
        raise Stopped(_("It was cancelled."))


def _in_time(progress: Progress, ticket: Path) -> Progress:
    """Return a progress that lets a cancel pass unless the process has let the run appear already."""
    def told(phase: str, done: int, total: int | None) -> None:
        try:
            progress(phase, done, total)
        except Stopped:
            if _is_mine(ticket):
                raise

    return told


def _is_mine(ticket: Path) -> bool:
    """Take a ticket and tell whether it was there still: of two processes that want it one gets it."""
    try:
        ticket.unlink()
    except FileNotFoundError:
        return False
    return True
