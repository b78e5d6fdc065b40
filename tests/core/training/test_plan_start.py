"""What a plan says of its backbone's start, image size and history."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.backbones.catalogue import BACKBONES, get
from core.errors import BadInput, NotFound
from core.training.plan import PLAN_VERSION, Head, Plan, Recipe
from core.training.presets import PRESETS, TEXTBOOK, preset
from core.training.start import LONGEST_HISTORY, Ancestor, Start, asked_for

PLAN = Plan("photos", "Photos", "efficientnet-lite0")
FIRST = Ancestor("run-1", "Flowers – <b>x</b>", (), "pretrained")
SECOND = Ancestor("run-2", "Digits", ("block7", "top"), "run")
KEPT = "0123456789ab-mine.weights.h5"
VERSION_1 = {
    "dataset": "photos", "dataset_title": "Photos", "backbone": "efficientnet-lite0",
    "trainable": ["block7", "top"],
    "head": {"pooling": "avg", "dropout": 0.2, "hidden": 0},
    "recipe": {
        "epochs": 3, "batch_size": 16, "learning_rate": 0.0001, "optimizer": "sgd", "seed": 42,
        "augment": "light",
    },
    "limit": 200, "version": 1,
}


def test_a_plan_of_the_first_version_is_read_as_what_it_did(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(json.dumps(VERSION_1))
    plan = Plan.load(tmp_path / "plan.json")
    assert plan == Plan(
        "photos", "Photos", "efficientnet-lite0", ("block7", "top"), Head("avg", 0.2, 0),
        Recipe(3, 16, 1e-4, "sgd", 42, "light", views=0), 200,
    )
    assert (plan.weights, plan.image_size, plan.history) == (Start("pretrained", ""), None, ())
    assert plan.size == 224
    assert plan.version == PLAN_VERSION


@pytest.mark.parametrize(
    "changes",
    [
        {"weights": Start("none")}, {"weights": Start("file", KEPT)},
        {"weights": Start("run", "run-2"), "history": (FIRST, SECOND)},
        {"image_size": 160}, {"history": (FIRST,)},
    ],
    ids=" ".join,
)
def test_start_image_size_and_history_are_read_back_the_same(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    plan = replace(PLAN, **changes)
    plan.save(tmp_path / "plan.json")
    assert Plan.load(tmp_path / "plan.json") == plan


def test_the_photos_are_as_large_as_the_plan_says_or_else_as_the_backbones_own() -> None:
    assert replace(PLAN, image_size=96).size == 96
    assert replace(PLAN, backbone="inceptionv3").size == 299


@pytest.mark.parametrize("name", ["efficientnet-lite0", "vgg16", "inceptionv3", "xception"])
def test_an_image_size_is_taken_within_the_backbones_range_and_refused_outside(name: str) -> None:
    low, high = get(name).smallest_size, 1024
    for edge in (low, high):
        assert replace(PLAN, backbone=name, image_size=edge).checked().size == edge
    for outside in (low - 1, high + 1, 0, -32, 64.0, "64", True, 10**400):
        with pytest.raises(BadInput) as caught:
            replace(PLAN, backbone=name, image_size=outside).checked()
        assert f"from {low} to {high:,} pixels" in caught.value.fix


def test_a_history_has_an_end() -> None:
    longest = (FIRST,) * LONGEST_HISTORY
    assert replace(PLAN, history=longest).checked().history == longest
    with pytest.raises(BadInput, match="history"):
        replace(PLAN, history=(*longest, FIRST)).checked()
    with pytest.raises(BadInput, match="history"):
        Plan.from_json({**PLAN.to_json(), "history": [FIRST.to_json()] * (LONGEST_HISTORY + 1)})


@pytest.mark.parametrize(
    "weights",
    [
        None, [], "none", {"source": "elsewhere"}, {"source": "none", "name": "x"},
        {"source": "pretrained", "name": KEPT}, {"source": "file"}, {"source": "file", "name": ""},
        {"source": "file", "name": "../../etc/passwd"}, {"source": "file", "name": "/etc/passwd"},
        {"source": "file", "name": "0123456789ab-mine.pkl"}, {"source": "file", "name": "mine.h5"},
        {"source": "file", "name": [KEPT]}, {"source": "file", "name": KEPT + "\n"},
        {"source": "run"}, {"source": "run", "name": ".."}, {"source": "run", "name": "a/b"},
        {"source": "run", "name": 3}, {"source": ["run"], "name": "run-1"}, {"source": {}, "name": "x"},
        {"source": "none", "name": []}, {"source": "none", "path": "/x"},
    ],
    ids=repr,
)
def test_a_start_that_cannot_be_named_is_refused(weights: object) -> None:
    with pytest.raises(BadInput):
        Plan.from_json({**PLAN.to_json(), "weights": weights})


@pytest.mark.parametrize(
    "changes",
    [
        {"run": ".."}, {"run": 3}, {"source": "elsewhere"}, {"source": []}, {"trainable": "block7"},
        {"trainable": [3]}, {"trainable": None}, {"dataset_title": None}, {"more": 1},
    ],
    ids=repr,
)
def test_an_ancestor_that_is_none_is_refused(changes: dict[str, object]) -> None:
    assert Plan.from_json({**PLAN.to_json(), "history": [FIRST.to_json()]}).history == (FIRST,)
    with pytest.raises(BadInput, match="history"):
        Plan.from_json({**PLAN.to_json(), "history": [{**FIRST.to_json(), **changes}]})


def test_an_ancestor_with_a_part_missing_is_refused() -> None:
    for name in FIRST.to_json():
        without = {key: value for key, value in FIRST.to_json().items() if key != name}
        with pytest.raises(BadInput, match="history"):
            Plan.from_json({**PLAN.to_json(), "history": [without]})


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from([10**400, -(10**400), "none", "file", "run", "pretrained", KEPT, "run-1", "block7"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    | st.fixed_dictionaries({"source": inner, "name": inner})
    | st.fixed_dictionaries({"run": inner, "dataset_title": inner, "trainable": inner, "source": inner})
    | st.fixed_dictionaries({"epochs": inner, "seed": inner, "augment": inner})
    | st.fixed_dictionaries({"dropout": inner, "hidden": inner, "pooling": inner}),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*PLAN.to_json(), "other"]), anything, max_size=4))
def test_a_hostile_plan_is_a_plan_or_bad_input(changes: dict[str, Any]) -> None:
    try:
        found = Plan.from_json({**PLAN.to_json(), **changes})
    except BadInput:
        return
    assert isinstance(found, Plan)
    assert found == found.checked() == Plan.from_json(found.to_json())


@given(st.dictionaries(st.sampled_from([*PLAN.to_json(), "other"]), anything))
def test_no_random_object_is_more_than_a_plan_or_bad_input(whole: dict[str, Any]) -> None:
    try:
        assert isinstance(Plan.from_json(whole), Plan)
    except BadInput:
        return


def test_a_backbone_is_known_by_one_name_however_it_was_written() -> None:
    assert replace(PLAN, backbone="ResNet50V2").checked().backbone == "resnet50v2"


@pytest.mark.parametrize("name", ["efficientnet-lite0", "resnet50"])
def test_a_word_is_a_start_where_the_backbone_has_such_weights(name: str) -> None:
    backbone = get(name)
    own, other = ("packaged", "imagenet") if name == "efficientnet-lite0" else ("imagenet", "packaged")
    assert asked_for(backbone, own) == asked_for(backbone, "pretrained") == Start("pretrained")
    assert asked_for(backbone, "none") == Start("none")
    for word in (other, "", "file", "run", "RANDOM" * 40):
        with pytest.raises(BadInput) as caught:
            asked_for(backbone, word)
        assert f"{own} or none" in caught.value.fix
        assert len(caught.value.given) <= 80


def test_every_backbone_takes_one_of_the_two_words_for_its_imagenet_weights() -> None:
    for backbone in BACKBONES.values():
        assert asked_for(backbone, backbone.pretrained) == Start()
        assert backbone.pretrained == ("imagenet" if backbone.constructor else "packaged")


def test_a_recipe_is_found_by_its_name_and_an_unknown_one_says_which_there_are() -> None:
    assert preset("textbook") is TEXTBOOK
    assert all(preset(name).name == name for name in PRESETS)
    with pytest.raises(NotFound, match="textbook"):
        preset("cookbook")


def test_the_textbooks_recipe_is_what_textbooks_say() -> None:
    plan = TEXTBOOK.applied(PLAN).checked()
    assert (plan.backbone, plan.trainable, plan.size) == ("vgg16", ("block5",), 224)
    assert plan.head == Head("flatten", 0.0, 0)
    assert (plan.recipe.epochs, plan.recipe.batch_size) == (10, 32)
    assert (plan.recipe.optimizer, plan.recipe.learning_rate) == ("adam", 1e-3)
    assert plan.recipe.augment == "none"
    assert plan.weights == Start("pretrained")


def test_a_recipe_leaves_photos_seed_and_limit_and_changes_all_else() -> None:
    before = replace(
        PLAN, trainable=("top",), head=Head("max", 0.5, 64), recipe=Recipe(3, 8, 0.1, "sgd", 42, "strong"),
        limit=100, weights=Start("run", "run-1"), image_size=96, history=(FIRST,),
    )
    after = TEXTBOOK.applied(before)
    assert (after.dataset, after.dataset_title, after.limit) == ("photos", "Photos", 100)
    assert after.recipe.seed == 42
    assert after == replace(
        TEXTBOOK.applied(PLAN), limit=100, recipe=replace(TEXTBOOK.recipe, seed=42)
    )
