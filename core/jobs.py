"""Work in the background: it outlives the page that started it, and can be asked how far it is."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from core.errors import RunFailed, Stopped, ThawError
from core.i18n import _

Progress = Callable[[str, int, int | None], None]
"""Told the phase, how much of it is done, and of how much (or ``None``).

It may raise :class:`core.errors.Stopped`: then what was half made is removed.
"""

WAITING = "waiting"
_LOG = logging.getLogger(__name__)
_KEPT = 50
_WAIT_SECONDS = 0.2
_KNOWN_AFTER_S = 1.0


def no_progress(_phase: str, _done: int, _total: int | None) -> None:
    """Do nothing; stands in where nobody watches."""


@dataclass(frozen=True)
class JobSnapshot:
    """How far a job is, at one moment.

    Attributes:
        id: Its id.
        title: What it is called; may be text from outside.
        state: "running", "done", "failed" or "cancelled". A job that waits for its turn is
            running in the phase "waiting".
        topic: What it belongs to, such as the run that it looks at; empty unless told.
        phase: "waiting", a name of a phase, or one in words.
        done: How much of the phase is done.
        total: Of how much, or ``None`` where that is not known.
        waits_for: The title of the job that it waits for, in the phase "waiting"; may be text from outside.
        rate: How much of the phase is done in a second; ``None`` while too little is known.
        outcome: What came of it, such as the id of a dataset, once it is done.
        error: What went wrong, once it has failed.
    """

    id: str
    title: str
    topic: str = ""
    state: str = "running"
    phase: str = WAITING
    done: int = 0
    total: int | None = None
    waits_for: str = ""
    rate: float | None = None
    outcome: str | None = None
    error: ThawError | None = None

    @property
    def seconds_left(self) -> float | None:
        """How long the phase will still take, or ``None`` while too little is known."""
        if self.total is None or not self.rate:
            return None
        return max(0, self.total - self.done) / self.rate


@dataclass
class _Job:
    snapshot: JobSnapshot
    cancelled: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None


class Jobs:
    """Jobs of one kind in this process, one at work at a time; safe to call from any thread.

    Args:
        unforeseen: What to say of a failure that nobody foresaw, one sentence.
    """

    def __init__(self, unforeseen: str) -> None:
        self._unforeseen = unforeseen
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._at_work = ""
        self._jobs: dict[str, _Job] = {}

    def submit(self, title: str, work: Callable[[Progress], str], topic: str = "") -> str:
        """Start ``work`` on a thread of its own.

        Args:
            title: What to call it.
            work: Does it and returns what came of it, such as an id; it must call the progress it is
                given, and let pass the Stopped which that raises after a cancel.
            topic: What it belongs to, see :class:`JobSnapshot`.

        Returns:
            The job's id.
        """
        with self._lock:
            return self._begin(title, work, topic)

    def submit_once(self, title: str, work: Callable[[Progress], str], topic: str) -> str:
        """Do as :meth:`submit`, or return the job of the topic that is going on, whoever began it."""
        with self._lock:
            for job_id, job in self._jobs.items():
                if job.snapshot.topic == topic and job.snapshot.state == "running":
                    return job_id
            return self._begin(title, work, topic)

    def _begin(self, title: str, work: Callable[[Progress], str], topic: str) -> str:
        """Begin a job; the lock is held. Its thread waits for the lock before it says how far it is."""
        job_id = secrets.token_hex(8)
        job = _Job(JobSnapshot(job_id, title, topic))
        job.thread = threading.Thread(
            target=self._run, args=(job_id, job, work), name=f"job-{job_id}", daemon=True
        )
        self._forget_oldest()
        self._jobs[job_id] = job
        job.thread.start()
        return job_id

    def snapshot(self, job_id: str) -> JobSnapshot | None:
        """Return how far a job is, or ``None`` where it is not known (any more)."""
        with self._lock:
            job = self._jobs.get(job_id)
            return job.snapshot if job else None

    def snapshots(self) -> list[JobSnapshot]:
        """Return all jobs that are known, oldest first."""
        with self._lock:
            return [job.snapshot for job in self._jobs.values()]

    def newest(self, topic: str) -> JobSnapshot | None:
        """Return the latest job of a topic, or ``None`` where none is known."""
        return next((each for each in reversed(self.snapshots()) if each.topic == topic), None)

    def cancel(self, job_id: str) -> None:
        """Ask a job to stop; it removes what it has half made. Does nothing once it has ended."""
        with self._lock:
            job = self._jobs.get(job_id)
        if job is not None:
            job.cancelled.set()

    def close(self, timeout: float = 10.0) -> None:
        """Cancel everything and wait, at the end of the process.

        Args:
            timeout: The longest wait for each job, in seconds.
        """
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            job.cancelled.set()
        for job in jobs:
            if job.thread is not None:
                job.thread.join(timeout)

    def _run(self, job_id: str, job: _Job, work: Callable[[Progress], str]) -> None:
        began, first = time.monotonic(), 0

        def progress(phase: str, done: int, total: int | None) -> None:
            nonlocal began, first
            if job.cancelled.is_set():
                raise Stopped(_("It was cancelled."))
            now = time.monotonic()
            if phase != job.snapshot.phase:
                began, first = now, done  # a download may go on where an earlier one broke off
            took = now - began
            rate = (done - first) / took if took >= _KNOWN_AFTER_S else None
            waits_for = self._at_work if phase == WAITING else ""
            self._update(job_id, replace(
                job.snapshot, phase=phase, done=done, total=total, rate=rate, waits_for=waits_for))

        try:
            while not self._turn.acquire(timeout=_WAIT_SECONDS):
                progress(WAITING, 0, None)
            try:
                self._at_work = job.snapshot.title
                progress(job.snapshot.phase, 0, None)
                outcome = work(progress)
            finally:
                self._at_work = ""
                self._turn.release()
        except Stopped:
            self._update(job_id, replace(job.snapshot, state="cancelled"))
        except ThawError as error:
            self._update(job_id, replace(job.snapshot, state="failed", error=error))
        except Exception:  # noqa: BLE001 - the thread's end: nobody else would ever hear of it
            _LOG.exception("A job failed in an unforeseen way")
            failure = RunFailed(self._unforeseen, fix=_("The server's log says more."))
            self._update(job_id, replace(job.snapshot, state="failed", error=failure))
        else:
            self._update(job_id, replace(job.snapshot, state="done", outcome=outcome))

    def _update(self, job_id: str, snapshot: JobSnapshot) -> None:
        with self._lock:
            self._jobs[job_id].snapshot = snapshot

    def _forget_oldest(self) -> None:
        ended = [key for key, job in self._jobs.items() if job.snapshot.state != "running"]
        for key in ended[: max(0, len(self._jobs) - _KEPT + 1)]:
            del self._jobs[key]
