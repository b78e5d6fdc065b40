"""A checkpoint: all that a training needs to go on as if it had never been left."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.backbones.division import leaves_of
from core.errors import RunFailed
from core.files import write_atomic
from core.i18n import _
from core.training.events import EpochRow
from core.training.fingerprint import fingerprint

VERSION = 1
_META = "about"
_GROUPS = ("weights", "optimizer", "seeds", "metrics", "best")
# What reading any bytes as a zip of arrays may end in.
_DAMAGED = (
    OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, RuntimeError, MemoryError,
    zipfile.BadZipFile, zlib.error,
)
Arrays = tuple[NDArray[Any], ...]


@dataclass(frozen=True)
class Checkpoint:
    """A training as it was between two steps.

    Weights that do not learn are not in it: they come from where the plan says.

    Attributes:
        epochs: How many epochs have ended.
        step: Steps done in the epoch under way; 0 at the end of an epoch.
        seconds: How long the epoch under way has taken.
        logs: Loss and accuracy over the steps of the epoch under way; empty at the end of one.
        history: The epochs that have ended.
        kept: The number of the best of them, from 1; ``None`` before the first ended.
        frozen: The fingerprint of the weights that do not learn.
        weights: Those that learn, in the order of :func:`learned`.
        optimizer: The optimizer's variables.
        seeds: The states of the dropout layers' generators, where an epoch is under way.
        metrics: The states of the means over the epoch under way.
        best: The weights of the best epoch; empty where these are ``weights``.
    """

    epochs: int
    step: int
    seconds: float
    logs: dict[str, float]
    history: tuple[EpochRow, ...]
    kept: int | None
    frozen: str
    weights: Arrays
    optimizer: Arrays
    seeds: Arrays = ()
    metrics: Arrays = ()
    best: Arrays = ()

    @property
    def best_row(self) -> EpochRow | None:
        """The best epoch's figures."""
        return next((row for row in self.history if row.epoch == self.kept), None)

    def save(self, path: Path, *, durable: bool) -> None:
        """Write it, whole or not at all.

        Raises:
            OSError: The disk is full.
        """
        meta = {
            "version": VERSION, "epochs": self.epochs, "step": self.step, "seconds": self.seconds,
            "logs": self.logs, "history": [asdict(row) for row in self.history], "kept": self.kept,
            "frozen": self.frozen,
            # NOTE: counted here, because no checksum covers the names in a zip.
            "arrays": {name: len(getattr(self, name)) for name in _GROUPS},
        }
        arrays = {_META: np.frombuffer(json.dumps(meta).encode(), np.uint8)}
        for name in _GROUPS:
            arrays |= {f"{name}{at}": value for at, value in enumerate(getattr(self, name))}

        def write(temporary: Path) -> None:
            # NOTE: a handle and not the path, to which NumPy would add a suffix of its own.
            with temporary.open("wb") as handle:
                np.savez(handle, **arrays)  # type: ignore[arg-type]

        write_atomic(path, write, durable=durable)

    @classmethod
    def load(cls, path: Path) -> Checkpoint | None:
        """Read a checkpoint, or return ``None`` where there is none.

        Raises:
            RunFailed: It is damaged, or was written by another version.
        """
        try:
            # NOTE: opened here, because NumPy leaves a file open that it cannot read.
            with path.open("rb") as handle, np.load(handle, allow_pickle=False) as archive:
                meta = json.loads(archive[_META].tobytes())
                if meta.pop("version") != VERSION:
                    raise ValueError("another version")
                counts = meta.pop("arrays")
                groups = {
                    name: tuple(archive[f"{name}{at}"] for at in range(counts[name])) for name in _GROUPS
                }
            meta["history"] = tuple(EpochRow(**row) for row in meta["history"])
            return cls(**meta, **groups)  # type: ignore[arg-type]
        except FileNotFoundError:
            return None
        except _DAMAGED as error:
            raise _refused(
                _("The checkpoint of this run is damaged and cannot be read."), path.name) from error


def _refused(what: str, given: str = "") -> RunFailed:
    return RunFailed(
        what, given=given,
        fix=_("Set the same training up again; a model that the run kept can be used all the same."),
    )


def learned(model: Any) -> list[Any]:
    """Return the weights of a model that its training changes, BatchNorm statistics among them."""
    found = {
        id(weight): weight for layer in leaves_of(model) if layer.trainable for weight in layer.weights
    }
    return list(found.values())


def frozen_fingerprint(model: Any) -> str:
    """Return the fingerprint of the weights that its training does not change."""
    changing = {id(weight) for weight in learned(model)}
    return fingerprint(weight for weight in model.weights if id(weight) not in changing)


@dataclass(frozen=True)
class Changing:
    """The weights that a training changes in any of its stages.

    Attributes:
        weights: The variables, in the order of :func:`learned`.
        frozen: The fingerprint of all others.
    """

    weights: tuple[Any, ...]
    frozen: str

    @classmethod
    def of(cls, model: Any) -> Changing:
        """Return what changes in a model while all that may learn does so."""
        return cls(tuple(learned(model)), frozen_fingerprint(model))


def values_of(variables: Iterable[Any]) -> Arrays:
    """Return copies of what variables hold."""
    return tuple(np.array(variable.numpy()) for variable in variables)


def assign(variables: Sequence[Any], values: Arrays) -> None:
    """Put values into variables.

    Raises:
        RunFailed: They are not of these variables.
    """
    shapes = [tuple(variable.shape) for variable in variables]
    if shapes != [value.shape for value in values]:
        raise _refused(_("The checkpoint of this run does not fit its model."))
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def restore_weights(checkpoint: Checkpoint, changing: Changing) -> None:
    """Put the weights back into a model.

    Raises:
        RunFailed: The model does not fit, or what it starts from has changed.
    """
    if checkpoint.frozen != changing.frozen:
        raise _refused(_("What this run started from is no longer the same."))
    assign(changing.weights, checkpoint.weights)


def restore_optimizer(checkpoint: Checkpoint, model: Any) -> None:
    """Put the optimizer's state back into a compiled model.

    NOTE: the optimizer is built first. Into one that is not, its state could not be put, and compiling
    anew afterwards would lose it: the history would be another.

    Raises:
        RunFailed: The model does not fit.
    """
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    assign(model.optimizer.variables, checkpoint.optimizer)
