"""What follows when a run of an experiment has ended: scores, runs that verify, the look at test photos."""

from __future__ import annotations

import logging
from dataclasses import replace

from core.data import dataset as datasets
from core.errors import Busy, NotFound, ThawError
from core.experiments import forecast, members, scores, variants
from core.experiments.design import BACKBONES, BLOCKS, VERIFIED, Planned
from core.experiments.experiment import Experiment, Member, changed, held, listed, load, save
from core.experiments.members import Found
from core.runs import steer
from core.runs.about import about_of
from core.runs.folder import RunFolder
from core.runs.status import State
from core.runs.work import evaluation_of, measure
from core.workspace import Workspace

_CHOOSING = (BLOCKS, BACKBONES)
_log = logging.getLogger(__name__)


def advance(workspace: Workspace, run_id: str) -> None:
    """Do what follows when a run has ended; nothing for a run of no experiment.

    A ranking gets its LogME and, once all probes have ended, the runs that verify the best two. Where a
    block or a backbone is to be chosen, it is once all runs have ended, by validation, and the test photos
    are looked at with it alone. Called again, it does what is not done yet and nothing twice.

    Args:
        workspace: Where the run is.
        run_id: The run that has ended, in whatever way.
    """
    try:
        experiment_id = about_of(RunFolder.open(workspace, run_id)).experiment
        if experiment_id:
            _settle(workspace, experiment_id)
    except (ThawError, OSError):
        _log.exception("the experiment of run %s cannot go on", run_id)


def take_up(workspace: Workspace) -> None:
    """Take up what a process that ended has left half done in all experiments; for a server's start.

    An interrupted run waits in line again, once: one that takes its process down with it does not come back
    a second time.
    """
    for experiment in listed(workspace):
        if experiment.cancelled:
            continue
        try:
            _resume_interrupted(workspace, experiment)
            _settle(workspace, experiment.id)
        except (ThawError, OSError):
            _log.exception("experiment %s cannot go on", experiment.id)


def still_to_verify(experiment: Experiment, found: list[Found]) -> int:
    """Return how many runs a ranking will still add; 0 where it has, will not or is none."""
    if experiment.kind != BACKBONES or experiment.cancelled or any(
        each.member.verifies for each in found
    ):
        return 0
    return min(VERIFIED, sum(each.finished or each.waits for each in found))


def still_to_choose(experiment: Experiment, found: list[Found]) -> bool:
    """Tell whether a run will still be chosen, and the test photos looked at with it."""
    return experiment.kind in _CHOOSING and not experiment.cancelled and not experiment.chosen and any(
        each.finished or each.waits for each in found
    )


def _resume_interrupted(workspace: Workspace, experiment: Experiment) -> None:
    for each in members.found(workspace, experiment):
        run = each.member.run
        left = each.status is not None and each.status.state is State.INTERRUPTED
        if not left or each.member.borrowed or run in experiment.resumed:
            continue
        experiment = changed(workspace, experiment.id, resumed=(*experiment.resumed, run))
        try:
            steer.resume(workspace, run)
        except (Busy, NotFound) as error:  # somebody was quicker, or its photos are gone
            _log.warning("run %s is not resumed: %s", run, error)


def _settle(workspace: Workspace, experiment_id: str) -> None:
    experiment = load(workspace, experiment_id)
    if experiment.kind not in _CHOOSING or experiment.cancelled:
        return
    found = members.found(workspace, experiment)
    if experiment.kind == BACKBONES:
        scores.complete(workspace, experiment, found)
        found = _verified(workspace, experiment_id)
    if any(each.waits for each in found) or not any(each.finished for each in found):
        return
    chosen = load(workspace, experiment_id).chosen
    if not chosen:
        chosen = _choice(experiment.kind, found)
        if changed(workspace, experiment_id, chosen=chosen).cancelled:
            return
    folder = RunFolder.open(workspace, chosen)
    if evaluation_of(folder) is None:
        measure(workspace, folder)


def _verified(workspace: Workspace, experiment_id: str) -> list[Found]:
    """Add the runs that verify a ranking where all its probes have ended; returns all runs."""
    made: tuple[Member, ...] = ()
    with held(workspace, experiment_id) as experiment:
        found = members.found(workspace, experiment)
        due = still_to_verify(experiment, found) and not any(each.waits for each in found)
        if due:
            ranked = sorted((each for each in found if each.finished), key=Found.rank, reverse=True)
            planned = [_verifying(experiment, each) for each in ranked[:VERIFIED]]
            dataset = datasets.load(workspace.dataset_dir(experiment.plan.dataset))
            expected = forecast.verifying_seconds(workspace, planned, dataset)
            made = members.make(workspace, experiment, planned, expected, verify=True)
            experiment = replace(experiment, members=(*experiment.members, *made))
            save(workspace, experiment)
    members.queue(workspace, made)
    return members.found(workspace, experiment)


def _verifying(experiment: Experiment, probe: Found) -> Planned:
    role = probe.member.role
    return Planned(
        role, None, probe.member.seed, variants.verifying(experiment.plan, role).checked())


def _choice(kind: str, found: list[Found]) -> str:
    """Return the run that does best on validation: of the role whose runs do so on average."""
    real = [each for each in found if each.finished and (each.member.verifies or kind == BLOCKS)]
    among = real or [each for each in found if each.finished]
    by_role: dict[str, list[Found]] = {}
    for each in among:
        by_role.setdefault(each.member.role, []).append(each)

    def mean(runs: list[Found]) -> tuple[float, float]:
        ranks = [each.rank() for each in runs]
        return sum(first for first, _second in ranks) / len(runs), sum(last for _, last in ranks) / len(runs)

    best = max(by_role.values(), key=mean)
    return max(best, key=Found.rank).member.run
