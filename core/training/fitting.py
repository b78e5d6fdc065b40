"""Fitting: the epochs of a plan, from its first step or from where a training was left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras

from core.training import ways
from core.training.asked import Asked
from core.training.callbacks import StopNow, StopOnRequest, Tell
from core.training.checkpoint import Changing, Checkpoint
from core.training.cost import epoch_costs
from core.training.early import EndEarly
from core.training.epoch_start import EpochStart
from core.training.events import EpochRow
from core.training.failures import advice
from core.training.feed import Batches, as_keras
from core.training.keeping import KeepBest
from core.training.loss import class_weights
from core.training.stages import Stage
from core.training.tensorboard import ScalarLog
from core.training.ways import Way
from core.training.worth import amounts_of


@dataclass(frozen=True)
class Fitted:
    """What a fit came to.

    Attributes:
        left: What it was left by, because that was asked for; ``None`` where it went to its end.
        for_now: Whether it was left only for now.
        kept: The epoch whose weights the model has now, or ``None`` where none ended.
        history: The epochs that have ended.
        epochs: How many of them ended in this fit.
    """

    left: StopNow | None
    for_now: bool
    kept: int | None
    history: tuple[EpochRow, ...]
    epochs: int

    @property
    def stopped(self) -> bool:
        """Whether it was left because that was asked for."""
        return self.left is not None


def fit(
    model: Any, way: Way, asked: Asked, going_on: Checkpoint | None, stage: Stage, changing: Changing,
    *, saved_s: float | None = None,
) -> Fitted:
    """Fit a model for a stage, or go on with it, and leave it with the weights of the best epoch so far.

    Args:
        model: The whole model, compiled for the stage; a checkpoint has been restored into it.
        way: What is fitted, on what.
        asked: What is asked for.
        going_on: The checkpoint that it goes on from, of this stage or of the end of the one before, or
            ``None``.
        stage: The stage.
        changing: What changes in the model, in this stage or another.
        saved_s: Seconds saved in stages before by computing the frozen part once; ``None`` where nothing
            was, or it is not known.

    Raises:
        RunFailed: The loss ran away, memory ran out, a photo could no longer be read.
        OSError: The disk is full.
    """
    plan, dataset, places = asked.plan, asked.dataset, asked.places
    before = going_on.history if going_on else ()
    checking = len(dataset.of_split("validation"))
    train = ways.train_batches(way, plan, dataset)
    position = going_on.epochs + going_on.step / len(train) if going_on else 0.0
    asked.listener.begins_at(before, position)
    validation = ways.checking_batches(way, dataset, "validation") if checking else None
    costs = epoch_costs(plan, amounts_of(dataset), [stage.name] if way.use.reason else [])
    tell = Tell(
        asked.listener, train, plan.recipe.batch_size, checking, costs,
        _savings(way, stage.first * (train.images + checking), saved_s), going_on, phase=stage.name,
    )
    start = EpochStart(model, plan.recipe.seed, going_on)
    keep = KeepBest(model, changing, places, tell, start, dataset.classes, going_on)
    early = EndEarly(plan.recipe.early_stopping if stage.last else 0, stage.first, tell)
    log = ScalarLog(places.events, before)
    # NOTE: the early end comes after the checkpoint, which is then of an epoch that has ended.
    callbacks = [start, tell, keep, log, early, StopOnRequest(asked.stop, partial(_leave, keep, asked))]
    weights = class_weights(train.labels, len(dataset.classes)) if plan.recipe.class_weights else None
    epochs = _Epochs(way.learner, train, validation, callbacks, early, weights)
    try:
        left = epochs.left(stage, going_on)
    finally:
        log.close()
    for_now = left is not None and asked.for_now()
    keep.finish()
    return Fitted(left, for_now, keep.epoch, tuple(tell.history), len(tell.history) - len(before))


def _leave(keep: KeepBest, asked: Asked) -> None:
    """Answer whoever asked before Keras and TensorFlow take their leave, which may last seconds."""
    keep.leave()
    if asked.for_now():
        asked.listener.parked()


@dataclass(frozen=True)
class _Epochs:
    """What is fitted, with what.

    Attributes:
        learner: A compiled model.
        train: What it learns from.
        validation: What each epoch is checked on, or ``None``.
        callbacks: Who is told.
        early: Says whether it has come to an end before its last epoch.
        class_weights: What an image of each class counts, or ``None`` where all count the same.
    """

    learner: Any
    train: Batches
    validation: Batches | None
    callbacks: list[keras.callbacks.Callback]
    early: EndEarly
    class_weights: dict[int, float] | None

    def left(self, stage: Stage, going_on: Checkpoint | None) -> StopNow | None:
        """Carry a stage out, and return what it was left by; ``None`` where it went to its end."""
        with advice(self.train, *([self.validation] if self.validation else [])):
            try:
                self._carry_out(stage, going_on)
            except StopNow as error:
                # NOTE: held on to. With its frames go TensorFlow's iterators, which now and then take ten
                # seconds; whoever asked for the leave is answered before.
                return error
        return None

    def _carry_out(self, stage: Stage, going_on: Checkpoint | None) -> None:
        """Fit the epochs of a stage that are left, the one under way from the step where it was left."""
        at = going_on.epochs if going_on else stage.first
        if going_on is not None and going_on.step:
            if going_on.step < len(self.train):
                self._fit(at, at + 1, going_on.step)
            else:
                self._check_only(at, going_on)
            at += 1
        if at < stage.end and not self.early.over:
            self._fit(at, stage.end, 0)

    def _fit(self, first: int, end: int, skipped: int) -> None:
        self.learner.fit(
            as_keras(self.train, skipped=skipped),
            validation_data=as_keras(self.validation) if self.validation else None,
            initial_epoch=first,
            epochs=end,
            shuffle=False,
            class_weight=self.class_weights,
            verbose=0,
            callbacks=self.callbacks,
        )

    def _check_only(self, epoch: int, going_on: Checkpoint) -> None:
        """End an epoch that has made all its steps: validate, and tell."""
        told = keras.callbacks.CallbackList(self.callbacks, model=self.learner)
        self.learner.reset_metrics()
        for each in self.callbacks:
            if not isinstance(each, EpochStart):
                each.on_epoch_begin(epoch)
        logs = dict(going_on.logs)
        if self.validation:
            found = self.learner.evaluate(
                as_keras(self.validation), verbose=0, callbacks=told, return_dict=True
            )
            logs |= {f"val_{name}": value for name, value in found.items()}
        told.on_epoch_end(epoch, logs)


def _savings(way: Way, before: int, saved_s: float | None) -> Callable[[int], float | None]:
    """Return what says how much is saved once so many images have been learned from or validated on.

    Args:
        way: The way of the stage.
        before: How many of them were in stages before.
        saved_s: What was saved then.
    """

    def saved(passes: int) -> float | None:
        if way.use.reason or way.use.image_s is None:
            return saved_s
        return (saved_s or 0.0) + (passes - before) * way.use.image_s - way.extract_s

    return saved
