from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from core.insight.plan_differences import Setting, covered, differences, settings
from core.training.plan import Head, Plan, Recipe
from core.training.start import FILE, RANDOM, RUN, Ancestor, Start

PLAN = Plan("photos-1", "Photos", "efficientnet-lite0", ("block7", "top"), recipe=Recipe(
    epochs=20, method="lp-ft", augment="light",
))
RUN_ID = "20260101-000000-run"
# What each field becomes in another plan. A new field has to be named here, and to make a difference.
ALTERED: dict[str, Any] = {
    "dataset": "photos-2", "dataset_title": None, "backbone": "resnet50", "trainable": ("top",),
    "limit": 100, "weights": Start(RANDOM), "image_size": 192, "history": None, "cache": False,
    "train_per_class": 40, "test_at_end": False,
    "pooling": "max", "dropout": 0.5, "hidden": 64,
    "epochs": 21, "batch_size": 16, "learning_rate": 1e-4, "optimizer": "sgd", "seed": 7,
    "augment": "strong", "views": 0, "method": "gradual", "stage_epochs": 6, "head_rate": 1e-2,
    "lr_factor": 0.5, "schedule": "cosine", "warmup": 2, "early_stopping": 3, "class_weights": True,
    "label_smoothing": 0.1, "weight_decay": 0.01, "norms": "updating",
}
# Follow from another field, or are the form of the file.
NOT_ALONE = {"dataset_title", "history"}
NO_SETTING = {"version", "head", "recipe"}


def names(kind: type) -> set[str]:
    return {each.name for each in fields(kind)}


def altered(name: str) -> Plan:
    """Return the plan with one field changed."""
    for part in (PLAN.recipe, PLAN.head):
        if name in names(type(part)):
            changed: Any = replace(part, **{name: ALTERED[name]})
            return replace(PLAN, **{type(part).__name__.lower(): changed})
    return replace(PLAN, **{name: ALTERED[name]})


def values(found: tuple[Setting, ...]) -> dict[str, tuple[str | None, ...]]:
    return {each.name: each.values for each in found}


def test_no_field_of_plan_recipe_or_head_is_forgotten() -> None:
    every = (names(Plan) | names(Recipe) | names(Head)) - NO_SETTING
    assert covered() == every
    assert set(ALTERED) == every


@pytest.mark.parametrize("name", sorted(set(ALTERED) - NOT_ALONE))
def test_each_field_that_is_changed_makes_a_difference_that_reads_differently(name: str) -> None:
    found = differences([PLAN, altered(name)])
    assert found
    for each in found:
        first, second = each.values
        assert first
        assert second
        assert first != second


def test_a_plan_does_not_differ_from_itself() -> None:
    assert differences([PLAN, PLAN, PLAN]) == ()
    assert all(each.everywhere and len(set(each.values)) == 1 for each in settings([PLAN, PLAN]))


def plain(plan: Plan, **changes: Any) -> Plan:
    return replace(plan, recipe=replace(plan.recipe, **changes))


@pytest.mark.parametrize(
    "changes", [{"views": 2}, {"views": 0}, {"stage_epochs": 9}, {"head_rate": 0.01}], ids=str
)
def test_what_means_nothing_is_no_difference(changes: dict[str, Any]) -> None:
    usual = plain(PLAN, augment="none", method="single")
    assert differences([usual, plain(usual, **changes)]) == ()


@pytest.mark.parametrize(
    "changes",
    [{"method": "gradual"}, {"lr_factor": 0.5}, {"norms": "updating"}, {"stage_epochs": 9},
     {"head_rate": 0.01}],
    ids=str,
)
def test_what_is_about_blocks_means_nothing_where_only_the_head_learns(changes: dict[str, Any]) -> None:
    head = replace(PLAN, trainable=())
    assert differences([head, plain(head, **changes)]) == ()
    assert not values(settings([head])).keys() & {"method", "lr_factor", "norms", "head_rate"}


def test_batchnorm_means_nothing_from_scratch_and_where_blocks_have_none() -> None:
    scratch = replace(PLAN, weights=Start(RANDOM))
    assert differences([scratch, plain(scratch, norms="updating")]) == ()
    vgg = replace(PLAN, backbone="vgg16", trainable=("block5",))
    assert differences([vgg, plain(vgg, norms="updating")]) == ()


def test_what_means_something_in_one_plan_alone_is_shown_and_no_difference() -> None:
    found = {each.name: each for each in settings([plain(PLAN, augment="none"), PLAN])}
    assert found["views"].values == (None, "4")
    assert not found["views"].differs
    assert not found["views"].everywhere
    assert found["augment"].values == ("None", "Light")
    assert found["augment"].differs


def test_settings_are_said_in_the_words_of_the_pages() -> None:
    other = Plan(
        "photos-1", "Photos", "resnet50", recipe=Recipe(epochs=7, learning_rate=1e-5, class_weights=True),
        train_per_class=40, image_size=192,
    )
    found = values(differences([PLAN, other]))
    assert found["backbone"] == ("EfficientNet-Lite0", "ResNet50")
    assert found["trainable"] == ("Block 7, Top", "Head only")
    assert found["learning_rate"] == ("0.001", "0.00001")
    assert found["class_weights"] == ("no", "yes")
    assert found["train_per_class"] == ("all", "at most 40")
    assert found["image_size"] == ("224 px", "192 px")
    assert "dataset" not in found


def test_stages_are_said_with_their_epochs() -> None:
    found = values(differences([plain(PLAN, method="single"), PLAN, plain(PLAN, method="gradual")]))
    assert found["method"] == (
        "All at once",
        "Head first: head only for 5 epochs, all that may learn for 15 epochs",
        "Block by block: head only for 5 epochs, Top joins for 5 epochs, Block 7 joins for 10 epochs",
    )


def test_photos_of_one_title_are_told_apart_by_their_ids() -> None:
    found = values(differences([PLAN, replace(PLAN, dataset="photos-2")]))
    assert found == {"dataset": ("Photos (photos-1)", "Photos (photos-2)")}


def test_a_title_that_changed_is_no_difference() -> None:
    assert differences([PLAN, replace(PLAN, dataset_title="Renamed")]) == ()


def test_weights_are_said_by_where_they_come_from_and_what_they_learned_before() -> None:
    before = Ancestor(RUN_ID, "Birds", (), "pretrained")
    gone_on = replace(PLAN, weights=Start(RUN, RUN_ID), history=(before,))
    file = replace(PLAN, weights=Start(FILE, "0123456789abcdef-mine.h5"))
    found = values(differences([PLAN, gone_on, file]))
    assert found["weights"] == (
        "ImageNet weights", "weights of an earlier run, which learned from Birds", "weights of your file",
    )
    other = replace(gone_on, weights=Start(RUN, RUN_ID + "-2"))
    first, second = values(differences([gone_on, other]))["weights"]
    assert first is not None
    assert second is not None
    assert first.endswith(f"({RUN_ID})")
    assert second.endswith(f"({RUN_ID}-2)")
    two = replace(gone_on, history=(before, replace(before, dataset_title="Cats")))
    assert values(differences([gone_on, two]))["weights"][1] == (
        "weights of an earlier run, which learned from Birds, Cats")
