"""How alike two sets of features of the same photos are: linear CKA, without the bias of few photos."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

LEAST_PHOTOS = 4
_NOTHING = 1e-12
_Values = NDArray[np.float64]


def linear_cka(one: NDArray[np.floating], other: NDArray[np.floating]) -> float | None:
    """Return how alike two sets of features are: 1 where one is the other turned or scaled as a whole.

    The plain estimate comes out too high where photos are fewer than channels, as they are here; this one
    is debiased. So two sets that have nothing in common are about 0, and may come out a little below it.

    Args:
        one: ``(photos, channels)``.
        other: ``(photos, channels)``, of the same photos; it may have another number of channels.

    Returns:
        At most 1; ``None`` where it is not defined: of fewer than 4 photos, where the features do not differ
        from photo to photo, or where some are no finite numbers.

    Source:
        S. Kornblith et al., Similarity of Neural Network Representations Revisited, ICML 2019,
        arXiv:1905.00414; T. Nguyen, M. Raghu, S. Kornblith, Do Wide and Deep Networks Learn the Same
        Things?, ICLR 2021, arXiv:2010.15327, equation 3.
    """
    if len(one) < LEAST_PHOTOS or not (np.isfinite(one).all() and np.isfinite(other).all()):
        return None
    first, second = _gram(one), _gram(other)
    if first is None or second is None:
        return None
    alone = _hsic(first, first) * _hsic(second, second)
    if alone <= 0:
        return None
    return min(1.0, _hsic(first, second) / math.sqrt(alone))


def _gram(features: NDArray[np.floating]) -> _Values | None:
    """Return all photos times all photos with nothing on the diagonal, as the estimator wants it."""
    values = features.astype(np.float64)
    largest = float(np.abs(values).max(initial=0.0))
    # What is the same for all photos has no part in the result, and would only cost digits.
    values -= values.mean(axis=0)
    spread = float(np.abs(values).max(initial=0.0))
    if spread <= _NOTHING * largest or spread == 0:
        return None
    values /= spread
    gram = values @ values.T
    np.fill_diagonal(gram, 0.0)
    return np.asarray(gram)


def _hsic(one: _Values, other: _Values) -> float:
    n = len(one)
    both = float((one * other).sum())
    sums = float(one.sum() * other.sum()) / ((n - 1) * (n - 2))
    crossed = 2.0 / (n - 2) * float(one.sum(axis=0) @ other.sum(axis=0))
    return (both + sums - crossed) / (n * (n - 3))
