"""Carrying a run out: from its plan to its report, whoever asked for it."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace

import filelock
import numpy as np
from numpy.typing import NDArray

from core.data import dataset as datasets
from core.data.dataset import Dataset
from core.data.split import with_fewer_to_learn_from
from core.errors import BadInput, Busy, NotFound, Stopped, ThawError
from core.files import JsonObject
from core.i18n import _
from core.insight.metrics import Evaluation
from core.insight.passing import answers
from core.jobs import Progress, no_progress
from core.runs import begun, line, lineage, mlflow_log, wishes
from core.runs.about import about_of
from core.runs.folder import RunFolder, best, require_model
from core.runs.listener import FolderListener
from core.runs.report import completed, made_with, whole
from core.runs.room import free_reserve, remove_temporary, reserve
from core.runs.status import Failure, State, Status
from core.runs.studied import kept_predictions, model_mark, require_same, writing
from core.runs.tested import kept_test
from core.runs.wishes import Leaving, Wish
from core.training.events import Outcome
from core.training.plan import Plan
from core.training.release import return_memory
from core.workspace import Workspace

LOOKS = "test_looks"
_LEFT = {Wish.STOP: State.STOPPED, Wish.PAUSE: State.PAUSED, Wish.CLOSE: State.INTERRUPTED}
# Others hold a run's lock for a moment, to see whether somebody works on it; who paused it, for its model.
_PATIENCE_S = 20.0
# Who works on a run holds its lock for minutes; who only looks, for less than this.
_MOMENT_S = 2.0
_log = logging.getLogger(__name__)


def carry_out(workspace: Workspace, folder: RunFolder, leaving: Leaving) -> Status:
    """Carry a run out on this thread, or go on with it where it was left.

    Args:
        workspace: Where its dataset is.
        folder: The run, queued.
        leaving: Asked, it leaves after the current step; so it does where another process asks through
            the run folder. What is needed to go on, and the best epoch so far, are kept.

    Returns:
        How it ended. A failure is in the status and is not raised.

    Raises:
        Busy: Another process works on it.
        OSError: The disk is full, and has no room even for saying so.
    """
    with held(folder, _PATIENCE_S):
        status = replace(
            folder.status(), state=State.PREPARING, phase="starting", started=time.time(), ended=None,
            error=None, pid=os.getpid(),
        )
        remove_temporary(folder)
        folder.write_status(status)
        mlflow = mlflow_log.follower(folder)
        if mlflow is not None:
            mlflow.begin(folder.plan(), about_of(folder).title)
        listener = FolderListener(folder, status, mlflow, lambda: _LEFT[leaving.wish or Wish.STOP])
        with wishes.heard(folder, leaving):
            ended = _ended(workspace, folder, listener, leaving)
        free_reserve(folder)
        ended = _last_word(workspace, folder, ended)
    if mlflow is not None:
        mlflow.end(ended.state, folder.report() if ended.state is State.FINISHED else None)
    return_memory()
    return ended


def _last_word(workspace: Workspace, folder: RunFolder, ended: Status) -> Status:
    """Write how it ended, unless it waits again: resumed while the model of a paused run was written."""
    with line.held_line(workspace):
        now = folder.status()
        if now.state is State.QUEUED:
            return ended
        if not now.state.active:  # parked before: the time since then was for the model
            ended = replace(ended, ended=now.ended)
        folder.write_status(ended)
        return ended


def _ended(
    workspace: Workspace, folder: RunFolder, listener: FolderListener, leaving: Leaving
) -> Status:
    """Train, and return how it ended."""
    try:
        reserve(folder)
        return _train(workspace, folder, listener, leaving)
    except Stopped:
        kept = _kept_best(workspace, folder, listener)
        return listener.status.ending(_LEFT[leaving.wish or Wish.STOP], **kept)
    except ThawError as error:
        failure = Failure.of(error)
    except Exception as error:  # noqa: BLE001 - the last stop of a thread: logged whole, shown as a failure
        _log.exception("run %s failed", folder.id)
        failure = Failure.of_any(error)
    kept = _kept_best(workspace, folder, listener)
    return listener.status.ending(State.FAILED, error=failure, **kept)


def _kept_best(
    workspace: Workspace, folder: RunFolder, listener: FolderListener
) -> dict[str, int | None]:
    """Make what was best before a run broke off the run's model, and report it, where there is room."""
    free_reserve(folder)
    kept: dict[str, int | None] = {}
    try:
        kept = {"kept": folder.keep_best()}
        if folder.model.is_file():
            _report_kept(workspace, folder, kept["kept"], listener)
    except (ThawError, OSError):
        _log.exception("the best epoch of run %s cannot be kept, or not be reported", folder.id)
    return kept


def _report_kept(
    workspace: Workspace, folder: RunFolder, kept: int | None, listener: FolderListener
) -> None:
    """Write the report of a run that broke off, unless there is one of the epoch that is kept."""
    before, plan, history, use = folder.report(), folder.plan(), folder.history(), listener.status.cache
    told = before.get("best") if before else None
    if isinstance(told, dict) and told.get("epoch") == kept:
        return
    row = next((row for row in history if row.epoch == kept), None)
    folder.write_report({
        **whole(plan, dataset_of(workspace, plan), history, row), **made_with(),
        "test": before.get("test") if before else None, LOOKS: looks(before or {}),
        "cache": asdict(use) if use else None,
    })


def _train(
    workspace: Workspace, folder: RunFolder, listener: FolderListener, leaving: Leaving
) -> Status:
    from core.training import engine

    plan = folder.plan()
    dataset = dataset_of(workspace, plan)
    require_usable(dataset)
    weights_file = lineage.weights_file(workspace, plan)
    begun.note_start(workspace, folder, plan)
    outcome = engine.train(
        plan, dataset, folder.places, listener, leaving.event, weights_file, workspace,
        for_now=lambda: leaving.wish in (Wish.PAUSE, Wish.CLOSE),
    )
    listener.held = outcome.held
    state = _LEFT[leaving.wish or Wish.STOP] if outcome.stopped else State.FINISHED
    _write_report(folder, plan, dataset, outcome)
    progress = listener.status.progress if outcome.stopped else 1.0
    return listener.status.ending(state, kept=outcome.kept, progress=progress)


def require_usable(dataset: Dataset) -> None:
    """Raise BadInput, naming what is wrong, where a dataset cannot be trained on."""
    errors = [problem for problem in dataset.problems if problem.level == "error"]
    if errors:
        raise BadInput(
            _("This dataset cannot be trained on: {problem}").format(problem=errors[0].title),
            given=dataset.title,
            fix=errors[0].message,
        )


def dataset_of(workspace: Workspace, plan: Plan) -> Dataset:
    """Return the dataset of a plan, limited as the plan says; raises NotFound where it is gone."""
    try:
        dataset = datasets.load(workspace.dataset_dir(plan.dataset))
    except NotFound as error:
        raise NotFound(
            _("The photos that this run learned from are not in this workspace."),
            given=plan.dataset_title[:80],
            fix=_("Bring them back from the bin, or take the run in once more from a zip with its photos."),
        ) from error
    if plan.limit is not None:
        dataset = dataset.limited(plan.limit, plan.recipe.seed)
    if plan.train_per_class is not None:
        dataset = with_fewer_to_learn_from(dataset, plan.train_per_class, plan.recipe.seed)
    return dataset


def evaluation_of(folder: RunFolder) -> Evaluation | None:
    """Return the figures on the test split, or ``None`` where it has not been looked at."""
    report = folder.report()
    return Evaluation.from_json(report["test"]) if report and report.get("test") else None


def looks(report: JsonObject) -> int:
    """Return how often a run's test photos were looked at: again, when it was given more epochs."""
    said = report.get(LOOKS)
    return said if isinstance(said, int) else int(bool(report.get("test")))


def measure(
    workspace: Workspace, folder: RunFolder, progress: Progress = no_progress
) -> Evaluation | None:
    """Look at the test split of a run that has a model and was not measured; then read it.

    Args:
        workspace: Where its dataset is.
        folder: The run.
        progress: Told how far it is; it may raise Stopped, which leaves no look.

    Returns:
        The figures, or ``None`` where the dataset has no test images.

    Raises:
        BadInput: The run has no model, or gets another meanwhile.
        NotFound: Its dataset, or the run, is gone.
        Busy: It is being trained.
        Unavailable: The disk is full.
        Stopped: ``progress`` asked for it.
    """
    known = evaluation_of(folder)
    if known is not None:
        return known
    dataset = dataset_of(workspace, folder.plan())
    if not dataset.of_split("test"):
        return None
    with held(folder, _MOMENT_S):  # where it is being trained, that is said before the photos are looked at
        mark = model_mark(folder)
    test = _said_before(folder, dataset)
    if test is None:
        files = [dataset.file(item) for item in dataset.of_split("test")]
        test = answers(require_model(folder), files, progress)
    with writing(folder), held(folder, _MOMENT_S):
        require_same(folder, mark)
        if evaluation_of(folder) is None:
            report = completed(folder, dataset)
            folder.write_report(
                {**report, "test": kept_test(folder, dataset, test), LOOKS: looks(report) + 1})
    return evaluation_of(folder)


def _said_before(folder: RunFolder, dataset: Dataset) -> NDArray[np.float32] | None:
    """Return what the run's model as it is said of these very test photos, where that was kept."""
    if not folder.model.is_file():
        return None
    found = kept_predictions(folder, "own-test")
    if found is None or found.images != tuple(item.path for item in dataset.of_split("test")):
        return None
    return found.probabilities


def _write_report(folder: RunFolder, plan: Plan, dataset: Dataset, outcome: Outcome) -> None:
    before = folder.report() or {}
    # What is no number says nothing: then it is as if nobody had looked.
    test = outcome.test if outcome.test is not None and np.isfinite(outcome.test).all() else None
    folder.write_report(
        {
            **whole(plan, dataset, outcome.history, best(outcome.history)), **made_with(),
            "parameters": {"total": outcome.total, "trainable": outcome.trainable},
            "test": None if test is None else kept_test(folder, dataset, np.asarray(test)),
            LOOKS: looks(before) + (test is not None),
            "timing": asdict(outcome.timing),
            "cache": asdict(outcome.cache),
        }
    )


@contextmanager
def held(folder: RunFolder, patience_s: float = 0.0) -> Iterator[None]:
    """Hold a run's lock; the operating system lets go of it when the process dies.

    Args:
        folder: The run.
        patience_s: How long to wait for whoever holds it only to look.

    Raises:
        Busy: Another process, or another thread of this one, holds it.
    """
    lock = filelock.FileLock(folder.lock, timeout=patience_s)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise Busy(_("This run is being worked on."), given=folder.id) from error
    try:
        yield
    finally:
        lock.release()
