"""Runs as a list: numbered in the order they were asked for, damaged ones passed over."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from core.errors import ThawError
from core.i18n import _
from core.runs.folder import RunFolder, run_folders
from core.runs.status import State, Status
from core.training.plan import Plan
from core.workspace import Workspace

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Listed:
    """One run of a list.

    Attributes:
        number: Its place in the order of creation, from 1.
        folder: Its folder.
        plan: What was asked for.
        status: How it stands.
    """

    number: int
    folder: RunFolder
    plan: Plan
    status: Status

    @property
    def id(self) -> str:
        """The run's id."""
        return self.folder.id

    @property
    def title(self) -> str:
        """What the run is called on a page."""
        return _("Run {number}").format(number=self.number)


def listed(workspace: Workspace) -> list[Listed]:
    """Return all runs that can be read, newest first."""
    found = []
    for number, folder in enumerate(reversed(run_folders(workspace)), start=1):
        try:
            found.append(Listed(number, folder, folder.plan(), folder.status()))
        except ThawError as error:
            _log.warning("run %s is passed over: %s", folder.id, error)
    return found[::-1]


def with_model(workspace: Workspace) -> list[Listed]:
    """Return the runs that can be read and have a model, newest first."""
    return [run for run in listed(workspace) if run.folder.model.is_file()]


def working(runs: list[Listed]) -> Listed | None:
    """Return the run that is being worked on, by this process or another, or ``None``."""
    at_work = (State.PREPARING, State.TRAINING)
    return next((run for run in runs if run.status.state in at_work), None)
