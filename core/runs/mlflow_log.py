"""Telling an MLflow tracking server of a run, where somebody has named one."""

from __future__ import annotations

import importlib.util
import logging
import os
import queue
import threading
import time
from pathlib import Path
from weakref import WeakValueDictionary

from core.files import JsonObject
from core.runs.folder import RunFolder
from core.runs.mlflow_session import End, Epoch, Session, said
from core.runs.status import State
from core.training.events import EpochRow
from core.training.plan import Plan

EXPERIMENT = "Thaw"
MOST_WAITING = 1000
"""Epochs that wait to be sent, at the most; a training has 500."""
RETRY_AFTER_S = 30.0
"""Seconds after a failure before the next try, at the least; each failure doubles them."""
END_WAIT_S = 3.0
# What a person has set stays. MLflow would send figures of its use to its makers, print links to stdout,
# where our JSON goes, and ask a server that does not answer for a quarter of an hour.
_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
_at_work: WeakValueDictionary[Path, threading.Thread] = WeakValueDictionary()
_log = logging.getLogger(__name__)


def follower(folder: RunFolder) -> MlflowLog | None:
    """Return what tells MLflow of a run; ``None`` unless MLFLOW_TRACKING_URI is set and mlflow installed.

    Args:
        folder: The run.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri or importlib.util.find_spec("mlflow") is None:
        return None
    # NOTE: here and not on the sending thread: a process's environment is no place for two at once.
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    return MlflowLog(folder, uri, os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT)


class MlflowLog:
    """Tells an MLflow server of one run, and never holds its training up.

    All sending is done on a daemon thread. What could not be sent is tried again with what comes
    later, and once more at the end; only the first failure is logged.

    Args:
        folder: The run; the id that MLflow gives it is kept there.
        uri: The tracking server.
        experiment: The experiment's name, made where it is missing.
    """

    def __init__(self, folder: RunFolder, uri: str, experiment: str) -> None:
        self._folder = folder
        self._uri = uri
        self._experiment = experiment
        self._waiting: queue.SimpleQueue[Epoch | End] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._failures = 0
        self._warned = False

    def begin(self, plan: Plan, about_title: str) -> None:
        """Begin a run in MLflow, or go on with the one that an earlier part of the training began.

        Args:
            plan: What is trained.
            about_title: What people call the run; empty takes its id.
        """
        session = Session(self._folder, self._uri, self._experiment, plan, about_title)
        earlier = _at_work.get(self._folder.path)
        self._thread = threading.Thread(
            target=self._work, args=(session, earlier), name="thaw-mlflow", daemon=True
        )
        _at_work[self._folder.path] = self._thread
        self._thread.start()

    def epoch(self, row: EpochRow) -> None:
        """Tell a finished epoch; one that MLflow has already is passed over."""
        if self._waiting.qsize() < MOST_WAITING:
            self._waiting.put(Epoch(row, time.time_ns() // 10**6))

    def end(self, state: State, report: JsonObject | None) -> None:
        """Tell how the run ended, and wait a few seconds at the most until all is sent.

        Args:
            state: How it ended; a run that goes on later is begun again then.
            report: The run's report, whose test figures are told; ``None`` where there is none.
        """
        if self._thread is None:
            return
        self._waiting.put(End(state, report))
        self._thread.join(END_WAIT_S)
        if self._thread.is_alive():
            self._warn("it has not answered yet; what is left is sent as long as this program runs")

    def _work(self, session: Session, earlier: threading.Thread | None) -> None:
        if earlier is not None:
            earlier.join()  # or both would begin a run, and the earlier end would come last
        try:
            session.connect()
        except Exception as error:  # noqa: BLE001 - a broken package is no reason to end a training
            self._warn(said(error))
            return
        retry_at = self._try(session)
        while not session.ended:
            session.take(self._waiting.get())
            while not self._waiting.empty():
                session.take(self._waiting.get())
            if session.ended or time.monotonic() >= retry_at:
                retry_at = self._try(session)

    def _try(self, session: Session) -> float:
        """Send what there is; returns when, by the monotonic clock, the next try may be made."""
        try:
            session.send()
        except Exception as error:  # noqa: BLE001 - whatever a server does, the training goes on
            self._warn(said(error))
            self._failures += 1
            return time.monotonic() + RETRY_AFTER_S * 2.0 ** (self._failures - 1)
        return 0.0

    def _warn(self, what: str) -> None:
        if not self._warned:
            self._warned = True
            _log.warning("MLflow cannot be told of run %s: %s", self._folder.id, what)
