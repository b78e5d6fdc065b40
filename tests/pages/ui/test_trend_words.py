from __future__ import annotations

import pytest

from core.training.events import EpochRow
from pages.ui.trend import trend


def rows(*shares: float | None) -> list[EpochRow]:
    return [EpochRow(n, "fit", 1.0, 0.8, None, each, 1e-3, 1.0) for n, each in enumerate(shares, start=1)]


@pytest.mark.parametrize(
    ("shares", "strong"),
    [
        ((0.5, 0.6), "Still improving."), ((0.6, 0.6), "No rise in the last epoch."),
        ((0.6, 0.55), "No rise in the last epoch."), ((0.7, 0.7, 0.69, 0.702), "Level."),
    ],
)
def test_the_last_epochs_are_judged(shares: tuple[float, ...], strong: str) -> None:
    said = trend(rows(*shares), going_on=True)
    assert said is not None
    assert said.strong == strong


def test_a_run_that_has_ended_is_not_said_to_go_on() -> None:
    said = trend(rows(0.5, 0.6), going_on=False)
    assert said is not None
    assert said.strong == "Was still improving: more epochs may help."
    assert said.sentence.startswith("Validation rose 10.0 points in the last epoch.")
    assert "Training is 20.0 points ahead" in said.sentence


@pytest.mark.parametrize("shares", [(), (0.5,), (None, None)])
def test_one_epoch_or_none_that_was_validated_is_no_trend(shares: tuple[float | None, ...]) -> None:
    assert trend(rows(*shares), going_on=True) is None
