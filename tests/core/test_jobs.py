from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from core import jobs as jobs_module
from core.data.dataset import Dataset
from core.errors import BadInput, RunFailed
from core.jobs import Jobs, JobSnapshot, Progress

PATIENCE = 10.0


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    made = Jobs("It failed.")
    yield made
    made.close()


def wait_for(jobs: Jobs, job_id: str, until: Callable[[JobSnapshot], bool]) -> JobSnapshot:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        snapshot = jobs.snapshot(job_id)
        assert snapshot is not None
        if until(snapshot):
            return snapshot
        time.sleep(0.005)
    raise AssertionError(f"still {snapshot}")


def ended(snapshot: JobSnapshot) -> bool:
    return snapshot.state != "running"


def test_a_job_that_is_done_names_its_dataset(jobs: Jobs, dataset: Dataset) -> None:
    def work(progress: Progress) -> str:
        progress("checking", 3, 9)
        return dataset.id

    snapshot = wait_for(jobs, jobs.submit("Mine", work), ended)
    assert snapshot.state == "done"
    assert snapshot.outcome == dataset.id
    assert snapshot.title == "Mine"
    assert (snapshot.phase, snapshot.done, snapshot.total) == ("checking", 3, 9)


def test_an_error_for_people_is_kept(jobs: Jobs) -> None:
    error = BadInput("No images.")

    def work(_progress: Progress) -> str:
        raise error

    snapshot = wait_for(jobs, jobs.submit("Mine", work), ended)
    assert snapshot.state == "failed"
    assert snapshot.error is error
    assert snapshot.outcome is None


def test_an_unforeseen_error_is_logged_and_said_in_words(
    jobs: Jobs, caplog: pytest.LogCaptureFixture
) -> None:
    def work(_progress: Progress) -> str:
        raise ZeroDivisionError("a secret path")

    with caplog.at_level(logging.ERROR):
        snapshot = wait_for(jobs, jobs.submit("Mine", work), ended)
    assert snapshot.state == "failed"
    assert isinstance(snapshot.error, RunFailed)
    assert "secret" not in str(snapshot.error)
    assert "a secret path" in caplog.text


def endless(started: threading.Event) -> Callable[[Progress], Dataset]:
    def work(progress: Progress) -> str:
        while True:
            progress("checking", 1, None)
            started.set()
            time.sleep(0.005)

    return work


def test_a_cancelled_job_ends(jobs: Jobs) -> None:
    started = threading.Event()
    job_id = jobs.submit("Mine", endless(started))
    assert started.wait(PATIENCE)
    jobs.cancel(job_id)
    assert wait_for(jobs, job_id, ended).state == "cancelled"


def test_a_second_job_waits_for_its_turn_and_can_be_cancelled_meanwhile(
    jobs: Jobs, dataset: Dataset
) -> None:
    started = threading.Event()
    first = jobs.submit("First", endless(started))
    assert started.wait(PATIENCE)
    second = jobs.submit("Second", lambda _progress: dataset)
    third = jobs.submit("Third", lambda _progress: dataset)
    assert wait_for(jobs, second, lambda snapshot: snapshot.phase == "waiting").state == "running"
    jobs.cancel(second)
    assert wait_for(jobs, second, ended).state == "cancelled"
    jobs.cancel(first)
    assert wait_for(jobs, third, ended).state == "done"
    assert [snapshot.title for snapshot in jobs.snapshots()] == ["First", "Second", "Third"]


def test_a_job_that_waits_says_for_which(jobs: Jobs) -> None:
    started, may_end = threading.Event(), threading.Event()

    def first(_progress: Progress) -> str:
        started.set()
        may_end.wait(PATIENCE)
        return ""

    def second(progress: Progress) -> str:
        progress("checking", 1, 2)
        return ""

    jobs.submit("First", first)
    assert started.wait(PATIENCE)
    waits = jobs.submit("Second", second)
    assert wait_for(jobs, waits, lambda snapshot: bool(snapshot.waits_for)).waits_for == "First"
    may_end.set()
    assert wait_for(jobs, waits, ended).waits_for == ""


def test_of_those_who_ask_together_one_begins_the_job(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    may_end, together = threading.Event(), threading.Barrier(8)
    ids: list[str] = []

    def work(_progress: Progress) -> str:
        may_end.wait(PATIENCE)
        return ""

    def ask() -> None:
        together.wait(PATIENCE)
        ids.append(jobs.submit_once("Mine", work, "run/moved"))

    def slow(_jobs: Jobs) -> None:
        time.sleep(0.01)  # between looking and beginning

    monkeypatch.setattr(Jobs, "_forget_oldest", slow)
    threads = [threading.Thread(target=ask) for _each in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(PATIENCE)
    assert len(ids) == 8
    assert len(set(ids)) == 1
    other = jobs.submit_once("Mine", work, "run/audit")
    assert other not in ids
    may_end.set()
    wait_for(jobs, ids[0], ended)
    assert jobs.submit_once("Mine", work, "run/moved") not in ids


def test_closing_ends_every_job(dataset: Dataset) -> None:
    jobs = Jobs("It failed.")
    started = threading.Event()
    first = jobs.submit("First", endless(started))
    second = jobs.submit("Second", lambda _progress: dataset)
    assert started.wait(PATIENCE)
    jobs.close()
    for job_id in (first, second):
        snapshot = jobs.snapshot(job_id)
        assert snapshot is not None
        assert snapshot.state == "cancelled"


def test_an_unknown_job_is_none(jobs: Jobs) -> None:
    assert jobs.snapshot("none") is None
    jobs.cancel("none")


def test_old_jobs_are_forgotten(jobs: Jobs, dataset: Dataset) -> None:
    ids = []
    for _turn in range(55):
        ids.append(jobs.submit("Mine", lambda _progress: dataset))
        wait_for(jobs, ids[-1], ended)
    assert jobs.snapshot(ids[0]) is None
    assert jobs.snapshot(ids[-1]) is not None
    assert len(jobs.snapshots()) == 50


def test_the_time_left_follows_from_the_rate_and_is_not_guessed() -> None:
    def left(**known: object) -> float | None:
        return JobSnapshot("id", "Mine", **known).seconds_left  # type: ignore[arg-type]

    assert left(done=50, total=200, rate=25.0) == 6.0
    assert left(done=200, total=200, rate=25.0) == 0.0
    assert left(done=50, total=200) is None
    assert left(done=50, total=200, rate=0.0) is None
    assert left(done=50, total=None, rate=25.0) is None


def test_the_rate_is_that_of_the_phase_and_of_what_was_done_in_it(
    jobs: Jobs, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter((0.0, 10.0, 10.5, 12.0, 20.0))
    monkeypatch.setattr(jobs_module, "time", SimpleNamespace(monotonic=lambda: next(clock, 30.0)))
    seen: list[float | None] = []

    def work(progress: Progress) -> str:
        for phase, done in (("downloading", 500), ("downloading", 600), ("checking", 1)):
            progress(phase, done, 1000)
            seen.append(jobs.snapshots()[0].rate)
        return dataset.id

    done = threading.Event()
    jobs.submit("Mine", lambda progress: (work(progress), done.set())[0])
    assert done.wait(PATIENCE)
    assert seen == [None, 100 / 1.5, None]
