from __future__ import annotations

import pytest

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
