from __future__ import annotations

import numpy as np
import pytest

from core.insight.sureness import is_sure, sureness

CHANCES = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.45, 0.55]], np.float32)
LABELS = np.array([0, 1, 1, 0], np.int32)


def test_a_class_is_named_where_the_likeliest_reaches_the_threshold() -> None:
    chances = np.array([0.25, 0.75], np.float32)
    assert is_sure(chances, 0.0)
    assert is_sure(chances, 0.75)
    assert not is_sure(chances, 0.76)


@pytest.mark.parametrize(("threshold", "answered", "right"), [
    (0.0, (4, 4), (2, 4)), (0.58, (3, 4), (2, 3)), (0.7, (2, 4), (2, 2)), (0.95, (0, 4), None)])
def test_a_threshold_says_how_many_are_answered_and_how_many_of_these_are_right(
    threshold: float, answered: tuple[int, int], right: tuple[int, int] | None
) -> None:
    found = sureness(CHANCES, LABELS, threshold)
    assert found is not None
    assert (found.answered.right, found.answered.images) == answered
    assert (None if found.right is None else (found.right.right, found.right.images)) == right


def test_without_photos_nothing_is_said() -> None:
    assert sureness(np.empty((0, 2), np.float32), np.empty(0, np.int32), 0.5) is None
