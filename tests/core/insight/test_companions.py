from __future__ import annotations

import numpy as np

from core.insight.companions import Companions


def directions(*degrees: float) -> np.ndarray:
    angles = np.deg2rad(np.asarray(degrees))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_the_nearest_of_a_class_is_by_the_angle_and_never_the_photo_itself() -> None:
    rows = directions(0, 10, 25, 40, 60)
    rows[1] *= 100
    beside = Companions(rows, [0, 0, 0, 1, 1], [], [])
    assert beside.nearest(0, 0) == 1
    assert beside.nearest(0, 1) == 3
    assert beside.nearest(0, 0, besides=1) == 2
    assert beside.nearest(4, 1) == 3


def test_copies_and_copies_of_copies_are_passed_over() -> None:
    beside = Companions(directions(0, 1, 2, 30, 40), [0, 1, 0, 0, 1], [(0, 1), (1, 2)], [])
    assert beside.nearest(0, 0) == 3
    assert beside.nearest(0, 1) == 4
    assert beside.nearest(3, 0) == 2, "of others they are no copies"


def test_a_photo_whose_own_label_is_in_question_is_nothing_to_compare_with() -> None:
    beside = Companions(directions(0, 5, 20, 90), [0, 0, 0, 1], [], [1, 3])
    assert beside.nearest(0, 0) == 2
    assert beside.nearest(3, 0) == 2
    assert beside.nearest(0, 1) is None


def test_the_typical_photo_is_nearest_to_the_middle_of_the_class() -> None:
    rows = directions(0, 18, 24, 45, 170)
    beside = Companions(rows, [0, 0, 0, 0, 1], [], [])
    assert beside.typical(3) == 2
    assert beside.typical(2) == 1, "a photo does not stand beside itself"
    assert Companions(rows, [0, 0, 0, 0, 1], [(2, 3)], []).typical(3) == 1, "nor beside its copy"


def test_where_there_is_no_other_photo_there_is_nothing_to_compare_with() -> None:
    beside = Companions(directions(0, 50, 60), [0, 1, 1], [(1, 2)], [0])
    assert beside.nearest(0, 0) is None
    assert beside.typical(0) is None
    assert beside.typical(1) is None
    assert beside.nearest(0, 7) is None


def test_features_without_a_direction_are_compared_too() -> None:
    rows = directions(0, 10, 20, 30)
    rows[0], rows[1] = 0, np.nan
    beside = Companions(rows, [0, 0, 0, 0], [], [])
    assert beside.nearest(0, 0) in (1, 2, 3)
    assert beside.nearest(2, 0) == 3
    assert beside.typical(0) in (1, 2, 3)
