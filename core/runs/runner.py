"""The queue and the one thread that trains, living as long as the server does."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections import deque
from dataclasses import dataclass

from core.errors import Busy, ThawError
from core.i18n import _
from core.runs.folder import RunFolder, run_folders
from core.runs.status import Failure, State
from core.runs.work import carry_out, held
from core.training.plan import Plan
from core.workspace import Workspace

TRAINING_NICENESS = 5
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunnerSnapshot:
    """What the runner is doing.

    Attributes:
        active: The run being worked on, or ``None``.
        queue: The runs that wait, first in line first.
        stopping: Whether the active run was asked to stop.
    """

    active: str | None
    queue: tuple[str, ...]
    stopping: bool


class Runner:
    """Carries runs out one after another on a thread of its own.

    Args:
        workspace: Where the runs are.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._changed = threading.Condition()
        self._queue: deque[str] = deque()
        self._active: str | None = None
        self._cut_off: str | None = None
        self._stop = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Find what a dead process left behind, then begin to work."""
        recover(self._workspace)
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="thaw-runner", daemon=True)
                self._thread.start()

    def close(self, timeout_s: float = 5.0) -> None:
        """Stop the active run, keeping its best epoch, and end the thread.

        It and the runs that still wait are marked interrupted: nobody asked for their end.
        """
        with self._changed:
            self._closing = True
            if self._active is not None and not self._stop.is_set():
                self._cut_off = self._active
            waiting = [self._queue.popleft() for _each in range(len(self._queue))]
            self._stop.set()
            self._changed.notify_all()
        for run_id in waiting:
            _end(RunFolder.open(self._workspace, run_id), State.INTERRUPTED)
        if self._thread is None:
            return
        self._thread.join(timeout_s)
        if self._thread.is_alive() and self._cut_off is not None:
            _log.warning("run %s did not end in %.0f s and is left", self._cut_off, timeout_s)
            _end(RunFolder.open(self._workspace, self._cut_off), State.INTERRUPTED)

    def submit(self, plan: Plan) -> str:
        """Put a run in line and return its id.

        Raises:
            BadInput: The plan is outside its bounds.
            NotFound: The dataset is gone.
        """
        self._workspace.dataset_dir(plan.dataset)
        with self._changed:
            if self._closing:
                raise Busy(_("The server is closing."), fix=_("Start it again, then train."))
            folder = RunFolder.create(self._workspace, plan)
            self._queue.append(folder.id)
            self._changed.notify_all()
        return folder.id

    def stop(self, run_id: str) -> bool:
        """Stop a run: the active one keeps its best epoch, a waiting one leaves the line.

        Returns:
            Whether the run was here to be stopped.
        """
        with self._changed:
            if self._active == run_id:
                self._stop.set()
                return True
            if run_id not in self._queue:
                return False
            self._queue.remove(run_id)
        _end(RunFolder.open(self._workspace, run_id), State.STOPPED)
        return True

    def snapshot(self) -> RunnerSnapshot:
        """Return what is being done and what waits."""
        with self._changed:
            return RunnerSnapshot(
                self._active, tuple(self._queue), self._active is not None and self._stop.is_set()
            )

    def _work(self) -> None:
        _step_back()
        while True:
            with self._changed:
                while not self._queue and not self._closing:
                    self._changed.wait()
                if self._closing:
                    return
                self._active = self._queue.popleft()
                self._stop.clear()
                run_id = self._active
            try:
                self._carry_out(run_id)
            finally:
                with self._changed:
                    self._active = None

    def _carry_out(self, run_id: str) -> None:
        try:
            folder = RunFolder.open(self._workspace, run_id)
            ended = carry_out(self._workspace, folder, self._stop)
            if ended.state is State.STOPPED and self._cut_off == run_id:
                _end(folder, State.INTERRUPTED)
        except (ThawError, OSError):
            # What can be said is in the run's status; the next run in line must not suffer for it.
            _log.exception("run %s could not be carried out", run_id)


def recover(workspace: Workspace, *, waiting: bool = True) -> list[str]:
    """Mark runs that a dead process left behind as interrupted, and return their ids.

    Args:
        workspace: Where to look.
        waiting: Whether runs that wait in a line count as left behind too. They do where this
            process serves the workspace; to any other, the line may be that of a living server.
    """
    found = []
    for folder in run_folders(workspace):
        try:
            state = folder.status().state
            if not state.active or (state is State.QUEUED and not waiting):
                continue
            with held(folder):
                _end(folder, State.INTERRUPTED)
                found.append(folder.id)
        except Busy:
            _log.info("run %s is being worked on by another process", folder.id)
        except (ThawError, OSError):
            _log.exception("run %s cannot be read", folder.id)
    return found


def _end(folder: RunFolder, state: State) -> None:
    """End a run that nobody works on, or whose worker goes down with the process."""
    if state is not State.INTERRUPTED:
        folder.write_status(folder.status().ending(state))
        return
    error = Failure(
        _("The program ended before this run did."),
        fix=_("Set the same training up again and start it."),
    )
    try:
        kept = folder.keep_best()
    except (ThawError, OSError):
        _log.exception("the best epoch of run %s cannot be kept", folder.id)
        kept = None
    folder.write_status(folder.status().ending(state, error=error, kept=kept))


def _step_back() -> None:
    """Let the pages go before the training where both want the same core.

    NOTE: on Linux a thread has its own niceness, and TensorFlow's threads take that of the thread
    that first calls it. Elsewhere niceness belongs to the whole process, so nothing is done.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), TRAINING_NICENESS)
