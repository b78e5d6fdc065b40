from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray

from core.insight.cka import _hsic, linear_cka


def features(photos: int, channels: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(photos, channels)).astype(np.float32)


def test_the_same_features_are_alike_by_one() -> None:
    one = features(20, 50)
    assert linear_cka(one, one.copy()) == pytest.approx(1.0, abs=1e-9)


def test_turning_scaling_and_shifting_features_changes_nothing() -> None:
    one = features(30, 8).astype(np.float64)
    turn, _rest = np.linalg.qr(features(8, 8, seed=1).astype(np.float64))
    assert linear_cka(one, 7.5 * one @ turn + 3.0) == pytest.approx(1.0, abs=1e-9)


def test_features_that_have_nothing_in_common_are_about_zero_also_of_more_channels_than_photos() -> None:
    found = [linear_cka(features(24, 400, seed), features(24, 300, seed + 100)) for seed in range(20)]
    assert all(each is not None for each in found)
    assert abs(float(np.mean([each or 0.0 for each in found]))) < 0.05


def test_the_more_noise_the_less_alike() -> None:
    one, noise = features(60, 10), features(60, 10, seed=3)
    little, much = linear_cka(one, one + 0.2 * noise), linear_cka(one, one + 2 * noise)
    assert little is not None
    assert much is not None
    assert 1 > little > 0.9 > much > 0


def test_the_estimator_is_the_mean_over_all_four_different_photos() -> None:
    one, other = features(6, 3).astype(np.float64), features(6, 4, seed=1).astype(np.float64)
    grams = []
    for values in (one, other):
        gram = values @ values.T
        np.fill_diagonal(gram, 0.0)
        grams.append(gram)
    k, m = grams
    fours = list(permutations(range(6), 4))
    expected = np.mean([k[a, b] * (m[a, b] + m[c, d] - 2 * m[a, c]) for a, b, c, d in fours])
    assert _hsic(k, m) == pytest.approx(expected)


@pytest.mark.parametrize(
    "one",
    [features(3, 5), np.ones((20, 5), np.float32), np.full((20, 5), 0.1, np.float32),
     np.full((20, 5), np.nan, np.float32)],
    ids=["three photos", "all alike", "alike but for rounding", "no numbers"],
)
def test_where_it_is_not_defined_there_is_no_figure(one: NDArray[np.float32]) -> None:
    assert linear_cka(one, features(len(one), 5)) is None
    assert linear_cka(features(len(one), 5), one) is None
