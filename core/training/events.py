"""What the engine tells while it works, and what it hands over in the end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class EpochRow:
    """One finished epoch; ``epoch`` counts from 1, accuracies are 0 to 1, ``None`` is not measured."""

    epoch: int
    phase: str
    loss: float
    accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    learning_rate: float
    seconds: float

    @property
    def rank(self) -> tuple[float, float]:
        """Larger is better: validation accuracy, at a tie the lower validation loss.

        Without a validation split the lower training loss decides alone.
        """
        if self.val_accuracy is None or self.val_loss is None:
            return 0.0, -self.loss
        return self.val_accuracy, -self.val_loss


@dataclass(frozen=True)
class BatchRow:
    """The mean over the last few steps; ``position`` is in epochs, 1.5 is the middle of the second."""

    position: float
    loss: float
    accuracy: float


@dataclass(frozen=True)
class Step:
    """How far the work is.

    Attributes:
        epoch: The current epoch, from 1.
        step: Steps done in it.
        steps: Steps in an epoch.
        progress: Share of the whole fit that is done, 0 to 1, validation included.
        eta_s: Seconds left, or ``None`` while too little is known.
        images_per_s: Training images a second over the last seconds, or ``None``.
    """

    epoch: int
    step: int
    steps: int
    progress: float
    eta_s: float | None
    images_per_s: float | None


class Listener(Protocol):
    """Who hears what the engine does. Called on the training thread; must be quick."""

    def phase(self, phase: str) -> None:
        """A new phase: one of those that :attr:`core.runs.status.Status.phase` names."""

    def fetched(self, share: float) -> None:
        """So much of the weights has arrived, 0 to 1."""

    def step(self, step: Step) -> None:
        """A step was made."""

    def batch(self, row: BatchRow) -> None:
        """A point of the live curve."""

    def epoch(self, row: EpochRow) -> None:
        """An epoch ended."""


@dataclass(frozen=True)
class Places:
    """Where the engine writes: all inside one run folder."""

    best: Path
    last: Path
    model: Path
    events: Path


@dataclass(frozen=True)
class Timing:
    """Seconds spent; ``evaluate_s`` is ``None`` where the test split was not read."""

    prepare_s: float
    extract_s: float
    fit_s: float
    evaluate_s: float | None
    total_s: float


@dataclass(frozen=True)
class Outcome:
    """What a training came to.

    Attributes:
        stopped: Whether it ended because a stop was asked for.
        kept: The epoch whose weights were kept, or ``None`` where the first did not end.
        history: The finished epochs.
        total: Parameters of the model.
        trainable: Parameters that learnt.
        test: ``(images, classes)`` probabilities on the test split, or ``None`` where it was not read.
        timing: Where the time went.
    """

    stopped: bool
    kept: int | None
    history: tuple[EpochRow, ...]
    total: int
    trainable: int
    test: NDArray[np.float32] | None
    timing: Timing
