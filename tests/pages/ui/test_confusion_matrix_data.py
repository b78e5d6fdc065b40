from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mounting import mounted_by

from pages.ui import confusion_matrix as module
from pages.ui.confusion_matrix import MOST_CLASSES, _cell, confusion_matrix, shown_classes


@pytest.fixture
def mounted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What each matrix passes to the browser."""
    monkeypatch.setattr(module.st, "session_state", {})
    return mounted_by(module, monkeypatch)


def test_only_cells_with_photos_are_there_and_shaded_by_the_share_of_their_row(
    mounted: list[dict[str, Any]]
) -> None:
    assert confusion_matrix(["a", "b"], [[3, 1], [0, 0]], key="m", of_shares=False) is None
    found = [(each["row"], each["column"], each["text"], each["shade"]) for each in mounted[-1]["cells"]]
    assert found == [(0, 0, "3", 0.75), (0, 1, "1", 0.25)]


def test_a_chosen_cell_that_has_no_photos_any_more_is_no_choice(
    mounted: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.st, "session_state", {"m-chosen-cell": (0, 1)})
    assert confusion_matrix(["a", "b"], [[3, 1], [0, 2]], key="m", of_shares=False) == (0, 1)
    assert mounted[-1]["chosen"] == [0, 1]
    assert confusion_matrix(["a", "b"], [[4, 0], [0, 2]], key="m", of_shares=False) is None
    assert mounted[-1]["chosen"] == []


def test_of_very_many_classes_those_with_the_most_mistakes_are_shown_in_order(
    mounted: list[dict[str, Any]]
) -> None:
    count = MOST_CLASSES + 20
    confusion = (np.eye(count, dtype=int) * 9).tolist()
    confusion[55][3] = 4
    shown = shown_classes(confusion)
    assert len(shown) == MOST_CLASSES
    assert {3, 55} <= set(shown)
    assert list(shown) == sorted(shown)
    confusion_matrix([f"c{at}" for at in range(count)], confusion, key="m", of_shares=False)
    assert len(mounted[-1]["names"]) == MOST_CLASSES
    wrong = [each for each in mounted[-1]["cells"] if each["row"] != each["column"]]
    assert [(each["label"], each["text"]) for each in wrong] == [("is c55, said c3: 4 of 13, 30.8%", "4")]


@pytest.mark.parametrize("value", [None, [], [1], [0, 9], [-1, 0], ["0", 1], {"row": 0}, [0, 1, 1]])
def test_what_is_no_cell_counts_as_no_choice(value: Any) -> None:
    assert _cell(value, (4, 7)) is None


def test_a_cell_of_the_browser_is_read_by_what_is_shown() -> None:
    assert _cell([1, 0], (4, 7)) == (7, 4)
