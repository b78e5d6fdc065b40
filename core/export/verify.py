"""Comparing a model in another form with what Keras says of the same photos."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from core.export.formats import Format
from core.files import JsonObject
from core.i18n import _
from core.jobs import Progress, no_progress

MADE_UP = "made-up"
TIMED = 20
_WARM_UP = 3
_BATCH = 16
Images = NDArray[np.uint8]
Chances = NDArray[np.float32]
Ask = Callable[[Images], Chances]


@dataclass(frozen=True)
class Seen:
    """What two forms are compared on.

    Attributes:
        images: ``(n, size, size, 3)``, raw RGB; at least one.
        split: ``test``, ``validation`` or ``train``; ``made-up`` for noise where there are no photos.
        labels: ``(n,)``: what they show; ``None`` where nothing is known of that.
    """

    images: Images
    split: str
    labels: NDArray[np.int32] | None


@dataclass(frozen=True)
class Verified:
    """How a model in another form does beside Keras.

    Attributes:
        split: What photos it was compared on, see :class:`Seen`.
        images: How many.
        same: How many of them get the same class from both.
        difference: The largest difference of a probability, 0 to 1.
        right: How many it gets right; ``None`` where that is not known.
        keras_right: How many Keras gets right.
        seconds: The median time of one photo by itself, decoded before.
        keras_seconds: That of Keras, taken in turns with it.
        bytes: The size of the model's file or folder.
        agrees: Whether it is as close as its form allows; ``None`` where it is so on noise, most of which
            gets one and the same class: that shows that it runs, not that it agrees.
    """

    split: str
    images: int
    same: int
    difference: float
    right: int | None
    keras_right: int | None
    seconds: float
    keras_seconds: float
    bytes: int
    agrees: bool | None

    def to_json(self) -> JsonObject:
        """Return it as a JSON object; :meth:`from_json` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, given: object) -> Verified:
        """Read what :meth:`to_json` wrote; raises BadInput where it is damaged."""
        try:
            found = cls(**dict(given))  # type: ignore[call-overload]
            counts = (found.images, found.same, found.bytes, found.right or 0, found.keras_right or 0)
            numbers = (found.difference, found.seconds, found.keras_seconds)
            sound = all(isinstance(each, int) and each >= 0 for each in counts)
            sound = sound and all(isinstance(each, int | float) and math.isfinite(each) for each in numbers)
            sound = sound and found.agrees in (True, False, None)
            if not (sound and found.images > 0 and max(counts[1], *counts[3:]) <= found.images):
                raise ValueError("not a comparison")
        except (TypeError, ValueError) as error:
            raise BadInput(_("What was found out about an export cannot be read.")) from error
        return found


def verify(
    form: Format, ask: Ask, keras: Ask, seen: Seen, path: Path, progress: Progress = no_progress
) -> Verified:
    """Compare what a model in another form says with what Keras says.

    Args:
        form: Its form.
        ask: The model, see :func:`core.export.opened.opened`.
        keras: The Keras model that it was made of, asked in the same way.
        seen: What both are shown.
        path: The file or folder that it was opened from.
        progress: Told how many photos are compared; it may raise Stopped.
    """
    given, expected = [], []
    phase = _("Comparing with Keras")
    for start in range(0, len(seen.images), _BATCH):
        progress(phase, start, len(seen.images))
        batch = seen.images[start : start + _BATCH]
        given.append(ask(batch))
        expected.append(keras(batch))
    found, wanted = np.concatenate(given), np.concatenate(expected)
    seconds, keras_seconds = _in_turns(ask, keras, seen.images, progress)
    same = int((found.argmax(axis=1) == wanted.argmax(axis=1)).sum())
    # NOTE: NaN compares as neither close nor far; a model that says NaN is as far off as can be.
    difference = float(np.nan_to_num(np.abs(found.astype(np.float64) - wanted), nan=1.0).max())
    close = difference <= form.difference and same >= form.agreement * len(seen.images)
    return Verified(
        seen.split, len(seen.images), same, difference, _right(found, seen), _right(wanted, seen),
        seconds, keras_seconds, size_of(path),
        agrees=None if close and seen.split == MADE_UP else close,
    )


def _right(chances: Chances, seen: Seen) -> int | None:
    return None if seen.labels is None else int((chances.argmax(axis=1) == seen.labels).sum())


def _in_turns(ask: Ask, keras: Ask, images: Images, progress: Progress) -> tuple[float, float]:
    """Return the median seconds of one photo for both, one after the other so that noise hits both alike."""
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(_WARM_UP + TIMED):
        progress(_("Measuring how long a photo takes"), turn, _WARM_UP + TIMED)
        at = turn % len(images)
        for spent, one in zip(times, (ask, keras), strict=True):
            began = time.perf_counter()
            one(images[at : at + 1])
            spent.append(time.perf_counter() - began)
    return statistics.median(times[0][_WARM_UP:]), statistics.median(times[1][_WARM_UP:])


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files of a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
