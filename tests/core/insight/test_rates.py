from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score, precision_recall_fscore_support

from core.errors import BadInput
from core.insight.metrics import evaluate, wilson
from core.insight.predictions import Predictions
from core.insight.rates import Rates, is_counted, rates

CONFUSION = ((40, 3, 7), (5, 20, 0), (1, 0, 9))


def spread(confusion: tuple[tuple[int, ...], ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return what photos are and what was said, one entry a photo."""
    counts = np.asarray(confusion)
    is_it, said = np.indices(counts.shape)
    return np.repeat(is_it.ravel(), counts.ravel()), np.repeat(said.ravel(), counts.ravel())


def of(confusion: tuple[tuple[int, ...], ...]) -> Rates:
    return rates([f"class {at}" for at in range(len(confusion))], confusion)


def test_the_figures_are_those_of_scikit_learn() -> None:
    is_it, said = spread(CONFUSION)
    found = of(CONFUSION)
    assert found.balanced.value == pytest.approx(balanced_accuracy_score(is_it, said))
    assert found.macro_f1.value == pytest.approx(f1_score(is_it, said, average="macro"))
    precision, recall, f1, support = precision_recall_fscore_support(is_it, said)
    for at, each in enumerate(found.by_class):
        assert each.precision is not None
        assert each.recall is not None
        assert each.f1 is not None
        assert each.precision.value == pytest.approx(precision[at])
        assert each.recall.value == pytest.approx(recall[at])
        assert each.f1.value == pytest.approx(f1[at])
        assert each.images == support[at]
    assert (found.images, found.accuracy.right) == (85, 69)


def test_with_many_photos_the_intervals_of_the_means_are_those_of_photos_drawn_anew_by_class() -> None:
    many = tuple(tuple(20 * n for n in row) for row in CONFUSION)
    is_it, said = spread(many)
    random = np.random.default_rng(11)
    balanced, macro = [], []
    for _each in range(1000):
        drawn = np.concatenate([
            random.choice(np.flatnonzero(is_it == at), size=int((is_it == at).sum())) for at in range(3)
        ])
        balanced.append(np.mean([(said[drawn] == at)[is_it[drawn] == at].mean() for at in range(3)]))
        macro.append(np.mean([
            2 * ((is_it[drawn] == at) & (said[drawn] == at)).sum()
            / ((is_it[drawn] == at).sum() + (said[drawn] == at).sum()) for at in range(3)
        ]))
    found = of(many)
    for figure, samples in ((found.balanced, balanced), (found.macro_f1, macro)):
        ends = tuple(np.percentile(samples, [2.5, 97.5]))
        assert (figure.low, figure.high) == pytest.approx(ends, abs=0.005)


def test_the_same_photos_have_the_same_intervals() -> None:
    assert of(CONFUSION) == of(CONFUSION)


def test_the_interval_of_f1_follows_from_that_of_the_share_it_follows_from() -> None:
    found = of(CONFUSION).by_class[0].f1
    low, high = wilson(40 / 56, 56)
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx(
        (80 / 96, 2 * low / (1 + low), 2 * high / (1 + high)))


def test_the_intervals_of_the_means_hold_the_truth_as_often_as_they_say_with_few_photos_of_a_class() -> None:
    random = np.random.default_rng(5)
    images = (2, 3, 2, 14, 8, 5)
    truth = np.asarray([0.9, 0.9, 0.8, 0.5, 0.95, 0.8])
    held = []
    for _each in range(200):
        right = random.binomial(images, truth)
        rows = np.diag(right)
        for at, wrong in enumerate(images - right):
            rows[at, (at + 1) % 6] += wrong
        found = of(tuple(tuple(int(n) for n in row) for row in rows)).balanced
        assert found.low is not None
        assert found.high is not None
        held.append(found.low <= truth.mean() <= found.high)
    assert np.mean(held) >= 0.92


def test_without_a_mistake_few_photos_are_not_taken_for_certain() -> None:
    found = of(((8, 0), (0, 3)))
    for mean in (found.balanced, found.macro_f1):
        assert (mean.value, mean.high) == (1.0, 1.0)
        assert mean.low is not None
        assert mean.low < 0.95
    each = found.by_class[1].f1
    assert each is not None
    assert each.low is not None
    assert each.low < 0.75
    assert each.high == pytest.approx(1.0)


def test_a_class_without_photos_has_no_recall_and_counts_in_no_mean() -> None:
    found = of(((4, 1, 0), (0, 0, 0), (0, 0, 5)))
    nothing = found.by_class[1]
    assert (nothing.images, nothing.said, nothing.recall, nothing.f1) == (0, 1, None, None)
    assert nothing.precision is not None
    assert nothing.precision.value == 0
    assert found.balanced.value == pytest.approx(0.9)
    assert found.macro_f1.value == pytest.approx((8 / 9 + 1) / 2)


def test_a_class_that_was_never_said_has_no_precision_rather_than_0() -> None:
    found = of(((3, 0), (2, 0))).by_class[1]
    assert found.precision is None
    assert found.recall is not None
    assert found.f1 is not None
    assert (found.recall.value, found.f1.value) == (0, 0)


def test_without_photos_there_is_nothing_to_measure() -> None:
    with pytest.raises(BadInput):
        of(((0, 0), (0, 0)))


@given(st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=3, max_size=3))
def test_each_figure_lies_within_its_interval(rows: list[list[int]]) -> None:
    rows[0][0] += 1
    found = of(tuple(tuple(row) for row in rows))
    figures = [found.balanced, found.macro_f1, *(each.f1 for each in found.by_class if each.f1)]
    for figure in figures:
        assert 0 <= figure.value <= 1 + 1e-9
        if figure.low is not None and figure.high is not None:
            assert figure.low <= figure.value + 1e-9
            assert figure.value <= figure.high + 1e-9


def test_figures_are_those_of_what_was_said_only_where_both_mix_up_the_same() -> None:
    labels = np.asarray([0, 0, 1, 2], dtype=np.int32)

    def said(*answers: int) -> Predictions:
        chances = np.eye(3, dtype=np.float32)[[*answers]]
        return Predictions(("a", "b", "c"), ("1", "2", "3", "4"), labels, chances)

    found = evaluate(labels.tolist(), [0, 1, 1, 2], ("a", "b", "c"), 0)
    assert is_counted(said(0, 1, 1, 2), found)
    assert is_counted(said(1, 0, 1, 2), found)
    # As many are right, and other cells have them.
    assert not is_counted(said(0, 2, 1, 2), found)
    assert not is_counted(said(0, 0, 1, 1), found)
    assert not is_counted(replace(said(0, 1, 1, 2), classes=("a", "b", "d")), found)
