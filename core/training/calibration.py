"""Measurements of backbones in the background, one after another, each in a process of its own."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from core.children import failure_of
from core.errors import Stopped, ThawError
from core.i18n import _
from core.turn import Turn
from core.workspace import Workspace


@dataclass(frozen=True)
class Wanted:
    """A backbone to measure.

    Attributes:
        backbone: Its name.
        image_size: Edge of the images, in pixels.
        quick: Whether a pass without learning is enough.
    """

    backbone: str
    image_size: int
    quick: bool = False


@dataclass(frozen=True)
class CalibrationSnapshot:
    """How the measurements stand.

    Attributes:
        active: What is being measured, or ``None``.
        waiting: How many come after it.
        done: How many of the present batch are done.
        error: Why the last one failed, or ``None``.
        waits_for: What is being done before ``active`` is measured, in words; empty once it is measured.
    """

    active: Wanted | None
    waiting: int
    done: int
    error: ThawError | None
    waits_for: str = ""

    @property
    def share(self) -> float:
        """The share of the batch that is done, 0 to 1."""
        return self.done / max(1, self.done + self.waiting + (self.active is not None))


class Calibrations:
    """Measures what is asked for on a thread of its own.

    NOTE: not while a training runs: both would be slow, and the figures wrong. Whoever starts a
    training cancels first, see :meth:`core.service.Service.submit`.

    Args:
        workspace: Where the results are kept.
        turn: Waited for before each measurement: what else takes it would make the figures wrong.
    """

    def __init__(self, workspace: Workspace, turn: Turn) -> None:
        self._workspace = workspace
        self._turn = turn
        self._waits_for = ""
        self._lock = threading.Lock()
        self._waiting: deque[Wanted] = deque()
        self._active: Wanted | None = None
        self._done = 0
        self._error: ThawError | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def ask(self, wanted: Iterable[Wanted]) -> None:
        """Measure these after those that wait; what waits already is not added again."""
        with self._lock:
            self._waiting.extend(
                each for each in dict.fromkeys(wanted)
                if each != self._active and each not in self._waiting
            )
            if self._waiting and self._thread is None:
                self._done, self._error = 0, None
                self._stop = threading.Event()
                self._thread = threading.Thread(
                    target=self._work, args=(self._stop,), name="thaw-measure", daemon=True
                )
                self._thread.start()

    def cancel(self, timeout_s: float = 5.0) -> None:
        """Stop measuring; what is measured stays."""
        with self._lock:
            self._waiting.clear()
            self._stop.set()
            thread = self._thread
        if thread is not None:
            thread.join(timeout_s)

    def snapshot(self) -> CalibrationSnapshot:
        """Return how it stands."""
        with self._lock:
            return CalibrationSnapshot(
                self._active, len(self._waiting), self._done, self._error, self._waits_for)

    def _work(self, stop: threading.Event) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._active, self._thread = None, None
                    return
                if stop.is_set():  # cancelled, and asked anew before the child had ended
                    stop = self._stop = threading.Event()
                self._active = self._waiting.popleft()
                wanted = self._active
            error = self._measured(wanted, stop)
            with self._lock:
                self._done += not stop.is_set()
                self._error = error or self._error

    def _measured(self, wanted: Wanted, stop: threading.Event) -> ThawError | None:
        """Measure when the turn comes; return why that failed."""
        try:
            with self._turn.taken(_("a measurement"), stop, self._wait_for):
                self._wait_for("")
                return failure_of(self._words(wanted), stop)
        except Stopped:
            return None
        finally:
            self._wait_for("")

    def _wait_for(self, what: str) -> None:
        with self._lock:
            self._waits_for = what

    def _words(self, wanted: Wanted) -> list[str]:
        return [
            "measure", wanted.backbone, "--image-size", str(wanted.image_size),
            "--workspace", str(self._workspace.root), *(["--quick"] if wanted.quick else []),
        ]
