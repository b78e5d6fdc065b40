"""Beginning an experiment, cancelling and deleting it; from every process."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from core import bin as bins
from core.data import dataset as datasets
from core.errors import BadInput, Busy, NotFound, ThawError
from core.experiments import forecast, members
from core.experiments.design import Design
from core.experiments.experiment import Experiment, changed, load, save
from core.experiments.follow_up import advance, take_up
from core.folders import remove_whole
from core.i18n import _
from core.runs import steer
from core.runs.about import about_of
from core.runs.folder import RunFolder, run_folders
from core.runs.lineage import weights_file
from core.runs.status import State
from core.runs.use import in_use
from core.runs.work import require_usable
from core.workspace import Workspace, new_dir

__all__ = ["advance", "begin", "cancel", "delete", "take_up"]
_log = logging.getLogger(__name__)


def begin(
    workspace: Workspace, design: Design, *, by: str = "", expected_s: float | None = None
) -> Experiment:
    """Make the runs of an experiment and put them in line.

    Args:
        workspace: Where it is made.
        design: What it runs.
        by: Who begins it, see :class:`core.runs.about.About`.
        expected_s: Seconds that it is expected to take; ``None`` looks that up.

    Raises:
        NotFound: The photos, or what the plan starts from, are gone.
        BadInput: The photos cannot be trained on.
        OSError: The disk is full; nothing of it is left.
    """
    dataset = datasets.load(workspace.dataset_dir(design.plan.dataset))
    require_usable(dataset)
    weights_file(workspace, design.plan)
    known = forecast.by_member(workspace, design, dataset)
    if expected_s is None:
        expected_s = forecast.expected_seconds(workspace, design, dataset)
    folder = new_dir(workspace.experiments, f"{design.kind}-{design.plan.dataset_title}")
    experiment = Experiment(
        folder.name, design.kind, design.title, design.plan, (), time.time(), by, expected_s, design.base_run
    )
    try:
        made = members.make(workspace, experiment, design.members, known or [None] * len(design.members))
        experiment = replace(experiment, members=made)
        try:
            save(workspace, experiment)
        except OSError:
            members.remove(workspace, made)
            raise
    except BaseException:
        remove_whole(folder)
        raise
    # NOTE: last of all. Whoever takes a run out of the line looks for its experiment when it has ended.
    members.queue(workspace, made)
    return experiment


def cancel(workspace: Workspace, experiment_id: str) -> None:
    """Cancel a whole experiment: what waits leaves the line, what is at work stops, what has ended stays.

    Raises:
        NotFound: There is no such experiment.
        BadInput: It is damaged.
    """
    experiment = changed(workspace, experiment_id, cancelled=True)
    going_on = [
        each for each in members.found(workspace, experiment) if each.waits and not each.member.borrowed
    ]
    # What is at work comes last: else the next in line would begin before it is taken out.
    for each in sorted(going_on, key=lambda each: each.status is not None and each.status.state.at_work):
        try:
            steer.stop(workspace, each.member.run)
        except BadInput as error:  # it has ended meanwhile, or was deleted
            _log.debug("run %s is not stopped: %s", each.member.run, error)


def delete(workspace: Workspace, experiment_id: str, *, by: str = "") -> None:
    """Put the runs of an experiment into the bin, and forget the experiment; borrowed runs stay.

    A run that is brought back from the bin later is one of its own then.

    Args:
        workspace: Where it is.
        experiment_id: The experiment; a damaged one too.
        by: Who wants it.

    Raises:
        NotFound: There is no such experiment.
        Busy: One of its runs has not ended, or another run starts from one of them; nothing is deleted.
        Unavailable: A folder cannot be moved; what was moved before is in the bin.
    """
    folder = workspace.experiment_dir(experiment_id)
    ours = [each.id for each in run_folders(workspace) if about_of(each).experiment == experiment_id]
    used = in_use(workspace).runs
    for run in ours:
        if run in used:
            raise used[run].busy(about_of(RunFolder.open(workspace, run)).title or run)
    if _goes_on(workspace, experiment_id):
        raise Busy(
            _("This experiment has not ended."), given=experiment_id,
            fix=_("Cancel it first, or wait until it has ended."),
        )
    for run in ours:
        try:
            bins.delete_run(workspace, run, by)
        except NotFound:
            continue  # somebody was quicker
    remove_whole(folder)


def _goes_on(workspace: Workspace, experiment_id: str) -> bool:
    try:
        experiment = load(workspace, experiment_id)
    except ThawError:
        return False
    return any(
        each.status is not None and each.status.state in (State.PREPARING, State.TRAINING, State.QUEUED)
        for each in members.found(workspace, experiment) if not each.member.borrowed
    )
