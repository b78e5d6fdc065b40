"""What an epoch begins with, so that nothing depends on whether the ones before were in this process."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from core.backbones.division import leaves_of
from core.backbones.random_start import drawn_number
from core.training.checkpoint import Arrays, Checkpoint, assign, values_of


class EpochStart(keras.callbacks.Callback):  # type: ignore[misc]
    """Sets what dropout draws from at each epoch's begin: a function of (seed, epoch, layer).

    Where a training goes on within an epoch, its generators and its means go on as they were.

    Args:
        whole: The whole model; what is fitted may be its tail.
        seed: The plan's.
        going_on: Where the training goes on, or ``None``.
    """

    def __init__(self, whole: Any, seed: int, going_on: Checkpoint | None) -> None:
        super().__init__()
        self._seed = seed
        self._going_on = going_on
        self._generators = {
            at: layer.seed_generator for at, layer in enumerate(leaves_of(whole))
            if getattr(layer, "seed_generator", None) is not None and getattr(layer, "rate", True)
        }

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Set the generators; Keras has set its means back just before."""
        before, self._going_on = self._going_on, None
        if before is not None and before.epochs == epoch and before.step:
            assign([each.state for each in self._generators.values()], before.seeds)
            # NOTE: Keras makes the variables of its means when they are first asked for.
            answer = keras.ops.zeros((1, self.model.output_shape[-1]))
            self.model.compute_metrics(None, keras.ops.zeros((1,), "int32"), answer)
            assign(self.model.metrics_variables, before.metrics)
            return
        for at, generator in self._generators.items():
            state = np.array([drawn_number(self._seed, at, epoch), 0], generator.state.dtype)
            generator.state.assign(state)

    def states(self) -> Arrays:
        """Return the states of the generators as they are."""
        return values_of(each.state for each in self._generators.values())

    def means(self) -> Arrays:
        """Return the states of the means over the epoch under way."""
        return values_of(self.model.metrics_variables)
