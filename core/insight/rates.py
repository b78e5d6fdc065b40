"""Accuracy, balanced accuracy, macro F1, and by class precision, recall and F1; all with 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from core.i18n import _
from core.insight.metrics import Evaluation, Share, share, wilson
from core.insight.predictions import Predictions

RESAMPLES = 1000
SEED = 0
_ENDS = (2.5, 97.5)


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval.

    Attributes:
        value: The figure, 0 to 1.
        low: Lower end of the interval; ``None`` where what was measured says nothing of it.
        high: Upper end of the interval, likewise.
    """

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class ClassRates:
    """How one class is found.

    Attributes:
        name: Its name; text from outside.
        images: How many photos are of it (its support).
        said: How many photos were said to be of it.
        precision: Of those that were said to be of it, the share that is; ``None`` where none was.
        recall: Of those that are of it, the share that was said to be; ``None`` where none is.
        f1: The harmonic mean of both; ``None`` where no photo is of it.
    """

    name: str
    images: int
    said: int
    precision: Share | None
    recall: Share | None
    f1: Estimate | None


@dataclass(frozen=True)
class Rates:
    """How a model does on labelled photos.

    Attributes:
        images: How many photos, at least 1.
        accuracy: The share that was said right.
        balanced: The mean of the recall of each class that has photos.
        macro_f1: The mean of the F1 of each class that has photos.
        by_class: For each class, in the model's order.
        confusion: ``confusion[i][j]`` photos are of class ``i`` and were said to be ``j``.
    """

    images: int
    accuracy: Share
    balanced: Estimate
    macro_f1: Estimate
    by_class: tuple[ClassRates, ...]
    confusion: tuple[tuple[int, ...], ...]


def rates(classes: Sequence[str], confusion: Sequence[Sequence[int]]) -> Rates:
    """Return how a model does on labelled photos, from what it mixes up.

    Args:
        classes: The class names.
        confusion: See :class:`Rates`.

    Accuracy, precision and recall have Wilson intervals, F1 the Wilson interval of the share that it follows
    from. Balanced accuracy and macro F1 have the basic interval of :data:`RESAMPLES` bootstrap samples,
    always with the same seed: of each class as many photos are drawn as there are, from what was said of it
    and one photo more, half right and half wrong. Without that one a class of a few photos, all of them
    right, would count as certain.

    Raises:
        BadInput: There is no photo.

    Source:
        K. F. Y. Lam, V. Gopal, J. Qian, Confidence Intervals for the F1 Score: A Comparison of Four Methods,
        arXiv:2309.14621 (Wilson indirect); A. C. Davison, D. V. Hinkley, Bootstrap Methods and their
        Application (1997), chapter 5 (basic interval); L. D. Brown, T. T. Cai, A. DasGupta, Statistical
        Science 16 (2001), 101-133, for the half photos (Jeffreys prior).
    """
    matrix = np.asarray(confusion, dtype=np.int64)
    images = matrix.sum(axis=1)
    accuracy = share(int(np.trace(matrix)), int(images.sum()))
    if accuracy is None:
        raise BadInput(_("There is no image to measure on."))
    measured = _means(images, np.diagonal(matrix)[None], matrix.sum(axis=0)[None])
    middle = _means(images, *_drawn_from(matrix))
    drawn = _means(images, *_drawn_anew(matrix))
    balanced, macro = (_estimate(float(one[0]), samples - between) for one, samples, between in zip(
        measured, drawn, middle, strict=True))
    return Rates(
        images=accuracy.images,
        accuracy=accuracy,
        balanced=balanced,
        macro_f1=macro,
        by_class=tuple(_of_class(name, at, matrix) for at, name in enumerate(classes)),
        confusion=tuple(tuple(int(n) for n in row) for row in matrix),
    )


def is_counted(said: Predictions, found: Evaluation) -> bool:
    """Tell whether figures are those of what a model said of photos: whether both mix up the same.

    Args:
        said: What was said of each photo.
        found: The figures, which may be of another look or another model.
    """
    if said.classes != found.classes or int(said.right.sum()) != found.accuracy.right:
        return False
    counted = np.zeros((len(said.classes),) * 2, dtype=np.int64)
    np.add.at(counted, (said.labels, said.said), 1)
    return tuple(tuple(row) for row in counted.tolist()) == found.confusion


def _of_class(name: str, at: int, matrix: NDArray[np.int64]) -> ClassRates:
    right, images, said = int(matrix[at, at]), int(matrix[at].sum()), int(matrix[:, at].sum())
    return ClassRates(
        name, images, said, share(right, said), share(right, images), _f1(right, images, said))


def _f1(right: int, images: int, said: int) -> Estimate | None:
    """Return F1 with the interval of the share of right ones among all that are or were said to be of it."""
    if not images:
        return None
    either = images + said - right
    low, high = wilson(right / either, either)
    return Estimate(2 * right / (images + said), 2 * low / (1 + low), 2 * high / (1 + high))


def _means(
    images: NDArray[np.int64], right: NDArray[Any], said: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return balanced accuracy and macro F1 of samples, see :func:`_drawn_anew`."""
    there = images > 0
    recall = right[:, there] / images[there]
    f1 = 2 * right[:, there] / (images + said)[:, there]
    return recall.mean(axis=1), f1.mean(axis=1)


def _drawn_from(matrix: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the means of what :func:`_drawn_anew` draws, ``(1, classes)`` each."""
    images = matrix.sum(axis=1)
    each = images / (images + 1)
    right, wrong = each * (np.diagonal(matrix) + 0.5), each * 0.5 / max(1, len(matrix) - 1)
    said = (each[:, None] * matrix).sum(axis=0) + each * 0.5 + wrong.sum() - wrong
    return right[None], said[None]


def _drawn_anew(matrix: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw as many photos of each class as there are, from these and one more, again and again; see rates.

    Returns:
        By class, ``(samples, classes)``: how many were said right, and how many were said to be of it.
    """
    # NOTE: to draw photos and count them is to draw the counts, which costs the same with any number of them.
    random = np.random.default_rng(SEED)
    right = np.zeros((RESAMPLES, len(matrix)), dtype=np.int64)
    said = np.zeros_like(right)
    for at, row in enumerate(matrix):
        images = int(row.sum())
        if not images:
            continue
        # The last one is what was said of the wrong half: any other class, each as likely.
        there = np.union1d(np.flatnonzero(row), [at])
        weights = np.append(row[there] + 0.5 * (there == at), 0.5)
        drawn = random.multinomial(images, weights / weights.sum(), size=RESAMPLES)
        said[:, there] += drawn[:, :-1]
        right[:, at] = drawn[:, :-1][:, there == at].sum(axis=1)
        samples = np.repeat(np.arange(RESAMPLES), drawn[:, -1])
        if len(matrix) > 1:
            others = random.integers(0, len(matrix) - 1, size=len(samples))
            np.add.at(said, (samples, others + (others >= at)), 1)
    return right, said


def _estimate(value: float, errors: NDArray[np.float64]) -> Estimate:
    """Return a figure with its interval, from how far samples lie from what they were drawn from."""
    least, most = (float(each) for each in np.percentile(errors, _ENDS))
    return Estimate(value, max(0.0, min(value - most, value)), min(1.0, max(value - least, value)))
