"""The learning-rate finder: a short training whose rate rises from step to step, and is thrown away.

It is the range test of L. N. Smith, "Cyclical Learning Rates for Training Neural Networks", 2015,
https://arxiv.org/abs/1506.01186, with the exponential rise that fastai gave it.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.data.dataset import Dataset
from core.errors import Stopped
from core.i18n import _
from core.training import stages
from core.training.backend import load_tensorflow
from core.training.engine import fetch_weights
from core.training.events import BatchRow, CacheUse, EpochRow, Extraction, Step
from core.training.fields import LEARNING_RATE
from core.training.plan import Plan
from core.training.rate_curve import RateCurve, curve_of, runs_away, smoothed
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.training.feed import Batches
    from core.training.ways import Way

STEPS = 100
RATES: tuple[float, ...] = tuple(np.geomspace(1e-6, LEARNING_RATE.high, STEPS).tolist())
# How far into the whole the sweep begins, where the frozen part had to see photos and where not.
_EXTRACTED, _PREPARED = 0.6, 0.1
Told = Callable[[str, float], None]


def find_rate(
    plan: Plan, dataset: Dataset, workspace: Workspace | None, told: Told, stop: threading.Event,
    weights_file: Path | None = None,
) -> RateCurve:
    """Train a model of the plan for a few steps at a rate that rises from step to step, and throw it away.

    The frozen part is dealt with as in a run: what it makes of the photos is taken from the cache, or
    computed once and kept for the run to come.

    Args:
        plan: A checked plan. Of one with several stages the last is swept, see :func:`swept`.
        dataset: What it is carried out on, already limited as the plan says.
        workspace: Where frozen activations are kept; ``None`` keeps none.
        told: Told in words what is being done, and the share of the whole that is done, 0 to 1. Called on
            this thread; must be quick.
        stop: Set it to leave.
        weights_file: The file that the plan's start names, where it names a file or a run.

    Returns:
        The curve. The same plan and photos give the same one.

    Raises:
        Stopped: ``stop`` was set. What the frozen part made of photos is kept.
        RunFailed: Memory ran out, or a photo could no longer be read.
        Unavailable: The pretrained weights are not on this machine and cannot be fetched.
        BadInput: The weights to start from cannot be read or do not fit.
    """
    heard = _Heard(told)
    heard.phase("starting")
    load_tensorflow()
    from core.training import model as models
    from core.training.failures import advice
    from core.training.release import let_go

    plan = swept(plan)
    _leave_if_asked(stop)
    fetch_weights(plan, heard, stop)
    heard.phase("building")
    with advice():
        model = models.assemble(plan, len(dataset.classes), weights_file)
    try:
        _leave_if_asked(stop)
        return _found(model, plan, dataset, workspace, heard, stop)
    finally:
        let_go(model)


def swept(plan: Plan) -> Plan:
    """Return the plan whose learning rate is swept: all at once, at a constant rate.

    Of a plan with several stages it is the last one, in which those blocks learn that learn in the end;
    where the epochs end with the head alone, which has a rate of its own, the one that more would lead to.

    NOTE: the sweep begins at a new head, where in a run the head has learned before that stage.
    """
    last = stages.stages_of(plan)[-1]
    if plan.trainable and not last.trainable:
        enough = replace(plan.recipe, epochs=stages.epochs_needed(plan))
        last = stages.stages_of(replace(plan, recipe=enough))[-1]
    alone = stages.plan_of(plan, last)
    return replace(alone, recipe=replace(alone.recipe, schedule="constant", warmup=0, early_stopping=0))


def _leave_if_asked(stop: threading.Event) -> None:
    if stop.is_set():
        raise Stopped(_("Stopped."))


def _found(
    model: Any, plan: Plan, dataset: Dataset, workspace: Workspace | None, heard: _Heard,
    stop: threading.Event,
) -> RateCurve:
    """Deal with the frozen part of a model as a run does, and sweep over the rest."""
    from core.training import ways
    from core.training.failures import advice

    with advice():
        way = ways.choose(plan, dataset, model, workspace, heard, stop)
    try:
        _leave_if_asked(stop)
        return _sweep(way, plan, dataset, heard, stop)
    finally:
        way.close()


def _sweep(
    way: Way, plan: Plan, dataset: Dataset, heard: _Heard, stop: threading.Event
) -> RateCurve:
    from keras.callbacks import LambdaCallback

    from core.training import loss, ways
    from core.training.callbacks import StopNow, StopOnRequest
    from core.training.failures import advice
    from core.training.feed import as_keras

    train = ways.train_batches(way, plan, dataset)
    steps = _Steps(way.learner, train, plan.recipe.batch_size, heard)
    # NOTE: several steps at once would all have one rate, and one loss.
    way.learner.steps_per_execution = 1
    weights = loss.class_weights(train.labels, len(dataset.classes)) if plan.recipe.class_weights else None
    callbacks = [
        LambdaCallback(
            on_epoch_begin=steps.begin_epoch, on_train_batch_begin=steps.begin, on_train_batch_end=steps.end
        ),
        StopOnRequest(stop),
    ]
    with advice(train):
        try:
            way.learner.fit(
                as_keras(train), epochs=math.ceil(STEPS / len(train)), shuffle=False, verbose=0,
                class_weight=weights, callbacks=callbacks,
            )
        except StopNow as error:
            raise Stopped(_("Stopped.")) from error
    rates = RATES[: len(steps.losses)]
    return curve_of(rates, steps.losses, steps.photos, stopped_early=steps.ran_away)


@dataclass
class _Steps:
    """Sets the rate before each step of a fit and notes its loss, until there are enough or it runs away."""

    learner: Any
    train: Batches
    batch_size: int
    heard: _Heard
    losses: list[float] = field(default_factory=list)
    photos: list[int] = field(default_factory=list)
    ran_away: bool = False

    def begin_epoch(self, epoch: int, _logs: object = None) -> None:
        """Set the epoch's order, and its views, before Keras asks for its first batch."""
        self.train.begin_epoch(epoch)

    def begin(self, _batch: int, logs: object = None) -> None:
        """Set the rate."""
        self.learner.optimizer.learning_rate = RATES[len(self.losses)]
        # Keras tells means over the epoch so far; from here on it is this step's own.
        self.learner.reset_metrics()

    def end(self, batch: int, logs: dict[str, float]) -> None:
        """Note the loss, and end the fit where that is all."""
        loss = float(logs["loss"])
        if math.isfinite(loss):
            self.losses.append(loss)
            self.photos.append(min(self.batch_size, self.train.images - batch * self.batch_size))
        self.ran_away = not math.isfinite(loss) or runs_away(smoothed(self.losses, self.photos))
        self.heard.swept(len(self.losses))
        self.learner.stop_training = self.ran_away or len(self.losses) == STEPS


class _Heard:
    """Hears of what comes before the sweep, and hands it on in words with the share of the whole."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._begin = _PREPARED
        self._share = 0.0

    def _tell(self, words: str, share: float = 0.0) -> None:
        self._share = max(self._share, share)  # a bar never goes back
        self._told(words, self._share)

    def phase(self, phase: str) -> None:
        """Say what begins."""
        words = {
            "starting": _("Starting TensorFlow"), "downloading": _("Fetching the weights"),
            "building": _("Building the network"), "extracting": _("Showing the frozen part the photos"),
        }
        self._tell(words[phase])

    def fetched(self, share: float) -> None:
        """Say how much of the weights has arrived."""
        self._tell(_("Fetching the weights, {share}").format(share=f"{share:.0%}"))

    def extracted(self, progress: Extraction) -> None:
        """Say how many photos the frozen part has seen."""
        words = _("Showing the frozen part the photos, {n} of {whole}").format(
            n=f"{progress.extracted:,}", whole=f"{progress.to_extract:,}")
        share = 0.0
        if progress.images_per_s is not None:  # else they are only looked for in the cache
            self._begin = _EXTRACTED
            share = _EXTRACTED * progress.extracted / progress.to_extract
        self._tell(words, share)

    def swept(self, steps: int) -> None:
        """Say how many steps of the sweep are done."""
        words = _("Raising the learning rate, step {n} of {whole}").format(n=steps, whole=STEPS)
        self._tell(words, self._begin + (1 - self._begin) * steps / STEPS)

    def cache(self, use: CacheUse) -> None:
        """How the cache is used is not told."""

    def stage(self, stage: stages.Stage) -> None:
        """A sweep has none."""

    def begins_at(self, history: Sequence[EpochRow], position: float) -> None:
        """A sweep is no run: it has no history."""

    def parked(self) -> None:
        """It is never left for now."""

    def step(self, step: Step) -> None:
        """Its steps are told by :meth:`swept`."""

    def batch(self, row: BatchRow) -> None:
        """Its losses are handed over in the end."""

    def epoch(self, row: EpochRow) -> None:
        """Its epochs mean nothing."""
