"""The curve of a sweep: smoothing, and what it suggests, on curves made by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.training.fields import LEARNING_RATE
from core.training.rate_curve import SMOOTHING, RateCurve, curve_of, runs_away, smoothed
from core.training.rate_finder import RATES

HUNDRED = [32] * len(RATES)


def drawn(loss_at: Callable[[float], float], *, noise: float = 0.0) -> RateCurve:
    """Return the curve of a loss that is a function of the rate, with chance on top."""
    chance = np.random.default_rng(3).normal(0, noise, len(RATES))
    losses = [loss_at(rate) + float(each) for rate, each in zip(RATES, chance, strict=True)]
    return curve_of(RATES, losses, HUNDRED, stopped_early=False)


def falling_at(rate: float, *, rising_at: float = math.inf) -> Callable[[float], float]:
    """Return a loss that falls from 2.5 to 0.5 around one rate, and rises around another."""

    def loss(now: float) -> float:
        fall = 1 / (1 + (now / rate) ** 2)
        return 0.5 + 2 * fall + (now / rising_at) ** 2

    return loss


def test_the_first_mean_is_the_first_loss_and_a_level_loss_stays_as_it_is() -> None:
    assert smoothed([2.5], [32]) == [2.5]
    assert smoothed([2.0] * 50, [32] * 50) == pytest.approx([2.0] * 50)


def test_a_mean_is_the_weighted_mean_of_all_before_the_older_the_less() -> None:
    losses = [float(n % 7) for n in range(20)]
    weights = SMOOTHING ** np.arange(20)[::-1]
    assert smoothed(losses, [4] * 20)[-1] == pytest.approx(float(np.average(losses, weights=weights)))


def test_a_step_of_few_photos_counts_less() -> None:
    old = SMOOTHING * 30
    assert smoothed([1.0, 3.0], [30, 10])[-1] == pytest.approx((old * 1 + 10 * 3) / (old + 10))


@given(st.lists(st.tuples(st.floats(0, 1e6), st.integers(1, 128)), min_size=1, max_size=100))
def test_a_mean_lies_between_the_lowest_and_the_highest_loss_so_far(steps: list[tuple[float, int]]) -> None:
    losses, photos = [loss for loss, _photos in steps], [count for _loss, count in steps]
    for at, mean in enumerate(smoothed(losses, photos), start=1):
        assert min(losses[:at]) * (1 - 1e-9) <= mean <= max(losses[:at]) * (1 + 1e-9)


def test_a_loss_runs_away_once_its_mean_is_more_than_four_times_the_lowest() -> None:
    assert not runs_away([])
    assert not runs_away([1.0, 0.5, 2.0])
    assert runs_away([1.0, 0.5, 2.01])


def test_where_the_loss_falls_fastest_is_suggested() -> None:
    curve = drawn(falling_at(1e-3))
    assert curve.steepest is not None
    assert curve.suggestion == float(f"{curve.steepest:.0e}")
    # The mean lags a little behind the loss.
    assert 1e-3 <= curve.suggestion <= 3e-3
    assert curve.lowest == RATES[-1]
    assert curve.reason == ""


def test_a_tenth_of_the_rate_at_the_lowest_loss_is_suggested_where_that_is_less() -> None:
    curve = drawn(lambda rate: falling_at(1e-2)(rate) + (3 if rate > 3e-2 else 0))
    assert curve.lowest is not None
    assert curve.steepest is not None
    assert curve.steepest > curve.lowest / 10
    assert curve.suggestion == float(f"{curve.lowest / 10:.0e}")


def test_a_rate_ten_times_as_high_gives_a_suggestion_ten_times_as_high() -> None:
    low, high = drawn(falling_at(1e-4, rising_at=1e-2)), drawn(falling_at(1e-3, rising_at=1e-1))
    assert low.suggestion is not None
    assert high.suggestion is not None
    assert 7 <= high.suggestion / low.suggestion <= 13


def test_chance_on_the_loss_moves_the_suggestion_little() -> None:
    calm, restless = drawn(falling_at(1e-3)), drawn(falling_at(1e-3), noise=0.15)
    assert calm.suggestion is not None
    assert restless.suggestion is not None
    assert 1 / 3 <= restless.suggestion / calm.suggestion <= 3


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.2, 0.8])
def test_chance_alone_suggests_nothing_and_it_is_said(noise: float) -> None:
    curve = drawn(lambda _rate: 2.5, noise=noise)
    assert (curve.suggestion, curve.steepest, curve.lowest) == (None, None, None)
    assert curve.reason == "The loss did not fall at any rate."
    assert len(curve.smoothed) == len(RATES)


def test_a_loss_that_only_rises_suggests_nothing() -> None:
    curve = drawn(lambda rate: 2.5 + 100 * rate)
    assert curve.suggestion is None
    assert curve.reason == "The loss did not fall at any rate."


@pytest.mark.parametrize("steps", [0, 1, 10])
def test_a_loss_that_runs_away_at_once_suggests_nothing(steps: int) -> None:
    curve = curve_of(RATES[:steps], [2.0] * steps, [8] * steps, stopped_early=True)
    assert curve.suggestion is None
    assert curve.stopped_early
    assert curve.reason == "The loss ran away at the lowest rates already."


@given(st.lists(st.floats(0, 1e6), min_size=11, max_size=100))
def test_a_suggestion_has_one_digit_and_lies_within_the_bounds_of_the_field(losses: list[float]) -> None:
    rates = RATES[: len(losses)]
    curve = curve_of(rates, losses, [8] * len(losses), stopped_early=False)
    if curve.suggestion is None:
        assert curve.reason
        return
    LEARNING_RATE.check(curve.suggestion)
    assert float(f"{curve.suggestion:.0e}") == curve.suggestion
    assert curve.lowest in rates
    assert curve.steepest in rates
    assert curve.steepest <= curve.lowest
