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

from core.errors import ThawError
from core.files import JsonObject
from core.runs.folder import RunFolder, run_folders
from core.runs.mlflow_session import End, Epoch, Session, lacks_its_end, said
from core.runs.status import State
from core.training.events import EpochRow
from core.training.plan import Plan
from core.workspace import Workspace

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
"""Which thread tells of a run; read and changed under ``_entering``."""
_entering = threading.Lock()
_complained: set[Path] = set()
_log = logging.getLogger(__name__)


def follower(folder: RunFolder) -> MlflowLog | None:
    """Return what tells MLflow of a run; ``None`` unless MLFLOW_TRACKING_URI is set and mlflow installed.

    Args:
        folder: The run.
    """
    uri = _server()
    return MlflowLog(folder, uri, _experiment()) if uri else None


def make_up(workspace: Workspace) -> threading.Thread | None:
    """Tell MLflow how runs ended whose process went down before it could, on a thread of its own.

    Args:
        workspace: Where the runs are.

    Returns:
        The thread; ``None`` where there is nothing to tell, or nobody to be told.

    Raises:
        OSError: The runs cannot be looked through.
    """
    uri = _server()
    left = [folder for folder in run_folders(workspace) if _is_left(folder)] if uri else []
    if not left:
        return None
    thread = threading.Thread(target=_make_up, args=(left, uri), name="thaw-mlflow-made-up", daemon=True)
    thread.start()
    return thread


def _make_up(left: list[RunFolder], uri: str) -> None:
    for folder in left:
        if not _entered(folder):
            continue
        try:
            _tell_end(folder, uri)
        except ThawError as error:  # this run is damaged; the others are not
            _complain(folder, error)
        except Exception as error:  # noqa: BLE001 - whatever a server does; it is tried again another time
            _complain(folder, error)
            return
        finally:
            _left(folder)


def _tell_end(folder: RunFolder, uri: str) -> None:
    session = Session(folder, uri, _experiment(), folder.plan(), "")
    session.connect()
    # NOTE: after connect(), which may take seconds: it may have been resumed meanwhile.
    state = folder.status().state
    if not state.active and lacks_its_end(folder):
        session.make_up(End(state, folder.report() if state is State.FINISHED else None))


def _entered(folder: RunFolder) -> bool:
    """Enter this thread as the one that tells of a run, unless there is one: whoever comes waits for it."""
    with _entering:
        return _at_work.setdefault(folder.path, threading.current_thread()) is threading.current_thread()


def _left(folder: RunFolder) -> None:
    with _entering:
        if _at_work.get(folder.path) is threading.current_thread():
            del _at_work[folder.path]


def _complain(folder: RunFolder, error: Exception) -> None:
    """Log it, once for each run: it is tried again and again."""
    level = logging.DEBUG if folder.path in _complained else logging.WARNING
    _complained.add(folder.path)
    _log.log(level, "MLflow cannot be told how run %s ended: %s", folder.id, said(error))


def _is_left(folder: RunFolder) -> bool:
    with _entering:
        if folder.path in _at_work:
            return False
    try:
        return lacks_its_end(folder)
    except ThawError as error:
        _log.debug("run %s cannot be read: %s", folder.id, error)
        return False


def _server() -> str:
    """Return the address of the server that is to be told; empty where there is none, or no mlflow."""
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri or importlib.util.find_spec("mlflow") is None:
        return ""
    # NOTE: here and not on the sending thread: a process's environment is no place for two at once.
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    return uri


def _experiment() -> str:
    return os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT


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
        with _entering:
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
