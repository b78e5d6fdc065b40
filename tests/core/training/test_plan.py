from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput, NotFound
from core.training import fields
from core.training.fields import ChoiceField, NumberField
from core.training.plan import Head, Plan, Recipe

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
        recipe=Recipe(3, 16, 1e-4, "sgd", 42, "strong"), limit=200,
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
        st.sampled_from(["backbone", "trainable", "head", "recipe", "limit", "dataset", "other"]),
        json_like, max_size=3,
    )
)
def test_a_damaged_plan_is_bad_input_and_nothing_else(changes: dict[str, Any]) -> None:
    given_plan = {**PLAN.to_json(), **changes}
    try:
        Plan.from_json(given_plan)
    except BadInput:
        return


def test_a_plan_of_another_version_is_refused() -> None:
    with pytest.raises(BadInput, match="another version"):
        Plan.from_json({**PLAN.to_json(), "version": 3})
