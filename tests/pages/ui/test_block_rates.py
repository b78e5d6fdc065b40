from __future__ import annotations

from dataclasses import replace

import pytest

from core.backbones import catalogue
from core.training.plan import Plan, Recipe
from pages.ui.block_rates import block_words, legend_text, share_text, small_text, span_text

PLAN = Plan("photos", "Photos", "efficientnet-lite0", recipe=Recipe(learning_rate=1e-3, lr_factor=0.5))
SAME = replace(PLAN, recipe=Recipe(learning_rate=1e-3))


@pytest.mark.parametrize(
    ("share", "said"), [(1, "×1"), (0.38, "×0.38"), (0.0549, "×0.055"), (0.00099, "<×0.001")]
)
def test_shares_have_two_digits_and_never_an_exponent(share: float, said: str) -> None:
    assert share_text(share) == said


@pytest.mark.parametrize(
    ("rate", "said"), [(1e-3, "0.001"), (1.14e-4, "0.00011"), (9e-7, "0.0000009"), (4e-9, "under 0.0000001")]
)
def test_small_rates_have_no_exponent_either(rate: float, said: str) -> None:
    assert small_text(rate) == said


def test_each_block_says_its_share_and_speaks_its_rate() -> None:
    words = block_words(PLAN)
    assert list(words) == list(catalogue.get(PLAN.backbone).block_names)
    assert words["top"] == ("rate ×0.5", "learns at 0.0005, 0.5 of the head's rate")
    assert words["block7"][1] == "learns at 0.00025, 0.25 of the head's rate"
    assert "0.001" in legend_text(PLAN)


def test_where_all_learn_at_one_rate_there_is_nothing_to_say() -> None:
    assert block_words(SAME) == {}
    assert legend_text(SAME) == ""
    assert span_text(SAME, ("top",)) == "0.001"


def test_the_span_goes_from_the_head_to_the_lowest_block() -> None:
    assert span_text(PLAN, ("block7", "top")) == "0.001 to 0.00025"
    assert span_text(PLAN, ()) == "0.001"
