"""What the engine tells while it works, and what it hands over in the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.training.stages import Stage

WRITE_EVERY_S = 5.0
"""Seconds between two writings of the best and the last epoch, at the least."""
LEAST_SAVED_S = 1
"""Seconds saved below which nobody is told: it is an estimate."""


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


def over(history: Sequence[EpochRow], patience: int, first: int) -> bool:
    """Tell whether enough epochs of a stage have brought nothing better, see :attr:`EpochRow.rank`.

    Args:
        history: The epochs that have ended.
        patience: How many without anything better are enough; 0 never are.
        first: How many epochs came before the stage; they do not count.
    """
    if not patience or not history:
        return False
    best = max(history, key=lambda row: row.rank)
    return len(history) - max(best.epoch, first) >= patience


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
        saved_s: Seconds that were saved so far by computing the frozen part once, an estimate from
            measured costs; ``None`` where nothing is saved or it is not known.
    """

    epoch: int
    step: int
    steps: int
    progress: float
    eta_s: float | None
    images_per_s: float | None
    saved_s: float | None = None


@dataclass(frozen=True)
class Extraction:
    """How far the frozen part is through the images.

    Attributes:
        extracted: Images done, those found in the cache among them; a view counts as an image.
        to_extract: All of them.
        images_per_s: Images computed a second, or ``None`` while too few were.
        eta_s: Seconds left, or ``None`` while too little is known.
    """

    extracted: int
    to_extract: int
    images_per_s: float | None
    eta_s: float | None


@dataclass(frozen=True)
class CacheUse:
    """What a run took from the cache of frozen activations, and what it put there.

    Attributes:
        cut: The last block below the cut, or the head's layer; ``None`` where the model was not cut.
        hit_images: Images, or views of them, found in the cache.
        computed_images: Those that were computed, and kept.
        bytes: What the run's activations take on disk, found and computed.
        reason: Why the plain path was taken, one sentence; empty where the cache was used.
        warning: What went wrong with the cache meanwhile, one sentence; empty where nothing did.
        image_s: Seconds that an image took to be read and put through the frozen part, as measured
            when it was computed; ``None`` where that is not known.
        compared_s: Seconds that the same training would have taken the plain way, an estimate from
            measured costs; ``None`` before the end, or where it is not known.
    """

    cut: str | None
    hit_images: int = 0
    computed_images: int = 0
    bytes: int = 0
    reason: str = ""
    warning: str = ""
    image_s: float | None = None
    compared_s: float | None = None


class Listener(Protocol):
    """Who hears what the engine does. Called on the training thread; must be quick."""

    def phase(self, phase: str) -> None:
        """A new phase: one of those that :attr:`core.runs.status.Status.phase` names."""

    def fetched(self, share: float) -> None:
        """So much of the weights has arrived, 0 to 1."""

    def extracted(self, progress: Extraction) -> None:
        """The frozen part has come so far."""

    def cache(self, use: CacheUse) -> None:
        """It is decided how the cache is used; told again when more is known."""

    def stage(self, stage: Stage) -> None:
        """A stage begins, or is gone on with: other blocks learn now."""

    def begins_at(self, history: Sequence[EpochRow], position: float) -> None:
        """The fit begins, after these epochs, at this position in epochs; 0 where it is a new one."""

    def parked(self) -> None:
        """The training is left for now and its checkpoint is on the disk; the best model follows."""

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
        cache: How the cache was used.
        for_now: Whether it was left only for now, to go on later.
        held: What may take long to be let go of; hold on to it until whoever asked has been answered.
    """

    stopped: bool
    kept: int | None
    history: tuple[EpochRow, ...]
    total: int
    trainable: int
    test: NDArray[np.float32] | None
    timing: Timing
    cache: CacheUse
    for_now: bool = False
    held: object = None
