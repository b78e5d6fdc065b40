from __future__ import annotations

import json
import math

import pytest

from pages.ui.curves import Curves, accuracy_floor, drawable, latest, loss_ceiling, thin
from pages.ui.live_curves import _charts


def run_of(batches: int, *, per_epoch: int = 57) -> Curves:
    places = [(batch + 1) / per_epoch for batch in range(batches)]
    losses = [2.0 * math.exp(-place) + 0.1 * math.sin(37 * place) for place in places]
    return Curves(places, losses, [0.9 - loss / 4 for loss in losses])


@pytest.mark.parametrize("batches", [1, 57, 499, 500, 501, 20_000])
def test_thinned_curve_keeps_to_its_limit(batches: int) -> None:
    thinned = thin(run_of(batches))
    assert 1 <= len(thinned.epoch) <= 500
    assert len(thinned.epoch) == len(thinned.loss) == len(thinned.accuracy)
    assert thinned.epoch == sorted(thinned.epoch)


def test_few_batches_are_left_as_they_are() -> None:
    curves = run_of(100)
    thinned = thin(curves)
    assert thinned.loss == pytest.approx(curves.batch_loss)
    assert thinned.epoch == pytest.approx(curves.batch_epoch, abs=1e-4)


def test_earlier_points_stay_where_they_were_from_tick_to_tick() -> None:
    before, after = thin(run_of(3_000)), thin(run_of(3_030))
    settled = len(before.epoch) - 1
    assert after.epoch[:settled] == before.epoch[:settled]
    assert after.loss[:settled] == before.loss[:settled]


def test_thinning_averages() -> None:
    curves = Curves([0.1, 0.2, 1.1, 1.2], [1.0, 3.0, 5.0, None], [0.0, 0.5, None, None])
    thinned = thin(curves, limit=2)
    assert thinned.loss == [2.0, 5.0]
    assert thinned.accuracy == [0.25, None]


def test_what_is_no_number_becomes_a_gap_and_valid_json() -> None:
    values = drawable([0.123456789, math.nan, math.inf, None], 100)
    assert values == [12.346, None, None, None]
    json.dumps(values, allow_nan=False)


def test_a_run_that_diverged_can_be_sent() -> None:
    bad = math.nan
    curves = Curves([0.5, 1.0], [bad, bad], [0.1, bad], [1], [bad], [0.1], [bad], [0.1])
    json.dumps(_charts(curves, 5), allow_nan=False)


@pytest.mark.parametrize(
    ("values", "floor"),
    [([], 0.0), ([0.1, 0.9], 0.0), ([0.25], 0.2), ([0.41], 0.2), ([0.5], 0.4), ([0.95], 0.6)],
)
def test_accuracy_axis_begins_below_everything(values: list[float], floor: float) -> None:
    assert accuracy_floor(Curves(val_accuracy=values)) == floor


@pytest.mark.parametrize(
    ("losses", "ceiling"),
    [([], 1.0), ([2.3], 2.5), ([0.18], 0.2), ([0.0], 1.0), ([7.1], 8.0), ([95.0], 100.0)],
)
def test_loss_axis_ends_at_a_round_number_above(losses: list[float], ceiling: float) -> None:
    assert loss_ceiling(Curves(loss=losses)) == pytest.approx(ceiling)


def test_one_absurd_batch_does_not_flatten_the_loss() -> None:
    assert loss_ceiling(Curves([0.1, 0.2], [2.0, 900.0])) == 6.0


def test_axes_only_widen_while_a_run_goes_on() -> None:
    runs = [run_of(batches) for batches in range(1, 400, 7)]
    ceilings = [loss_ceiling(run) for run in runs]
    floors = [accuracy_floor(run) for run in runs]
    assert ceilings == sorted(ceilings)
    assert floors == sorted(floors, reverse=True)


def test_latest_is_the_last_known_value() -> None:
    assert latest([0.5, 0.6, None, math.nan]) == 0.6
    assert latest([]) is None


def test_charts_say_their_latest_values() -> None:
    curves = Curves(
        epoch=[1, 2], loss=[1.0, 0.5], accuracy=[0.7, 0.912], val_loss=[1.1, 0.414],
        val_accuracy=[0.6, 0.879],
    )  # fmt: skip
    accuracy, loss = _charts(curves, 15)
    assert accuracy["figure"] == (("87.9%", True), (" validation", False))
    assert accuracy["label"] == (
        "Accuracy after 2 of 15 epochs: training 91.2%, validation 87.9%."
    )
    assert loss["figure"][0] == ("0.41", True)


def test_charts_of_a_run_that_has_just_begun_claim_no_value() -> None:
    accuracy, loss = _charts(Curves(), 15)
    assert accuracy["figure"] == loss["figure"] == ()
    assert accuracy["label"] == "Accuracy after 0 of 15 epochs: no epoch is complete yet."


def test_missing_validation_is_not_available_rather_than_zero() -> None:
    accuracy, _loss = _charts(Curves(epoch=[1], accuracy=[0.5], val_accuracy=[None]), 3)
    assert "validation not available" in accuracy["label"]
    assert accuracy["figure"] == (("50.0%", True), (" training", False))
