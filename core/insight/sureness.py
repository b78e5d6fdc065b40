"""A threshold below which a model says that it is not sure, and what that means on labelled photos."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.insight.metrics import Share, share


@dataclass(frozen=True)
class Sureness:
    """What a threshold means on labelled photos.

    Attributes:
        answered: The share of the photos for which the model names a class.
        right: The share of those for which that is the right one; ``None`` where it answers none.
    """

    answered: Share
    right: Share | None


def is_sure(chances: NDArray[np.float32], threshold: float) -> bool:
    """Tell whether a model names a class for a photo.

    Args:
        chances: ``(classes,)``, 0 to 1.
        threshold: 0 to 1; the likeliest class must reach it.
    """
    return bool(chances.max() >= threshold)


def sureness(
    probabilities: NDArray[np.float32], labels: NDArray[np.int32], threshold: float
) -> Sureness | None:
    """Return what a threshold means on labelled photos; ``None`` where there are none.

    Args:
        probabilities: ``(photos, classes)``, 0 to 1.
        labels: ``(photos,)``: what each is.
        threshold: 0 to 1.
    """
    sure = probabilities.max(axis=1, initial=0.0) >= threshold
    right = probabilities.argmax(axis=1) == labels if len(labels) else np.zeros(0, bool)
    answered = share(int(sure.sum()), len(labels))
    if answered is None:
        return None
    return Sureness(answered, share(int((right & sure).sum()), answered.right))
