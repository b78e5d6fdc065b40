"""Studies in the background: asked for once however often a page asks, found again by run and kind."""

from __future__ import annotations

from collections.abc import Callable

from core.jobs import Jobs, JobSnapshot, Progress
from core.studies.target import Target

RUNNING = "running"


def ask(jobs: Jobs, run_id: str, kind: str, title: str, work: Callable[[Progress], object]) -> str:
    """Begin a study, or return the one that is going on.

    Args:
        jobs: :attr:`core.service.Service.studies`.
        run_id: The run, or another id that it is about.
        kind: What is found out, a name of ours; with the run it is what tells studies apart.
        title: What it is called, in words.
        work: Does it, and keeps what it finds; told progress may raise Stopped, which it lets pass.

    Returns:
        The job's id.
    """
    def carried_out(progress: Progress) -> str:
        work(progress)
        return run_id

    return jobs.submit_once(title, carried_out, topic(run_id, kind))


def latest(jobs: Jobs, run_id: str, kind: str) -> JobSnapshot | None:
    """Return how the latest study of a kind stands, or ``None`` where none is known."""
    return jobs.newest(topic(run_id, kind))


def topic(run_id: str, kind: str) -> str:
    """Return what a study belongs to, see :class:`core.jobs.JobSnapshot`."""
    return f"{run_id}/{kind}"


def look_kind(target: Target) -> str:
    """Return the kind of the study that asks what a run's model says of photos: one for all who ask."""
    return f"look-{target.key}"
