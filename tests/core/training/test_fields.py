from __future__ import annotations

import pytest

from core.errors import BadInput
from core.training import fields
from core.training.fields import ChoiceField, NumberField
from core.training.plan import Head, Recipe

ALL = (*fields.HEAD_FIELDS, *fields.RECIPE_FIELDS, fields.LIMIT, fields.TRAIN_PER_CLASS)
NUMBERS = [each for each in ALL if isinstance(each, NumberField)]
CHOICES = [each for each in ALL if isinstance(each, ChoiceField)]


@pytest.mark.parametrize("field", ALL, ids=lambda field: field.name)
def test_every_field_has_a_label_and_a_help_of_whole_sentences(field: fields.Field) -> None:
    assert field.title
    assert field.title[0].isupper()
    assert field.help.endswith(".")


@pytest.mark.parametrize("field", NUMBERS, ids=lambda field: field.name)
def test_ready_values_and_the_default_can_be_chosen(field: NumberField) -> None:
    for value in (field.default, *field.choices):
        field.check(value)


@pytest.mark.parametrize("field", CHOICES, ids=lambda field: field.name)
def test_every_choice_has_a_label_of_its_own(field: ChoiceField) -> None:
    assert len({field.label(value) for value in field.values}) == len(field.values)
    assert field.default in field.values


def test_the_fields_are_those_of_the_plan() -> None:
    assert {each.name for each in fields.HEAD_FIELDS} == set(Head.__dataclass_fields__)
    assert {each.name for each in fields.RECIPE_FIELDS} == set(Recipe.__dataclass_fields__)


def test_the_defaults_of_a_plan_are_those_of_its_fields() -> None:
    for part, declared in ((Head(), fields.HEAD_FIELDS), (Recipe(), fields.RECIPE_FIELDS)):
        for field in declared:
            assert getattr(part, field.name) == field.default


@pytest.mark.parametrize("value", [0, 1, None, "on", [True]], ids=repr)
def test_a_switch_is_on_or_off(value: object) -> None:
    fields.CLASS_WEIGHTS.check(True)
    fields.CLASS_WEIGHTS.check(False)
    with pytest.raises(BadInput, match=r"Weigh rare classes more"):
        fields.CLASS_WEIGHTS.check(value)


def test_a_whole_number_field_asks_for_whole_numbers() -> None:
    assert fields.EPOCHS.whole
    assert not fields.LEARNING_RATE.whole
