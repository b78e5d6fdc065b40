"""Processes that work on runs, and are killed at random moments."""

from __future__ import annotations

import multiprocessing
import random
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from core.runs import steer
from core.runs.folder import RunFolder
from core.runs.recovery import recover
from core.runs.status import State
from core.runs.wishes import Leaving
from core.runs.work import carry_out
from core.training.events import EpochRow
from core.training.plan import Plan
from core.workspace import Workspace

PATIENCE_S = 120
# TensorFlow is imported once, by the process that all the others come from.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tensorflow", "keras", "core.training.fitting"])


def work(root: str, run_id: str) -> None:
    """Carry a run out in this process."""
    workspace = Workspace(Path(root))
    carry_out(workspace, RunFolder.open(workspace, run_id), Leaving())


@contextmanager
def without_main() -> Iterator[None]:
    """Hide the main module, which a new process would import: a page, after a test that has drawn one."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def worked(folder: RunFolder, workspace: Workspace, killed_after: float | None = None) -> bool:
    """Work on a run in a process of its own, and tell whether it was killed before its end."""
    process = PROCESSES.Process(target=work, args=(str(workspace.root), folder.id))
    with without_main():
        process.start()
    process.join(PATIENCE_S if killed_after is None else killed_after)
    if killed_after is not None:
        process.kill()
    process.join(PATIENCE_S)
    assert process.exitcode is not None, "it neither ended nor could be killed"
    killed = process.exitcode == -signal.SIGKILL
    assert killed or process.exitcode == 0
    return killed


@dataclass(frozen=True)
class Survived:
    """Runs of a plan that were killed again and again, and have come to their end.

    Attributes:
        folders: The runs; the next begins where one was over before it was killed.
        phases: In which phase each kill came.
    """

    folders: tuple[RunFolder, ...]
    phases: tuple[str, ...]


def survived(
    workspace: Workspace, plan: Plan, kills: int, seconds: tuple[float, float], seed: int
) -> Survived:
    """Carry a plan out in processes that are killed at random moments, then in one that is not."""
    moments = random.Random(seed)
    folders = [RunFolder.create(workspace, plan)]
    phases: list[str] = []
    while len(phases) < kills:
        killed = worked(folders[-1], workspace, moments.uniform(*seconds))
        status = folders[-1].status()
        if killed:
            phases.append(status.phase or status.state.value)
        if status.state is State.FINISHED:
            folders.append(RunFolder.create(workspace, plan))
        else:
            assert killed, status
            resume(workspace, folders[-1])
    assert not worked(folders[-1], workspace)
    return Survived(tuple(folders), tuple(phases))


def resume(workspace: Workspace, folder: RunFolder) -> None:
    """Do what the next start does, and resume."""
    state = folder.status().state
    if state.at_work:
        assert recover(workspace) == [folder.id]
        assert folder.status().state is State.INTERRUPTED
    if state is not State.QUEUED:  # killed before it had begun, it still waits
        steer.resume(workspace, folder.id, wait=False)


def figures(rows: Sequence[EpochRow]) -> list[tuple[float | None, ...]]:
    """Return what has to be the same: all of an epoch but its seconds."""
    return [
        (row.epoch, row.loss, row.accuracy, row.val_loss, row.val_accuracy, row.learning_rate)
        for row in rows
    ]
