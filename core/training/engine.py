"""The training itself: build, fit, keep the best, save, look at the test split once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.backbones import catalogue, download
from core.data.dataset import Dataset
from core.errors import BadInput, RunFailed, Stopped, ThawError
from core.files import copy_file
from core.i18n import _
from core.training.backend import load_tensorflow
from core.training.events import Listener, Outcome, Places, Timing
from core.training.feed import Batches, Photos, as_keras, photos_of
from core.training.plan import Plan
from core.training.release import let_go
from core.training.start import PRETRAINED

# Not the recipe's: a stop acts between batches, and no figure depends on their size.
PREDICTION_BATCH = 32
_log = logging.getLogger(__name__)


def photos(dataset: Dataset, split: str) -> Photos:
    """Return the files and labels of one split, in the dataset's order."""
    items = dataset.of_split(split)
    return photos_of([dataset.file(item) for item in items], [item.label for item in items])


def train(
    plan: Plan,
    dataset: Dataset,
    places: Places,
    listener: Listener,
    stop: threading.Event,
    weights_file: Path | None = None,
) -> Outcome:
    """Carry out a plan.

    Args:
        plan: A checked plan.
        dataset: What it is carried out on, already limited as the plan says.
        places: Where weights, model and logs are written.
        listener: Told of every phase, step and epoch, on this thread.
        stop: Set it to leave after the current batch; the best epoch so far is kept.
        weights_file: The file that the plan's start names, where it names a file or a run.

    Returns:
        What it came to. After a stop the test split has not been read.

    Raises:
        RunFailed: The loss ran away, memory ran out, a photo could no longer be read.
        Unavailable: The pretrained weights are not on this machine and cannot be fetched.
        BadInput: The weights to start from cannot be read or do not fit.
        Stopped: A stop was asked for before the first step, so there is nothing to keep.
    """
    began = time.perf_counter()
    listener.phase("starting")
    load_tensorflow()
    from core.training import model as models

    _leave_if_asked(stop)
    _fetch_weights(plan, listener, stop)
    listener.phase("building")
    model = models.assemble(plan, len(dataset.classes), weights_file)
    try:
        return _carry_out(model, began, plan, dataset, places, listener, stop)
    finally:
        let_go(model)


def _carry_out(
    model: Any, began: float, plan: Plan, dataset: Dataset, places: Places, listener: Listener,
    stop: threading.Event,
) -> Outcome:
    from core.training import model as models

    total, trainable = models.count_parameters(model)
    prepared = time.perf_counter()
    _leave_if_asked(stop)
    fitted = _fit(model, plan, dataset, places, listener, stop)
    fit_done = time.perf_counter()

    listener.phase("saving")
    _save(model, fitted, dataset, places)
    test = None
    test_began = time.perf_counter()
    if not fitted.stopped and dataset.of_split("test"):
        listener.phase("testing")
        models.restore_weights(model, places.model)
        test = _test(model, plan, dataset, stop)
    ended = time.perf_counter()
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
            extract_s=0.0,
            fit_s=fit_done - prepared,
            evaluate_s=ended - test_began if test is not None else None,
            total_s=ended - began,
        ),
    )


def _fetch_weights(plan: Plan, listener: Listener, stop: threading.Event) -> None:
    backbone = catalogue.get(plan.backbone)
    if plan.weights.source == PRETRAINED and backbone.stored.state == "download":
        listener.phase("downloading")
        download.fetch(backbone, listener.fetched, stop)


def _leave_if_asked(stop: threading.Event) -> None:
    if stop.is_set():
        raise Stopped(_("Stopped before anything was learned."))


def probabilities(
    model: Any, files: Photos, size: int, stop: threading.Event | None = None
) -> NDArray[np.float32]:
    """Return the model's class probabilities ``(images, classes)`` for image files.

    Raises:
        StopNow: ``stop`` was set.
        BadInput: A file cannot be read.
    """
    from core.training.callbacks import StopOnRequest

    batches = Batches(files, size, PREDICTION_BATCH)
    watching = [StopOnRequest(stop)] if stop is not None else []
    with _closing(batches):
        answers = model.predict(as_keras(batches, labels=False), verbose=0, callbacks=watching)
    return np.asarray(answers, dtype=np.float32)


@dataclass(frozen=True)
class _Fitted:
    stopped: bool
    kept: int | None
    history: tuple[Any, ...]


def _fit(
    model: Any, plan: Plan, dataset: Dataset, places: Places, listener: Listener,
    stop: threading.Event,
) -> _Fitted:
    from core.training.callbacks import KeepBest, StopNow, StopOnRequest, Tell
    from core.training.tensorboard import ScalarLog

    recipe = plan.recipe
    size = plan.size
    learning, checking = photos(dataset, "train"), photos(dataset, "validation")
    train_batches = Batches(
        learning, size, recipe.batch_size, seed=recipe.seed, shuffle=True, augment=recipe.augment
    )
    validation = Batches(checking, size, PREDICTION_BATCH) if len(checking) else None
    tell = Tell(listener, train_batches, len(learning), recipe.batch_size, len(checking))
    keep = KeepBest(places, tell, dataset.classes)
    stopped = False
    with _closing(train_batches, *([validation] if validation else [])):
        try:
            model.fit(
                as_keras(train_batches),
                validation_data=as_keras(validation) if validation else None,
                epochs=recipe.epochs,
                shuffle=False,
                verbose=0,
                callbacks=[tell, keep, ScalarLog(places.events), StopOnRequest(stop)],
            )
        except StopNow:
            stopped = True
    return _Fitted(stopped, keep.epoch, tuple(tell.history))


def _save(model: Any, fitted: _Fitted, dataset: Dataset, places: Places) -> None:
    """Make the model of the best epoch the run's; before the first has ended, the model as it is."""
    from core.training.model import save_model

    if fitted.kept is None:
        save_model(model, dataset.classes, places.model)
    else:
        copy_file(places.best, places.model)


def _test(
    model: Any, plan: Plan, dataset: Dataset, stop: threading.Event
) -> NDArray[np.float32] | None:
    from core.training.callbacks import StopNow

    try:
        return probabilities(
            model, photos(dataset, "test"), plan.size, stop
        )
    except StopNow:
        return None
    except RunFailed:
        # The fit is done and its model is saved: only the last look is missing, and can be had later.
        _log.exception("the test photos could not be looked at")
        return None


@contextmanager
def _closing(*feeds: Batches) -> Iterator[None]:
    """Close the feeds, and turn what TensorFlow makes of an error back into advice."""
    import tensorflow as tf

    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise RunFailed(
            _("The memory of this computer was not enough."),
            fix=_("Choose a smaller batch size or let fewer blocks learn, and train again."),
        ) from error
    # Keras looks at a first batch itself, and hears a feed's own error then; TensorFlow hides it.
    except (tf.errors.OpError, BadInput):
        causes = [feed.failure for feed in feeds if feed.failure is not None]
        if causes and isinstance(causes[0], ThawError):
            raise RunFailed(
                _("A photo of the dataset can no longer be read."),
                given=str(causes[0]),
                fix=_("Add the photos again on the Data page, and train on the new dataset."),
            ) from causes[0]
        raise
    finally:
        for feed in feeds:
            feed.close()
