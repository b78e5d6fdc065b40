"""Ending a training early: when its epochs bring nothing better any more."""

from __future__ import annotations

import keras

from core.training.callbacks import Tell
from core.training.events import over


class EndEarly(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends a fit once so many epochs of a stage have brought nothing better.

    It goes by the history alone, see :func:`core.training.events.over`, so that a training that goes on ends
    where it would have ended without the break.

    Args:
        patience: So many epochs; 0 never ends it.
        first: How many epochs came before the stage; they do not count.
        tell: The callback that ran before and knows the history.
    """

    def __init__(self, patience: int, first: int, tell: Tell) -> None:
        super().__init__()
        self._patience = patience
        self._first = first
        self._tell = tell

    @property
    def over(self) -> bool:
        """Whether enough epochs have brought nothing better."""
        return over(self._tell.history, self._patience, self._first)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Let Keras end the fit after this epoch, where it is over."""
        if self.over:
            self.model.stop_training = True
