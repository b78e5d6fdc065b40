from __future__ import annotations

import numpy as np
import pytest

from pages.ui.heatmap_panel import spoken
from pages.ui.heatmap_pictures import Explained
from pages.ui.heatmap_words import compared
from pages.ui.predict_threshold import Judging

CLASSES = ("shirt", "t-shirt", "hat")


def found(chosen: int, *, empty: bool = False) -> Explained:
    return Explained(b"", b"", chosen, (0.83, 0.15, 0.02), np.full((2, 2), 0.0 if empty else 1.0, np.float32))


@pytest.mark.parametrize(
    ("chosen", "is_of", "words"),
    [
        (0, "", "Says shirt (83%)."),
        (0, "shirt", "Said shirt (83%), which it is."),
        (0, "t-shirt", "Said shirt (83%), is t-shirt."),
        (1, "t-shirt", "Said shirt (83%), is t-shirt. The map is for t-shirt (15%)."),
        (2, "", "Says shirt (83%). The map is for hat (2%)."),
    ],
)
def test_it_is_said_what_was_said_what_it_is_and_what_the_map_is_for(
    chosen: int, is_of: str, words: str
) -> None:
    assert spoken(found(chosen), CLASSES, is_of) == words


def test_it_is_said_as_the_page_reads_it() -> None:
    assert spoken(found(0), CLASSES, how=Judging(0.9)) == "Not sure; the likeliest is shirt (83%)."
    assert spoken(found(0), CLASSES, how=Judging(0.83, 1.0)) == "Says shirt (83%)."
    assert spoken(found(1), CLASSES, how=Judging(0.6, 2.0)) == (
        "Says shirt (63%). The map is for t-shirt (27%).")


def test_that_there_is_nothing_to_show_is_said() -> None:
    assert spoken(found(2, empty=True), CLASSES) == (
        "Says shirt (83%). Nothing in it speaks for hat in this block.")


@pytest.mark.parametrize(
    ("likeness", "sign", "gist"),
    [
        ([0.1, -0.3, 0.2], "good", "The maps change"),
        ([0.6, 0.7, 0.1], "info", "change in part"),
        ([0.1, -0.7, 0.93], "info", "some hardly do"),
        ([0.9, 0.95, 0.2], "warning", "hardly change"),
        ([], "info", "Nothing to compare"),
    ],
)
def test_maps_that_stay_the_same_without_what_was_learned_are_warned_of(
    likeness: list[float], sign: str, gist: str
) -> None:
    strong, figures, told = compared(likeness, 5)
    assert gist in strong
    assert told == sign
    if likeness:
        assert f"{min(likeness):.2f}" in figures
        assert f"{max(likeness):.2f}" in figures
        assert "5 random heads" in figures
