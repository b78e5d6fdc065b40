from __future__ import annotations

from core.backbones import catalogue
from core.training.plan import Plan, Recipe
from core.training.stages import stages_of
from pages.ui.stage_map import curve_stages, join_words, stage_parts, stage_rows

MANY = Plan(
    "photos", "Photos", "mobilenetv2", catalogue.get("mobilenetv2").block_names,
    recipe=Recipe(epochs=60, method="gradual", stage_epochs=3),
)
TWO = Plan(
    "photos", "Photos", "efficientnet-lite0", ("block7", "top"),
    recipe=Recipe(epochs=6, method="lp-ft", stage_epochs=5),
)


def said(plan: Plan, at: int) -> str:
    return "".join(text for text, _strong in stage_parts(stages_of(plan), at))


def test_of_many_stages_those_in_the_middle_share_a_row() -> None:
    stages = stages_of(MANY)
    rows = stage_rows(MANY, stages)
    assert [row[0] for row in rows[:3]] == ["1–3", "4–6", "7–9"]
    assert rows[3] == (
        f"10–{stages[-3].end}", f"{len(stages) - 5} stages more, a block each", "…")
    assert rows[-1][0].endswith("–60")
    assert len(rows) == 6


def test_a_stage_is_told_with_its_number_and_its_epochs() -> None:
    assert said(TWO, 1) == "Stage 1 of 2: head only, epochs 1–5"
    assert said(TWO, 2) == "Stage 2 of 2: all that may learn, epoch 6"
    assert said(MANY, 2) == f"Stage 2 of {len(stages_of(MANY))}: Top joins, epochs 4–6"


def test_a_block_says_when_it_joins_until_it_has() -> None:
    stages = stages_of(TWO)
    assert join_words(stages, 1) == dict.fromkeys(
        ("block7", "top"), ("from epoch 6", "learns from epoch 6 on"))
    assert join_words(stages, 2) == {}


def test_a_training_of_one_stage_has_nothing_to_mark() -> None:
    plan = Plan("photos", "Photos", "efficientnet-lite0", ("top",))
    assert curve_stages(plan, 5.0) == []


def test_only_stages_that_have_begun_are_marked() -> None:
    assert [each.label for each in curve_stages(TWO, 0.0)] == ["Head only"]
    assert [each.label for each in curve_stages(TWO, 5.0)] == ["Head only"]
    assert [each.label for each in curve_stages(TWO, 5.1)] == ["Head only", "+ chosen blocks"]
