"""How an experiment stands: what has ended, what is at work, how long it will take still."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.experiments import members
from core.experiments.experiment import Experiment
from core.experiments.follow_up import still_to_choose, still_to_verify
from core.experiments.members import Found
from core.workspace import Workspace

How = Literal["running", "finished", "cancelled"]
RUNNING: How = "running"
FINISHED: How = "finished"
CANCELLED: How = "cancelled"


@dataclass(frozen=True)
class Standing:
    """How an experiment stands.

    Attributes:
        done: Runs that have come to their end, borrowed ones among them.
        failed: Runs that have ended otherwise: failed, stopped, interrupted, deleted.
        total: All of them, with those that a ranking will still add.
        at_work: The run that is worked on, or ``None``.
        left_s: Seconds left, by what the runs so far took against what was expected of them; ``None`` where
            that is not known, 0 once all have ended.
        state: ``running``, ``finished`` or ``cancelled``.
        share: The share of the runs that has ended, with that of the run at work, 0 to 1.
    """

    done: int
    failed: int
    total: int
    at_work: str | None
    left_s: float | None
    state: How
    share: float


def standing(workspace: Workspace, experiment: Experiment) -> Standing:
    """Say how an experiment stands; load it anew each time, others may have changed it."""
    found = members.found(workspace, experiment)
    done = sum(each.finished for each in found)
    ended = sum(not each.waits for each in found)
    to_come = still_to_verify(experiment, found)
    total = len(found) + to_come
    at_work = next((each for each in found if each.status and each.status.state.at_work), None)
    partly = at_work.status.progress if at_work and at_work.status else 0.0
    goes_on = ended < total or still_to_choose(experiment, found)
    state = RUNNING if goes_on else FINISHED
    left = _left(experiment, found, to_come) if goes_on else 0.0
    if experiment.cancelled:
        state, left = CANCELLED, 0.0
    return Standing(
        done=done, failed=ended - done, total=total, at_work=at_work.folder.id if at_work else None,
        left_s=left, state=state, share=min(1.0, (ended + partly) / max(1, total)),
    )


def _left(experiment: Experiment, found: Sequence[Found], to_come: int) -> float | None:
    """Return the seconds left: what is expected of each, times what the runs so far took of theirs."""
    took = [each for each in found if each.finished and not each.member.borrowed and _elapsed(each)]
    known = [each for each in took if each.member.expected_s]
    expected = sum(each.member.expected_s or 0.0 for each in known)
    pace = sum(map(_elapsed, known)) / expected if expected else 1.0
    left = 0.0
    for each in found:
        if not each.waits:
            continue
        seconds = _expected(each, took, pace)
        if seconds is None:
            return None
        left += max(0.0, seconds - _elapsed(each))
    if to_come:
        # What is left of the expectation for the whole beyond its runs is for those that are still to come.
        alone = [each.member.expected_s for each in found if not each.member.borrowed]
        if experiment.expected_s is None or None in alone:
            return None
        left += pace * max(0.0, experiment.expected_s - sum(each or 0.0 for each in alone))
    return left


def _expected(each: Found, took: Sequence[Found], pace: float) -> float | None:
    """Return what a run will take in all; where nothing was measured, the mean of those like it."""
    if each.member.expected_s is not None:
        return pace * each.member.expected_s
    alike = [one for one in took if one.member.role == each.member.role] or took
    return sum(map(_elapsed, alike)) / len(alike) if alike else None


def _elapsed(each: Found) -> float:
    return (each.status.elapsed_s or 0.0) if each.status else 0.0
