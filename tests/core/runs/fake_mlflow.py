"""Stands in for the mlflow package: a server in memory that can hang, refuse and lose runs."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import NamedTuple

import pytest


class Metric(NamedTuple):
    key: str
    value: float
    timestamp: int
    step: int


class Param(NamedTuple):
    key: str
    value: str


class RunTag(NamedTuple):
    key: str
    value: str


class MlflowException(Exception):
    def __init__(self, message: str, error_code: str = "INTERNAL_ERROR") -> None:
        super().__init__(message)
        self.error_code = error_code


@dataclass
class KeptRun:
    """A run as the server has it."""

    name: str
    experiment: str
    status: str = "RUNNING"
    stage: str = "active"
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    metrics: list[Metric] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)

    def points(self, name: str) -> list[tuple[int, float]]:
        """Return the steps and values of a figure, in the order that they came."""
        return [(each.step, each.value) for each in self.metrics if each.key == name]


class Server:
    """What all clients talk to."""

    def __init__(self) -> None:
        self.experiments: dict[str, str] = {}
        self.runs: dict[str, KeptRun] = {}
        self.uris: list[str] = []
        self.largest = 0
        self.answers = threading.Event()
        """Cleared, every request hangs."""
        self.answers.set()
        self.asked = threading.Event()
        self.refuses: Exception | None = None
        self.refused = threading.Event()
        self.import_error: Exception | None = None

    @property
    def only(self) -> KeptRun:
        """The one run that there is."""
        (run,) = self.runs.values()
        return run

    def request(self) -> None:
        """Stand for the way to the server."""
        self.asked.set()
        self.answers.wait()
        if self.refuses is not None:
            self.refused.set()
            raise self.refuses


class Client:
    """The part of mlflow.MlflowClient that is used."""

    def __init__(self, server: Server, tracking_uri: str) -> None:
        if server.import_error is not None:
            raise server.import_error
        self._server = server
        server.uris.append(tracking_uri)

    def get_experiment_by_name(self, name: str) -> SimpleNamespace | None:
        self._server.request()
        number = self._server.experiments.get(name)
        return None if number is None else SimpleNamespace(experiment_id=number)

    def create_experiment(self, name: str) -> str:
        self._server.request()
        return self._server.experiments.setdefault(name, str(len(self._server.experiments) + 1))

    def create_run(self, experiment_id: str, run_name: str, tags: dict[str, str]) -> SimpleNamespace:
        self._server.request()
        run_id = f"{len(self._server.runs) + 1:032x}"
        self._server.runs[run_id] = KeptRun(run_name, experiment_id, tags=dict(tags))
        return self.get_run(run_id)

    def get_run(self, run_id: str) -> SimpleNamespace:
        self._server.request()
        if run_id not in self._server.runs:
            raise MlflowException("no such run", "RESOURCE_DOES_NOT_EXIST")
        run = self._server.runs[run_id]
        latest = {each.key: each.value for each in run.metrics}
        return SimpleNamespace(
            info=SimpleNamespace(run_id=run_id, status=run.status, lifecycle_stage=run.stage),
            data=SimpleNamespace(params=dict(run.params), tags=dict(run.tags), metrics=latest),
        )

    def get_metric_history(self, run_id: str, key: str) -> list[Metric]:
        self._server.request()
        return [each for each in self._server.runs[run_id].metrics if each.key == key]

    def log_batch(
        self, run_id: str, metrics: list[Metric] = [], params: list[Param] = [], tags: list[RunTag] = [],  # noqa: B006
    ) -> None:
        self._server.request()
        run = self._server.runs[run_id]
        if any(each.key in run.params for each in params):
            raise MlflowException("Changing param values is not allowed.")
        self._server.largest = max(self._server.largest, len(metrics))
        run.metrics += metrics
        run.params |= dict(params)
        run.tags |= dict(tags)

    def update_run(self, run_id: str, status: str) -> None:
        self._server.request()
        self._server.runs[run_id].status = status
        self._server.runs[run_id].statuses.append(status)

    def set_terminated(self, run_id: str, status: str) -> None:
        self.update_run(run_id, status)


def installed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``import mlflow`` find the stand-in."""
    mlflow, entities = ModuleType("mlflow"), ModuleType("mlflow.entities")
    mlflow.__spec__ = ModuleSpec("mlflow", None)
    mlflow.MlflowClient = lambda tracking_uri: Client(server, tracking_uri)  # type: ignore[attr-defined]
    entities.Metric, entities.Param, entities.RunTag = Metric, Param, RunTag  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    monkeypatch.setitem(sys.modules, "mlflow.entities", entities)
