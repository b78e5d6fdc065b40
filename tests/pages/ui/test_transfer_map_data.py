from __future__ import annotations

from typing import Any

import pytest
from mounting import mounted_by
from streamlit.testing.v1 import AppTest

from pages.ui import transfer_map as module
from pages.ui.transfer_map import Part, step_words, transfer_map


@pytest.fixture
def mounted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What each map passes to the browser."""
    return mounted_by(module, monkeypatch)


def draw(*history: str, rows: tuple[Part, ...] = (), step_share: float | None = None) -> None:
    transfer_map(rows, key="t", source="Lite0", target="yours", history=history, step_share=step_share)


def test_without_history_m0_becomes_m1(mounted: list[dict[str, Any]]) -> None:
    draw()
    assert mounted[-1]["source"] == {"number": "0", "text": "Lite0"}
    assert mounted[-1]["target"] == {"number": "1", "text": "yours"}
    assert mounted[-1]["label"] == "M0, Lite0, becomes M1, yours"
    assert mounted[-1]["history"] == []


def test_a_chain_counts_on_from_its_last_model(mounted: list[dict[str, Any]]) -> None:
    draw("ImageNet", "run A", "run B")
    assert mounted[-1]["history"] == ["ImageNet", "run A", "run B"]
    assert (mounted[-1]["source"]["number"], mounted[-1]["target"]["number"]) == ("2", "3")


def test_a_chain_of_one_is_no_chain(mounted: list[dict[str, Any]]) -> None:
    draw("ImageNet")
    assert mounted[-1]["history"] == []
    assert mounted[-1]["target"]["number"] == "1"


def test_rows_keep_their_words_and_their_shares_stay_in_bounds(mounted: list[dict[str, Any]]) -> None:
    draw(rows=(Part("new", "new, trained", "12,810", 1.2, "the head"), Part("random", "r", "0", -0.1)))
    first, second = mounted[-1]["rows"]
    assert first == {"kind": "new", "label": "new, trained", "count": "12,810", "share": 1.0,
                     "detail": "the head"}
    assert second["share"] == 0.0


@pytest.mark.parametrize(
    ("share", "said"), [(0.38, "38%"), (1.0, "100%"), (0.004, "less than 1%"), (0.0, "0%")]
)
def test_the_cost_of_a_step_is_emphasised(share: float, said: str) -> None:
    assert step_words(share) == (
        ("A step costs ", False),
        (said, True),
        (" of the multiply-adds of training everything.", False),
    )


def test_an_unknown_cost_is_not_said(mounted: list[dict[str, Any]]) -> None:
    draw()
    assert mounted[-1]["step"] == []


def transfer_page() -> None:
    from pages.ui.transfer_map import Part, transfer_map

    rows = [Part("copied_frozen", "copied, frozen", "3.4 M", 0.99)]
    transfer_map(rows, key="t", source="a", target="b", step_share=0.4)


def test_the_map_mounts_on_a_page() -> None:
    assert not AppTest.from_function(transfer_page, default_timeout=60).run().exception
