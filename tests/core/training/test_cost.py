"""What epochs cost, beside one another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.training.cost import epoch_costs
from core.training.plan import Plan, Recipe
from core.training.worth import Amounts

MANY = Amounts(1000, 200, 200)
PLAN = Plan("photos", "Photos", "efficientnet-lite0", trainable=("block6", "block7", "top"))


def staged(**recipe: object) -> Plan:
    given = {"method": "lp-ft", "epochs": 12, "stage_epochs": 5, **recipe}
    return replace(PLAN, recipe=replace(Recipe(), **given)).checked()


def test_all_epochs_of_one_stage_cost_the_same() -> None:
    costs = epoch_costs(replace(PLAN, recipe=Recipe(epochs=4)), MANY)
    assert len(costs) == 4
    assert len(set(costs)) == 1
    assert costs[0].opening == 0.0


def test_epochs_of_the_head_alone_cost_a_fraction_and_the_next_stage_has_to_be_opened() -> None:
    costs = epoch_costs(staged(), MANY)
    assert len(costs) == 12
    assert costs[0].epoch < costs[5].epoch / 10
    assert [each.opening > 0 for each in costs] == [at == 5 for at in range(12)]


def test_a_stage_that_is_too_short_to_keep_anything_costs_whole_passes() -> None:
    short = epoch_costs(staged(stage_epochs=1), MANY)
    assert short[0].epoch == pytest.approx(1.0)
    assert epoch_costs(staged(), MANY)[0].epoch < 0.1


def test_where_a_stage_is_known_to_go_the_plain_way_it_costs_that() -> None:
    known = epoch_costs(staged(), MANY, ["fit"])
    guessed = epoch_costs(staged(), MANY)
    assert known[0] == guessed[0]
    assert known[5].epoch > guessed[5].epoch
    assert known[5].opening == 0.0
