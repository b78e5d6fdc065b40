"""The photos that are most alike: exact neighbours by the angle between their features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.jobs import Progress, no_progress

# Numbers in the table of similarities that is looked at at once: 32 MB.
MOST_AT_ONCE = 8_000_000
_ITSELF = -2.0


def unit(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the rows at length one; a row of zeros, or with a number that is none, becomes zeros."""
    rows = np.asarray(features, dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    good = np.isfinite(lengths) & (lengths > 0)
    found: NDArray[np.float32] = np.divide(rows, lengths, out=np.zeros_like(rows), where=good)
    return found


def nearest(
    features: NDArray[np.float32], query: NDArray[np.float32], k: int, *,
    progress: Progress = no_progress, phase: str = "",
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return, for each row of ``query``, the rows of ``features`` that are most alike.

    Args:
        features: ``(n, channels)``; of any length, see :func:`unit`.
        query: ``(m, channels)``.
        k: How many, at least 1; fewer where there are fewer.
        progress: Told how many rows of ``query`` are done; it may raise Stopped.
        phase: What this is called there, in words.

    Returns:
        ``(m, k)`` indices into ``features``, and how alike they are: the cosine of the angle between them,
        -1 to 1, the largest first.
    """
    return among_units(unit(features), unit(query), k, progress=progress, phase=phase)


def neighbours(
    features: NDArray[np.float32], k: int, *, progress: Progress = no_progress, phase: str = "",
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return, for each row, the other rows that are most alike; see :func:`nearest`."""
    rows = unit(features)
    return among_units(rows, rows, k, apart=True, progress=progress, phase=phase)


def part_of(progress: Progress, before: int, total: int) -> Progress:
    """Return a progress for a piece of some work: ``before`` of ``total`` was done when it began."""
    return lambda phase, done, _total: progress(phase, before + done, total)


def among_units(
    rows: NDArray[np.float32], query: NDArray[np.float32], k: int, *, apart: bool = False,
    progress: Progress = no_progress, phase: str = "",
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Do what :func:`nearest` does, with rows that have length one.

    Args:
        apart: Whether row i of ``query`` is row i of ``rows``, and not its own neighbour.
    """
    k = max(0, min(k, len(rows) - apart))
    indices = np.zeros((len(query), k), dtype=np.intp)
    similarity = np.zeros((len(query), k), dtype=np.float32)
    step = max(1, MOST_AT_ONCE // max(1, len(rows)))
    for start in range(0, len(query) if k else 0, step):
        progress(phase, start, len(query))
        part = slice(start, min(start + step, len(query)))
        table = query[part] @ rows.T
        if apart:
            table[np.arange(len(table)), np.arange(part.start, part.stop)] = _ITSELF
        at = np.argpartition(-table, k - 1, axis=1)[:, :k]
        alike = np.take_along_axis(table, at, axis=1)
        # NOTE: stable, and by index first, so that equally alike rows come in the same order each time.
        order = np.lexsort((at, -alike), axis=1)
        indices[part] = np.take_along_axis(at, order, axis=1)
        similarity[part] = np.clip(np.take_along_axis(alike, order, axis=1), -1.0, 1.0)
    progress(phase, len(query), len(query))
    return indices, similarity
