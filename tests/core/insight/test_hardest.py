from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.insight.hardest import hardest
from core.insight.predictions import Predictions


def said(*rows: tuple[int, tuple[float, ...]]) -> Predictions:
    labels, chances = zip(*rows, strict=True)
    return Predictions(
        ("a", "b", "c"), tuple(f"images/{at:06d}.jpg" for at in range(len(rows))),
        np.asarray(labels, dtype=np.int32), np.asarray(chances, dtype=np.float32))


FOUND = said(
    (0, (0.9, 0.05, 0.05)), (0, (0.1, 0.7, 0.2)), (1, (0.2, 0.4, 0.4)), (2, (0.98, 0.01, 0.01)),
    (2, (0.3, 0.3, 0.4)), (0, (0.1, 0.2, 0.7)),
)


def test_photos_come_by_how_unlikely_the_model_holds_the_truth() -> None:
    assert hardest(FOUND).tolist() == [3, 1, 5, 2, 4, 0]


def test_photos_that_are_equally_hard_stay_in_their_order() -> None:
    assert hardest(said(*[(0, (0.4, 0.3, 0.3))] * 5)).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("wanted", "places"),
    [
        ({"only_mistakes": True}, [3, 1, 5]),
        ({"label": 0}, [1, 5, 0]),
        ({"said": 0}, [3, 0]),
        ({"label": 0, "said": 0}, [0]),
        ({"label": 0, "only_mistakes": True}, [1, 5]),
        ({"label": 1, "only_mistakes": True}, []),
    ],
)
def test_filters_leave_the_photos_that_are_meant(wanted: dict[str, int], places: list[int]) -> None:
    assert hardest(FOUND, **wanted).tolist() == places


@given(st.integers(0, 2), st.integers(0, 2), st.booleans())
def test_a_filter_never_changes_the_order(label: int, said_to_be: int, only: bool) -> None:
    whole = hardest(FOUND).tolist()
    part = hardest(FOUND, label=label, said=said_to_be, only_mistakes=only).tolist()
    assert part == [place for place in whole if place in part]
