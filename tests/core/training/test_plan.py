from __future__ import annotations

import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput, NotFound
from core.training import fields
from core.training.fields import ChoiceField, NumberField
from core.training.plan import PLAN_VERSION, Head, Plan, Recipe
from core.training.start import Start

PLAN = Plan("photos", "Photos", "efficientnet-lite0")
NUMBERS = [each for each in (*fields.HEAD_FIELDS, *fields.RECIPE_FIELDS) if isinstance(each, NumberField)]
CHOICES = [each for each in (*fields.HEAD_FIELDS, *fields.RECIPE_FIELDS) if isinstance(each, ChoiceField)]


def with_value(name: str, value: Any) -> Plan:
    if hasattr(PLAN.head, name):
        return replace(PLAN, head=replace(PLAN.head, **{name: value}))
    return replace(PLAN, recipe=replace(PLAN.recipe, **{name: value}))


def test_a_saved_plan_is_read_back_the_same(tmp_path: Path) -> None:
    plan = replace(
        PLAN, trainable=("block7", "top"), head=Head("flatten", 0.5, 128),
        recipe=Recipe(3, 16, 1e-4, "sgd", 42, "strong", 8), limit=200, cache=False,
    )
    plan.save(tmp_path / "plan.json")
    assert Plan.load(tmp_path / "plan.json") == plan


@pytest.mark.parametrize("field", NUMBERS, ids=lambda field: field.name)
def test_a_number_is_taken_within_its_bounds_and_refused_outside(field: NumberField) -> None:
    with_value(field.name, field.low).checked()
    with_value(field.name, field.high).checked()
    for outside in (field.low - 1, field.high + 1, math.nan, math.inf, 10**400, "3", None, True):
        with pytest.raises(BadInput) as caught:
            with_value(field.name, outside).checked()
        low, high = ((f"{each:,}" if field.whole else f"{each:g}") for each in (field.low, field.high))
        assert f"from {low} to {high}" in caught.value.fix
        assert ("whole number" in caught.value.fix) is field.whole


@pytest.mark.parametrize("field", CHOICES, ids=lambda field: field.name)
def test_a_choice_is_one_of_those_offered(field: ChoiceField) -> None:
    for value in field.values:
        with_value(field.name, value).checked()
    with pytest.raises(BadInput, match=field.values[0]):
        with_value(field.name, "other").checked()


def test_defaults_are_within_the_bounds() -> None:
    assert PLAN.checked() == PLAN


def test_blocks_come_in_the_backbones_order_once_each() -> None:
    plan = replace(PLAN, trainable=("top", "block6", "top")).checked()
    assert plan.trainable == ("block6", "top")


def test_an_unknown_block_or_backbone_is_named() -> None:
    with pytest.raises(BadInput, match="block9"):
        replace(PLAN, trainable=("block9",)).checked()
    with pytest.raises(NotFound, match="efficientnet-lite9"):
        replace(PLAN, backbone="efficientnet-lite9").checked()


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.dictionaries(
        st.sampled_from(["backbone", "trainable", "head", "recipe", "limit", "dataset", "cache", "other"]),
        json_like, max_size=3,
    )
)
def test_a_damaged_plan_is_bad_input_and_nothing_else(changes: dict[str, Any]) -> None:
    given_plan = {**PLAN.to_json(), **changes}
    try:
        Plan.from_json(given_plan)
    except BadInput:
        return


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("augment", ["none", "light", "strong"])
def test_a_plan_from_before_views_saw_a_fresh_one_in_every_epoch(version: int, augment: str) -> None:
    asked = replace(PLAN, recipe=Recipe(augment=augment)).to_json()
    old = {name: value for name, value in asked.items() if name != "cache"}
    recipe = {name: value for name, value in asdict(Recipe(augment=augment)).items() if name != "views"}
    found = Plan.from_json({**old, "recipe": recipe, "version": version})
    assert found.recipe.different_views == (1 if augment == "none" else None)
    assert found.cache is True
    assert found.version == PLAN_VERSION
    assert Plan.from_json(found.to_json()) == found


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize(("optimizer", "decay"), [("adamw", 0.004), ("adam", 0.0), ("sgd", 0.0)])
def test_a_plan_from_before_weight_decay_had_that_of_its_optimizer(
    version: int, optimizer: str, decay: float
) -> None:
    recipe = {"epochs": 3, "optimizer": optimizer}
    found = Plan.from_json({**PLAN.to_json(), "recipe": recipe, "version": version})
    assert found.recipe == Recipe(epochs=3, optimizer=optimizer, weight_decay=decay)
    assert (found.train_per_class, found.test_at_end) == (None, True)
    now = Plan.from_json({**PLAN.to_json(), "recipe": recipe})
    assert now.recipe.weight_decay == 0.0


def test_another_optimizer_brings_its_usual_weight_decay() -> None:
    adamw = replace(Recipe(), optimizer="adamw").with_usual_decay("adam")
    assert adamw.weight_decay == 0.004
    assert replace(adamw, optimizer="sgd").with_usual_decay("adamw").weight_decay == 0.0
    own = replace(Recipe(), optimizer="sgd", weight_decay=0.1)
    assert own.with_usual_decay("adam") == own
    assert own.with_usual_decay("sgd") == own


@pytest.mark.parametrize("switch", ["cache", "test_at_end"])
@pytest.mark.parametrize("per_class", [0, -1, 1.5, "2", True], ids=repr)
def test_switches_and_numbers_of_photos_are_checked(switch: str, per_class: Any) -> None:
    with pytest.raises(BadInput):
        replace(PLAN, train_per_class=per_class).checked()
    with pytest.raises(BadInput):
        replace(PLAN, **{switch: 1}).checked()
    with pytest.raises(BadInput):
        replace(PLAN, recipe=replace(PLAN.recipe, class_weights=1)).checked()  # type: ignore[arg-type]


def test_norms_learn_from_scratch_and_where_that_is_asked() -> None:
    assert not PLAN.norms_learn
    assert replace(PLAN, weights=Start("none")).norms_learn
    assert replace(PLAN, recipe=replace(PLAN.recipe, norms="updating")).norms_learn


@pytest.mark.parametrize("cache", [0, 1, None, "on", [], {}], ids=repr)
def test_whether_the_cache_is_used_is_yes_or_no(cache: Any) -> None:
    with pytest.raises(BadInput):
        replace(PLAN, cache=cache).checked()
    with pytest.raises(BadInput):
        Plan.from_json({**PLAN.to_json(), "cache": cache})


def test_views_are_shown_in_turn() -> None:
    recipe = Recipe(epochs=10, augment="light", views=4)
    assert recipe.different_views == 4
    assert [recipe.view(epoch) for epoch in range(10)] == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]


def test_there_are_no_more_views_than_epochs() -> None:
    recipe = Recipe(epochs=3, augment="strong", views=8)
    assert recipe.different_views == 3
    assert [recipe.view(epoch) for epoch in range(3)] == [0, 1, 2]


def test_with_0_views_every_epoch_sees_one_of_its_own() -> None:
    recipe = Recipe(epochs=5, augment="light", views=0)
    assert recipe.different_views is None
    assert [recipe.view(epoch) for epoch in range(5)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("views", [0, 1, 64])
def test_without_augmentation_the_number_of_views_means_nothing(views: int) -> None:
    recipe = Recipe(epochs=5, augment="none", views=views)
    assert recipe.different_views == 1
    assert {recipe.view(epoch) for epoch in range(5)} == {0}


def test_a_plan_of_another_version_is_refused() -> None:
    with pytest.raises(BadInput, match="another version"):
        Plan.from_json({**PLAN.to_json(), "version": PLAN_VERSION + 1})


@pytest.mark.parametrize("name", ["../../x", "/x", ".", ".hidden", "a/b", "a\0b", "Upper", "a" * 81, "a\n"])
def test_a_dataset_that_is_no_id_is_refused_by_whoever_reads_a_plan(name: str) -> None:
    with pytest.raises(BadInput):
        replace(PLAN, dataset=name).checked()
    with pytest.raises(BadInput):
        Plan.from_json({**PLAN.to_json(), "dataset": name})
