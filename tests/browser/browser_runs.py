"""Run folders as the tests read them: from the disk, where a run is whatever page shows it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.data.dataset import Dataset
from core.runs import steer
from core.runs.folder import RunFolder
from core.runs.status import State
from core.training.events import EpochRow
from core.training.plan import Plan
from core.workspace import Workspace

ACTIVE = ("queued", "preparing", "training")


def status(run: Path) -> dict[str, Any]:
    """Read a run's status."""
    found: dict[str, Any] = json.loads((run / "status.json").read_text(encoding="utf-8"))
    return found


def run_folders(workspace: Path) -> list[Path]:
    """Return the run folders of a workspace, oldest first; the plan is what makes one, and its last file."""
    found = (path.parent for path in (workspace / "runs").glob("*/plan.json"))
    return sorted(found, key=lambda run: ((run / "plan.json").stat().st_mtime, run.name))


def active_runs(workspace: Path) -> list[Path]:
    """Return the runs that wait or are worked on."""
    return [run for run in run_folders(workspace) if status(run)["state"] in ACTIVE]


def left_runs(workspace: Path) -> list[Path]:
    """Return the runs of a server that has gone that the next one would take up or offer."""
    return [run for run in run_folders(workspace) if status(run)["state"] in ("queued", "interrupted")]


def finished_runs(workspace: Path) -> list[Path]:
    """Return the runs that went to their planned end."""
    return [run for run in run_folders(workspace) if status(run)["state"] == "finished"]


def ended_run(workspace: Workspace, dataset: Dataset) -> RunFolder:
    """Make a run that has finished, with a model that nobody can load."""
    run = steer.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"), wait=False)
    run.write_history([EpochRow(1, "fit", 1.0, 0.5, 1.0, 0.5, 1e-3, 2.0)])
    run.model.write_bytes(b"0" * 1000)
    run.write_status(replace(run.status(), state=State.FINISHED, started=10.0, ended=70.0))
    return run


def done(run: Path) -> tuple[int, int]:
    """Return how far a run is: epoch and step."""
    now = status(run)
    return int(now["epoch"]), int(now["step"])
