"""One run as an MLflow tracking server has it, and what it still lacks."""

from __future__ import annotations

import importlib
import logging
import re
import time
from dataclasses import asdict, dataclass
from typing import Any

from core import __version__
from core.errors import BadInput
from core.files import JsonObject, read_json, write_json
from core.insight.metrics import Evaluation
from core.runs.folder import RunFolder
from core.runs.status import State
from core.training.events import EpochRow
from core.training.plan import Plan

FILE = "mlflow.json"
RUN_TAG, STATE_TAG, EPOCHS_TAG, VERSION_TAG = "thaw.run", "thaw.state", "thaw.epochs", "thaw.version"
EPOCHS_A_REQUEST = 100
"""MLflow takes 1,000 figures a request; an epoch has six."""
LONGEST_PARAM, LONGEST_TAG, LONGEST_NAME = 6000, 5000, 250
_GONE = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
_STATUS = {State.FINISHED: "FINISHED", State.FAILED: "FAILED"}
_log = logging.getLogger(__name__)
_MLFLOW_ID = re.compile(r"[0-9A-Za-z][\w-]{0,63}", re.ASCII)


@dataclass(frozen=True)
class Epoch:
    """A finished epoch, and when it ended, in milliseconds since 1970."""

    row: EpochRow
    at_ms: int


@dataclass(frozen=True)
class End:
    """How a run ended, and its report, or ``None`` where there is none."""

    state: State
    report: JsonObject | None


class Session:
    """What MLflow has of a run; it may block and raise, so only the sending thread uses it.

    Args:
        folder: The run; the id that MLflow gives it is kept there.
        uri: The tracking server.
        experiment: The name of the experiment, made where it is missing.
        plan: What is trained.
        title: What people call the run; empty takes its id.
    """

    def __init__(
        self, folder: RunFolder, uri: str, experiment: str, plan: Plan, title: str
    ) -> None:
        self._folder = folder
        self._uri = uri
        self._experiment = experiment
        self._plan = plan
        self._name = _text(title or folder.id, LONGEST_NAME)
        self._id: str | None = None
        self._introduced = False
        self._known: set[int] = set()
        self._lacking: list[Epoch] = []
        self._end: End | None = None

    @property
    def ended(self) -> bool:
        """Whether how the run ended is among what was taken."""
        return self._end is not None

    def connect(self) -> None:
        """Import mlflow and make its client; no request is made."""
        mlflow = importlib.import_module("mlflow")
        self._kinds = importlib.import_module("mlflow.entities")
        self._client = mlflow.MlflowClient(tracking_uri=self._uri)

    def take(self, news: Epoch | End) -> None:
        """Note what is to be sent."""
        if isinstance(news, End):
            self._end = news
        else:
            self._lacking.append(news)

    def send(self) -> None:
        """Send all that MLflow lacks; raises whatever mlflow raises, and can be called again then."""
        if self._id is None:
            self._id = self._kept() or self._new()
        if not self._introduced:
            self._introduce(self._id)
            _note(self._folder, self._id, ended=False)
            self._introduced = True
        while self._lacking:
            part = self._lacking[:EPOCHS_A_REQUEST]
            new = {each.row.epoch: each for each in part if each.row.epoch not in self._known}
            metrics = [metric for each in new.values() for metric in self._metrics(each)]
            if metrics:
                self._client.log_batch(self._id, metrics=metrics)
            self._known |= set(new)
            del self._lacking[: len(part)]
        if self._end is not None:
            self._finish(self._id, self._end)

    def make_up(self, end: End) -> None:
        """Say how a run ended whose process could not; nothing where MLflow has it no more.

        Raises whatever mlflow raises.
        """
        run_id = self._kept()
        if run_id is not None:
            self._finish(run_id, end)
        else:
            _note(self._folder, _kept_id(self._folder) or "", ended=True)

    def _new(self) -> str:
        run = self._client.create_run(
            self._experiment_id(), run_name=self._name, tags=self._tags(State.TRAINING)
        )
        self._id = str(run.info.run_id)  # before the file, or a full disk makes a run at every try
        write_json(self._folder.path / FILE, {"run": self._id, "ended": False})
        return self._id

    def _kept(self) -> str | None:
        """Return the run that an earlier part of the training began; ``None`` where there is none."""
        run_id = _kept_id(self._folder)
        run = self._found(run_id) if run_id else None
        return run_id if run else None

    def _introduce(self, run_id: str) -> None:
        """Say what is trained, and learn which epochs are there."""
        run = self._client.get_run(run_id)
        if "loss" in run.data.metrics:
            self._known = {each.step for each in self._client.get_metric_history(run_id, "loss")}
        # NOTE: MLflow lets nobody change a parameter. What a resume changes, the epochs, is a tag too.
        params = self._params(tuple(run.data.params))
        self._client.log_batch(run_id, params=params, tags=self._tag_list(State.TRAINING))
        if run.info.status != "RUNNING":
            self._client.update_run(run_id, status="RUNNING")

    def _found(self, run_id: str) -> Any | None:
        try:
            run = self._client.get_run(run_id)
        except Exception as error:
            if getattr(error, "error_code", "") not in _GONE:
                raise
            return None
        # A copied folder, or another server, must not lead into a run of somebody else.
        ours = run.data.tags.get(RUN_TAG) == self._folder.id
        return run if ours and run.info.lifecycle_stage == "active" else None

    def _experiment_id(self) -> str:
        found = self._client.get_experiment_by_name(self._experiment)
        return str(found.experiment_id if found else self._client.create_experiment(self._experiment))

    def _finish(self, run_id: str, end: End) -> None:
        metrics = self._test_metrics(end.report or {})
        self._client.log_batch(run_id, metrics=metrics, tags=self._tag_list(end.state))
        self._client.set_terminated(run_id, _STATUS.get(end.state, "KILLED"))
        _note(self._folder, run_id, ended=True)

    def _tags(self, state: State) -> dict[str, str]:
        return {
            RUN_TAG: _text(self._folder.id, LONGEST_TAG), STATE_TAG: state.value,
            EPOCHS_TAG: str(self._plan.recipe.epochs), VERSION_TAG: __version__,
        }

    def _tag_list(self, state: State) -> list[Any]:
        return [self._kinds.RunTag(name, text) for name, text in self._tags(state).items()]

    def _params(self, there: tuple[str, ...]) -> list[Any]:
        plan = self._plan
        values = {
            "backbone": plan.backbone, "trainable": ",".join(plan.trainable) or "none",
            **asdict(plan.head), **asdict(plan.recipe),
            "dataset": plan.dataset_title, "image_size": plan.size, "limit": plan.limit,
            "start": f"{plan.weights.source} {plan.weights.name}".strip(),
        }
        return [
            self._kinds.Param(name, _text(str(value), LONGEST_PARAM))
            for name, value in values.items() if value is not None and name not in there
        ]

    def _metrics(self, epoch: Epoch) -> list[Any]:
        row = epoch.row
        values = {
            "loss": row.loss, "accuracy": row.accuracy,
            "val_loss": row.val_loss, "val_accuracy": row.val_accuracy,
            "learning_rate": row.learning_rate, "epoch_seconds": row.seconds,
        }
        return [
            self._kinds.Metric(name, value, epoch.at_ms, row.epoch)
            for name, value in values.items() if value is not None
        ]

    def _test_metrics(self, report: JsonObject) -> list[Any]:
        if not report.get("test"):
            return []
        found = Evaluation.from_json(report["test"]).accuracy
        top = report.get("best")
        epoch = top.get("epoch") if isinstance(top, dict) else None
        step = epoch if isinstance(epoch, int) else 0
        values = {
            "test_accuracy": found.value, "test_accuracy_low": found.low,
            "test_accuracy_high": found.high, "test_images": found.images,
        }
        now = time.time_ns() // 10**6
        return [self._kinds.Metric(name, float(value), now, step) for name, value in values.items()]


def lacks_its_end(folder: RunFolder) -> bool:
    """Tell whether MLflow was told that a run began, and not how it ended, though nobody works on it.

    Raises:
        BadInput: Its status is damaged.
    """
    path = folder.path / FILE
    if not path.is_file():
        return False
    try:
        ended = read_json(path).get("ended")
    except BadInput:  # and then which run it is in MLflow is not known either
        return False
    return ended is False and not folder.status().state.active


def _note(folder: RunFolder, run_id: str, *, ended: bool) -> None:
    """Note whether MLflow knows how a run ended; a disk that is full holds nothing up."""
    try:
        write_json(folder.path / FILE, {"run": run_id, "ended": ended})
    except OSError as error:
        _log.warning("what MLflow knows of run %s cannot be noted: %s", folder.id, error)


def _kept_id(folder: RunFolder) -> str | None:
    try:
        run_id = read_json(folder.path / FILE).get("run")
    except BadInput:
        return None  # none yet; or damaged, and then a new run is begun
    return run_id if isinstance(run_id, str) and _MLFLOW_ID.fullmatch(run_id) else None


def _text(text: str, longest: int) -> str:
    """Return a text that every store can hold: in one line, no surrogates, not too long."""
    return "".join(each if each.isprintable() else " " for each in text)[:longest]


def said(error: Exception) -> str:
    """Return an error in one line; the address of a server may hold a password, which is left out."""
    without = re.sub(r"//[^/@\s]+@", "//***@", f"{type(error).__name__}: {error}")
    return _text(without, 300)
