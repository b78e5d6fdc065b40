"""Recipes by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.backbones import catalogue
from core.errors import NotFound
from core.training.plan import Head, Plan
from core.training.presets import FINE_TUNE, GRADUAL, LP_FT, PRESETS, SCRATCH, TEXTBOOK, preset, preset_in
from core.training.stages import stages_of, unreached
from core.training.start import RANDOM, Ancestor, Start

PLAN = Plan("photos", "Photos", "efficientnet-lite0")
BACKBONES = ("efficientnet-lite0", "vgg16", "resnet50v2", "mobilenetv2", "convnexttiny", "densenet121")


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("recipe", PRESETS)
def test_each_recipe_makes_a_plan_of_any_backbone_that_can_be_carried_out(recipe: str, name: str) -> None:
    made = preset(recipe).applied(replace(PLAN, backbone=name)).checked()
    assert made.backbone == (TEXTBOOK.backbone if recipe == "textbook" else name)
    assert unreached(made) == ()
    assert preset_in(made) is preset(recipe)


@pytest.mark.parametrize("each", PRESETS.values(), ids=PRESETS.keys())
def test_each_recipe_says_why_in_one_sentence_and_where_it_comes_from(each: object) -> None:
    assert each.description.endswith(".")  # type: ignore[attr-defined]
    assert each.description.count(". ") == 0  # type: ignore[attr-defined]
    assert "https://" in each.source  # type: ignore[attr-defined]


def test_photos_seed_limits_and_cache_stay_and_so_does_the_head_unless_it_is_part_of_the_recipe() -> None:
    plan = replace(
        PLAN, head=Head(hidden=64), limit=100, train_per_class=7, cache=False, test_at_end=False,
        recipe=replace(PLAN.recipe, seed=9, label_smoothing=0.1),
    )
    made = LP_FT.applied(plan)
    assert (made.dataset, made.limit, made.train_per_class, made.cache) == ("photos", 100, 7, False)
    assert (made.test_at_end, made.recipe.seed, made.head) == (False, 9, Head(hidden=64))
    assert made.recipe.label_smoothing == 0.0
    assert TEXTBOOK.applied(plan).head == Head("flatten", 0.0, 0)


def test_chosen_blocks_stay_and_where_there_are_none_the_last_few_learn() -> None:
    assert FINE_TUNE.applied(PLAN).trainable == ("block6", "block7", "top")
    chosen = replace(PLAN, trainable=("block2",))
    assert FINE_TUNE.applied(chosen).trainable == ("block2",)
    # All of them were chosen for a training from scratch.
    back = FINE_TUNE.applied(SCRATCH.applied(chosen))
    assert (back.trainable, back.weights) == (("block6", "block7", "top"), Start())


def test_from_scratch_begins_at_random_and_lets_everything_learn() -> None:
    made = SCRATCH.applied(replace(
        PLAN, weights=Start("run", "20260101-000000-x"), image_size=64,
        history=(Ancestor("r", "d", ("top",), "pretrained"),),
    ))
    assert (made.weights, made.history, made.image_size) == (Start(RANDOM), (), 64)
    assert made.trainable == catalogue.get(PLAN.backbone).block_names


def test_weights_that_go_on_from_a_run_stay_where_the_backbone_does() -> None:
    plan = replace(PLAN, weights=Start("run", "20260101-000000-x"))
    assert LP_FT.applied(plan).weights == plan.weights
    assert TEXTBOOK.applied(plan).weights == Start()


def test_block_by_block_takes_as_many_epochs_as_its_blocks_need() -> None:
    everything = replace(PLAN, trainable=catalogue.get(PLAN.backbone).block_names)
    made = GRADUAL.applied(everything)
    assert made.recipe.epochs == 3 * 10
    assert {each.epochs for each in stages_of(made)} == {3}


def test_a_plan_that_went_its_own_way_follows_none() -> None:
    made = LP_FT.applied(PLAN)
    assert preset_in(replace(made, recipe=replace(made.recipe, learning_rate=0.5))) is None


def test_a_name_that_is_none_is_refused_with_those_there_are() -> None:
    with pytest.raises(NotFound) as caught:
        preset("magic")
    assert all(name in caught.value.fix for name in PRESETS)
