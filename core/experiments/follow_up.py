"""What follows when a run of an experiment has ended: scores, runs that verify, the look at test photos."""

from __future__ import annotations

import logging
from dataclasses import replace

import filelock

from core.data import dataset as datasets
from core.errors import Busy, NotFound, ThawError
from core.experiments import forecast, members, scores, variants
from core.experiments.design import BACKBONES, BLOCKS, VERIFIED, Planned
from core.experiments.experiment import Experiment, Member, changed, held, listed, load, save
from core.experiments.members import Found
from core.experiments.points import DIGITS
from core.i18n import _
from core.runs import steer
from core.runs.about import about_of
from core.runs.folder import RunFolder
from core.runs.seen import history_of
from core.runs.status import State
from core.runs.work import evaluation_of, measure
from core.workspace import Workspace

_CHOOSING = (BLOCKS, BACKBONES)
_LOCK = "settling.lock"
# A server's next run waits for it; what is not done then is done once the server is idle.
_PATIENCE_S = 30.0
_LONGEST_WAIT_S = 600.0
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
            _settle(workspace, experiment_id, _PATIENCE_S)
    except (ThawError, OSError):
        _log.exception("the experiment of run %s cannot go on", run_id)


def settle(workspace: Workspace, experiment_id: str) -> None:
    """Do what is to be done in an experiment, as :func:`advance` does for that of a run."""
    try:
        _settle(workspace, experiment_id, _LONGEST_WAIT_S)
    except (ThawError, OSError):
        _log.exception("experiment %s cannot go on", experiment_id)


def take_up(workspace: Workspace) -> None:
    """Take up what a process that ended has left half done in all experiments; for a server's start.

    An interrupted run waits in line again. Where its process had died it does so only if it has done epochs
    since the last time: one that takes its process down with it does not come back for ever.
    """
    for experiment in listed(workspace):
        _take_up(workspace, experiment)


class Idle:
    """Takes up what nobody else does while a server has nothing to train; call it every few seconds.

    A run may end where no worker sees it: stopped while it was paused, deleted, or with a process that died.

    Args:
        workspace: Where the experiments are.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        # What could not be done is not tried again before something has changed.
        self._seen: dict[str, object] = {}

    def __call__(self) -> None:
        """Look at all experiments, and take up those that have changed and of which no run goes on."""
        for experiment in listed(self._workspace):
            found = members.found(self._workspace, experiment)
            going_on = any(each.status is not None and each.status.state.active for each in found)
            if going_on or experiment.cancelled:  # whoever carries it out follows it up
                continue
            states = tuple((each.member.run, each.status and each.status.state) for each in found)
            stands = experiment.chosen, states
            if self._seen.get(experiment.id) == stands:
                continue
            if _take_up(self._workspace, experiment):
                self._seen[experiment.id] = stands


def _take_up(workspace: Workspace, experiment: Experiment) -> bool:
    """Take an experiment up; returns whether that was tried, and not left to another process."""
    try:
        if experiment.cancelled:
            # A process that died while it cancelled has left them in line.
            members.stop(workspace, [
                each for each in members.found(workspace, experiment)
                if each.never_begun and not each.member.borrowed
            ])
            return True
        _resume_interrupted(workspace, experiment)
        _settle(workspace, experiment.id, 0.0)
    except Busy as error:
        _log.info("experiment %s is left to another program: %s", experiment.id, error)
        return False
    except (ThawError, OSError):
        _log.exception("experiment %s cannot go on", experiment.id)
    return True


def still_to_verify(experiment: Experiment, found: list[Found]) -> int:
    """Return how many runs a ranking will still add; 0 where it has, will not or is none."""
    if experiment.kind != BACKBONES or experiment.cancelled or experiment.chosen or any(
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
        if each.status is None or each.status.state is not State.INTERRUPTED or each.member.borrowed:
            continue
        # NOTE: what a server that closes interrupts has no error; it may be closed as often as one likes.
        if each.status.error is not None:
            before = dict(experiment.resumed)
            done = len(history_of(each.folder))
            if run in before and done <= before[run]:
                continue
            experiment = changed(
                workspace, experiment.id, resumed=tuple({**before, run: done}.items()))
        try:
            steer.resume(workspace, run)
        except (Busy, NotFound) as error:  # somebody was quicker, or its photos are gone
            _log.warning("run %s is not resumed: %s", run, error)


def _settle(workspace: Workspace, experiment_id: str, patience_s: float) -> None:
    experiment = load(workspace, experiment_id)
    if experiment.kind not in _CHOOSING or experiment.cancelled:
        return
    try:
        # Whoever comes second, from another process too, finds it done: no score and no look is taken twice.
        with filelock.FileLock(workspace.experiments / experiment_id / _LOCK, timeout=patience_s):
            _settled(workspace, load(workspace, experiment_id))
    except filelock.Timeout as error:
        raise Busy(_("Another program works on this experiment."), given=experiment_id) from error


def _settled(workspace: Workspace, experiment: Experiment) -> None:
    if experiment.cancelled:
        return
    experiment_id = experiment.id
    found = members.found(workspace, experiment)
    if experiment.kind == BACKBONES:
        scores.complete(workspace, experiment, found)
        try:
            found = _verified(workspace, experiment_id)
        except NotFound:
            _log.exception("the backbones of experiment %s are chosen by their probes", experiment_id)
    if any(each.waits for each in found) or not any(each.finished for each in found):
        return
    chosen = load(workspace, experiment_id).chosen
    if not chosen:
        chosen = _choice(experiment, found)
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


def _choice(experiment: Experiment, found: list[Found]) -> str:
    """Return the run that does best on validation: of the role whose runs do so on average.

    A run that was given more epochs than the others meanwhile is none of them, unless there is no other.
    """
    ended = [each for each in found if each.finished]
    ended = [each for each in ended if not members.gone_on(experiment, each)] or ended
    real = [each for each in ended if each.member.verifies or experiment.kind == BLOCKS]
    among = real or ended
    by_role: dict[str, list[Found]] = {}
    for each in among:
        by_role.setdefault(each.member.role, []).append(each)

    def mean(runs: list[Found]) -> tuple[float, float]:
        ranks = [each.rank() for each in runs]
        # NOTE: rounded, so that of equal means the loss decides and not the order of a sum.
        reached = round(sum(first for first, _second in ranks) / len(runs), DIGITS)
        return reached, sum(last for _first, last in ranks) / len(runs)

    best = max(by_role.values(), key=mean)
    return max(best, key=Found.rank).member.run
