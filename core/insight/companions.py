"""Photos to look at beside one that is in question: the most alike of a class, and a typical one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from core.insight.nearest import unit


class Companions:
    """Finds photos to compare others with.

    A photo never stands beside itself or a copy of itself, also where it is the copy of a copy, nor beside
    one whose own label is in question: that would make a wrong label look right.
    """

    def __init__(
        self, features: NDArray[np.float32], labels: Sequence[int], copies: Iterable[tuple[int, int]],
        in_question: Collection[int],
    ) -> None:
        """Prepare to look among some photos.

        Args:
            features: ``(photos, channels)``.
            labels: The class of each photo.
            copies: Pairs of places of photos that are nearly the same.
            in_question: The places of the photos whose labels are likely wrong.
        """
        truth = np.asarray(labels, dtype=np.intp)
        trusted = np.ones(len(truth), dtype=bool)
        trusted[list(in_question)] = False
        rows = unit(features)
        self._labels = truth
        self._features = features
        self._group = _groups(len(truth), copies)
        self._of = {int(label): np.flatnonzero((truth == label) & trusted) for label in np.unique(truth)}
        self._middles: dict[int, NDArray[np.float32]] = {}
        self._rows = {label: rows[places] for label, places in self._of.items()}

    def nearest(self, at: int, label: int, besides: int | None = None) -> int | None:
        """Return which photo of a class is most alike a photo, by the cosine between their features.

        Args:
            at: The place of the photo.
            label: The class to look in.
            besides: The place of one that is not wanted.

        Returns:
            Its place; ``None`` where the class has no photo to compare with.
        """
        return self._most_alike(at, label, unit(self._features[at : at + 1])[0], besides)

    def typical(self, at: int) -> int | None:
        """Return which other photo of a photo's class is nearest to the middle of the class.

        Args:
            at: The place of the photo.

        Returns:
            Its place; ``None`` where the class has no photo to compare with.
        """
        label = int(self._labels[at])
        if label not in self._middles:
            rows = self._rows[label]
            self._middles[label] = rows.sum(axis=0) / max(1, len(rows))
        return self._most_alike(at, label, self._middles[label], None)

    def _most_alike(
        self, at: int, label: int, direction: NDArray[np.float32], besides: int | None
    ) -> int | None:
        places = self._of.get(label, np.zeros(0, dtype=np.intp))
        wanted = self._group[places] != self._group[at]
        if besides is not None:
            wanted &= places != besides
        if not wanted.any():
            return None
        alike = np.where(wanted, self._rows[label] @ direction, -np.inf)
        return int(places[alike.argmax()])


def _groups(count: int, copies: Iterable[tuple[int, int]]) -> NDArray[np.intp]:
    """Return a number for each photo that it shares with its copies and theirs."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = np.asarray(list(copies), dtype=np.intp).reshape(-1, 2)
    linked = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    _count, groups = connected_components(linked, directed=False)
    return np.asarray(groups, dtype=np.intp)
