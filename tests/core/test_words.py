from __future__ import annotations

import pytest

from core.words import about_text, duration_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (46.4, "46 s"), (59.6, "1 min 0 s"), (151, "2 min 31 s"), (4000, "1 h 6 min")],
)
def test_measured_times(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "5 s"), (42, "40 s"), (56, "1 min"), (170, "3 min"), (5300, "88 min"), (7300, "2 h")],
)
def test_estimates_have_no_false_precision(seconds: float, text: str) -> None:
    assert about_text(seconds) == text
