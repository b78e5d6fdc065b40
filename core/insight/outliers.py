"""Photos that are unlike the others: far from their nearest neighbours, of all photos or of their class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.i18n import _
from core.insight.nearest import neighbours, part_of
from core.jobs import Progress, no_progress

K = 10
LEAST_PHOTOS = 8
FENCE = 1.5
_LEAST_SPREAD = 1e-3


@dataclass(frozen=True)
class Outlier:
    """A photo that is unlike the others.

    Attributes:
        at: Its place.
        everywhere: Whether it is unlike all photos, and not only unlike those of its class.
        distance: Its mean distance to its nearest neighbours there, 0 (the same) to 2.
        usual: The median of that distance, over the same photos.
        beyond: How many interquartile ranges it lies above the upper quartile; more than ``FENCE``.
    """

    at: int
    everywhere: bool
    distance: float
    usual: float
    beyond: float


def outliers(
    features: NDArray[np.float32], labels: Sequence[int], progress: Progress = no_progress
) -> list[Outlier]:
    """Return the photos that are unlike the others, the strangest first.

    Each photo's distance is the mean over its ``K`` nearest neighbours of one minus the cosine between the
    features, among all photos and among those of its class. Told are those that lie more than ``FENCE``
    interquartile ranges above the upper quartile: Tukey's inner fence. In a class of ``K`` or fewer all the
    others are the neighbours; a class of fewer than ``LEAST_PHOTOS`` is not looked at by itself.

    Args:
        features: ``(photos, channels)``.
        labels: The class of each photo.
        progress: Told how far it is; it may raise Stopped.

    Source:
        J. Kuan and J. Mueller, "Back to the Basics: Revisiting Out-of-Distribution Detection Baselines"
        (2022), https://arxiv.org/abs/2207.03061, for the score; J. Tukey, "Exploratory Data Analysis" (1977),
        for the fence.
    """
    truth = np.asarray(labels, dtype=np.intp)
    everything, total = np.arange(len(truth)), 2 * len(truth)
    told = part_of(progress, 0, total)
    found = {each.at: each for each in _among(features, everything, told, everywhere=True)}
    done = len(truth)
    for label in np.unique(truth):
        places = np.flatnonzero(truth == label)
        told = part_of(progress, done, total)
        done += len(places)
        for each in _among(features, places, told, everywhere=False):
            known = found.get(each.at)
            if known is None or each.beyond > known.beyond:
                found[each.at] = each
    return sorted(found.values(), key=lambda each: (-each.beyond, each.at))


def _among(
    features: NDArray[np.float32], places: NDArray[np.intp], progress: Progress, *, everywhere: bool
) -> list[Outlier]:
    if len(places) < LEAST_PHOTOS:
        return []
    _near, alike = neighbours(
        features[places], K, progress=progress, phase=_("Looking for photos unlike the others"))
    distance = 1 - alike.mean(axis=1)
    lower, middle, upper = np.quantile(distance, (0.25, 0.5, 0.75))
    beyond = (distance - upper) / max(upper - lower, _LEAST_SPREAD)
    return [
        Outlier(int(places[row]), everywhere, float(distance[row]), float(middle), float(beyond[row]))
        for row in np.flatnonzero(beyond > FENCE)
    ]
