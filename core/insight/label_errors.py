"""Photos that are likely labelled wrong: their class as a model sees it that has not learned from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from core.i18n import _
from core.jobs import Progress, no_progress

FOLDS = 5
_DIRECTIONS = 256
# How free the model is, sklearn's C: of 0.0003 to 1 what fitted best on photos that it had not seen, 1,700 of
# clothing and 1,500 of textiles; of 100 and of 300 it was that many times more.
_LEAST_FREE = 0.003
_FREE_BY_COUNT = 5.0
_MOST_STEPS = 300


@dataclass(frozen=True)
class LabelError:
    """A photo that is likely labelled wrong.

    Attributes:
        at: Its place.
        looks_like: The class that it looks like.
        of_label: How likely it is of the class that it is labelled, 0 to 1.
        of_other: How likely it is of the class that it looks like, 0 to 1.
    """

    at: int
    looks_like: int
    of_label: float
    of_other: float


class _Asking:
    """Asks in each step of a fit whether it may go on, which may take minutes: a callback of scikit-learn."""

    def __init__(self, ask: Callable[[], None]) -> None:
        self._ask = ask

    def setup(self, estimator: object, context: object) -> None:
        """Do nothing when a fit begins."""

    def teardown(self, estimator: object, context: object) -> None:
        """Do nothing when it has ended."""

    def on_fit_task_begin(self, estimator: object, context: object) -> None:
        """Ask before a step."""
        self._ask()

    def on_fit_task_end(self, estimator: object, context: object) -> None:
        """Do nothing after it."""


def out_of_sample(
    features: NDArray[np.float32], labels: Sequence[int], progress: Progress = no_progress, *, seed: int = 0
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return what a linear model says of photos that it has not learned from.

    A logistic regression on the features' main directions is fitted five times, each time without a fifth of
    the photos, which it is then asked about.

    Args:
        features: ``(photos, channels)``.
        labels: The class of each photo.
        progress: Told after each fit, and asked in each step of one; it may raise Stopped.
        seed: Parts the photos.

    Returns:
        The places of the photos that could be asked about, and ``(places, classes)`` probabilities, the
        classes up to the largest label. Classes with fewer than ``FOLDS`` photos are left out, and all where
        fewer than two classes are left or the features of all photos are alike.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold
    from threadpoolctl import threadpool_limits

    truth = np.asarray(labels, dtype=np.intp)
    counted = np.bincount(truth)
    known = np.flatnonzero(counted >= FOLDS)
    places = np.flatnonzero(np.isin(truth, known))
    chances = np.zeros((len(places), len(counted)))
    if len(known) < 2:
        return places[:0], chances[:0]
    phase = _("Looking for wrong labels")
    progress(phase, 0, FOLDS)
    # NOTE: on one thread. The matrices are small, and beside a training several threads wait for each other
    # a hundred times as long as they work.
    with threadpool_limits(1, user_api="blas"):
        rows = _main_directions(features[places])
        if rows is None:
            return places[:0], chances[:0]
        freedom = max(_LEAST_FREE, _FREE_BY_COUNT / len(rows))
        parts = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(rows, truth[places])
        for done, (learned, asked) in enumerate(parts):
            model = LogisticRegression(C=freedom, max_iter=_MOST_STEPS)
            model.set_callbacks(_Asking(partial(progress, phase, done, FOLDS)))
            model.fit(rows[learned], truth[places[learned]])
            chances[np.ix_(asked, model.classes_)] = model.predict_proba(rows[asked])
            progress(phase, done + 1, FOLDS)
    return places, chances


def _main_directions(features: NDArray[np.float32]) -> NDArray[np.float64] | None:
    """Return photos along the main directions of their features; ``None`` where all are alike."""
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    rows = StandardScaler().fit_transform(np.nan_to_num(features))
    if not rows.any():
        return None
    found: NDArray[np.float64] = PCA(
        min(_DIRECTIONS, *rows.shape), svd_solver="covariance_eigh").fit_transform(rows)
    return found


def label_errors(
    chances: NDArray[np.float64], labels: Sequence[int], places: NDArray[np.intp]
) -> list[LabelError]:
    """Return the photos that are likely labelled wrong, the surest first: by confident learning.

    A photo counts as one of a class where it is at least as likely of it as the photos labelled so are on
    average; where that is so of several classes, as one of the likeliest. It is told where that class is not
    its label.

    Args:
        chances: ``(places, classes)``, of a model that has not learned from the photo.
        labels: The class of each photo, of all photos.
        places: Which photos ``chances`` is of.

    Source:
        C. Northcutt, L. Jiang and I. Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels",
        JAIR 70 (2021), https://arxiv.org/abs/1911.00068.
    """
    truth = np.asarray(labels, dtype=np.intp)[places]
    usual = np.full(chances.shape[1], np.inf)
    for label in np.unique(truth):
        usual[label] = chances[truth == label, label].mean()
    counted = np.where(chances >= usual, chances, -1.0)
    found = [
        LabelError(int(places[row]), int(other), float(chances[row, truth[row]]), float(chances[row, other]))
        for row, other in enumerate(counted.argmax(axis=1) if counted.size else ())
        if counted[row, other] > max(counted[row, truth[row]], 0.0)
    ]
    return sorted(found, key=lambda each: (each.of_label - each.of_other, each.at))
