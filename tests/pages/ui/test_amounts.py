from __future__ import annotations

import pytest

from core.words import bytes_text
from pages.ui.amounts import parameters_text


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1k"),
        (47_600, "48k"),
        (999_499, "999k"),
        (999_500, "1.0 M"),
        (1_995_000, "2.0 M"),
        (23_564_800, "23.6 M"),
        (999_949_999, "999.9 M"),
        (999_950_000, "1.0 bn"),
        (24_581_200_000, "24.6 bn"),
    ],
)
def test_parameters_are_short(parameters: int, text: str) -> None:
    assert parameters_text(parameters) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0 MB"),
        (200, "1 kB"),
        (80_400, "80 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (95_208_960, "95 MB"),
        (999_499_999, "999 MB"),
        (999_500_000, "1 GB"),
        (1_240_000_000, "1.2 GB"),
        (10_000_000_000, "10 GB"),
    ],
)
def test_bytes_are_short_and_none_but_nothing_is_nought(amount: int, text: str) -> None:
    assert bytes_text(amount) == text
