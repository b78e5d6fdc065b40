from __future__ import annotations

import pytest

from core.studies.moving import BlockMove, Moving
from pages.ui.moved_words import (
    alike_text,
    exact_moved,
    moved_text,
    photos_text,
    tile_words,
    verdict,
    warmth_of,
)

FOUND = Moving(
    (BlockMove("stem", 0.0, 1.0), BlockMove("block1", 0.01, 0.9), BlockMove("block2", 0.04, 0.42),
     BlockMove("top", None, None)), 139, unseen=True)


@pytest.mark.parametrize(
    ("share", "short", "exact"),
    [(0.0, "0%", "0%"), (0.0001234, "<0.1%", "0.0123%"), (0.0114, "1.1%", "1.14%"), (1.5, "150.0%", "150%"),
     (None, "not available", "not available")],
)
def test_what_moved_a_little_does_not_read_as_if_it_had_not(
    share: float | None, short: str, exact: str
) -> None:
    assert moved_text(share) == short
    assert exact_moved(share) == exact


@pytest.mark.parametrize(
    ("cka", "text"),
    [(1.0, "1"), (1 - 1e-9, "1"), (0.998, ">0.99"), (0.876, "0.88"), (-0.02, "-0.02"),
     (None, "not available")],
)
def test_features_that_are_not_quite_the_same_do_not_read_as_the_same(cka: float | None, text: str) -> None:
    assert alike_text(cka) == text


def test_a_tile_shows_both_figures_and_says_them_in_full() -> None:
    words = tile_words(FOUND)
    assert words["block2"] == (
        "moved 4.0%\nCKA 0.42", "weights moved: 4.0%, likeness of its features (CKA): 0.42")
    assert words["top"] == (
        "not available", "weights moved: not available, likeness of its features (CKA): not available")


def test_the_block_that_moved_furthest_is_the_warmest_and_one_that_did_not_is_cold() -> None:
    assert warmth_of(FOUND) == {"stem": 0.0, "block1": pytest.approx(0.5), "block2": 1.0}


def test_where_nothing_moved_nothing_is_warm_and_that_is_said() -> None:
    still = Moving((BlockMove("stem", 0.0, 1.0),), 139, unseen=True)
    assert warmth_of(still) == {"stem": 0.0}
    assert verdict(still)[0] == "Nothing moved."


def test_what_is_not_known_is_never_said_to_have_stayed() -> None:
    unknown = Moving((BlockMove("stem", None, None), BlockMove("top", None, 0.5)), 139, unseen=True)
    assert warmth_of(unknown) == {}
    strong, why = verdict(unknown)
    assert strong == "How far it moved is not available."
    assert "no finite numbers" in why
    partly = Moving((BlockMove("stem", 0.0, 1.0), BlockMove("top", None, None)), 139, unseen=True)
    strong, why = verdict(partly)
    assert strong == "What is known did not move."
    assert why.startswith("Not available: Top.")


def test_the_verdict_names_the_block_that_moved_furthest_and_the_one_that_changed_most() -> None:
    assert verdict(FOUND) == (
        "Block 2 moved furthest.",
        "Its weights changed by 4.0%. The features of Block 2 are least like those of before (CKA 0.42).")


def test_the_photos_say_whether_it_learned_from_them() -> None:
    assert photos_text(1139, unseen=True) == "1,139 photos of validation and test"
    assert "learned from" in photos_text(16, unseen=False)
