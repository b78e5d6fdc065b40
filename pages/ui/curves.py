"""What the live curves draw, as plain data: thinning, axis ranges, spoken summary."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Values = Sequence[float | None]

_NARROWEST = 2**-12
_ACCURACY_FLOORS = (0.6, 0.4, 0.2)
_ROOM_BELOW = 0.02
_SPIKE = 3.0
_NICE = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


@dataclass(frozen=True)
class Curves:
    """A run's measurements so far; a value that is not known is None.

    Args:
        batch_epoch: Where each batch lies, in epochs from the start (2.5 is halfway the third).
        batch_loss: Training loss at that place.
        batch_accuracy: Training accuracy at that place, from 0 to 1.
        epoch: The completed epochs, from 1.
        loss: Mean training loss of each epoch; ``accuracy`` likewise, from 0 to 1.
        val_loss: Validation loss after each epoch; ``val_accuracy`` likewise, from 0 to 1.
    """

    batch_epoch: Sequence[float] = ()
    batch_loss: Values = ()
    batch_accuracy: Values = ()
    epoch: Sequence[int] = ()
    loss: Values = ()
    accuracy: Values = ()
    val_loss: Values = ()
    val_accuracy: Values = ()


@dataclass(frozen=True)
class Thinned:
    """The within-epoch curve in at most so many points as were asked for."""

    epoch: list[float] = field(default_factory=list)
    loss: list[float | None] = field(default_factory=list)
    accuracy: list[float | None] = field(default_factory=list)


def thin(curves: Curves, limit: int = 500) -> Thinned:
    """Average the batches in equally wide steps, so that at most ``limit`` points remain.

    The steps are powers of two of an epoch and begin at 0: from tick to tick only the last point
    moves, until the run is so long that two steps become one.

    Args:
        curves: The measurements.
        limit: The most points to keep, at least 1.
    """
    places = curves.batch_epoch
    if not places:
        return Thinned()
    steps = [math.floor(place / _NARROWEST) for place in places]
    while len(set(steps)) > limit:
        steps = [step >> 1 for step in steps]
    groups = _grouped(steps)
    return Thinned(
        epoch=[round(sum(places[i] for i in group) / len(group), 4) for group in groups],
        loss=[_mean(curves.batch_loss, group) for group in groups],
        accuracy=[_mean(curves.batch_accuracy, group) for group in groups],
    )


def accuracy_floor(curves: Curves) -> float:
    """Return where the accuracy axis begins: 0, 0.2, 0.4 or 0.6. It only ever moves down."""
    known = _known(curves.batch_accuracy, curves.accuracy, curves.val_accuracy)
    if not known:
        return 0.0
    lowest = min(known) - _ROOM_BELOW
    return next((floor for floor in _ACCURACY_FLOORS if lowest >= floor), 0.0)


def loss_ceiling(curves: Curves) -> float:
    """Return where the loss axis ends, a round number. It only ever moves up.

    A single batch far above everything else does not flatten the curve: the axis ends at three
    times the first batch or the worst epoch at most.
    """
    batches = _known(curves.batch_loss)
    epochs = _known(curves.loss, curves.val_loss)
    if not batches and not epochs:
        return 1.0
    typical = max([*batches[:1], *epochs])
    highest = max([*batches, *epochs])
    return _nice_above(min(highest, _SPIKE * typical) if typical > 0 else highest)


def latest(values: Values) -> float | None:
    """Return the last value that is known, None where none is."""
    return next((value for value in reversed(values) if _is_number(value)), None)


def drawable(values: Values, scale: float = 1.0) -> list[float | None]:
    """Return the values to five significant digits; what is no finite number becomes a gap."""
    return [
        float(f"{value * scale:.5g}") if value is not None and math.isfinite(value) else None
        for value in values
    ]


def _grouped(steps: Sequence[int]) -> list[list[int]]:
    groups: dict[int, list[int]] = {}
    for index, step in enumerate(steps):
        groups.setdefault(step, []).append(index)
    return [groups[step] for step in sorted(groups)]


def _mean(values: Values, group: list[int]) -> float | None:
    known = [
        value
        for index in group
        if index < len(values) and (value := values[index]) is not None and math.isfinite(value)
    ]
    return sum(known) / len(known) if known else None


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _known(*several: Iterable[float | None]) -> list[float]:
    return [
        value
        for values in several
        for value in values
        if value is not None and math.isfinite(value)
    ]


def _nice_above(value: float) -> float:
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next((nice * power for nice in _NICE if value <= nice * power), 10.0 * power)
