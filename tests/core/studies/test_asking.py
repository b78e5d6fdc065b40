from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from core.jobs import Jobs, JobSnapshot, Progress
from core.studies import asking
from core.studies.target import Target

PATIENCE_S = 10.0


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    made = Jobs("It failed.")
    yield made
    made.close()


def ended(jobs: Jobs, run: str, kind: str) -> JobSnapshot:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        now = asking.latest(jobs, run, kind)
        if now is not None and now.state != asking.RUNNING:
            return now
        time.sleep(0.005)
    raise AssertionError("the study did not end")


def test_a_study_that_goes_on_is_not_begun_a_second_time(jobs: Jobs) -> None:
    may_end = threading.Event()
    done: list[int] = []

    def work(_progress: Progress) -> None:
        may_end.wait(PATIENCE_S)
        done.append(1)

    first = asking.ask(jobs, "run-1", "moved", "What moved", work)
    assert asking.ask(jobs, "run-1", "moved", "What moved", work) == first
    may_end.set()
    assert ended(jobs, "run-1", "moved").state == "done"
    assert done == [1]
    assert asking.ask(jobs, "run-1", "moved", "What moved", work) != first


def test_studies_of_other_runs_and_kinds_are_others(jobs: Jobs) -> None:
    ids = {
        asking.ask(jobs, run, kind, "Title", lambda _progress: None)
        for run in ("run-1", "run-2") for kind in ("moved", "audit")
    }
    assert len(ids) == 4
    assert asking.latest(jobs, "run-3", "moved") is None


def test_a_cancelled_study_says_so(jobs: Jobs) -> None:
    begun = threading.Event()

    def endless(progress: Progress) -> None:
        while True:
            begun.set()
            progress("Looking", 1, 2)
            time.sleep(0.005)

    job = asking.ask(jobs, "run-1", "moved", "What moved", endless)
    assert begun.wait(PATIENCE_S)
    jobs.cancel(job)
    assert ended(jobs, "run-1", "moved").state == "cancelled"


def test_whoever_looks_at_the_same_photos_asks_for_the_same_study() -> None:
    kinds = {asking.look_kind(target) for target in (Target(), Target("", "test"), Target("", "validation"))}
    assert kinds == {"look-own-test", "look-own-validation"}
