"""Which steps are done, open or locked, and why: from what exists, not from what was clicked."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import StrEnum

from core.data import dataset as datasets
from core.data.dataset import Dataset
from core.drafts import Draft
from core.errors import ThawError
from core.i18n import _
from core.people import is_of_another
from core.runs.folder import RunFolder, run_folders
from core.runs.listing import listed, with_model
from core.runs.seen import about_seen
from core.runs.status import State
from core.workspace import Workspace

_log = logging.getLogger(__name__)


class Progress(StrEnum):
    """How a step of the journey stands."""

    DONE = "done"
    OPEN = "open"
    LOCKED = "locked"


@dataclass(frozen=True)
class Step:
    """One step of the journey.

    Attributes:
        progress: How it stands.
        missing: For a locked step, one sentence on what is missing; else empty.
        at: For a locked step, the step where that is found; else empty.
    """

    progress: Progress
    missing: str = ""
    at: str = ""


@dataclass(frozen=True)
class Journey:
    """The steps by name, and what they were decided from.

    Attributes:
        steps: ``start``, ``data``, ``model``, ``train``, ``evaluate``, ``predict``,
            ``take_away``.
        dataset: The chosen dataset, or ``None`` where none is chosen or it is gone.
        run: The run being looked at, or ``None`` where there is none.
    """

    steps: dict[str, Step]
    dataset: Dataset | None
    run: RunFolder | None


def journey(workspace: Workspace, draft: Draft, me: str = "") -> Journey:
    """Return how each step stands for what has been chosen.

    Args:
        workspace: Where photos and runs are.
        draft: What has been chosen.
        me: The browser that looks: where no run is chosen, its own go before those of others.
    """
    dataset = chosen_dataset(workspace, draft)
    run = chosen_run(workspace, draft, me)
    state = _state(run)
    usable = dataset is not None and dataset.usable
    modelled = run_with_model(workspace, draft, me) is not None
    no_photos = _("Choose photos first.")
    unusable = _("The photos chosen cannot be trained on yet.") if dataset else no_photos

    def step(*, done: bool, unlocked: bool, missing: str, at: str) -> Step:
        if not unlocked and not done:
            return Step(Progress.LOCKED, missing, at)
        return Step(Progress.DONE if done else Progress.OPEN)

    measured = modelled and run is not None and _measured(run)
    ended = state in (State.FINISHED, State.STOPPED)
    if run is None and not usable:
        no_model, where = unusable, "data"
    elif state is not None and state.active:
        no_model, where = _("The training is still going on; its model comes at the end."), "train"
    else:
        no_model, where = _("Train a model first."), "train"
    return Journey(
        {
            "start": step(done=dataset is not None, unlocked=True, missing="", at=""),
            "data": step(done=usable, unlocked=True, missing="", at=""),
            "model": step(
                done=usable and (draft.model_seen or run is not None),
                unlocked=usable, missing=unusable, at="data",
            ),
            "train": step(
                done=ended, unlocked=usable or run is not None, missing=unusable, at="data"
            ),
            "evaluate": step(done=measured, unlocked=modelled, missing=no_model, at=where),
            "predict": step(done=False, unlocked=modelled, missing=no_model, at=where),
            "take_away": step(done=False, unlocked=modelled, missing=no_model, at=where),
        },
        dataset,
        run,
    )


def chosen_dataset(workspace: Workspace, draft: Draft) -> Dataset | None:
    """Return the chosen dataset, or ``None`` where none is chosen or it cannot be read."""
    if not draft.dataset:
        return None
    try:
        return datasets.load(workspace.dataset_dir(draft.dataset))
    except ThawError:
        return None


def chosen_run(workspace: Workspace, draft: Draft, me: str = "") -> RunFolder | None:
    """Return the run being looked at: the one chosen where it still is, else the newest of one's own.

    A run of an experiment is looked at only where it is the one chosen.
    """
    return _chosen(workspace, run_folders(workspace), draft, me)


def run_with_model(workspace: Workspace, draft: Draft, me: str = "") -> RunFolder | None:
    """Return the run whose model is looked at: the chosen one, else the newest of one's own with a model.

    Where the chosen one has no model yet, those of the same photos go first: of its dataset, then of the one
    that this is a version of, so that who trains again on a version goes on looking at the same thing. Runs
    that cannot be read are passed over, and those of experiments where they are not the one chosen.
    """
    runs = with_model(workspace)
    if draft.run and all(run.id != draft.run for run in runs):
        for dataset in _photos_of(workspace, draft.run):
            alike = [run.folder for run in runs if run.plan.dataset == dataset]
            found = _chosen(workspace, alike, draft, me)
            if found is not None:
                return found
    return _chosen(workspace, [run.folder for run in runs], draft, me)


def _photos_of(workspace: Workspace, run_id: str) -> list[str]:
    """Return the dataset of a run and those that it is a version of, the nearest first."""
    run = next((folder for folder in run_folders(workspace) if folder.id == run_id), None)
    found: list[str] = []
    try:
        following = run.plan().dataset if run is not None else ""
        while following and following not in found:
            found.append(following)
            revision = datasets.load(workspace.dataset_dir(following)).revision
            following = revision.of if revision is not None else ""
    except ThawError as error:
        _log.info("what %s learned from leads no further: %s", run_id, error)
    return found


def _chosen(
    workspace: Workspace, folders: list[RunFolder], draft: Draft, me: str
) -> RunFolder | None:
    chosen = next((folder for folder in folders if folder.id == draft.run), None)
    if chosen is not None:
        return chosen
    parts = {run.id for run in listed(workspace) if run.experiment} if folders else set()
    alone = [folder for folder in folders if folder.id not in parts]
    own = (folder for folder in alone if not is_of_another(about_seen(folder).by, me))
    return next(own, alone[0] if alone else None)


def _state(run: RunFolder | None) -> State | None:
    if run is None:
        return None
    try:
        return run.status().state
    except ThawError:
        return None


def _measured(run: RunFolder) -> bool:
    try:
        report = run.report()
    except ThawError:
        return False
    return bool(report and report.get("test"))
