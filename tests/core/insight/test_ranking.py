from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from core.insight.predictions import Predictions
from core.insight.ranking import MOST_POINTS, ranking
from core.insight.rates import Estimate


def answers(labels: list[int], chances: np.ndarray, classes: int) -> Predictions:
    return Predictions(
        tuple(f"class {at}" for at in range(classes)), tuple(str(at) for at in range(len(labels))),
        np.asarray(labels, dtype=np.int32), chances.astype(np.float32),
    )


def guesses(images: int, classes: int, skill: float, seed: int = 3) -> Predictions:
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, images)
    logits = random.normal(size=(images, classes))
    logits[np.arange(images), labels] += skill
    chances = np.exp(logits)
    return answers(labels.tolist(), chances / chances.sum(axis=1, keepdims=True), classes)


def test_areas_are_those_of_scikit_learn_and_of_the_curves() -> None:
    said = guesses(150, 3, 1.5)
    found = ranking(said)
    for at, each in enumerate(found.by_class):
        scores = said.probabilities[:, at]
        assert each.auc is not None
        assert each.average_precision is not None
        assert each.roc is not None
        assert each.auc.value == pytest.approx(roc_auc_score(said.labels == at, scores))
        assert each.average_precision.value == pytest.approx(
            average_precision_score(said.labels == at, scores))
        assert np.trapezoid(each.roc.y, each.roc.x) == pytest.approx(each.auc.value, abs=1e-6)
    assert found.auc == pytest.approx(np.mean([each.auc.value for each in found.by_class if each.auc]))


def test_the_interval_of_the_area_is_delongs() -> None:
    # The placement values by hand: of each yes the share of noes below it, of each no the share above.
    scores = np.array([0.9, 0.8, 0.35, 0.6, 0.4, 0.2, 0.1])
    said = answers([0, 0, 0, 1, 1, 1, 1], np.stack([scores, 1 - scores], axis=1), 2)
    of_yes, of_no = np.array([1, 1, 0.5]), np.array([2 / 3, 2 / 3, 1, 1])
    area = 10 / 12
    error = np.sqrt(of_yes.var(ddof=1) / 3 + of_no.var(ddof=1) / 4) / (area * (1 - area))
    odds = np.log(area / (1 - area))
    ends = [1 / (1 + np.exp(-(odds + by * 1.959964 * error))) for by in (-1, 1)]
    found = ranking(said).by_class[0].auc
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((area, *ends), abs=1e-6)


def test_a_perfect_ranking_has_no_interval_rather_than_an_empty_one() -> None:
    chances = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7]])
    found = ranking(answers([0, 0, 1, 1], chances, 2))
    assert [each.auc for each in found.by_class] == [Estimate(1.0), Estimate(1.0)]
    assert [each.average_precision for each in found.by_class] == [Estimate(1.0), Estimate(1.0)]


def test_a_class_without_photos_is_not_available_and_left_out_of_the_mean() -> None:
    said = guesses(60, 2, 1.0)
    chances = np.concatenate([said.probabilities * 0.9, np.full((60, 1), 0.1)], axis=1)
    found = ranking(answers(said.labels.tolist(), chances, 3))
    nothing = found.by_class[2]
    assert (nothing.images, nothing.roc, nothing.auc, nothing.precision_recall) == (0, None, None, None)
    assert found.auc == pytest.approx(
        np.mean([each.auc.value for each in found.by_class[:2] if each.auc]))


def test_photos_of_one_class_rank_nothing() -> None:
    found = ranking(answers([0, 0], np.array([[0.9, 0.1], [0.4, 0.6]]), 2))
    assert (found.roc, found.auc, found.average_precision) == (None, None, None)
    assert [each.auc for each in found.by_class] == [None, None]


def test_curves_of_many_photos_stay_short_and_keep_their_ends() -> None:
    found = ranking(guesses(4000, 2, 0.5))
    for each in found.by_class:
        assert each.roc is not None
        assert each.precision_recall is not None
        assert len(each.roc.x) <= MOST_POINTS
        assert len(each.precision_recall.x) <= MOST_POINTS
        assert (each.roc.x[0], each.roc.y[0], each.roc.x[-1], each.roc.y[-1]) == (0, 0, 1, 1)
        assert (each.precision_recall.x[0], each.precision_recall.x[-1]) == (0, 1)
