"""Runs as a list: numbered in the order they were asked for, damaged ones passed over."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from core.errors import ThawError
from core.runs.about import About
from core.runs.folder import RunFolder, run_folders
from core.runs.seen import about_seen, plan_of, status_of
from core.runs.status import Status
from core.training.plan import Plan
from core.workspace import Workspace

# As core.experiments.experiment.FILE, which knows of runs and not they of it.
_EXPERIMENT = "experiment.json"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Listed:
    """One run of a list.

    Attributes:
        number: Its number for good; of a run that has none, its place in the order of creation, from 1.
        folder: Its folder.
        plan: What was asked for.
        status: How it stands.
        name: What people call it; text from outside, empty where they call it nothing.
        by: Who started it, see :class:`core.runs.about.About`.
        experiment: The id of the experiment that it belongs to; empty for a run of its own, also where
            the experiment is gone.
    """

    number: int
    folder: RunFolder
    plan: Plan
    status: Status
    name: str = ""
    by: str = ""
    experiment: str = ""

    @property
    def id(self) -> str:
        """The run's id."""
        return self.folder.id

    @property
    def title(self) -> str:
        """What the run is called on a page: its name, which is text from outside, or its number."""
        return About(self.number, self.name).title


def listed(workspace: Workspace) -> list[Listed]:
    """Return all runs that can be read, newest first."""
    found = []
    experiments = _experiments(workspace)
    for number, folder in enumerate(reversed(run_folders(workspace)), start=1):
        try:
            about = about_seen(folder)
            found.append(Listed(
                about.number or number, folder, plan_of(folder), status_of(folder), about.name, about.by,
                about.experiment if about.experiment in experiments else "",
            ))
        except ThawError as error:
            _log.warning("run %s is passed over: %s", folder.id, error)
    return found[::-1]


def _experiments(workspace: Workspace) -> set[str]:
    # A run that came back from the bin after its experiment was deleted is one of its own.
    there = workspace.experiments
    if not there.is_dir():
        return set()
    # Nor is there an experiment where its process died while it was making the runs.
    return {each.name for each in there.iterdir() if (each / _EXPERIMENT).is_file()}


def with_model(workspace: Workspace) -> list[Listed]:
    """Return the runs that can be read and have a model, newest first."""
    return [run for run in listed(workspace) if run.folder.model.is_file()]


def working(runs: list[Listed]) -> Listed | None:
    """Return the run that is being worked on, by this process or another, or ``None``."""
    return next((run for run in runs if run.status.state.at_work), None)
