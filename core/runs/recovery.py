"""Runs that their process left behind, and what is made of them."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from core.errors import Busy, ThawError
from core.i18n import _
from core.runs import line
from core.runs.folder import RunFolder, run_folders
from core.runs.seen import status_of
from core.runs.status import Failure, State
from core.runs.work import held
from core.workspace import Workspace

# Between leaving the line and being worked on a run is in neither, for a moment.
_BETWEEN_S = 10.0
_log = logging.getLogger(__name__)


def recover(workspace: Workspace) -> list[str]:
    """Mark runs that a dead process left behind as interrupted, and return their ids.

    Runs that wait in the line go on waiting: whoever serves the workspace takes them up.
    """
    found = []
    queue = line.waiting(workspace)
    for folder in run_folders(workspace):
        try:
            state = status_of(folder).state
            if not state.active or folder.id in queue or _between(workspace, folder, state):
                continue
            with held(folder):
                # It may have ended, or have been resumed, since it was read.
                if folder.status().state is state and folder.id not in line.waiting(workspace):
                    interrupt(folder)
                    found.append(folder.id)
        except Busy:
            _log.debug("run %s is being worked on by another process", folder.id)
        except (ThawError, OSError) as error:
            # NOTE: not louder: this is done every few seconds.
            _log.debug("run %s cannot be read: %s", folder.id, error)
    return found


def interrupt(folder: RunFolder) -> None:
    """Mark a run that nobody works on, or whose worker goes down with the process, as interrupted."""
    error = Failure(
        _("The program ended before this run did."),
        fix=_("Resume it: it goes on where it was."),
    )
    end(folder, State.INTERRUPTED, error)


def end(folder: RunFolder, state: State, error: Failure | None = None) -> None:
    """End a run that is not worked on, keeping the model of its best epoch."""
    try:
        kept = folder.keep_best()
    except (ThawError, OSError):
        _log.exception("the best epoch of run %s cannot be kept", folder.id)
        kept = None
    status = folder.status()
    # Its work ended when its process last wrote, and not when somebody found out.
    ended = _written(folder) if status.state.at_work else status.ended
    folder.write_status(replace(status.ending(state, error=error, kept=kept), ended=ended or time.time()))


def _written(folder: RunFolder) -> float:
    return (folder.path / "status.json").stat().st_mtime


def _between(workspace: Workspace, folder: RunFolder, state: State) -> bool:
    """Tell whether a run may just have been taken out of the line by whoever will work on it."""
    files = (folder.path / "status.json", workspace.root / line.FILE)
    changed = max(path.stat().st_mtime for path in files if path.exists())
    return state is State.QUEUED and time.time() - changed < _BETWEEN_S
