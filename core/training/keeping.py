"""Keeping the best epoch and the last one while a training goes on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import keras

from core.files import write_atomic
from core.training.callbacks import Tell
from core.training.events import WRITE_EVERY_S, EpochRow, Places
from core.training.model import restore_weights, save_model

# Writing may take a twentieth of the time: an epoch on kept activations is over sooner than its files.
_EPOCHS_TO_WRITING = 20


class KeepBest(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps the model of the best epoch (see :attr:`EpochRow.rank`), and the last with the optimizer.

    Both are written at the end of an epoch, every few seconds at the most; between, the best weights are
    held in memory. The best is a whole model and not only weights, so that a stop after a long epoch
    has nothing left to do but to copy it.

    Args:
        whole: The whole model; what is fitted may be its tail.
        places: Where they go.
        tell: The callback that ran just before and knows the epoch's figures.
        classes: The class names that go into the model.
    """

    def __init__(self, whole: keras.Model, places: Places, tell: Tell, classes: Sequence[str]) -> None:
        super().__init__()
        self._whole = whole
        self._places = places
        self._tell = tell
        self._classes = classes
        self._best: EpochRow | None = None
        self._held: list[Any] | None = None
        self._written = time.perf_counter()
        self._took = 0.0
        self._last_is_written = False

    @property
    def epoch(self) -> int | None:
        """The epoch whose weights are kept, from 1; ``None`` before the first ended."""
        return self._best.epoch if self._best else None

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keep what this epoch came to."""
        row = self._tell.history[-1]
        if self._best is None or row.rank > self._best.rank:
            self._best = row
            self._held = self._values()
        self._last_is_written = False
        if time.perf_counter() - self._written >= max(WRITE_EVERY_S, _EPOCHS_TO_WRITING * self._took):
            self._write()

    def finish(self, *, within_epoch: bool) -> None:
        """Write what is not written, and leave the model with the weights of its best epoch.

        Args:
            within_epoch: Whether the fit was left within an epoch, so that the weights are not those of
                its end.
        """
        if self._best is None:
            return
        held = self._held
        if not within_epoch and not self._last_is_written:
            self._write()
        elif held is not None:
            self._assign(held)
            self._write_best()
        if held is None:
            restore_weights(self._whole, self._places.best)
        else:
            self._assign(held)

    def _write(self) -> None:
        """Write both; first the best, which is what a person is after where only one fits on the disk."""
        began = time.perf_counter()
        if self._held is not None:
            now, best = self._values(), self._held
            self._assign(best)
            self._write_best()
            self._assign(now)
        self._write_last()
        self._written = time.perf_counter()
        self._took = self._written - began

    def _write_last(self) -> None:
        write_atomic(self._places.last, self._whole.save_weights)
        self._last_is_written = True

    def _write_best(self) -> None:
        save_model(self._whole, self._classes, self._places.best, epoch=self.epoch)
        self._held = None

    def _values(self) -> list[Any]:
        return [weight.numpy() for weight in self.model.weights]

    def _assign(self, values: list[Any]) -> None:
        for weight, value in zip(self.model.weights, values, strict=True):
            weight.assign(value)
