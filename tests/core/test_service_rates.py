"""The service and the search for a learning rate: a training comes first."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from core import children
from core.data.dataset import Dataset
from core.errors import Busy, NotFound, Stopped
from core.runs import runner as runners
from core.runs.folder import RunFolder
from core.runs.status import State, Status
from core.runs.wishes import Leaving
from core.service import Service
from core.training import rate_search
from core.training.calibration import Wanted
from core.training.plan import Plan
from core.training.rate_curve import RateCurve
from core.training.start import Start
from core.workspace import Workspace
from tests.waiting import until

PATIENCE_S = 30


class Sweeping:
    """Stands in for the sweep: it ends when it is stopped."""

    def __init__(self) -> None:
        self.images: list[int] = []
        self.stopped = 0

    def __call__(
        self, _plan: Plan, dataset: Dataset, _workspace: Workspace, _told: object, stop: threading.Event,
        _weights_file: object,
    ) -> RateCurve:
        self.images.append(len(dataset.items))
        assert stop.wait(PATIENCE_S)
        self.stopped += 1
        raise Stopped("Stopped.")


@pytest.fixture
def sweeping(monkeypatch: pytest.MonkeyPatch) -> Sweeping:
    made = Sweeping()
    monkeypatch.setattr(rate_search, "find_rate", made)
    monkeypatch.setattr(rate_search, "step_back", lambda: None)
    return made


@pytest.fixture
def started(
    workspace: Workspace, sweeping: Sweeping, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Service]:
    """A service whose trainings go on until it is closed."""
    closing = threading.Event()

    def carry_out(_workspace: Workspace, folder: RunFolder, leaving: Leaving) -> Status:
        end = time.monotonic() + PATIENCE_S
        while not (closing.wait(0.01) or leaving.event.is_set()):
            assert time.monotonic() < end
        ended = folder.status().ending(State.FINISHED)
        folder.write_status(ended)
        return ended

    monkeypatch.setattr(runners, "carry_out", carry_out)
    made = Service(workspace)
    made.start()
    yield made
    closing.set()
    made.close()


@pytest.fixture
def plan(dataset: Dataset) -> Plan:
    return Plan(dataset.id, dataset.title, "efficientnet-lite0")


def test_a_search_sees_the_photos_that_the_plan_is_limited_to(
    started: Service, sweeping: Sweeping, plan: Plan
) -> None:
    started.find_rate(replace(plan, limit=12))
    until(lambda: sweeping.images == [12])


def test_a_training_ends_a_search(started: Service, sweeping: Sweeping, plan: Plan) -> None:
    started.find_rate(plan)
    until(lambda: len(sweeping.images) == 1)
    started.submit(plan)
    assert sweeping.stopped == 1
    assert started.rate_searches.snapshot(plan).active is None


def test_a_run_that_is_resumed_ends_a_search(
    started: Service, sweeping: Sweeping, workspace: Workspace, plan: Plan
) -> None:
    folder = RunFolder.create(workspace, plan)
    folder.write_status(folder.status().ending(State.PAUSED))
    started.find_rate(plan)
    until(lambda: len(sweeping.images) == 1)
    started.resume(folder.id)
    assert sweeping.stopped == 1


def test_a_close_ends_a_search(started: Service, sweeping: Sweeping, plan: Plan) -> None:
    started.find_rate(plan)
    until(lambda: len(sweeping.images) == 1)
    started.close()
    assert sweeping.stopped == 1


def test_nothing_is_searched_while_a_training_goes_on_or_waits(
    started: Service, sweeping: Sweeping, plan: Plan
) -> None:
    started.submit(plan)
    with pytest.raises(Busy) as caught:
        started.find_rate(plan)
    assert caught.value.fix
    assert sweeping.images == []


def test_without_its_photos_or_its_weights_nothing_is_searched(
    started: Service, sweeping: Sweeping, plan: Plan
) -> None:
    with pytest.raises(NotFound):
        started.find_rate(replace(plan, dataset="gone"))
    with pytest.raises(NotFound):
        started.find_rate(replace(plan, weights=Start("run", "gone")))
    assert sweeping.images == []


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stands in for the process that measures: it ends when it is stopped; which began is noted."""
    began: list[str] = []

    def run_json(words: Sequence[str], stop: threading.Event) -> dict[str, object]:
        began.append(words[1])
        assert stop.wait(PATIENCE_S)
        raise Stopped("Stopped.")

    monkeypatch.setattr(children, "run_json", run_json)
    return began


def test_a_search_waits_for_a_measurement_and_says_so(
    started: Service, sweeping: Sweeping, measured: list[str], plan: Plan
) -> None:
    started.measure([Wanted("vgg16", 96)])
    until(lambda: measured == ["vgg16"])
    started.find_rate(plan)
    until(lambda: "Waiting for a measurement" in started.rate_searches.snapshot(plan).words)
    assert sweeping.images == []
    started.calibrations.cancel()
    until(lambda: len(sweeping.images) == 1)


def test_a_measurement_waits_for_a_search_and_says_so(
    started: Service, sweeping: Sweeping, measured: list[str], plan: Plan
) -> None:
    started.find_rate(plan)
    until(lambda: len(sweeping.images) == 1)
    started.measure([Wanted("vgg16", 96)])
    until(lambda: "learning rate" in started.calibrations.snapshot().waits_for)
    assert started.calibrations.snapshot().active == Wanted("vgg16", 96)
    assert measured == []
    started.rate_searches.cancel()
    until(lambda: measured == ["vgg16"])
    assert started.calibrations.snapshot().waits_for == ""


def test_a_training_ends_what_goes_on_and_what_waits_for_it(
    started: Service, sweeping: Sweeping, measured: list[str], plan: Plan
) -> None:
    started.find_rate(plan)
    until(lambda: len(sweeping.images) == 1)
    started.measure([Wanted("vgg16", 96)])
    until(lambda: bool(started.calibrations.snapshot().waits_for))
    started.submit(plan)
    assert sweeping.stopped == 1
    assert started.calibrations.snapshot().active is None
    assert measured == []
