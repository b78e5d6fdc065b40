"""The stages of a plan: what learns when, and how fast."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from core.backbones import catalogue
from core.training.plan import Plan, Recipe
from core.training.stages import (
    block_rates,
    epochs_needed,
    last_of,
    plan_of,
    stage_at,
    stage_title,
    stages_of,
    unreached,
)
from core.training.start import Start

LAST = ("block6", "block7", "top")
PLAN = Plan("photos", "Photos", "efficientnet-lite0", trainable=LAST)


def with_recipe(plan: Plan = PLAN, **recipe: object) -> Plan:
    return replace(plan, recipe=replace(Recipe(), **recipe)).checked()


def told(plan: Plan) -> list[tuple[str, int, int, tuple[str, ...], bool]]:
    return [(each.name, each.first, each.end, each.trainable, each.last) for each in stages_of(plan)]


def test_all_at_once_is_one_stage_and_the_plan_itself() -> None:
    plan = with_recipe(epochs=7, schedule="cosine", warmup=2)
    assert told(plan) == [("fit", 0, 7, LAST, True)]
    assert plan_of(plan, stages_of(plan)[0]) == plan


@pytest.mark.parametrize("method", ["lp-ft", "gradual"])
def test_where_the_head_alone_learns_there_is_nothing_to_wait_for(method: str) -> None:
    plan = with_recipe(replace(PLAN, trainable=()), method=method, epochs=7, head_rate=0.5)
    assert told(plan) == [("fit", 0, 7, (), True)]
    assert plan_of(plan, stages_of(plan)[0]).recipe.learning_rate == Recipe().learning_rate


def test_head_first_has_the_head_at_its_rate_and_then_the_blocks_at_theirs() -> None:
    plan = with_recipe(
        method="lp-ft", epochs=12, stage_epochs=4, head_rate=0.01, learning_rate=1e-4, schedule="cosine",
        warmup=1, early_stopping=3,
    )
    assert told(plan) == [("head", 0, 4, (), False), ("fit", 4, 12, LAST, True)]
    head, blocks = (plan_of(plan, stage) for stage in stages_of(plan))
    assert (head.trainable, head.recipe.epochs, head.recipe.learning_rate) == ((), 4, 0.01)
    assert (head.recipe.schedule, head.recipe.warmup, head.recipe.early_stopping) == ("constant", 0, 0)
    assert (blocks.trainable, blocks.recipe.epochs, blocks.recipe.learning_rate) == (LAST, 8, 1e-4)
    assert (blocks.recipe.schedule, blocks.recipe.warmup, blocks.recipe.early_stopping) == ("cosine", 1, 3)
    assert {head.recipe.method, blocks.recipe.method} == {"single"}
    assert last_of(plan) == blocks


def test_block_by_block_thaws_from_the_head_towards_the_input() -> None:
    plan = with_recipe(method="gradual", epochs=9, stage_epochs=2, learning_rate=1e-4)
    assert told(plan) == [
        ("head", 0, 2, (), False), ("top", 2, 4, ("top",), False), ("block7", 4, 6, ("block7", "top"), False),
        ("block6", 6, 9, LAST, True),
    ]
    rates = [plan_of(plan, stage).recipe.learning_rate for stage in stages_of(plan)]
    assert rates == [1e-3, 1e-4, 1e-4, 1e-4]
    assert epochs_needed(plan) == 7
    assert unreached(plan) == ()


def test_a_block_in_which_nothing_learns_has_no_stage_of_its_own() -> None:
    backbone = catalogue.get("resnet50v2")
    plan = with_recipe(
        replace(PLAN, backbone=backbone.name, trainable=backbone.block_names[-2:]), method="gradual",
        epochs=9, stage_epochs=2,
    )
    last, post = backbone.block_names[-2:]
    assert told(plan) == [("head", 0, 2, (), False), (last, 2, 9, (last, post), True)]
    updating = replace(plan, recipe=replace(plan.recipe, norms="updating"))
    assert [each.name for each in stages_of(updating)] == ["head", post, last]
    nothing = replace(plan, trainable=(post,))
    assert told(nothing) == [("head", 0, 2, (), False), ("fit", 2, 9, (post,), True)]


def test_stages_that_the_epochs_do_not_reach_are_left_out_and_their_blocks_told() -> None:
    plan = with_recipe(method="gradual", epochs=5, stage_epochs=2)
    assert [(each.name, each.end, each.last) for each in stages_of(plan)] == [
        ("head", 2, False), ("top", 4, False), ("block7", 5, False)]
    assert unreached(plan) == ("block6",)
    short = with_recipe(method="lp-ft", epochs=2, stage_epochs=5)
    assert told(short) == [("head", 0, 2, (), False)]
    assert unreached(short) == LAST
    assert epochs_needed(short) == 6


@pytest.mark.parametrize("method", ["single", "lp-ft", "gradual"])
def test_more_epochs_leave_each_epoch_in_its_stage(method: str) -> None:
    for epochs in range(1, 14):
        plan = with_recipe(method=method, epochs=epochs, stage_epochs=3)
        longer = with_recipe(method=method, epochs=epochs + 5, stage_epochs=3)
        for epoch in range(epochs):
            one, other = stage_at(plan, epoch), stage_at(longer, epoch)
            assert (one.name, one.first, one.trainable) == (other.name, other.first, other.trainable)
        assert sum(each.epochs for each in stages_of(plan)) == epochs
        assert stage_at(plan, epochs) == stages_of(plan)[-1]


def test_each_block_learns_at_the_rate_of_the_one_above_times_the_factor() -> None:
    plan = with_recipe(learning_rate=1e-3, lr_factor=0.5)
    rates = block_rates(plan)
    names = catalogue.get(PLAN.backbone).block_names
    assert list(rates) == list(names)
    assert rates["top"] == pytest.approx(5e-4)
    assert rates["block7"] == pytest.approx(2.5e-4)
    for lower, upper in pairwise(names):
        assert rates[lower] == pytest.approx(rates[upper] / 2)
    assert set(block_rates(with_recipe(learning_rate=1e-3)).values()) == {1e-3}


def test_from_scratch_blocks_of_norms_alone_learn() -> None:
    plan = replace(PLAN, backbone="resnet50v2", trainable=("post",), weights=Start("none"))
    assert [each.name for each in stages_of(with_recipe(plan, method="gradual"))] == ["head", "post"]


def test_stages_have_names_that_people_read() -> None:
    assert stage_title("fit") == "all that may learn"
    assert stage_title("head") == "head only"
    assert stage_title("block7") == "Block 7 joins"
