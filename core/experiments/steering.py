"""Beginning an experiment, cancelling and deleting it; from every process."""

from __future__ import annotations

import time
from dataclasses import replace

from core import bin as bins
from core.data import dataset as datasets
from core.errors import Busy, NotFound, ThawError
from core.experiments import forecast, members
from core.experiments.design import Design
from core.experiments.experiment import Experiment, changed, listed, load, save
from core.experiments.follow_up import advance, settle, take_up
from core.folders import remove_whole
from core.i18n import _
from core.runs.about import about_of, write_about
from core.runs.folder import RunFolder, run_folders
from core.runs.lineage import weights_file
from core.runs.status import State
from core.runs.use import in_use
from core.runs.work import require_usable
from core.workspace import Workspace, new_dir

__all__ = ["advance", "begin", "cancel", "delete", "settle", "take_up"]


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
        except BaseException:
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
    members.stop(workspace, going_on)


def delete(workspace: Workspace, experiment_id: str, *, by: str = "") -> None:
    """Put the runs of an experiment into the bin, and forget the experiment; borrowed runs stay.

    So does a run that another experiment names. It is one of its own then, as is one that is brought back
    from the bin later.

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
    lent = _named_by_others(workspace, experiment_id)
    all_ours = [each.id for each in run_folders(workspace) if about_of(each).experiment == experiment_id]
    ours = [run for run in all_ours if run not in lent]
    used = in_use(workspace).runs
    for run in ours:
        if run in used:
            raise used[run].busy(about_of(RunFolder.open(workspace, run)).title or run)
    if _goes_on(workspace, experiment_id):
        raise Busy(
            _("This experiment has not ended."), given=experiment_id,
            fix=_("Cancel it first, or wait until it has ended."),
        )
    for run in all_ours:
        try:
            if run in lent:
                kept = RunFolder.open(workspace, run)
                write_about(kept, replace(about_of(kept), experiment=""))
            else:
                bins.delete_run(workspace, run, by)
        except NotFound:
            continue  # somebody was quicker
    remove_whole(folder)


def _named_by_others(workspace: Workspace, experiment_id: str) -> set[str]:
    """Return the runs that other experiments have borrowed, or are the controls of."""
    named: set[str] = set()
    for each in listed(workspace):
        if each.id != experiment_id:
            named.update(one.run for one in each.members if one.borrowed)
            named.add(each.base_run)
    return named


def _goes_on(workspace: Workspace, experiment_id: str) -> bool:
    try:
        experiment = load(workspace, experiment_id)
    except ThawError:
        return False
    return any(
        each.status is not None and each.status.state in (State.PREPARING, State.TRAINING, State.QUEUED)
        for each in members.found(workspace, experiment) if not each.member.borrowed
    )
