from __future__ import annotations

import json
from dataclasses import replace

import pytest

from core import drafts
from core.backbones.catalogue import get
from core.drafts import Draft
from core.errors import BadInput
from core.training.plan import Head, Plan, Recipe
from core.training.presets import TEXTBOOK
from core.training.start import Ancestor, Start
from core.workspace import Workspace

HISTORY = (
    Ancestor("run-1", "Flowers", (), "pretrained"), Ancestor("run-2", "Digits", ("top",), "run"),
)
BROWSER = "0123456789abcdef0123456789abcdef"


def test_what_was_chosen_is_found_again(workspace: Workspace) -> None:
    draft = Draft(
        dataset="some-photos", dataset_title="[x](y)", job="job1", trainable=("block7", "top"),
        head=Head(pooling="max", dropout=0.5, hidden=64), recipe=Recipe(epochs=3, augment="light", views=8),
        model_seen=True, run="a-run", cache=False,
    )
    drafts.save(workspace, BROWSER, draft)
    assert drafts.load(workspace, BROWSER) == draft


@pytest.mark.parametrize("content", ["", "{}", '{"plan": {"version": 99}}', '{"plan": []}'])
def test_a_damaged_file_gives_the_defaults(workspace: Workspace, content: str) -> None:
    (workspace.browsers / f"{BROWSER}.json").write_text(content)
    assert drafts.load(workspace, BROWSER) == Draft()


@pytest.mark.parametrize("browser", ["", "../x", "0" * 31, "G" * 32])
def test_a_name_that_is_not_ours_touches_no_file(workspace: Workspace, browser: str) -> None:
    drafts.save(workspace, browser, replace(Draft(), run="kept"))
    assert drafts.load(workspace, browser) == Draft()
    assert list(workspace.browsers.iterdir()) == []


def test_another_backbone_keeps_the_blocks_it_has_too() -> None:
    draft = Draft(trainable=("block6", "top")).with_backbone("efficientnet-lite2")
    assert draft.backbone == "efficientnet-lite2"
    assert draft.trainable == ("block6", "top")


def test_another_backbone_begins_with_its_own_weights_and_size() -> None:
    draft = Draft(
        backbone="resnet50", trainable=("stage5",), weights=Start("run", "run-2"), image_size=96,
        history=HISTORY, dataset="photos", recipe=Recipe(epochs=3),
    ).with_backbone("resnet101")
    assert (draft.weights, draft.image_size, draft.history) == (Start(), None, ())
    assert (draft.trainable, draft.dataset, draft.recipe.epochs) == (("stage5",), "photos", 3)


def test_a_block_of_another_family_is_not_the_same_block_whatever_its_name() -> None:
    assert "block5" in get("mobilenetv2").block_names
    draft = Draft(backbone="vgg16", trainable=("block5",))
    assert draft.with_backbone("mobilenetv2").trainable == ()
    assert draft.with_backbone("vgg19").trainable == ("block5",)


def test_within_a_family_a_block_that_is_missing_is_left_out() -> None:
    assert "block7" not in get("efficientnetv2b0").block_names
    draft = Draft(backbone="efficientnetv2m", trainable=("block7", "top"))
    assert draft.with_backbone("efficientnetv2b0").trainable == ("top",)


def test_a_backbone_is_kept_under_the_catalogues_name() -> None:
    assert Draft().with_backbone("ResNet50").backbone == "resnet50"


def test_from_scratch_everything_learns_and_back_from_there_the_head_alone() -> None:
    draft = Draft(trainable=("block7", "top"), history=HISTORY, weights=Start("run", "run-2"))
    scratch = draft.with_weights(Start("none"))
    assert scratch.trainable == get(draft.backbone).block_names
    assert (scratch.weights, scratch.history) == (Start("none"), ())
    back = scratch.with_weights(Start())
    assert (back.trainable, back.weights) == ((), Start())


def test_from_one_set_of_learned_weights_to_another_the_blocks_stay() -> None:
    file = Start("file", "0123456789ab-mine.h5")
    draft = Draft(trainable=("block7",), image_size=96).with_weights(file)
    assert (draft.trainable, draft.weights, draft.image_size) == (("block7",), file, 96)
    assert draft.with_weights(Start()).trainable == ("block7",)


def test_a_plan_says_model_and_training_and_the_photos_stay() -> None:
    plan = Plan(
        "others", "Others", "resnet50", ("stage5",), Head("max", 0.5, 64), Recipe(3, 8), 100,
        Start("run", "run-2"), 96, HISTORY, cache=False,
    )
    draft = Draft(dataset="photos", dataset_title="Photos", job="job1", run="run-9", model_seen=True)
    planned = draft.planned(plan)
    assert (planned.dataset, planned.dataset_title, planned.job, planned.run) == (
        "photos", "Photos", "job1", "run-9",
    )
    assert planned.plan() == replace(plan, dataset="photos", dataset_title="Photos", limit=None)
    assert drafts.of_plan(plan).plan() == replace(plan, limit=None)


def test_a_recipe_by_name_can_be_drafted() -> None:
    draft = Draft(dataset="photos", dataset_title="Photos", recipe=Recipe(seed=7))
    planned = draft.planned(TEXTBOOK.applied(draft.plan()))
    assert (planned.backbone, planned.trainable, planned.dataset) == ("vgg16", ("block5",), "photos")
    assert planned.recipe == replace(TEXTBOOK.recipe, seed=7)


@pytest.mark.parametrize(
    "draft",
    [
        Draft(weights=Start("none"), trainable=get("efficientnet-lite0").block_names),
        Draft(weights=Start("file", "0123456789ab-mine.h5"), image_size=96),
        Draft(backbone="resnet50", weights=Start("run", "run-2"), image_size=64, history=HISTORY),
    ],
    ids=lambda draft: draft.weights.source,
)
def test_start_image_size_and_history_are_found_again(workspace: Workspace, draft: Draft) -> None:
    drafts.save(workspace, BROWSER, draft)
    assert drafts.load(workspace, BROWSER) == draft


def test_choices_that_do_not_fit_make_no_plan() -> None:
    with pytest.raises(BadInput, match="size"):
        Draft(image_size=16).plan()


def test_choices_kept_by_an_earlier_version_are_found_again(workspace: Workspace) -> None:
    plan = Draft(dataset="photos", trainable=("top",), recipe=Recipe(epochs=3)).plan().to_json()
    for name in ("weights", "image_size", "history", "cache"):
        del plan[name]
    del plan["recipe"]["views"]  # type: ignore[attr-defined]
    plan["version"] = 1
    old = {"plan": plan, "job": "job1", "model_seen": True, "run": "a-run"}
    (workspace.browsers / f"{BROWSER}.json").write_text(json.dumps(old))
    assert drafts.load(workspace, BROWSER) == Draft(
        dataset="photos", job="job1", trainable=("top",), recipe=Recipe(epochs=3), model_seen=True,
        run="a-run",
    )


@pytest.mark.parametrize(
    "changes",
    [{"weights": {"source": "file", "name": "../../x.h5"}}, {"weights": {"source": []}},
     {"history": [3]}, {"image_size": 10**9}, {"dataset": "../x"}, {"cache": "yes"}],
    ids=repr,
)
def test_choices_that_somebody_tampered_with_give_the_defaults(
    workspace: Workspace, changes: dict[str, object]
) -> None:
    plan = {**Draft(dataset="photos", trainable=("top",)).plan().to_json(), **changes}
    (workspace.browsers / f"{BROWSER}.json").write_text(json.dumps({"plan": plan, "run": "a-run"}))
    assert drafts.load(workspace, BROWSER) == Draft()
