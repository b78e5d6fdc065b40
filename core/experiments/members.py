"""The runs of an experiment as they stand, and making more of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.errors import BadInput, ThawError
from core.experiments import variants
from core.experiments.design import Planned, name_of
from core.experiments.experiment import Experiment, Member
from core.folders import remove_whole
from core.runs import line, steer
from core.runs.about import LONGEST_NAME, about_of, write_about
from core.runs.folder import RunFolder, best
from core.runs.seen import history_of, plan_of, status_of
from core.runs.status import State, Status
from core.training.events import EpochRow
from core.workspace import Workspace

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """A member and how its run stands.

    Attributes:
        member: The member.
        folder: The run's folder, which may be gone.
        status: How it stands; ``None`` where the run was deleted or cannot be read.
    """

    member: Member
    folder: RunFolder
    status: Status | None

    @property
    def finished(self) -> bool:
        """Whether it has come to its end, so that its figures count."""
        return self.status is not None and self.status.state is State.FINISHED

    @property
    def waits(self) -> bool:
        """Whether it has not come to its end and may still do so: it is worked on, waits or is paused."""
        return self.status is not None and (self.status.state.active or self.status.state is State.PAUSED)

    @property
    def never_begun(self) -> bool:
        """Whether it waits in line for the first time."""
        status = self.status
        return status is not None and status.state is State.QUEUED and not (status.started or status.worked_s)

    def kept(self) -> EpochRow | None:
        """Return the epoch whose weights a finished run has kept; raises BadInput where it is damaged."""
        if self.status is None or not self.finished:
            return None
        rows = history_of(self.folder)
        return next((row for row in rows if row.epoch == self.status.kept), None) or best(rows)

    def rank(self) -> tuple[float, float]:
        """Return what a choice on validation goes by, see :attr:`EpochRow.rank`; least where not known."""
        try:
            row = self.kept()
        except ThawError:
            row = None
        return (-1.0, 0.0) if row is None or row.val_accuracy is None else row.rank


def found(workspace: Workspace, experiment: Experiment) -> list[Found]:
    """Look at all runs of an experiment, in their order."""
    return [found_one(workspace, member) for member in experiment.members]


def found_one(workspace: Workspace, member: Member) -> Found:
    """Look at the run of a member."""
    folder = RunFolder(workspace.runs / member.run)
    try:
        return Found(member, folder, status_of(folder))
    except ThawError:
        return Found(member, folder, None)


def gone_on(experiment: Experiment, found: Found) -> bool:
    """Tell whether a run was given more epochs since, so that it is not what the experiment asked for.

    Args:
        experiment: Whose run it is, or whose controls belong to it.
        found: The run; one whose plan cannot be read has not.
    """
    try:
        now = plan_of(found.folder)
    except ThawError:
        return False
    if found.member.run == experiment.base_run:
        return variants.as_compared(now) != variants.as_compared(experiment.plan)
    begun = variants.as_begun(experiment.plan, found.member.role, verifies=found.member.verifies).recipe
    # NOTE: one that has ended early is given more epochs by a plan of fewer that does not end early.
    return (now.recipe.epochs, now.recipe.early_stopping) != (begun.epochs, begun.early_stopping)


def stop(workspace: Workspace, going_on: Sequence[Found]) -> None:
    """Stop runs, those that are at work last: else the next in line would begin before it is taken out."""
    for each in sorted(going_on, key=lambda each: each.status is not None and each.status.state.at_work):
        try:
            steer.stop(workspace, each.member.run)
        except BadInput as error:  # it has ended meanwhile, or was deleted
            _log.debug("run %s is not stopped: %s", each.member.run, error)


def make(
    workspace: Workspace, experiment: Experiment, planned: Sequence[Planned],
    expected: Sequence[float | None], *, verify: bool = False,
) -> tuple[Member, ...]:
    """Make the runs that are not there yet; they do not wait in the line before :func:`queue` is called.

    Args:
        workspace: Where they are made.
        experiment: Whose they are.
        planned: What they carry out.
        expected: Seconds that each is expected to take.
        verify: Whether they verify a ranking.

    Raises:
        OSError: The disk is full; none of them is left.
    """
    made: list[Member] = []
    try:
        for each, seconds in zip(planned, expected, strict=True):
            run = each.run
            if not run:
                name = name_of(experiment.kind, each)[:LONGEST_NAME]
                folder = steer.create(workspace, each.plan, by=experiment.by, name=name, wait=False)
                run = folder.id
                made.append(Member(each.role, each.x, each.seed, run, verifies=verify, expected_s=seconds))
                write_about(folder, replace(about_of(folder), experiment=experiment.id))
            else:
                made.append(Member(each.role, each.x, each.seed, run, borrowed=True))
    except BaseException:
        remove(workspace, made)
        raise
    return tuple(made)


def remove(workspace: Workspace, made: Sequence[Member]) -> None:
    """Remove runs that have only just been made and wait for nobody."""
    for member in made:
        if not member.borrowed:
            remove_whole(workspace.runs / member.run)


def queue(workspace: Workspace, members: Sequence[Member]) -> None:
    """Put new runs at the end of the line, in their order; raises Busy where that is held for long."""
    with line.held_line(workspace):
        for member in members:
            if not member.borrowed:
                line.join(workspace, member.run)
