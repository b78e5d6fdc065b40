"""What runs that have not ended still need: it cannot be deleted meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from core.errors import Busy
from core.i18n import _
from core.runs import line
from core.runs.folder import RunFolder
from core.runs.listing import Listed, listed
from core.runs.status import State
from core.runs.work import held
from core.training.start import FILE, RUN
from core.workspace import Workspace, is_id

_ENDED = (State.FINISHED, State.STOPPED, State.FAILED)


@dataclass(frozen=True)
class Use:
    """Why something is in use.

    Attributes:
        what: One sentence; it may hold a run's title.
        fix: What to do about it.
    """

    what: str
    fix: str

    def busy(self, given: str) -> Busy:
        """Return the error that says so of ``given``."""
        return Busy(self.what, given=given[:80], fix=self.fix)


@dataclass(frozen=True)
class InUse:
    """All that is in use in a workspace, and why.

    Attributes:
        runs: By the id of the run.
        datasets: By the id of the dataset.
        weights: By the name of the weight file that a person brought along.
    """

    runs: Mapping[str, Use] = field(default_factory=dict)
    datasets: Mapping[str, Use] = field(default_factory=dict)
    weights: Mapping[str, Use] = field(default_factory=dict)


def in_use(workspace: Workspace) -> InUse:
    """Look once at all runs of a workspace, and return what they need.

    A run that waits or is worked on needs itself and its dataset. One that has not ended, also a paused or
    interrupted one, needs the run or the weight file that it starts from. What a dead process left
    behind is not worked on, whatever its status says: the lock tells.
    """
    known = listed(workspace)
    waiting = {run.id for run in known if run.status.state is State.QUEUED}
    # NOTE: the lock of a run that waits is left alone: its worker may take it at any moment, and would
    # find it taken by this look.
    worked_on = {
        path.name for path in workspace.runs.iterdir()
        if path.name not in waiting and _is_held(RunFolder(path))
    }
    runs: dict[str, Use] = {}
    datasets: dict[str, Use] = {}
    weights: dict[str, Use] = {}
    for run in known:
        start = run.plan.weights
        if run.id in waiting or (run.status.state.active and run.id in worked_on):
            datasets.setdefault(run.plan.dataset, _learned_from(run))
        if run.status.state not in _ENDED and start.source == RUN:
            runs.setdefault(start.name, _started_from(run))
        if run.status.state not in _ENDED and start.source == FILE:
            weights.setdefault(start.name, _started_from(run))
    runs.update(dict.fromkeys(waiting, _waits()))
    runs.update(dict.fromkeys(worked_on, _worked_on()))
    return InUse(runs, datasets, weights)


def why_in_use(workspace: Workspace, run_id: str) -> str:
    """Return in one sentence why a run is in use; empty where it is free."""
    return _what(in_use(workspace).runs.get(run_id))


def why_dataset_in_use(workspace: Workspace, dataset_id: str) -> str:
    """Return in one sentence why a dataset is in use; empty where it is free."""
    return _what(in_use(workspace).datasets.get(dataset_id))


def why_weights_in_use(workspace: Workspace, name: str) -> str:
    """Return in one sentence why a weight file is in use, by its kept name; empty where it is free."""
    return _what(in_use(workspace).weights.get(name))


def left_with(workspace: Workspace, dataset_id: str) -> list[Listed]:
    """Return the runs on a dataset that were left and are likely to be resumed, newest first."""
    left = (State.PAUSED, State.INTERRUPTED)
    return [
        run for run in listed(workspace) if run.plan.dataset == dataset_id and run.status.state in left
    ]


def require_free(workspace: Workspace, run_id: str) -> None:
    """Raise Busy, saying why, where a run is in use."""
    _require(in_use(workspace).runs, run_id)


def require_dataset_free(workspace: Workspace, dataset_id: str) -> None:
    """Raise Busy, saying why, where a dataset is in use."""
    _require(in_use(workspace).datasets, dataset_id)


def require_weights_free(workspace: Workspace, name: str) -> None:
    """Raise Busy, saying why, where a weight file is in use."""
    _require(in_use(workspace).weights, name)


@contextmanager
def reserved(workspace: Workspace, run_id: str) -> Iterator[None]:
    """Hold a run that is free: nobody begins to work on it, resumes it or starts another from it.

    Raises:
        Busy: It is in use.
    """
    # Whoever lets a run wait holds the line, so what was found stays true.
    with line.held_line(workspace):
        require_free(workspace, run_id)
        with held(RunFolder(workspace.runs / run_id)):
            yield


@contextmanager
def reserved_dataset(workspace: Workspace, dataset_id: str) -> Iterator[None]:
    """Hold a dataset that is free: no run that learns from it is started or resumed.

    Raises:
        Busy: It is in use.
    """
    with line.held_line(workspace):
        require_dataset_free(workspace, dataset_id)
        yield


def _require(used: Mapping[str, Use], name: str) -> None:
    if name in used:
        raise used[name].busy(name)


def _what(use: Use | None) -> str:
    return "" if use is None else use.what


def _is_held(folder: RunFolder) -> bool:
    # A lock that was never made is held by nobody; looking must not make it.
    if not is_id(folder.id) or not folder.lock.is_file():
        return False
    try:
        with held(folder):
            return False
    except Busy:
        return True


def _waits() -> Use:
    return Use(
        _("This run waits in the queue."),
        _("Take it out of the queue first, or wait until it has ended."),
    )


def _worked_on() -> Use:
    return Use(_("This run is being worked on."), _("Stop it first, or wait until it has ended."))


def _learned_from(run: Listed) -> Use:
    return Use(
        _("{run} learns from this dataset and has not ended.").format(run=run.title),
        _("Stop that run first, or wait until it has ended."),
    )


def _started_from(run: Listed) -> Use:
    return Use(
        _("{run} starts from this and has not ended.").format(run=run.title),
        _("Stop or delete that run first, or wait until it has ended."),
    )
