"""The training itself: build, fit, keep the best, save, look at the test split once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.backbones import catalogue, download
from core.data.dataset import Dataset
from core.errors import Busy, RunFailed, Stopped
from core.files import copy_file
from core.i18n import _
from core.training.asked import Asked
from core.training.backend import load_tensorflow
from core.training.checkpoint import Changing, Checkpoint, restore_weights
from core.training.events import CacheUse, Listener, Outcome, Places, Timing
from core.training.failures import advice
from core.training.feed import Batches, Photos, as_keras
from core.training.plan import Plan
from core.training.release import let_go
from core.training.reuse import Reuse
from core.training.start import PRETRAINED
from core.training.ways import Way
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.training.course import Course
    from core.training.fitting import Fitted

_log = logging.getLogger(__name__)


def train(
    plan: Plan, dataset: Dataset, places: Places, listener: Listener, stop: threading.Event,
    weights_file: Path | None = None, workspace: Workspace | None = None,
    for_now: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Carry out a plan, or go on with it where a checkpoint is in its place.

    Args:
        plan: A checked plan.
        dataset: What it is carried out on, already limited as the plan says.
        places: Where weights, model and logs are written.
        listener: Told of every phase, step and epoch, on this thread.
        stop: Set it to leave after the current batch; a checkpoint and the best epoch are kept.
        weights_file: The file that the plan's start names, where it names a file or a run.
        workspace: Where frozen activations are kept; without one the plain way is taken.
        for_now: Says, once ``stop`` is set, whether the training is left only for now: that is told as soon
            as its checkpoint is on the disk.

    Returns:
        What it came to. After a stop the test split has not been read.

    Raises:
        RunFailed: The loss ran away, memory or the disk ran out, a photo could no longer be read; the
            checkpoint does not fit.
        Unavailable: The pretrained weights are not on this machine and cannot be fetched.
        BadInput: The weights to start from cannot be read or do not fit.
        Stopped: A stop was asked for before the first step, so there is nothing to keep.
    """
    began = time.perf_counter()
    listener.phase("starting")
    load_tensorflow()
    from core.training import model as models

    asked = Asked(plan, dataset, places, listener, stop, workspace, for_now)
    asked.leave_if_asked()
    fetch_weights(plan, listener, stop)
    listener.phase("building")
    going_on = Checkpoint.load(places.last)
    with advice():
        model = models.assemble(plan, len(dataset.classes), weights_file)
    try:
        changing = Changing.of(model)
        if going_on is not None:
            restore_weights(going_on, changing)
        return _carry_out(model, began, asked, going_on, changing)
    finally:
        let_go(model)


def _carry_out(
    model: Any, began: float, asked: Asked, going_on: Checkpoint | None, changing: Changing
) -> Outcome:
    from core.training import course
    from core.training import model as models

    dataset, listener, stop = asked.dataset, asked.listener, asked.stop
    prepared = time.perf_counter()
    asked.leave_if_asked()
    gone = course.go_through(model, asked, going_on, changing)
    way, fitted = gone.way, gone.fitted
    # Of the last stage that was reached: blocks of a later one may learn and never did.
    total, trainable = models.count_parameters(model)
    try:
        if not fitted.for_now:
            listener.phase("saving")
        if not fitted.for_now or fitted.kept is not None:
            _save(model, fitted, dataset, asked.places)
        fit_done = time.perf_counter()
        test = None
        if not fitted.stopped and asked.plan.test_at_end and dataset.of_split("test"):
            listener.phase("testing")
            test = _test(model, way, asked)
        ended = time.perf_counter()
        use = _compared(gone, dataset, ended - began, tested=test is not None)
        if not fitted.for_now:
            listener.cache(use)
    finally:
        way.close()
    return Outcome(
        # A stop in the last look leaves a finished fit: only the test figures are missing.
        stopped=fitted.stopped or stop.is_set(),
        kept=fitted.kept,
        history=fitted.history,
        total=total,
        trainable=trainable,
        test=test,
        timing=Timing(
            prepare_s=prepared - began,
            extract_s=gone.choosing_s,
            fit_s=fit_done - prepared - gone.choosing_s,
            evaluate_s=ended - fit_done if test is not None else None,
            total_s=ended - began,
        ),
        cache=use,
        for_now=fitted.for_now,
        held=fitted.left,
    )


def _compared(gone: Course, dataset: Dataset, total_s: float, *, tested: bool) -> CacheUse:
    """Say what the plain way would have taken: the frozen part seeing every image in every epoch."""
    if gone.plain_s is None or gone.fitted.stopped:
        return gone.use
    images = len(dataset.of_split("test")) if tested and not gone.way.use.reason else 0
    return replace(gone.use, compared_s=total_s + gone.plain_s + images * (gone.way.use.image_s or 0.0))


class Fetching(Protocol):
    """Who hears of weights that are fetched, see :class:`core.training.events.Listener`."""

    def phase(self, phase: str) -> None:
        """A new phase."""

    def fetched(self, share: float) -> None:
        """So much of the weights has arrived, 0 to 1."""


def fetch_weights(plan: Plan, listener: Fetching, stop: threading.Event) -> None:
    """Fetch the weights that a plan starts from, where they are not on this machine.

    Raises:
        Unavailable: They cannot be fetched.
        Stopped: ``stop`` was set.
    """
    backbone = catalogue.get(plan.backbone)
    if plan.weights.source == PRETRAINED and backbone.stored.state == "download":
        listener.phase("downloading")
        download.fetch(backbone, listener.fetched, stop)


def probabilities(
    model: Any, files: Photos, size: int, stop: threading.Event | None = None
) -> NDArray[np.float32]:
    """Return the model's class probabilities ``(images, classes)`` for image files.

    Raises:
        StopNow: ``stop`` was set.
        BadInput: A file cannot be read.
    """
    from core.training.feed import PhotoSource
    from core.training.ways import PREDICTION_BATCH

    return _answers(model, Batches(PhotoSource(files, size), files.labels, PREDICTION_BATCH), stop)


def _answers(model: Any, batches: Batches, stop: threading.Event | None) -> NDArray[np.float32]:
    from core.training.callbacks import StopOnRequest

    watching = [StopOnRequest(stop)] if stop is not None else []
    with advice(batches):
        answers = model.predict(as_keras(batches, labels=False), verbose=0, callbacks=watching)
    return np.asarray(answers, dtype=np.float32)


def _save(model: Any, fitted: Fitted, dataset: Dataset, places: Places) -> None:
    """Make the model of the best epoch the run's; before the first has ended, the model as it is."""
    from core.training.model import save_model

    if fitted.kept is None:
        save_model(model, dataset.classes, places.model)
    else:
        copy_file(places.best, places.model)


def _test(model: Any, way: Way, asked: Asked) -> NDArray[np.float32] | None:
    """Return what the model, which has its best weights, says of the test images; ``None`` after a stop."""
    from core.training import ways
    from core.training.callbacks import StopNow

    dataset, stop = asked.dataset, asked.stop
    try:
        if isinstance(way, Reuse):
            try:
                with advice():
                    way.compute_quietly("test")
            except (OSError, Busy) as error:
                way.use = replace(
                    way.use, warning=_("The cache could not be written for the test photos."))
                _log.warning("what the prefix makes of the test photos cannot be kept: %s", error)
                return probabilities(model, ways.photos(dataset, "test"), asked.plan.size, stop)
        way.learner.steps_per_execution = 1  # a stop acts between two batches here too
        return _answers(way.learner, ways.checking_batches(way, dataset, "test"), stop)
    except (StopNow, Stopped):
        return None
    except RunFailed:
        # The fit is done and its model is saved: only the last look is missing, and can be had later.
        _log.exception("the test photos could not be looked at")
        return None
