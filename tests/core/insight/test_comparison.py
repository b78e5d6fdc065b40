from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from core.insight.comparison import (
    Answer,
    Answers,
    against,
    answers,
    holm,
    of_choosing,
    p_text,
    paired,
    why_apart,
)

HEAD = "image,is,said,confidence,probability_of_true\n"


def said(right: str, dataset: str = "photos", labels: str = "") -> Answers:
    """Return answers, a letter each: ``+`` for right."""
    of = {
        f"images/{at:06}.jpg": Answer(int(labels[at]) if labels else 0, sign == "+")
        for at, sign in enumerate(right)
    }
    return Answers(dataset, of)


def test_answers_are_read_from_the_file_of_the_run(tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text(
        HEAD + "images/000001.jpg,0,0,0.9,0.9\nimages/000002.jpg,1,0,0.8,0.2\n")
    found = answers(tmp_path, "photos")
    assert found == Answers("photos", {
        "images/000001.jpg": Answer(0, True), "images/000002.jpg": Answer(1, False),
    })
    assert found.right == 1


def test_what_was_not_measured_has_no_answers(tmp_path: Path) -> None:
    assert answers(tmp_path, "photos") is None


@pytest.mark.parametrize(
    "text",
    [
        "images,is\n1,2\n", HEAD + "a\n", HEAD + "a,1\n", HEAD + "a,-1,0,0,0\n", HEAD + "a,x,0,0,0\n",
        HEAD + "a,1e3,0,0,0\n", HEAD + "a,²,0,0,0\n", HEAD + "a,9999999,0,0,0\n", HEAD + ",0,0,0,0\n",
        HEAD + "x" * 201 + ",0,0,0,0\n", HEAD + "a,0,0,0,0\na,0,1,0,0\n", HEAD + "y" * 200_000 + ",0,0,0,0\n",
    ],
    ids=str,
)
def test_a_damaged_file_is_refused_and_never_guessed_at(tmp_path: Path, text: str) -> None:
    (tmp_path / "test.csv").write_text(text)
    with pytest.raises(BadInput, match="cannot be read"):
        answers(tmp_path, "photos")


def test_a_file_that_is_no_text_or_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "test.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput):
        answers(tmp_path, "photos")
    (tmp_path / "test.csv").write_text(HEAD)
    monkeypatch.setattr("core.insight.comparison.LARGEST_BYTES", 10)
    with pytest.raises(BadInput):
        answers(tmp_path, "photos")


def test_photos_are_counted_by_which_of_two_is_right() -> None:
    found = paired(said("+++++--- "), said("+++--+-- "))
    assert found is not None
    assert (found.both, found.only_first, found.only_second, found.neither) == (3, 2, 1, 3)
    assert found.images == 9


@pytest.mark.parametrize(
    ("one", "other"), [(0, 1), (1, 1), (0, 5), (2, 9), (12, 38), (7, 7), (100, 160)]
)
def test_p_is_the_exact_two_sided_test_of_mcnemar(one: int, other: int) -> None:
    found = paired(said("+" * one + "-" * other), said("-" * one + "+" * other))
    assert found is not None
    n = one + other
    tail = sum(math.comb(n, k) for k in range(min(one, other) + 1)) / 2**n
    assert found.p == pytest.approx(min(1.0, 2 * tail), rel=1e-9)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_it_does_not_matter_which_one_is_first_nor_where_both_agree(pairs: list[tuple[bool, bool]]) -> None:
    one, other = (said("".join("+" if each[at] else "-" for each in pairs)) for at in (0, 1))
    forth, back = paired(one, other), paired(other, one)
    assert forth is not None
    assert back is not None
    assert forth.p == pytest.approx(back.p)
    assert (forth.only_first, forth.only_second) == (back.only_second, back.only_first)
    assert forth.images == len(pairs)
    assert 0 < forth.p <= 1


def test_runs_that_agree_on_every_photo_are_not_told_apart() -> None:
    found = paired(said("++-"), said("++-"))
    assert found is not None
    assert found.p == 1.0


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (said("+-", "others"), "different sets of photos"),
        (said("+-+"), "2 in common, of 2 and 3"),
        (said("+"), "1 in common, of 2 and 1"),
        (said("+-", labels="01"), "other classes"),
    ],
)
def test_other_test_photos_are_not_compared_and_it_is_said_why(other: Answers, why: str) -> None:
    one = said("++")
    for pair in ((one, other), (other, one)):
        assert paired(*pair) is None
        assert why_apart(*pair)
    assert why in why_apart(one, other)


def test_no_photos_at_all_are_no_comparison() -> None:
    assert paired(said(""), said("")) is None


def test_holm_equals_a_worked_example_and_keeps_the_order() -> None:
    # R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == (1.0, 1.0)
    assert holm([0.3]) == (0.3,)
    assert holm([]) == ()


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_never_lowers_a_p_and_never_turns_two_around(values: list[float]) -> None:
    found = holm(values)
    assert all(value <= each <= 1 for value, each in zip(values, found, strict=True))
    for one, other in itertools.combinations(range(len(values)), 2):
        if values[one] < values[other]:
            assert found[one] <= found[other]


def wins(more: int, fewer: int, rest: int) -> tuple[Answers, Answers]:
    return said("+" * more + "-" * fewer + "+" * rest), said("-" * more + "+" * fewer + "+" * rest)


def test_the_sentence_says_what_the_figures_hold() -> None:
    one, other = wins(38, 12, 203)
    (pair,) = against(("Run 4", one), [("Run 2", other)])
    assert pair.sentence == (
        "Run 4 is right on 38 photos that Run 2 gets wrong, the other way round on 12 (of 253): that is "
        "hardly chance (p = 0.0003).")
    (turned,) = against(("Run 2", other), [("Run 4", one)])
    assert turned.sentence == pair.sentence


def test_an_undecided_comparison_is_called_so() -> None:
    one, other = wins(1, 0, 9)
    (pair,) = against(("A", one), [("B", other)])
    assert pair.sentence == (
        "A is right on 1 photo that B gets wrong, the other way round on 0 (of 10): that could well be "
        "chance (p = 1).")
    (same,) = against(("A", one), [("B", one)])
    assert same.sentence == "A and B are right on the same photos, 10 of 10: no difference shows."


def test_several_comparisons_are_corrected_and_it_is_said() -> None:
    one, other = wins(9, 1, 10)
    alone = against(("A", one), [("B", other)])
    assert "hardly chance (p = 0.021)" in alone[0].sentence
    three = against(("A", one), [("B", other), ("C", other), ("D", other)])
    assert [each.p for each in three] == pytest.approx([3 * alone[0].p] * 3)  # type: ignore[operator]
    assert all("could well be chance (p = 0.064, corrected for 3 comparisons after Holm)" in each.sentence
               for each in three)


def test_what_cannot_be_compared_is_named_and_does_not_count_for_the_correction() -> None:
    one, other = wins(9, 1, 10)
    found = against(("A", one), [("B", other), ("C", None), ("D", said("+", "others"))])
    assert [each.tests for each in found] == [1, 1, 1]
    assert "hardly chance (p = 0.021)." in found[0].sentence
    assert found[1].sentence == (
        "A and C cannot be compared: what C said of test photos is not available.")
    assert found[2].sentence == (
        "A and D cannot be compared photo by photo. They were measured on different sets of photos.")
    assert "what A said" in against(("A", None), [("B", other)])[0].sentence


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.000306, "p = 0.0003"), (0.00009, "p < 0.0001"), (0.0, "p < 0.0001"), (0.32, "p = 0.32"),
        (1.0, "p = 1"), (0.0496, "p = 0.0496"), (0.0499999, "p = 0.0499999"), (0.05, "p = 0.05"),
        (0.0504, "p = 0.05"),
    ],
)
def test_a_p_is_short_and_never_rounded_across_the_limit(p: float, text: str) -> None:
    assert p_text(p) == text


def test_several_test_figures_are_warned_of() -> None:
    assert of_choosing(0) == of_choosing(1) == ""
    assert of_choosing(12).startswith("12 test accuracies stand here.")
    assert "choose by validation" in of_choosing(2)
