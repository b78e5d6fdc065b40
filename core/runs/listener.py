"""Writing what the engine tells into the run folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

from core.runs.folder import RunFolder
from core.runs.mlflow_log import MlflowLog
from core.runs.status import State, Status
from core.training.events import BatchRow, CacheUse, EpochRow, Extraction, Step
from core.training.stages import Stage

STATUS_EVERY_S = 0.25


class FolderListener:
    """Writes what the engine tells into the run folder.

    Args:
        folder: The run.
        status: How it stands.
        mlflow: Where its epochs are logged too, or ``None``.
        parked_as: Gives the state of a run that is left for now.

    Attributes:
        status: How the run stands.
        held: See :class:`core.training.events.Outcome`.
    """

    def __init__(
        self, folder: RunFolder, status: Status, mlflow: MlflowLog | None = None,
        parked_as: Callable[[], State] = lambda: State.PAUSED,
    ) -> None:
        self._folder = folder
        self._parked_as = parked_as
        self._mlflow = mlflow
        self._written = 0.0
        self._history: list[EpochRow] = []
        self.status = status
        self.held: object = None

    def phase(self, phase: str) -> None:
        """Show a new phase at once."""
        at_work = phase in ("training", "validating", "saving", "testing")
        state = State.TRAINING if at_work else State.PREPARING
        if self.status.phase == "extracting":  # its speed says nothing of what comes next
            self.status = replace(self.status, images_per_s=None, eta_s=None)
        self._set(replace(
            self.status, state=state, phase=phase, fetched=None, extracted=None, to_extract=None,
        ))

    def fetched(self, share: float) -> None:
        """Show how much of the weights has arrived, a few times a second."""
        self.status = replace(self.status, fetched=share)
        self._now_and_then()

    def extracted(self, progress: Extraction) -> None:
        """Show how far the frozen part is, a few times a second."""
        self.status = replace(self.status, **asdict(progress))
        self._now_and_then()

    def cache(self, use: CacheUse) -> None:
        """Show at once how the cache is used."""
        self._set(replace(self.status, cache=use))

    def stage(self, stage: Stage) -> None:
        """Show at once which blocks learn now."""
        self._set(replace(self.status, stage=stage.name, learning=stage.trainable))

    def begins_at(self, history: Sequence[EpochRow], position: float) -> None:
        """Keep what was learned before, and nothing of what will be learned again."""
        told, self._history = self._history, list(history)
        self._folder.write_history(self._history)
        for row in history:
            if row not in told:  # else it was in an earlier stage of this work
                self._log(row)
        self._folder.cut_batches(position)
        if not position:
            self._set(replace(self.status, epoch=0, step=0, progress=0.0))

    def parked(self) -> None:
        """Say at once that it has left: whoever waits for that need not wait for the model."""
        self._set(self.status.ending(self._parked_as()))

    def step(self, step: Step) -> None:
        """Show the progress, a few times a second."""
        self.status = replace(self.status, **asdict(step))
        self._now_and_then()

    def batch(self, row: BatchRow) -> None:
        """Add a point to the live curve."""
        self._folder.append_batch(row)

    def epoch(self, row: EpochRow) -> None:
        """Add a finished epoch."""
        self._history.append(row)
        self._folder.write_history(self._history)
        self._log(row)

    def _log(self, row: EpochRow) -> None:
        if self._mlflow is not None:
            self._mlflow.epoch(row)

    def _now_and_then(self) -> None:
        if time.monotonic() - self._written >= STATUS_EVERY_S:
            self._set(self.status)

    def _set(self, status: Status) -> None:
        self.status = status
        self._written = time.monotonic()
        self._folder.write_status(status)
