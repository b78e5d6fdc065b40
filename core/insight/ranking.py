"""How well each class is told from all others at any threshold: ROC and precision-recall by class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.insight.metrics import Z_95
from core.insight.predictions import Predictions
from core.insight.rates import Estimate

MOST_POINTS = 200


@dataclass(frozen=True)
class Curve:
    """A line in a chart, as its points; shares from 0 to 1."""

    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class ClassRanking:
    """How well one class is told from all others.

    Attributes:
        name: Its name; text from outside.
        images: How many photos are of it.
        roc: False positives (x) against recall (y); ``None`` where no photo is of it, or every one.
        auc: The area under that curve.
        precision_recall: Recall (x) against precision (y); ``None`` likewise.
        average_precision: The mean of the precision at each threshold, by how much recall it adds.
    """

    name: str
    images: int
    roc: Curve | None = None
    auc: Estimate | None = None
    precision_recall: Curve | None = None
    average_precision: Estimate | None = None


@dataclass(frozen=True)
class Ranking:
    """How well classes are told apart.

    Attributes:
        by_class: For each class, in the model's order.
        roc: The mean over classes of the recall at each share of false positives; ``None`` without any.
        auc: The mean over classes of the area under the curve.
        average_precision: The mean over classes of the average precision.
    """

    by_class: tuple[ClassRanking, ...]
    roc: Curve | None
    auc: float | None
    average_precision: float | None


def ranking(found: Predictions) -> Ranking:
    """Return ROC and precision-recall by class, each against all others.

    Source:
        Intervals: E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44 (1988), 837-845, on the
        scale of log odds, for the area; K. Boyd, K. H. Eng, C. D. Page, ECML PKDD 2013 (logit interval) for
        average precision.
    """
    each = tuple(_of_class(found, at) for at in range(len(found.classes)))
    known = [one for one in each if one.auc is not None and one.average_precision is not None]
    if not known:
        return Ranking(each, None, None, None)
    return Ranking(
        each, _mean_curve([one.roc for one in known if one.roc is not None]),
        float(np.mean([one.auc.value for one in known if one.auc])),
        float(np.mean([one.average_precision.value for one in known if one.average_precision])),
    )


def _of_class(found: Predictions, at: int) -> ClassRanking:
    from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

    is_it = found.labels == at
    name, images = found.classes[at], int(is_it.sum())
    if not 0 < images < len(found):
        return ClassRanking(name, images)
    scores = found.probabilities[:, at]
    false_positives, recalled, _thresholds = roc_curve(is_it, scores)
    precision, recall, _at = precision_recall_curve(is_it, scores, drop_intermediate=True)
    precise = float(average_precision_score(is_it, scores))
    return ClassRanking(
        name, images, _curve(false_positives, recalled),
        _within(float(roc_auc_score(is_it, scores)), _auc_error(is_it, scores)),
        _curve(recall[::-1], precision[::-1]),
        _within(precise, _odds_error(precise, images)),
    )


def _auc_error(is_it: NDArray[np.bool_], scores: NDArray[np.float32]) -> float:
    """Return the standard error of the log odds of the area, by DeLong; 0 where it cannot be told."""
    from scipy.stats import rankdata

    yes, no = scores[is_it], scores[~is_it]
    if min(len(yes), len(no)) < 2:
        return 0.0
    ranks = rankdata(np.concatenate([yes, no]))
    of_yes = (ranks[: len(yes)] - rankdata(yes)) / len(no)
    of_no = 1 - (ranks[len(yes):] - rankdata(no)) / len(yes)
    area = float(of_yes.mean())
    if not 0 < area < 1:
        return 0.0
    variance = float(of_yes.var(ddof=1)) / len(yes) + float(of_no.var(ddof=1)) / len(no)
    return math.sqrt(variance) / (area * (1 - area))


def _odds_error(precise: float, images: int) -> float:
    return 1 / math.sqrt(images * precise * (1 - precise)) if 0 < precise < 1 else 0.0


def _within(value: float, error: float) -> Estimate:
    """Return a share with the interval of its log odds; without one where the error is not known."""
    if error <= 0 or not 0 < value < 1:
        return Estimate(value)
    odds = math.log(value / (1 - value))
    low, high = (1 / (1 + math.exp(-max(-700.0, odds + by * Z_95 * error))) for by in (-1, 1))
    return Estimate(value, low, high)


def _curve(x: NDArray[np.float64], y: NDArray[np.float64]) -> Curve:
    """Return a curve of at most :data:`MOST_POINTS` points, its ends among them."""
    kept = np.unique(np.linspace(0, len(x) - 1, min(len(x), MOST_POINTS)).round().astype(int))
    return Curve(tuple(float(each) for each in x[kept]), tuple(float(each) for each in y[kept]))


def _mean_curve(curves: Sequence[Curve]) -> Curve:
    grid = np.linspace(0, 1, MOST_POINTS // 2 + 1)
    mean = np.mean([np.interp(grid, each.x, each.y) for each in curves], axis=0)
    # At no false positive at all a curve stands at what it reaches there, and before that at nothing.
    return _curve(np.concatenate([[0.0], grid]), np.concatenate([[0.0], mean]))
