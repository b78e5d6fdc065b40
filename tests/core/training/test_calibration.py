"""Measurements in the background, with a stand-in for the process that measures."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from core import children as children_of_ours
from core.errors import Stopped, Unavailable
from core.training.calibration import Calibrations, CalibrationSnapshot, Wanted
from core.turn import Turn
from core.workspace import Workspace
from tests.waiting import until

PATIENCE_S = 30
ONE, TWO, THREE = (Wanted(name, 96) for name in ("vgg16", "resnet50", "mobilenetv2"))


class Children:
    """Stands in for the processes: each ends when it is let go."""

    def __init__(self) -> None:
        self.began: list[list[str]] = []
        self.stopped: list[str] = []
        self.broken: set[str] = set()
        self._go = threading.Semaphore(0)

    def __call__(self, words: Sequence[str], stop: threading.Event) -> dict[str, object]:
        self.began.append(list(words))
        end = time.monotonic() + PATIENCE_S
        while not self._go.acquire(timeout=0.01):
            assert time.monotonic() < end
            if stop.is_set():
                self.stopped.append(words[1])
                raise Stopped("Stopped before it was done.")
        if words[1] in self.broken:
            raise Unavailable("The measurement broke off.", given=words[1])
        return {}

    def let_go(self, times: int = 1) -> None:
        self._go.release(times)

    @property
    def names(self) -> list[str]:
        return [words[1] for words in self.began]


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> Children:
    made = Children()
    monkeypatch.setattr(children_of_ours, "run_json", made)
    return made


@pytest.fixture
def calibrations(workspace: Workspace, children: Children) -> Iterator[Calibrations]:
    made = Calibrations(workspace, Turn())
    yield made
    made.cancel()


def idle(calibrations: Calibrations) -> Callable[[], bool]:
    def met() -> bool:
        now = calibrations.snapshot()  # one reading: between two, what waits may have become active
        return now.active is None and now.waiting == 0

    return met


def test_before_anything_is_asked_nothing_is_measured(calibrations: Calibrations) -> None:
    assert calibrations.snapshot() == CalibrationSnapshot(None, 0, 0, None)
    assert calibrations.snapshot().share == 0
    calibrations.cancel()


def test_one_after_another_is_measured_in_the_order_asked(
    calibrations: Calibrations, children: Children
) -> None:
    calibrations.ask([ONE, TWO, THREE])
    seen = []
    for n, wanted in enumerate((ONE, TWO, THREE), start=1):
        until(lambda n=n: len(children.began) == n)
        found = calibrations.snapshot()
        assert (found.active, found.done, found.waiting) == (wanted, n - 1, 3 - n)
        seen.append(found.share)
        children.let_go()
    until(idle(calibrations))
    assert seen == [pytest.approx(n / 3) for n in range(3)]
    assert calibrations.snapshot() == CalibrationSnapshot(None, 0, 3, None)
    assert calibrations.snapshot().share == 1
    assert children.names == ["vgg16", "resnet50", "mobilenetv2"]


def test_the_command_names_backbone_size_workspace_and_a_quick_look(
    calibrations: Calibrations, children: Children, workspace: Workspace
) -> None:
    calibrations.ask([ONE, Wanted("resnet50", 64, quick=True)])
    children.let_go(2)
    until(idle(calibrations))
    whole = ["measure", "vgg16", "--image-size", "96", "--workspace", str(workspace.root)]
    assert children.began == [
        whole, ["measure", "resnet50", "--image-size", "64", *whole[4:], "--quick"],
    ]


def test_what_is_asked_twice_is_measured_once(calibrations: Calibrations, children: Children) -> None:
    calibrations.ask([ONE, ONE, TWO])
    until(lambda: children.names == ["vgg16"])
    calibrations.ask([ONE, TWO])
    calibrations.ask([TWO, THREE, THREE])
    assert calibrations.snapshot().waiting == 2
    children.let_go(10)
    until(idle(calibrations))
    assert children.names == ["vgg16", "resnet50", "mobilenetv2"]


def test_what_is_measured_already_can_be_measured_again(
    calibrations: Calibrations, children: Children
) -> None:
    children.let_go(2)
    for _each in range(2):
        calibrations.ask([ONE])
        until(idle(calibrations))
    assert children.names == ["vgg16", "vgg16"]
    assert calibrations.snapshot().done == 1


def test_a_cancel_ends_the_process_and_what_waits(
    calibrations: Calibrations, children: Children
) -> None:
    calibrations.ask([ONE, TWO])
    until(lambda: children.names == ["vgg16"])
    calibrations.cancel()
    assert children.stopped == ["vgg16"]
    assert calibrations.snapshot() == CalibrationSnapshot(None, 0, 0, None)
    children.let_go()
    assert children.names == ["vgg16"]


def test_after_a_cancel_more_can_be_asked(calibrations: Calibrations, children: Children) -> None:
    calibrations.ask([ONE])
    until(lambda: children.names == ["vgg16"])
    calibrations.cancel()
    calibrations.ask([TWO])
    children.let_go()
    until(idle(calibrations))
    assert children.names == ["vgg16", "resnet50"]
    assert children.stopped == ["vgg16"]


def test_what_is_asked_before_a_cancelled_process_has_ended_is_measured_too(
    calibrations: Calibrations, children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending = threading.Event()

    def slow_to_end(words: Sequence[str], stop: threading.Event) -> dict[str, object]:
        try:
            return children(words, stop)
        except Stopped:
            assert ending.wait(PATIENCE_S)
            raise

    monkeypatch.setattr(children_of_ours, "run_json", slow_to_end)
    calibrations.ask([ONE])
    until(lambda: children.names == ["vgg16"])
    calibrations.cancel(timeout_s=0.01)
    calibrations.ask([TWO])
    ending.set()
    until(lambda: children.names == ["vgg16", "resnet50"])
    children.let_go()
    until(idle(calibrations))
    assert children.stopped == ["vgg16"]


def test_one_that_fails_does_not_stop_the_next_and_its_error_stays(
    calibrations: Calibrations, children: Children
) -> None:
    children.broken = {"resnet50"}
    calibrations.ask([ONE, TWO, THREE])
    children.let_go(3)
    until(idle(calibrations))
    assert children.names == ["vgg16", "resnet50", "mobilenetv2"]
    found = calibrations.snapshot()
    assert found.done == 3
    assert found.error is not None
    assert found.error.given == "resnet50"
    children.let_go()
    calibrations.ask([ONE])
    until(idle(calibrations))
    assert calibrations.snapshot().error is None
