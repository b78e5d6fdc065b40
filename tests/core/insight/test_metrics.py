from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from core.insight.metrics import Evaluation, evaluate, share


def test_the_wilson_interval_equals_published_values() -> None:
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    for right, images, low, high in [
        (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ]:
        found = share(right, images)
        assert found is not None
        assert found.low == pytest.approx(low, abs=5e-5)
        assert found.high == pytest.approx(high, abs=5e-5)


@given(st.integers(1, 10_000), st.data())
def test_the_share_lies_within_its_interval(images: int, data: st.DataObject) -> None:
    found = share(data.draw(st.integers(0, images)), images)
    assert found is not None
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_nothing_measured_is_none_and_not_zero() -> None:
    assert share(0, 0) is None


def test_the_confusion_matrix_counts_what_is_against_what_was_said() -> None:
    found = evaluate([0, 0, 0, 1, 1], [0, 0, 1, 1, 0], ["a", "b", "c"], majority_class=0)
    assert found.confusion == ((2, 1, 0), (1, 1, 0), (0, 0, 0))
    assert found.accuracy.right == 3
    assert found.majority.right == 3
    assert [each.value if each else None for each in found.by_class] == [
        pytest.approx(2 / 3), 0.5, None,
    ]


def test_figures_are_read_back_the_same() -> None:
    found = evaluate([0, 1], [0, 0], ["a", "b"], majority_class=0)
    assert Evaluation.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    "damage",
    [{"value": "x"}, {"value": float("nan")}, {"low": 0.9}, {"high": 0.1}, {"high": 1.5}, {"low": -0.1},
     {"images": 0}, {"images": 0.5}, {"right": 3}, {"right": 10**400}, {"value": 10**400}, {"other": 1}],
)
@pytest.mark.parametrize("which", ["accuracy", "majority"])
def test_a_share_that_is_none_is_bad_input(which: str, damage: dict[str, object]) -> None:
    found: Any = evaluate([0, 1], [0, 0], ["a", "b"], majority_class=0).to_json()
    found[which].update(damage)
    with pytest.raises(BadInput):
        Evaluation.from_json(found)


def test_damaged_figures_and_no_images_are_bad_input() -> None:
    with pytest.raises(BadInput):
        Evaluation.from_json({"classes": ["a"]})
    with pytest.raises(BadInput):
        evaluate([], [], ["a", "b"], majority_class=0)
