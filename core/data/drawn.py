"""Drawing some of many images by a seed and by what they hold, and how many of each kind."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

Cell = tuple[int, int]
"""The place of a split in ``SPLITS``, and a label."""


def draw(seed: int, digest: str) -> str:
    """Return a key that puts images in a random order which depends on seed and content alone."""
    return hashlib.sha256(f"{seed}:{digest}".encode()).hexdigest()


def quotas(sizes: Mapping[Cell, int], n: int) -> dict[Cell, int]:
    """Share ``n`` images, no fewer than cells, among cells by size (largest remainder), 1 at least."""
    order = sorted(sizes)
    total = sum(sizes.values())
    exact = {cell: sizes[cell] * n / total for cell in order}
    shared = {cell: int(exact[cell]) for cell in order}
    by_remainder = sorted(order, key=lambda cell: (int(exact[cell]) - exact[cell], cell))
    for cell in by_remainder[: n - sum(shared.values())]:
        shared[cell] += 1
    for cell in order:
        if not shared[cell]:
            shared[max(order, key=lambda other: shared[other])] -= 1
            shared[cell] = 1
    return shared
