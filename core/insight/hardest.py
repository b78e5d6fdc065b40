"""The photos that a model finds hardest: those first for which it holds the truth least likely."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.insight.predictions import Predictions


def hardest(
    found: Predictions, *, only_mistakes: bool = False, label: int | None = None, said: int | None = None
) -> NDArray[np.intp]:
    """Return the places of photos in ``found``, highest loss first; of equal ones in the given order.

    Args:
        found: What a model says of labelled photos.
        only_mistakes: Whether those are left out that the model is right about.
        label: Only photos that are of this class, an index into ``found.classes``; ``None`` for all.
        said: Only photos that the model says are of this class; ``None`` for all.
    """
    wanted = np.ones(len(found), dtype=bool)
    if only_mistakes:
        wanted &= ~found.right
    if label is not None:
        wanted &= found.labels == label
    if said is not None:
        wanted &= found.said == said
    (places,) = np.nonzero(wanted)
    return np.asarray(places[np.argsort(-found.loss[places], kind="stable")])
