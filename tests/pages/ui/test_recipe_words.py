from __future__ import annotations

from dataclasses import replace

import pytest

from core.training import fields as bounds
from core.training.plan import Plan, Recipe
from core.training.presets import PRESETS
from pages.ui.fields import value_text
from pages.ui.recipe import never_text
from pages.ui.recipe_choice import gist, source_text
from pages.ui.recipe_more import hints, rates_text, unusual_text

PLAN = Plan("photos", "Photos", "efficientnet-lite0", ("block7", "top"))


def with_recipe(**changes: object) -> Plan:
    return replace(PLAN, recipe=Recipe(**changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_each_recipe_has_a_gist_and_a_source_that_leads_somewhere(preset) -> None:  # type: ignore[no-untyped-def]
    assert "epoch" in gist(preset)
    assert "](https://arxiv.org/abs/" in source_text(preset.source)


def test_a_source_keeps_what_stands_after_its_address() -> None:
    found = source_text("A 2014, T, https://a.org/1; the rest as B give it")
    assert found == "[A 2014\\, T](https://a.org/1)\\; the rest as B give it."


def test_a_source_without_an_address_is_text_all_the_same() -> None:
    assert source_text("A *book*") == "A \\*book\\*"


def test_few_blocks_that_never_learn_are_named_and_many_counted() -> None:
    assert never_text(("block3",)) == "Block 3 never learns."
    assert never_text(("block3", "block4")) == "Block 3, Block 4 never learn."
    assert never_text(("stem", "block1", "block2", "block3", "block4")) == "5 blocks never learn."


def test_a_warm_up_or_a_wait_longer_than_the_last_stage_is_told() -> None:
    assert hints(with_recipe(epochs=10, warmup=3, early_stopping=5)) == []
    found = [strong for strong, _sentence in hints(with_recipe(epochs=3, warmup=3, early_stopping=5))]
    assert found == ["The warm-up is too long.", "Nothing will end early."]
    staged = with_recipe(epochs=7, method="lp-ft", stage_epochs=5, warmup=2)
    assert hints(staged)[0][1].startswith("The last stage has 2 epochs")


def test_adamw_with_its_usual_decay_is_one_unusual_setting_and_not_two() -> None:
    plan = replace(PLAN, recipe=replace(PLAN.recipe, optimizer="adamw").with_usual_decay("adam"))
    assert unusual_text(plan) == "Set there: Optimizer: AdamW."
    assert unusual_text(PLAN) == ""


def test_what_means_nothing_to_a_head_alone_is_not_told() -> None:
    plan = with_recipe(lr_factor=0.5, norms="updating")
    assert "0.5" in unusual_text(plan)
    assert unusual_text(replace(plan, trainable=())) == ""


def test_the_rates_of_the_blocks_are_told_in_words() -> None:
    assert rates_text(with_recipe(learning_rate=1e-4)) == "The head and all blocks learn at 0.0001."
    assert rates_text(with_recipe(learning_rate=1e-4, lr_factor=0.5)) == (
        "From 0.0001 at the head to 0.000025 at Block 7.")


def test_values_are_told_as_people_read_them() -> None:
    assert value_text(bounds.CLASS_WEIGHTS, True) == "On"
    assert value_text(bounds.SCHEDULE, "cosine") == "Cosine"
    assert value_text(bounds.WEIGHT_DECAY, 1e-4) == "0.0001"
    assert value_text(bounds.WARMUP, 0) == "None"
