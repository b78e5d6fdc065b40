"""The one thread of a server that trains, living as long as the server does."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from core.errors import Busy, ThawError
from core.i18n import _
from core.priority import step_back
from core.runs import line, mlflow_log, steer
from core.runs.folder import RunFolder
from core.runs.recovery import end, interrupt, recover
from core.runs.status import Failure, State
from core.runs.wishes import Leaving, Wish
from core.runs.work import carry_out
from core.training.plan import Plan
from core.workspace import Workspace

LOOK_EVERY_S = 0.5
RECOVER_EVERY_S = 5.0
MAKE_UP_EVERY_S = 600.0
"""Seconds after which runs are looked for again whose end MLflow was not told."""
# What is left of the five seconds in which a server has to be gone is for the rest of it.
CLOSING_S = 4.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunnerSnapshot:
    """What the runner is doing.

    Attributes:
        active: The run being worked on by this server, or ``None``.
        queue: The runs that wait, first in line first.
    """

    active: str | None
    queue: tuple[str, ...]


class Runner:
    """Carries runs out one after another on a thread of its own.

    Args:
        workspace: Where the runs are, and the line that they wait in.
        begun: Called once on that thread before the first run, for what was left half done; whatever it
            raises is logged.
        ended: Called likewise after each run with its id.
        idle: Called likewise every few seconds while no run waits; it has to be quick.
    """

    def __init__(
        self, workspace: Workspace, *, begun: Callable[[], None] = lambda: None,
        ended: Callable[[str], None] = lambda _run_id: None, idle: Callable[[], None] = lambda: None,
    ) -> None:
        self._workspace = workspace
        self._begun, self._ended, self._idle = begun, ended, idle
        self._changed = threading.Condition()
        self._active: str | None = None
        self._leaving = Leaving()
        self._closing = False
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Find what a dead process left behind, then begin to work."""
        recover(self._workspace)
        with self._changed:
            if self._threads:
                return
            for work, name in ((self._work, "thaw-runner"), (self._watch, "thaw-recovery")):
                thread = threading.Thread(target=work, name=name, daemon=True)
                self._threads.append(thread)
                thread.start()

    def close(self, timeout_s: float = CLOSING_S) -> None:
        """Let the active run write a checkpoint and leave, and end the threads.

        It is marked interrupted: nobody asked for its end. The runs that wait go on waiting.
        """
        with self._changed:
            self._closing = True
            active, leaving = self._active, self._leaving
            leaving.ask(Wish.CLOSE)
            self._changed.notify_all()
        until = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        if active is not None and self._threads[0].is_alive() and self._works(active):
            _log.warning("run %s did not leave in %.0f s; its last epoch is kept", active, timeout_s)
            interrupt(RunFolder.open(self._workspace, active))

    def _works(self, run_id: str) -> bool:
        try:
            return RunFolder.open(self._workspace, run_id).status().state.at_work
        except ThawError:  # it has ended and was deleted, and something follows it still
            return False

    def submit(self, plan: Plan, by: str = "") -> str:
        """Put a new run in line and return its id.

        Args:
            plan: What it is to carry out.
            by: Who starts it, see :class:`core.runs.about.About`.

        Raises:
            BadInput: The plan is outside its bounds.
            NotFound: The dataset is gone.
        """
        self._workspace.dataset_dir(plan.dataset)
        self._require_open()
        folder = steer.create(self._workspace, plan, by=by, wait=True)
        self._wake()
        return folder.id

    def resume(self, run_id: str, more: int = 0) -> None:
        """Put a run in line again; see :func:`core.runs.steer.resume`."""
        self._require_open()
        steer.resume(self._workspace, run_id, more=more)
        self._wake()

    def snapshot(self) -> RunnerSnapshot:
        """Return what is being done and what waits; a run that begins just now may be both, never neither."""
        # NOTE: in this order. A run is taken out of the line by whoever has it as the active one already.
        queue = line.waiting(self._workspace)
        with self._changed:
            active = self._active
        return RunnerSnapshot(active, queue)

    def _require_open(self) -> None:
        with self._changed:
            if self._closing:
                raise Busy(_("The server is closing."), fix=_("Start it again, then train."))

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _work(self) -> None:
        step_back()
        self._followed_up(self._begun)
        looked = time.monotonic()
        while True:
            with self._changed:
                if self._closing:
                    return
            run_id = self._next()
            if run_id is None:
                if time.monotonic() - looked >= RECOVER_EVERY_S:
                    self._followed_up(self._idle)
                    looked = time.monotonic()
                with self._changed:
                    if not self._closing:
                        self._changed.wait(LOOK_EVERY_S)
                continue
            try:
                self._carry_out(run_id)
                self._followed_up(partial(self._ended, run_id))
            finally:
                with self._changed:
                    self._active = None

    def _next(self) -> str | None:
        try:
            return line.take(self._workspace, self._begin)
        except (Busy, OSError):
            _log.exception("the line of runs cannot be read or written")
            with self._changed:
                self._active = None
                self._changed.wait_for(lambda: self._closing, RECOVER_EVERY_S)
            return None

    def _begin(self, run_id: str) -> bool:
        """Take a run as the active one, unless the server closes."""
        with self._changed:
            if self._closing:
                return False
            self._active = run_id
            self._leaving = Leaving()
            return True

    def _carry_out(self, run_id: str) -> None:
        try:
            carry_out(self._workspace, RunFolder.open(self._workspace, run_id), self._leaving)
        except Exception as error:  # noqa: BLE001 - logged whole; the next in line must not suffer for it
            _log.exception("run %s could not be carried out", run_id)
            self._broken(run_id, error)

    def _followed_up(self, follow_up: Callable[[], None]) -> None:
        with self._changed:
            if self._closing:  # it is made up for at the next start
                return
        try:
            follow_up()
        except Exception:  # noqa: BLE001 - logged whole; the runs in line must not suffer for it
            _log.exception("what follows a run could not be done")

    def _broken(self, run_id: str, error: Exception) -> None:
        if isinstance(error, Busy):  # somebody else works on it, and says how it ends
            return
        try:
            end(RunFolder.open(self._workspace, run_id), State.FAILED, Failure.of_any(error))
        except (ThawError, OSError):
            _log.exception("how run %s ended cannot be written", run_id)

    def _watch(self) -> None:
        """Find now and then what another process, which has died, left behind."""
        make_up_at = -math.inf
        while True:
            with self._changed:
                if self._changed.wait_for(lambda: self._closing, RECOVER_EVERY_S):
                    return
            try:
                # Now and then too: another process may have found what is left, or MLflow was down.
                if recover(self._workspace) or time.monotonic() >= make_up_at:
                    mlflow_log.make_up(self._workspace)
                    make_up_at = time.monotonic() + MAKE_UP_EVERY_S
            except OSError:
                _log.exception("the runs cannot be looked through")
