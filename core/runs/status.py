"""What state a run is in, as the file ``status.json`` says it."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from core.errors import BadInput, ThawError
from core.files import JsonObject, read_json, write_json
from core.i18n import _
from core.training.events import CacheUse
from core.training.failures import disk_full, is_disk_full


class State(StrEnum):
    """The states of a run."""

    QUEUED = "queued"
    PREPARING = "preparing"
    TRAINING = "training"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def active(self) -> bool:
        """Whether somebody is, or will be, working on it."""
        return self is State.QUEUED or self.at_work

    @property
    def at_work(self) -> bool:
        """Whether somebody is working on it."""
        return self in (State.PREPARING, State.TRAINING)

    @property
    def has_model(self) -> bool:
        """Whether such a run may have a model to look at."""
        return not self.active

    @property
    def can_go_on(self) -> bool:
        """Whether it has not come to its end and may be resumed."""
        return self in (State.PAUSED, State.STOPPED, State.INTERRUPTED, State.FAILED)


@dataclass(frozen=True)
class Failure:
    """Why a run failed, in the words of :class:`core.errors.ThawError`."""

    what: str
    given: str = ""
    fix: str = ""

    @classmethod
    def of(cls, error: ThawError) -> Failure:
        """Keep what an error says."""
        return cls(error.what, error.given, error.fix)

    @classmethod
    def of_any(cls, error: Exception) -> Failure:
        """Say what is known of any error; what was not foreseen stays in the log."""
        if isinstance(error, ThawError):
            return cls.of(error)
        if is_disk_full(error):
            return cls.of(disk_full())
        if isinstance(error, OSError):
            return cls(
                _("A file of this run could not be read or written."), given=error.strerror or "",
                fix=_("Check the disk that the workspace is on, then resume this run."),
            )
        return cls(
            _("The training broke off for a reason that was not foreseen."),
            fix=_("Your photos and earlier runs are safe. The server's log tells more; try again."),
        )


@dataclass(frozen=True)
class Status:
    """One reading of a run.

    Attributes:
        state: See :class:`State`.
        phase: What is being done: ``starting``, ``downloading``, ``building``, ``extracting``, ``training``,
            ``validating``, ``saving``, ``testing``; empty when nothing is.
        epoch: The epoch being trained, from 1; 0 before the first.
        epochs: Epochs planned.
        step: Steps done in the epoch.
        steps: Steps in an epoch.
        progress: Share of the training done, 0 to 1.
        fetched: Share of the weights that has arrived, 0 to 1, while they are downloaded.
        eta_s: Seconds left, ``None`` while not known.
        images_per_s: Images a second, learned from or put through the frozen part; ``None`` while not
            known.
        extracted: Images that the frozen part has seen, while it goes through them; else ``None``.
        to_extract: How many it has to see, then.
        saved_s: Seconds saved so far by computing the frozen part once, an estimate; ``None`` where
            nothing is, or it is not known.
        cache: How the cache of frozen activations is used; ``None`` before that is decided.
        kept: The epoch whose weights are in the model; ``None`` where no epoch ended.
        error: Why it failed.
        created: Seconds since 1970 when the run was asked for.
        started: When somebody began to work on it, the last time.
        ended: When it ended.
        pid: The process that works on it.
        worked_s: Seconds of work before that, where it was resumed.
        stage: The stage of the training, see :class:`core.training.stages.Stage`; empty before the first.
        learning: The blocks that learn in it; ``None`` before the first.
    """

    state: State
    epochs: int
    created: float
    phase: str = ""
    epoch: int = 0
    step: int = 0
    steps: int = 0
    progress: float = 0.0
    fetched: float | None = None
    eta_s: float | None = None
    images_per_s: float | None = None
    extracted: int | None = None
    to_extract: int | None = None
    saved_s: float | None = None
    cache: CacheUse | None = None
    kept: int | None = None
    error: Failure | None = None
    started: float | None = None
    ended: float | None = None
    pid: int | None = field(default_factory=os.getpid)
    worked_s: float = 0.0
    stage: str = ""
    learning: tuple[str, ...] | None = None

    @property
    def elapsed_s(self) -> float | None:
        """Seconds of work so far, or in all; ``None`` before it began."""
        if self.started is None:
            return self.worked_s or None
        return self.worked_s + (self.ended or time.time()) - self.started

    def waiting_again(self, epochs: int) -> Status:
        """Return the status of a run that is resumed and waits for its turn."""
        return replace(
            self, state=State.QUEUED, epochs=epochs, phase="", error=None, ended=None, started=None,
            worked_s=self.elapsed_s or 0.0, progress=min(1.0, self.progress * self.epochs / epochs),
        )

    def ending(self, state: State, **changes: object) -> Status:
        """Return the status of a run that ends now."""
        return replace(
            self, state=state, phase="", fetched=None, eta_s=None, images_per_s=None, extracted=None,
            to_extract=None, ended=time.time(), **changes,  # type: ignore[arg-type]
        )

    def save(self, path: Path) -> None:
        """Replace the status file, whole."""
        write_json(path, asdict(self), durable=not self.state.active)

    @classmethod
    def load(cls, path: Path) -> Status:
        """Read a status file; raises BadInput where it is missing or damaged."""
        values: JsonObject = read_json(path)
        try:
            error, cache = values.pop("error", None), values.pop("cache", None)
            learning = values.pop("learning", None)
            return cls(
                **{**values, "state": State(str(values["state"]))},  # type: ignore[arg-type]
                error=Failure(**error) if isinstance(error, dict) else None,
                cache=CacheUse(**cache) if isinstance(cache, dict) else None,
                learning=tuple(map(str, learning)) if isinstance(learning, list) else None,
            )
        except (TypeError, ValueError, KeyError) as problem:
            raise BadInput(
                _("The status of a run cannot be read."), given=path.parent.name
            ) from problem


def phase_text(phase: str) -> str:
    """Return a phase of a run in words."""
    return {
        "starting": _("Starting TensorFlow"),
        "downloading": _("Downloading the weights"),
        "building": _("Building the network"),
        "extracting": _("Looking at each photo once"),
        "training": _("Learning"),
        "validating": _("Checking on validation photos"),
        "saving": _("Saving the model"),
        "testing": _("Looking at the test photos"),
    }.get(phase, phase)
