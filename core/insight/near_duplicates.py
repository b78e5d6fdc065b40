"""Photos that are nearly the same: proposed by their features, confirmed by overlaying the pictures.

Measured on 1,700 clothing photos with EfficientNet-Lite0, 250 copies of each kind: of those saved as a JPEG
of quality 10 or 30, halved, mirrored, made grey, darkened by 30% or cut by up to a tenth 98% or more were
found; of those made small by four 92%, of those brightened by 30%, which burns out the whites, 86%. None of
the 1.4 million pairs of different photos was called the same, and one with a copy of quality 10. By the
features alone no threshold does that: copies lie at a cosine of 0.6 to 0.98, different photos at up to 0.94.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.data.records import SPLITS
from core.i18n import _
from core.insight import overlay
from core.insight.nearest import among_units, part_of, unit
from core.jobs import Progress, no_progress

LEAST_SIMILAR = 0.6
LEAST_CUT = 0.75
SAME = 0.987
NEIGHBOURS = 3
_OF_THE_REST = 5
_MOST_FITTED = 5000

Greys = Callable[[Sequence[int], Progress], NDArray[np.uint8]]


@dataclass(frozen=True)
class Pair:
    """Two photos that are nearly the same.

    Attributes:
        first: The place of one.
        second: The place of the other.
        similarity: The cosine between their features, -1 to 1.
        agreement: The correlation between the pictures laid over each other, -1 to 1.
    """

    first: int
    second: int
    similarity: float
    agreement: float


def near_duplicates(
    features: NDArray[np.float32], splits: Sequence[str], greys: Greys, progress: Progress = no_progress
) -> tuple[list[Pair], float]:
    """Return the pairs of photos that are nearly the same.

    Args:
        features: ``(photos, channels)``.
        splits: The split of each photo.
        greys: Returns the photos at some places as ``(n, EDGE, EDGE)`` grey pictures, see
            :mod:`core.insight.overlay`; told progress.
        progress: Told how far it is; it may raise Stopped.

    Returns:
        The pairs, those that agree most first, and how far the pictures of each agree at least. Where a photo
        has more than ``NEIGHBOURS`` near-duplicates in a split, the most alike are told.

    NOTE: the bound is :data:`SAME`, or higher where different photos agree a lot, as scans of digits do: then
    a pair has to differ five times less than the photos that are most alike otherwise.
    """
    pairs = _proposed(features, splits, progress)
    if not pairs:
        return [], SAME
    places = sorted({place for pair in pairs for place in pair})
    small = dict(zip(places, greys(places, progress), strict=True))
    found = _overlaid(pairs, small, progress)
    bound = _bound(found)
    doubtful = sorted(
        (pair for pair, agrees in found.items() if 1 - _OF_THE_REST * (1 - bound) <= agrees < bound),
        key=lambda pair: -found[pair])[:_MOST_FITTED]
    for done, pair in enumerate(doubtful):
        progress(_("Laying photos over each other"), done, len(doubtful))
        if pairs[pair] >= LEAST_CUT:
            found[pair] = overlay.agreement(small[pair[0]], small[pair[1]])
    same = [Pair(*pair, pairs[pair], agrees) for pair, agrees in found.items() if agrees >= bound]
    return sorted(same, key=lambda pair: (-pair.agreement, pair.first, pair.second)), bound


def _proposed(
    features: NDArray[np.float32], splits: Sequence[str], progress: Progress
) -> dict[tuple[int, int], float]:
    """Return how alike the pairs are that may be the same: the nearest of each photo in each split."""
    rows = unit(features)
    of = [np.flatnonzero(np.asarray(splits) == split) for split in SPLITS]
    pairs: dict[tuple[int, int], float] = {}
    done, total = 0, sum((at + 1) * len(asking) for at, asking in enumerate(of))
    for at, among in enumerate(of):
        for by, asking in enumerate(of[at:], at):
            indices, alike = among_units(
                rows[among], rows[asking], NEIGHBOURS, apart=by == at,
                progress=part_of(progress, done, total), phase=_("Looking for near-duplicates"))
            done += len(asking)
            for row, near in np.argwhere(alike >= LEAST_SIMILAR):
                one, other = int(asking[row]), int(among[indices[row, near]])
                pairs[min(one, other), max(one, other)] = float(alike[row, near])
    return pairs


def _overlaid(
    pairs: dict[tuple[int, int], float], small: dict[int, NDArray[np.uint8]], progress: Progress
) -> dict[tuple[int, int], float]:
    """Return how far the pictures of each pair agree; parts are cut out where they are much alike."""
    partners: dict[int, list[int]] = {}
    for one, other in pairs:
        partners.setdefault(one, []).append(other)
        partners.setdefault(other, []).append(one)
    wholes = {place: overlay.whole(grey) for place, grey in small.items()}
    found = dict.fromkeys(pairs, -1.0)
    for done, (place, others) in enumerate(sorted(partners.items())):
        if done % 50 == 0:
            progress(_("Comparing pictures"), done, len(partners))
        keys = [(min(place, other), max(place, other)) for other in others]
        close = any(pairs[key] >= LEAST_CUT for key in keys)
        mine = overlay.cut(small[place]) if close else overlay.both_ways(small[place])
        agree = (mine @ np.stack([wholes[other] for other in others]).T).max(axis=0)
        for key, value in zip(keys, agree, strict=True):
            found[key] = max(found[key], float(value))
    return found


def _bound(found: dict[tuple[int, int], float]) -> float:
    best: dict[int, float] = {}
    for pair, agrees in found.items():
        if agrees < SAME:
            for place in pair:
                best[place] = max(best.get(place, -1.0), agrees)
    usual = float(np.median(list(best.values()))) if best else 0.0
    return max(SAME, 1 - (1 - usual) / _OF_THE_REST)
