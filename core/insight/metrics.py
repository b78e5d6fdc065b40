"""Accuracy with its interval, the confusion matrix, accuracy by class."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from core.errors import BadInput
from core.files import JsonObject
from core.i18n import _

Z_95 = 1.959963984540054
_ROUNDED = 1e-9


@dataclass(frozen=True)
class Share:
    """A share with its 95 % interval.

    Attributes:
        right: How many.
        images: Of how many, at least 1.
        value: ``right / images``, 0 to 1.
        low: Lower end of the interval.
        high: Upper end of the interval.
    """

    right: int
    images: int
    value: float
    low: float
    high: float


def share(right: int, images: int) -> Share | None:
    """Return a share with its Wilson score interval at 95 %.

    Args:
        right: How many, 0 to ``images``.
        images: Of how many; 0 gives ``None``, because nothing was measured.

    Source:
        E. B. Wilson, Journal of the American Statistical Association 22 (1927), 209-212.
    """
    if images == 0:
        return None
    low, high = wilson(right / images, images)
    return Share(right, images, right / images, low, high)


def wilson(p: float, images: int) -> tuple[float, float]:
    """Return both ends of the Wilson score interval at 95 % of a share, 0 to 1, of at least one image."""
    z2 = Z_95 * Z_95
    middle = (p + z2 / (2 * images)) / (1 + z2 / images)
    half = Z_95 / (1 + z2 / images) * math.sqrt(
        p * (1 - p) / images + z2 / (4 * images * images)
    )
    return 0.0 if p == 0 else max(0.0, middle - half), 1.0 if p == 1 else min(1.0, middle + half)


@dataclass(frozen=True)
class Evaluation:
    """How a model does on a labelled split.

    Attributes:
        classes: The class names, in the model's order.
        accuracy: Over all images.
        confusion: ``confusion[i][j]`` images are of class ``i`` and were said to be ``j``.
        by_class: For each class the share found correctly; ``None`` where it has no image.
        majority: The share that the most frequent class of the training split would get right.
        majority_class: That class's index.
    """

    classes: tuple[str, ...]
    accuracy: Share
    confusion: tuple[tuple[int, ...], ...]
    by_class: tuple[Share | None, ...]
    majority: Share
    majority_class: int

    def to_json(self) -> JsonObject:
        """Return it as a JSON object; :meth:`from_json` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, given: object) -> Evaluation:
        """Read what :meth:`to_json` wrote; raises BadInput where it is damaged."""
        try:
            values = dict(given)  # type: ignore[call-overload]
            return cls(
                classes=tuple(str(name) for name in values["classes"]),
                accuracy=_share_checked(values["accuracy"]),
                confusion=tuple(tuple(int(n) for n in row) for row in values["confusion"]),
                by_class=tuple(_share_checked(each) if each else None for each in values["by_class"]),
                majority=_share_checked(values["majority"]),
                majority_class=int(values["majority_class"]),
            )
        except (TypeError, KeyError, ValueError, OverflowError) as error:
            raise BadInput(_("The test figures of this run cannot be read.")) from error


def _share_checked(given: Mapping[str, Any]) -> Share:
    """Read a share; raises TypeError or ValueError where it is none."""
    found = Share(**given)
    for whole in (found.right, found.images):
        if not isinstance(whole, int):
            raise TypeError("not a whole number")
    for number in (found.value, found.low, found.high):
        if not isinstance(number, int | float):
            raise TypeError("not a number")
    inside = found.low - _ROUNDED <= found.value <= found.high + _ROUNDED
    # NOTE: whatever is NaN fails one of these.
    if not (inside and found.low >= 0 and found.high <= 1 and 0 <= found.right <= found.images > 0):
        raise ValueError("not a share")
    return found


def evaluate(
    true: Sequence[int], said: Sequence[int], classes: Sequence[str], majority_class: int
) -> Evaluation:
    """Compare what the images are with what the model said.

    Args:
        true: The class index of each image; at least one image.
        said: The class index that the model gave each image.
        classes: The class names.
        majority_class: The most frequent class of the training split.

    Raises:
        BadInput: There is no image.
    """
    if len(true) == 0:
        raise BadInput(_("There is no image to measure on."))
    confusion = [[0] * len(classes) for _each in classes]
    for truth, answer in zip(true, said, strict=True):
        confusion[truth][answer] += 1
    right = sum(confusion[i][i] for i in range(len(classes)))
    accuracy = share(right, len(true))
    majority = share(sum(confusion[majority_class]), len(true))
    if accuracy is None or majority is None:
        raise BadInput(_("There is no image to measure on."))
    return Evaluation(
        classes=tuple(classes),
        accuracy=accuracy,
        confusion=tuple(tuple(row) for row in confusion),
        by_class=tuple(share(row[i], sum(row)) for i, row in enumerate(confusion)),
        majority=majority,
        majority_class=majority_class,
    )
