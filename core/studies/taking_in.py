"""Taking in a packed run beside a server, in a process of its own: a hostile file harms nobody else."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import replace
from pathlib import Path
from typing import IO

from core.errors import BadInput
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
        ThawError: As there.
    """
    try:
        # NOTE: the process stands in another folder, and would read a name with a hyphen first as an option.
        answer = run_apart(["import", str(source.absolute())], workspace, progress, _("Checking the run"))
    except BadInput as error:
        if given_name and error.given.strip() in ("", source.name):
            raise BadInput(error.what, given=one_line(given_name)[:80], fix=error.fix) from error
        raise
    finally:
        if given_name:
            shutil.rmtree(source.parent, ignore_errors=True)
    folder = RunFolder.open(workspace, str(answer["run"]))
    write_about(folder, replace(about_of(folder), by=by))
    return folder
