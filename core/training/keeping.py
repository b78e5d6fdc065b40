"""Keeping the best epoch, and all that is needed to go on, while a training goes on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import keras

from core.training.callbacks import Tell
from core.training.checkpoint import Arrays, Changing, Checkpoint, assign, values_of
from core.training.epoch_start import EpochStart
from core.training.events import WRITE_EVERY_S, EpochRow, Places
from core.training.model import save_model

# Writing may take a twentieth of the time: an epoch on kept activations is over sooner than its files.
_EPOCHS_TO_WRITING = 20


class KeepBest(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps the model of the best epoch (see :attr:`EpochRow.rank`), and a checkpoint.

    The checkpoint holds only what learns and is written at the end of every epoch, so that at most the
    epoch under way is lost with a process. The model is written every few seconds at the most. It is a
    whole one, so that a stop after a long epoch has nothing left to do but to copy it.

    Args:
        whole: The whole model, compiled; what is fitted may be its tail.
        changing: What changes in it, in this stage or another.
        places: Where they go.
        tell: The callback that ran just before and knows the epoch's figures.
        start: The callback that knows the generators and means of the epoch under way.
        classes: The class names that go into the model.
        going_on: Where the training goes on, or ``None``.
    """

    def __init__(
        self, whole: Any, changing: Changing, places: Places, tell: Tell, start: EpochStart,
        classes: Sequence[str], going_on: Checkpoint | None = None,
    ) -> None:
        super().__init__()
        self._whole = whole
        self._places = places
        self._tell = tell
        self._start = start
        self._classes = classes
        self._learned = changing.weights
        self._frozen = changing.frozen
        self._best: EpochRow | None = going_on.best_row if going_on else None
        self._held: Arrays = (going_on.best or going_on.weights) if going_on else ()
        self._model_is_written = False
        self._wrote_model = self._wrote_durably = time.perf_counter()
        self._took = 0.0

    @property
    def epoch(self) -> int | None:
        """The epoch whose weights are kept, from 1; ``None`` before the first ended."""
        return self._best.epoch if self._best else None

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keep what this epoch came to."""
        row = self._tell.history[-1]
        now = values_of(self._learned)
        if self._best is None or row.rank > self._best.rank:
            self._best, self._held, self._model_is_written = row, now, False
        self._write_checkpoint(now)
        due = max(WRITE_EVERY_S, _EPOCHS_TO_WRITING * self._took)
        if not self._model_is_written and time.perf_counter() - self._wrote_model >= due:
            began = time.perf_counter()
            assign(self._learned, self._held)
            self._write_model()
            assign(self._learned, now)
            self._wrote_model = time.perf_counter()
            self._took = self._wrote_model - began

    def leave(self) -> None:
        """Write where the training stands between two steps; then :meth:`finish`."""
        self._write_checkpoint(values_of(self._learned), durable=True)

    def finish(self) -> None:
        """Write the model if it is not written, and leave the weights of its best epoch in the model."""
        if self._best is None:
            return
        assign(self._learned, self._held)
        if not self._model_is_written:
            self._write_model()

    def _write_checkpoint(self, now: Arrays, *, durable: bool = False) -> None:
        within = self._tell.step > 0
        durable = durable or time.perf_counter() - self._wrote_durably >= WRITE_EVERY_S
        Checkpoint(
            epochs=len(self._tell.history),
            step=self._tell.step,
            seconds=self._tell.epoch_seconds if within else 0.0,
            logs=self._tell.means,
            history=tuple(self._tell.history),
            kept=self.epoch,
            frozen=self._frozen,
            weights=now,
            optimizer=values_of(self._whole.optimizer.variables),
            seeds=self._start.states() if within else (),
            metrics=self._start.means() if within else (),
            best=() if self._held is now else self._held,
        ).save(self._places.last, durable=durable)
        if durable:
            self._wrote_durably = time.perf_counter()

    def _write_model(self) -> None:
        save_model(self._whole, self._classes, self._places.best, epoch=self.epoch)
        self._model_is_written = True
