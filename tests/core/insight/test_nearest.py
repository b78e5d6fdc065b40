from __future__ import annotations

import numpy as np
import pytest

from core.errors import Stopped
from core.insight import nearest as module
from core.insight.nearest import nearest, neighbours, part_of, unit


def some(n: int, channels: int = 7, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, channels)).astype(np.float32)


def test_the_nearest_are_those_with_the_largest_cosine_whatever_their_length() -> None:
    rows, query = some(40), some(9, seed=1)
    indices, alike = nearest(rows * 100, query * 0.01, 3)
    whole = unit(query) @ unit(rows).T
    assert (indices == np.argsort(-whole, axis=1)[:, :3]).all()
    np.testing.assert_allclose(alike, -np.sort(-whole, axis=1)[:, :3], atol=1e-6)


def test_many_rows_are_looked_at_in_parts_with_the_same_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, query = some(40), some(9, seed=1)
    whole = nearest(rows, query, 4)
    monkeypatch.setattr(module, "MOST_AT_ONCE", 80)
    told: list[int] = []
    parts = nearest(rows, query, 4, progress=lambda _phase, done, _total: told.append(done))
    assert (parts[0] == whole[0]).all()
    assert told == [0, 2, 4, 6, 8, 9]


def test_a_row_is_not_its_own_neighbour() -> None:
    indices, alike = neighbours(some(12), 11)
    assert all(sorted([at, *row]) == list(range(12)) for at, row in enumerate(indices.tolist()))
    assert alike.max() < 1


def test_there_are_no_more_neighbours_than_rows() -> None:
    assert nearest(some(2), some(3), 5)[0].shape == (3, 2)
    assert neighbours(some(1), 5)[0].shape == (1, 0)
    assert nearest(some(0), some(3), 5)[0].shape == (3, 0)


def test_features_of_nothing_are_like_nothing_and_break_nothing() -> None:
    rows = some(4)
    rows[0], rows[1, 2] = 0, np.nan
    assert not unit(rows)[:2].any()
    assert (nearest(rows, rows[:2], 2)[1] == 0).all()


def test_equally_alike_rows_come_in_their_order() -> None:
    rows = np.ones((5, 3), np.float32)
    assert nearest(rows, rows[:1], 5)[0].tolist() == [[0, 1, 2, 3, 4]]


def test_a_stop_leaves() -> None:
    def stop(*_told: object) -> None:
        raise Stopped("It was cancelled.")

    with pytest.raises(Stopped):
        neighbours(some(4), 2, progress=stop)


def test_a_piece_of_some_work_tells_how_far_the_whole_is() -> None:
    told: list[tuple[str, int, int | None]] = []
    part_of(lambda *each: told.append(each), 10, 30)("phase", 4, 5)
    assert told == [("phase", 14, 30)]
