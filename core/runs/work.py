"""Carrying a run out: from its plan to its report, whoever asked for it."""

from __future__ import annotations

import csv
import io
import logging
import os
import platform
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib.metadata import version

import filelock
import numpy as np
from numpy.typing import NDArray

from core import __version__
from core.data import dataset as datasets
from core.data.dataset import SPLITS, Dataset
from core.data.split import with_fewer_to_learn_from
from core.errors import BadInput, Busy, Stopped, ThawError
from core.files import JsonObject, write_text
from core.i18n import _
from core.insight.metrics import Evaluation, evaluate
from core.insight.predictions import Predictions
from core.runs import line, lineage, mlflow_log, wishes
from core.runs.about import about_of
from core.runs.folder import RunFolder, best, require_model
from core.runs.listener import FolderListener
from core.runs.room import free_reserve, remove_temporary, reserve
from core.runs.status import Failure, State, Status
from core.runs.studied import keep_predictions, kept_predictions
from core.runs.wishes import Leaving, Wish
from core.training.events import Outcome
from core.training.plan import Plan
from core.training.release import return_memory
from core.workspace import Workspace

LOOKS = "test_looks"
LIBRARIES = ("tensorflow", "keras", "numpy", "pillow")
_LEFT = {Wish.STOP: State.STOPPED, Wish.PAUSE: State.PAUSED, Wish.CLOSE: State.INTERRUPTED}
# Others hold a run's lock for a moment, to see whether somebody works on it; who paused it, for its model.
_PATIENCE_S = 20.0
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
        return listener.status.ending(_LEFT[leaving.wish or Wish.STOP], **_kept_best(folder))
    except ThawError as error:
        failure = Failure.of(error)
    except KeyboardInterrupt:
        # A second Ctrl-C: somebody does not want to wait for the step to end.
        folder.write_status(listener.status.ending(State.INTERRUPTED))
        raise
    except Exception as error:  # noqa: BLE001 - the last stop of a thread: logged whole, shown as a failure
        _log.exception("run %s failed", folder.id)
        failure = Failure.of_any(error)
    return listener.status.ending(State.FAILED, error=failure, **_kept_best(folder))


def _kept_best(folder: RunFolder) -> dict[str, int | None]:
    """Make what was best before a run broke off the run's model, where there is room for it."""
    free_reserve(folder)
    try:
        return {"kept": folder.keep_best()}
    except (ThawError, OSError):
        _log.exception("the best epoch of run %s cannot be kept", folder.id)
        return {}


def _train(
    workspace: Workspace, folder: RunFolder, listener: FolderListener, leaving: Leaving
) -> Status:
    from core.training import engine

    plan = folder.plan()
    dataset = dataset_of(workspace, plan)
    require_usable(dataset)
    weights_file = lineage.weights_file(workspace, plan)
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
    dataset = datasets.load(workspace.dataset_dir(plan.dataset))
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


def measure(workspace: Workspace, folder: RunFolder) -> Evaluation | None:
    """Look at the test split of a run that has a model and was not measured; then read it.

    Returns:
        The figures, or ``None`` where the dataset has no test images.

    Raises:
        BadInput: The run has no model, or its dataset is gone.
    """
    known = evaluation_of(folder)
    if known is not None:
        return known
    dataset = dataset_of(workspace, folder.plan())
    if not dataset.of_split("test"):
        return None
    test = _said_before(folder, dataset)
    if test is None:
        from core.insight.predict import loaded
        from core.training import engine
        from core.training.ways import photos

        model = loaded(require_model(folder))
        test = engine.probabilities(model.keras, photos(dataset, "test"), model.size)
    report = folder.report() or {}
    folder.write_report(
        {**report, "test": _test(folder, dataset, test), LOOKS: looks(report) + 1})
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
    top = best(outcome.history)
    before = folder.report() or {}
    folder.write_report(
        {
            "version": 1,
            "classes": list(dataset.classes),
            "images": {split: len(dataset.of_split(split)) for split in SPLITS},
            "parameters": {"total": outcome.total, "trainable": outcome.trainable},
            "best": {"epoch": top.epoch, "val_accuracy": top.val_accuracy} if top else None,
            "test": None if outcome.test is None else _test(folder, dataset, outcome.test),
            LOOKS: looks(before) + (outcome.test is not None),
            "timing": asdict(outcome.timing),
            "cache": asdict(outcome.cache),
            "versions": {"thaw": __version__, **{name: version(name) for name in LIBRARIES}},
            "machine": {
                "system": platform.platform(), "cores": os.cpu_count(),
                "python": platform.python_version(),
            },
            "plan": plan.to_json(),
        }
    )


def _test(folder: RunFolder, dataset: Dataset, test: object) -> JsonObject:
    chances = np.asarray(test)
    items = dataset.of_split("test")
    said = chances.argmax(axis=1)
    # One row an image, so that later looks (which ones were wrong, how sure) need no second read.
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image", "is", "said", "confidence", "probability_of_true"])
    for item, answer, row in zip(items, said, chances, strict=True):
        writer.writerow(
            [item.path, item.label, int(answer), f"{row[answer]:.6f}", f"{row[item.label]:.6f}"]
        )
    write_text(folder.path / "test.csv", text.getvalue())
    labels = np.asarray([item.label for item in items], dtype=np.int32)
    if folder.model.is_file():
        keep_predictions(folder, "own-test", Predictions(
            dataset.classes, tuple(item.path for item in items), labels, chances.astype(np.float32)))
    counted = Counter(item.label for item in dataset.of_split("train"))
    tested = Counter(item.label for item in items)
    # Of classes that are equally frequent the one that is the harder to beat.
    majority = max(counted, key=lambda label: (counted[label], tested[label]), default=0)
    truth = [item.label for item in items]
    return evaluate(truth, [int(n) for n in said], dataset.classes, majority).to_json()


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
