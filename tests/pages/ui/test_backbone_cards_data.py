from __future__ import annotations

from typing import Any

import pytest
from mounting import mounted_by

from pages.ui import backbone_cards as module
from pages.ui.backbone_cards import Badge, Bar, Card, backbone_cards


@pytest.fixture
def mounted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What each set of cards passes to the browser."""
    return mounted_by(module, monkeypatch)


def test_a_badge_is_shown_and_spoken(mounted: list[dict[str, Any]]) -> None:
    card = Card("a", "A", "224 px", (Bar("Size", 0.5, "3 M"),), "note", Badge("Download 59 MB", "fetch"))
    backbone_cards([card, Card("b", "B", "")], "a", key="cards")
    first, second = mounted[-1]["cards"]
    assert first["badge"] == {"text": "Download 59 MB", "tone": "fetch"}
    assert first["label"] == "A. 224 px. Download 59 MB. Size 3 M. note"
    assert second["badge"] is None
    assert second["label"] == "B"


def test_cards_are_a_plain_row_unless_told(mounted: list[dict[str, Any]]) -> None:
    backbone_cards([Card("a", "A", "")], "a", key="cards")
    backbone_cards([Card("a", "A", "")], "a", key="cards", scroll=True)
    assert [sent["scroll"] for sent in mounted] == [False, True]


def test_no_cards_show_the_sentence_and_keep_the_choice(mounted: list[dict[str, Any]]) -> None:
    assert backbone_cards([], "a", key="cards", scroll=True, empty="Nothing by that name.") == "a"
    assert mounted[-1]["empty"] == "Nothing by that name."


def test_the_sentence_for_no_cards_is_not_shown_beside_cards(mounted: list[dict[str, Any]]) -> None:
    backbone_cards([Card("a", "A", "")], "a", key="cards", empty="Nothing by that name.")
    assert mounted[-1]["empty"] == ""


def test_a_chosen_backbone_that_is_filtered_out_stays_chosen(mounted: list[dict[str, Any]]) -> None:
    assert backbone_cards([Card("b", "B", "")], "a", key="cards") == "a"
    assert mounted[-1]["chosen"] == "a"
