"""Recipes on the Train page: stages, finer settings, what a run with stages shows."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from page_view import RunMaker, Visitor, blocks, calm, component, components, html_texts, labels, press, words
from streamlit.testing.v1 import AppTest

from core.data.dataset import Dataset
from core.runs.status import State
from core.training import fields
from core.training.events import EpochRow
from core.training.plan import ADAMW_DECAY, Plan, Recipe
from core.training.start import RANDOM, Start

LAST = ("block6", "block7", "top")
GRADUAL = Recipe(epochs=12, learning_rate=3e-4, method="gradual", stage_epochs=3, lr_factor=0.5)
LP_FT = Recipe(epochs=15, learning_rate=3e-4, method="lp-ft", stage_epochs=5)


def controls(at: AppTest) -> set[str]:
    """Return the keys of the controls on the page."""
    shown = (*at.button_group, *at.number_input, *at.select_slider, *at.toggle)
    return {str(each.key) for each in shown if each.key}


def group(at: AppTest, key: str) -> Any:
    return next(each for each in at.button_group if each.key == key)


def table(at: AppTest) -> str:
    return next((each for each in html_texts(at) if "The stages of the training" in each), "")


def stages_plan(dataset: Dataset, recipe: Recipe = GRADUAL) -> Plan:
    return Plan(dataset.id, dataset.title, "efficientnet-lite0", LAST, recipe=recipe)


def test_a_setting_is_shown_only_where_it_means_something(visitor: Visitor, dataset: Dataset) -> None:
    of_blocks = {"method", "lr_factor", "norms"}
    of_stages = {"stage_epochs", "head_rate"}
    always = {each.name for each in fields.RECIPE_FIELDS} - of_blocks - of_stages - {"views"}
    at = visitor.open("train", dataset=dataset.id)
    assert always <= controls(at)
    assert not controls(at) & (of_blocks | of_stages)
    at = visitor.open("train", trainable=LAST)
    assert of_blocks <= controls(at)
    assert not controls(at) & of_stages
    group(at, "method").set_value("lp-ft").run()
    assert of_stages <= controls(calm(at))


@pytest.mark.parametrize(
    ("choices", "shown"),
    [
        ({"trainable": LAST}, True),
        ({"trainable": LAST, "weights": Start(RANDOM)}, False),
        ({"trainable": ("block5",), "backbone": "vgg16"}, False),
    ],
)
def test_batchnorm_is_asked_about_where_pretrained_blocks_that_learn_have_it(
    visitor: Visitor, dataset: Dataset, choices: dict[str, Any], shown: bool
) -> None:
    at = visitor.open("train", dataset=dataset.id, **choices)
    assert ("norms" in controls(at)) is shown


def test_the_finer_settings_are_folded_and_what_is_unusual_of_them_stays_in_sight(
    visitor: Visitor, dataset: Dataset
) -> None:
    at = visitor.open("train", dataset=dataset.id)
    assert "More settings" in [each.label for each in blocks(at) if each.type == "expander"]
    assert "Set there" not in words(at)
    group(at, "schedule").set_value("cosine").run()
    group(at, "label_smoothing").set_value(0.1).run()
    at.toggle(key="class_weights").set_value(True).run()
    said = "Set there: Schedule: Cosine; Weigh rare classes more: On; Label smoothing: 0.1."
    assert said in words(calm(at))
    recipe = visitor.draft.recipe
    assert (recipe.schedule, recipe.label_smoothing, recipe.class_weights) == ("cosine", 0.1, True)


def test_another_optimizer_comes_with_its_usual_decay(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open("train", dataset=dataset.id)
    group(at, "optimizer").set_value("adamw").run()
    assert visitor.draft.recipe.weight_decay == ADAMW_DECAY == group(at, "weight_decay").value
    group(at, "weight_decay").set_value(0.01).run()
    assert visitor.draft.recipe.weight_decay == 0.01
    group(at, "optimizer").set_value("sgd").run()
    assert visitor.draft.recipe.weight_decay == 0 == group(calm(at), "weight_decay").value


def test_the_stages_are_told_with_epochs_and_rates(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open("train", dataset=dataset.id, trainable=LAST)
    assert table(at) == ""
    shown = table(visitor.open("train", recipe=LP_FT))
    for each in ("1–5", "Head only", "0.001", "6–15", "Head, Block 6, Block 7, Top", "0.0003"):
        assert f">{each}<" in shown
    shown = table(visitor.open("train", recipe=GRADUAL))
    for each in ("4–6", "Top joins", "0.0003 to 0.00015", "10–12", "Block 6 joins", "0.0003 to 0.000037"):
        assert f">{each}<" in shown


def test_blocks_that_the_epochs_do_not_reach_are_named_with_a_way_to_reach_them(
    visitor: Visitor, dataset: Dataset
) -> None:
    at = visitor.open("train", dataset=dataset.id, trainable=LAST, recipe=replace(GRADUAL, epochs=6))
    assert "Block 6, Block 7 never learn. " in words(at)
    assert "It takes at least 10" in words(at)
    press(at, "Use 12 epochs")
    assert visitor.draft.recipe.epochs == 12 == at.number_input(key="epochs").value
    assert "never learn" not in words(at)


def test_more_stages_than_epochs_can_be_had_have_no_button(visitor: Visitor, dataset: Dataset) -> None:
    recipe = replace(GRADUAL, epochs=500, stage_epochs=100)
    chosen = {"backbone": "mobilenetv2", "trainable": tuple(f"block{n}" for n in range(4, 14))}
    at = visitor.open("train", dataset=dataset.id, recipe=recipe, **chosen)
    assert "blocks never learn" in words(at)
    assert not [each for each in labels(at) if each.endswith("epochs")]


def test_how_uneven_the_classes_are_is_told_beside_their_weights(
    visitor: Visitor, dataset: Dataset
) -> None:
    assert "All classes have" in words(visitor.open("train", dataset=dataset.id))
    manifest = json.loads((dataset.folder / "dataset.json").read_text())
    red = [each for each in manifest["items"] if "red" in json.dumps(each)]
    manifest["items"] = [each for each in manifest["items"] if each not in red[1:3]]
    (dataset.folder / "dataset.json").write_text(json.dumps(manifest))
    assert "times as many" in words(visitor.open("train"))


def test_a_run_in_stages_shows_what_learns_now_and_what_joins_when(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    make_run(
        State.TRAINING, plan=stages_plan(dataset), phase="training", epoch=5, epochs=12, learning=("top",))
    at = visitor.open("train", dataset=dataset.id)
    found = component(at, "stage-map")
    assert found["locked"]
    assert found["learning"] == ["top"]
    assert "".join(text for text, _strong in found["watched"]) == "Stage 2 of 4: Top joins, epochs 4–6"
    joins = {each["name"]: each["joins"][0] for each in found["blocks"] if each["joins"][0]}
    assert joins == {"block6": "from epoch 10", "block7": "from epoch 7"}
    assert component(at, "progress")["pill"] == "1 block thawed"


def test_before_a_run_tells_what_learns_its_epoch_does(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    plan = stages_plan(dataset, LP_FT)
    make_run(State.TRAINING, plan=plan, phase="training", epoch=6, epochs=15)
    found = component(visitor.open("train", dataset=dataset.id), "stage-map")
    assert tuple(found["learning"]) == LAST


@pytest.mark.parametrize("how", [State.QUEUED, State.FINISHED, State.STOPPED])
def test_the_map_of_stages_is_there_only_while_there_is_something_to_watch(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker, how: State
) -> None:
    make_run(how, plan=stages_plan(dataset))
    assert "stage-map" not in components(visitor.open("train", dataset=dataset.id))
    make_run(State.TRAINING, plan=Plan(dataset.id, dataset.title, "efficientnet-lite0", LAST), epoch=1)
    assert "stage-map" not in components(visitor.open("train", dataset=dataset.id))


def test_the_curves_mark_the_stages_that_have_begun(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    run = make_run(State.TRAINING, plan=stages_plan(dataset), phase="training", epoch=1, epochs=12)
    assert [each["label"] for each in component(visitor.open("train"), "curves")["phases"]] == ["Head only"]
    (run.path / "batches.csv").write_text("position,loss,accuracy\n6.50000,1,0.5\n")
    marks = component(visitor.open("train"), "curves")["phases"]
    assert [(each["start"], each["label"]) for each in marks] == [
        (0, "Head only"), (3, "+ Top"), (6, "+ Block 7")]
    assert [each["frozen"] for each in marks] == [True, False, False]


def test_a_run_that_early_stopping_ended_says_so(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    rows = [EpochRow(n, "fit", 1.0, 0.5, 1.0, 0.5, 1e-3, 1.0) for n in range(1, 6)]
    plan = Plan(dataset.id, dataset.title, "efficientnet-lite0", recipe=Recipe(epochs=9, early_stopping=3))
    make_run(plan=plan, history=rows, epoch=5, epochs=9)
    assert "It ended early. 3 epochs brought nothing better" in words(visitor.open("train"))
    make_run(State.STOPPED, plan=plan, history=rows, epoch=5, epochs=9)
    assert "It ended early" not in words(visitor.open("train"))


def test_the_settings_of_a_run_tell_what_it_used_and_what_it_did_not(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    recipe = replace(GRADUAL, warmup=1, label_smoothing=0.1, class_weights=True, norms="updating")
    make_run(plan=stages_plan(dataset, recipe))
    at = visitor.open("train")
    text = words(at)
    for each in ("Block by block what learns when", "×0.5 rate from block to block", "1 warm-up, in epochs",
                 "On rare classes weighed more", "0.1 label smoothing", "Updating BatchNorm in blocks",
                 "Not used: Early stopping, Weight decay."):
        assert each in text
    assert "Block 6 joins" in table(at)


def test_of_a_run_whose_head_alone_learns_nothing_is_said_of_blocks(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    make_run(plan=replace(stages_plan(dataset), trainable=()))
    text = words(visitor.open("train"))
    assert "what learns when" not in text
    assert "BatchNorm" not in text
