"""What is kept of a measurement, and what is predicted from it."""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.backbones.catalogue import get
from core.data.dataset import Dataset
from core.training import estimate as estimates
from core.training import speed, worth
from core.training.counts import counts, head_parameters, shortcuts
from core.training.estimate import FED, STEP_S, Photos, estimate, photos_of
from core.training.events import WRITE_EVERY_S
from core.training.feed import BATCHES_AHEAD
from core.training.plan import Head, Plan, Recipe
from core.training.speed import Anchor, Measured, all_measured, measured
from core.training.worth import READ_A_SECOND, WRITTEN_A_SECOND
from core.workspace import Workspace

NAME = "mobilenetv2"
USUAL = shortcuts(NAME)
MEASURED = Measured(
    backbone=NAME, image_size=224, batch=32, forward_s=0.010, import_s=4.0, build_s=2.0, trace_s=3.0,
    save_s=0.5, base_bytes=500_000_000, machine=speed.machine(), at=1.0,
    anchors=(
        Anchor(USUAL["none"], 0.012, 700_000_000), Anchor(USUAL["last"], 0.015, 900_000_000),
        Anchor(USUAL["all"], 0.036, 3_000_000_000),
    ),
)
# The plain way: every photo passes the whole network in every epoch.
PLAN = Plan(
    "photos", "Photos", NAME, head=Head(dropout=0.0), recipe=Recipe(epochs=10, batch_size=32), cache=False,
)
ONCE = replace(PLAN, cache=True)
STEPS = 25 * STEP_S
PHOTOS = Photos(train=800, validation=100, test=100, decode_s=0.0)


def expected(plan: Plan = PLAN, photos: Photos = PHOTOS, known: Measured = MEASURED) -> estimates.Estimate:
    found = estimate(plan, photos, 5, known)
    assert found is not None
    return found


def only_steps() -> Measured:
    """A measurement in which all but the steps is free."""
    return replace(MEASURED, forward_s=1e-12, import_s=0.0, build_s=0.0, trace_s=0.0, save_s=0.0)


@pytest.mark.parametrize("at", [0, 1, 2], ids=list(USUAL))
def test_at_what_was_measured_the_step_is_the_measured_one(at: int) -> None:
    anchor = MEASURED.anchors[at]
    found = expected(replace(PLAN, trainable=anchor.trainable), known=only_steps())
    assert found.epoch_s == pytest.approx(800 * FED * anchor.step_s + STEPS)
    assert found.seconds == pytest.approx(10 * (800 * FED * anchor.step_s + STEPS))


@pytest.mark.parametrize("at", [0, 1, 2], ids=list(USUAL))
def test_at_what_was_measured_the_memory_is_the_measured_one_with_head_and_photos(at: int) -> None:
    anchor = MEASURED.anchors[at]
    plan = replace(PLAN, trainable=anchor.trainable)
    head = 4 * (3 + 1) * head_parameters(plan, 5)
    photos = (BATCHES_AHEAD + 1) * 32 * 224 * 224 * 3
    assert expected(plan).peak_bytes == pytest.approx(anchor.peak_bytes + head + photos, abs=2)


def test_between_two_anchors_lies_what_lies_between() -> None:
    names = get(NAME).block_names
    middle = expected(replace(PLAN, trainable=names[10:]), known=only_steps()).epoch_s / 800
    assert 0.015 < middle < 0.036


def test_a_training_is_its_start_its_epochs_and_its_last_look() -> None:
    plan = replace(PLAN, recipe=replace(PLAN.recipe, epochs=3))
    saving = MEASURED.save_s * (
        2 * counts(plan, 5).total + 2 * counts(plan, 5).learning
    ) / get(NAME).parameters
    epoch = FED * (800 * 0.012 + 100 * 0.010) + STEPS
    writing = saving * min(3, 1 + 3 * epoch / WRITE_EVERY_S)
    found = expected(plan)
    assert found.epoch_s == pytest.approx(epoch)
    assert found.seconds == pytest.approx(4.0 + 2.0 + 2 * 3.0 + 3 * epoch + writing + FED * 100 * 0.010)
    slow = replace(MEASURED, anchors=tuple(replace(each, trace_s=7.0) for each in MEASURED.anchors))
    later = estimate(plan, PHOTOS, 5, slow)
    assert later is not None
    assert later.seconds == pytest.approx(found.seconds + 7.0)


def test_stages_take_what_each_would_take_with_one_start() -> None:
    staged = replace(PLAN, trainable=USUAL["last"], recipe=replace(
        PLAN.recipe, method="lp-ft", epochs=10, stage_epochs=4))
    free = replace(MEASURED, trace_s=0.0)
    head = expected(replace(PLAN, recipe=replace(PLAN.recipe, epochs=4)), replace(PHOTOS, test=0), free)
    tail = expected(
        replace(PLAN, trainable=USUAL["last"], recipe=replace(PLAN.recipe, epochs=6)), known=free)
    found = expected(staged, known=free)
    assert found.seconds == pytest.approx(head.seconds + tail.seconds - free.import_s - free.build_s)
    assert found.epoch_s == tail.epoch_s
    assert found.peak_bytes == max(head.peak_bytes, tail.peak_bytes)
    assert expected(staged).seconds == pytest.approx(found.seconds + (1 + 2) * 3.0)


def test_what_each_stage_has_seen_before_counts_for_it_alone() -> None:
    staged = replace(ONCE, trainable=USUAL["last"], recipe=replace(
        PLAN.recipe, method="lp-ft", epochs=10, stage_epochs=4))

    def seconds(*found: int) -> float:
        guess = estimate(staged, PHOTOS, 5, MEASURED, found=found)
        assert guess is not None
        return guess.seconds

    assert seconds(0, 0) == seconds()
    assert seconds(900, 0) < seconds()
    assert seconds(900, 1000) < seconds(900, 0)


def test_without_a_look_at_the_test_photos_it_takes_less() -> None:
    assert expected(replace(PLAN, test_at_end=False)).seconds < expected().seconds


def test_where_the_frozen_part_sees_each_photo_once_the_epochs_are_of_the_rest() -> None:
    photos = replace(PHOTOS, decode_s=0.02)
    reading = 0.02 / (os.cpu_count() or 1)
    found = expected(replace(ONCE, recipe=replace(PLAN.recipe, epochs=3)), photos)
    # No block learns: a pass is the frozen part's alone, and of a step 2 of 12 ms are left.
    epoch = FED * 800 * 0.002 + STEPS
    assert found.epoch_s == pytest.approx(epoch)
    saving = MEASURED.save_s * (
        2 * counts(PLAN, 5).total + 2 * counts(PLAN, 5).learning
    ) / get(NAME).parameters
    writing = saving * min(3, 1 + 3 * epoch / WRITE_EVERY_S)
    row = worth.row_bytes(ONCE)
    once = 1000 * (0.010 + reading + row / WRITTEN_A_SECOND) + (3 * 900 + 100) * row / READ_A_SECOND
    assert found.seconds == pytest.approx(4.0 + 2.0 + 2 * 3.0 + once + 3 * epoch + writing)


def test_a_long_training_writes_its_files_every_few_seconds_and_a_short_one_every_epoch() -> None:
    def writing(epochs: int, known: Measured) -> float:
        plan = replace(ONCE, recipe=replace(PLAN.recipe, epochs=epochs))
        dear = replace(known, save_s=known.save_s + 1.0)
        return expected(plan, known=dear).seconds - expected(plan, known=known).seconds

    one = writing(1, MEASURED)
    assert one > 1
    epoch = expected(ONCE).epoch_s
    assert epoch < WRITE_EVERY_S
    assert writing(10, MEASURED) == pytest.approx(one * (1 + 10 * epoch / WRITE_EVERY_S))
    slow = replace(MEASURED, anchors=tuple(replace(each, step_s=0.1) for each in MEASURED.anchors))
    assert writing(10, slow) == pytest.approx(10 * one)


def test_folding_the_frozen_part_takes_memory_where_it_has_batchnorm_and_is_not_too_large() -> None:
    def more(name: str) -> int:
        known = replace(MEASURED, backbone=name, anchors=(Anchor((), 0.012, 700_000_000),))
        once, plain = (
            expected(replace(plan, backbone=name), known=known).peak_bytes for plan in (ONCE, PLAN))
        return once - plain

    assert more(NAME) > 4 * sum(block.parameters for block in get(NAME).blocks)
    assert more("vgg16") == 0
    assert more("resnet152") == 0


def test_views_pass_the_frozen_part_once_each() -> None:
    def seconds(views: int) -> float:
        recipe = replace(PLAN.recipe, epochs=20, augment="light", views=views)
        return expected(replace(ONCE, recipe=recipe)).seconds

    row = worth.row_bytes(ONCE)
    assert seconds(4) - seconds(2) == pytest.approx(2 * 800 * (0.010 + row / WRITTEN_A_SECOND))
    fresh = replace(PLAN.recipe, epochs=20, augment="light", views=0)
    assert seconds(0) == expected(replace(PLAN, recipe=fresh)).seconds


@pytest.mark.parametrize("at", [0, 1, 2], ids=list(USUAL))
def test_seeing_each_photo_once_is_never_expected_to_take_longer(at: int) -> None:
    blocks = MEASURED.anchors[at].trainable
    once, plain = (expected(replace(plan, trainable=blocks)).seconds for plan in (ONCE, PLAN))
    assert once == plain if blocks == USUAL["all"] else once < plain


def test_a_training_of_one_epoch_goes_the_plain_way() -> None:
    short = replace(PLAN.recipe, epochs=1)
    assert expected(replace(ONCE, recipe=short)) == expected(replace(PLAN, recipe=short))


def rises(values: list[float]) -> bool:
    return all(one < other for one, other in itertools.pairwise(values))


def test_more_epochs_photos_and_blocks_take_longer() -> None:
    assert rises([
        expected(replace(PLAN, recipe=Recipe(epochs=epochs))).seconds for epochs in (1, 2, 10, 500)
    ])
    for split in ("train", "validation", "test"):
        assert rises([
            expected(photos=replace(PHOTOS, **{split: n})).seconds for n in (0, 1, 500, 5000)
        ])
    names = get(NAME).block_names
    assert rises([
        expected(replace(PLAN, trainable=names[len(names) - n :])).seconds for n in range(len(names) + 1)
    ])
    assert rises([expected(photos=replace(PHOTOS, decode_s=s)).seconds for s in (0.0, 0.01, 0.1)])


def test_reading_photos_is_shared_among_the_cores() -> None:
    with_reading = expected(photos=replace(PHOTOS, decode_s=0.1)).epoch_s - expected().epoch_s
    assert with_reading == pytest.approx(900 * 0.1 / (os.cpu_count() or 1))


def test_a_larger_batch_and_more_blocks_need_more_memory() -> None:
    for blocks in USUAL.values():
        plan = replace(PLAN, trainable=blocks)
        assert rises([
            expected(replace(plan, recipe=Recipe(batch_size=n))).peak_bytes for n in (1, 8, 32, 128)
        ])
    assert rises([expected(replace(PLAN, trainable=blocks)).peak_bytes for blocks in USUAL.values()])


def test_what_a_batch_needs_grows_in_proportion_to_it() -> None:
    anchor = MEASURED.anchors[0]
    once, twice = (expected(replace(PLAN, recipe=Recipe(batch_size=n))).peak_bytes for n in (32, 64))
    photos = (BATCHES_AHEAD + 1) * 32 * 224 * 224 * 3
    assert twice - once == pytest.approx(anchor.peak_bytes - MEASURED.base_bytes + photos, abs=2)


def test_an_optimizer_with_fewer_slots_needs_less_memory() -> None:
    plan = replace(PLAN, trainable=USUAL["all"])
    adam, sgd = (
        expected(replace(plan, recipe=Recipe(optimizer=name))).peak_bytes for name in ("adam", "sgd")
    )
    assert adam - sgd == pytest.approx(4 * counts(plan, 5).learning, abs=2)


def test_after_a_quick_look_nothing_is_predicted() -> None:
    assert estimate(PLAN, PHOTOS, 5, replace(MEASURED, anchors=())) is None


def test_photos_are_counted_by_split_and_a_few_are_read(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[tuple[Path, int]] = []
    monkeypatch.setattr(estimates, "load_array", lambda path, size: read.append((path, size)))
    found = photos_of(dataset, 96)
    assert (found.train, found.validation, found.test) == (12, 2, 2)
    assert found.decode_s > 0
    assert {path for path, _size in read} == {dataset.file(item) for item in dataset.of_split("train")}
    assert {size for _path, size in read} == {96}


def test_of_many_photos_only_some_are_read(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    monkeypatch.setattr(estimates, "load_array", lambda path, _size: read.append(path))
    learning = dataset.of_split("train")
    photos_of(replace(dataset, items=tuple(learning) * 50), 96)
    assert 0 < len(read) <= 12


def test_photos_that_cannot_be_read_cost_nothing_here(dataset: Dataset) -> None:
    for item in dataset.of_split("train"):
        dataset.file(item).write_bytes(b"no picture")
    assert photos_of(dataset, 96) == Photos(12, 2, 2, 0.0)


def file_of(workspace: Workspace) -> Path:
    return workspace.cache / "speed" / f"{NAME}-224.json"


def test_what_was_measured_is_found_again(workspace: Workspace) -> None:
    assert measured(workspace, NAME, 224) is None
    MEASURED.save(workspace)
    assert measured(workspace, NAME, 224) == MEASURED
    assert measured(workspace, "MobileNetV2", 224) == MEASURED
    assert measured(workspace, NAME, 192) is None
    newer = replace(MEASURED, forward_s=0.02, anchors=())
    newer.save(workspace)
    assert measured(workspace, NAME, 224) == newer
    assert newer.images_per_s == pytest.approx(50)


def test_all_that_was_measured_at_a_backbones_own_size_is_found(workspace: Workspace) -> None:
    MEASURED.save(workspace)
    replace(MEASURED, backbone="vgg16", image_size=64).save(workspace)
    assert all_measured(workspace, ["vgg16", NAME, "resnet50"]) == {NAME: MEASURED}


@pytest.mark.parametrize(
    "changes",
    [
        {"machine": "another"}, {"form": 1}, {"form": None}, {"backbone": "vgg16"}, {"image_size": 96},
        {"forward_s": 0}, {"forward_s": -1}, {"forward_s": "0.1"}, {"forward_s": None},
        {"forward_s": float("inf")}, {"forward_s": float("nan")}, {"forward_s": True},
        {"batch": 0}, {"batch": []}, {"import_s": "4"}, {"build_s": None}, {"trace_s": float("inf")},
        {"trace_s": -1}, {"save_s": {}}, {"base_bytes": "many"}, {"base_bytes": 10**400}, {"at": "today"},
        {"anchors": None}, {"anchors": "none"}, {"anchors": [3]}, {"anchors": {"a": 1}}, {"more": 1},
        {"anchors": [{"trainable": [], "step_s": 0, "peak_bytes": 1, "trace_s": 0}]},
        {"anchors": [{"trainable": [], "step_s": "1", "peak_bytes": 1, "trace_s": 0}]},
        {"anchors": [{"trainable": [], "step_s": 1, "peak_bytes": 1, "trace_s": -1}]},
        {"anchors": [{"trainable": [], "step_s": 1, "peak_bytes": 1}]},
        {"anchors": [{"trainable": [], "step_s": 1, "peak_bytes": float("inf"), "trace_s": 0}]},
        {"anchors": [{"trainable": [[]], "step_s": 1, "peak_bytes": 1, "trace_s": 0}]},
        {"anchors": [{"trainable": 3, "step_s": 1, "peak_bytes": 1, "trace_s": 0}]},
        {"anchors": [{"trainable": []}]},
    ],
    ids=repr,
)
def test_a_measurement_of_another_machine_or_form_or_a_damaged_one_is_not_used(
    workspace: Workspace, changes: dict[str, Any]
) -> None:
    MEASURED.save(workspace)
    file_of(workspace).write_text(json.dumps({**asdict(MEASURED), **changes}))
    assert measured(workspace, NAME, 224) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", "[" * 100_000, "\x00"], ids=lambda t: t[:3])
def test_a_file_that_is_no_measurement_is_not_used(workspace: Workspace, text: str) -> None:
    MEASURED.save(workspace)
    file_of(workspace).write_text(text)
    assert measured(workspace, NAME, 224) is None


def test_a_measurement_with_a_part_missing_is_not_used(workspace: Workspace) -> None:
    MEASURED.save(workspace)
    for name in set(asdict(MEASURED)) - {"form"}:
        without = {key: value for key, value in asdict(MEASURED).items() if key != name}
        file_of(workspace).write_text(json.dumps(without))
        assert measured(workspace, NAME, 224) is None


hostile = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.fixed_dictionaries(
        {"trainable": st.lists(inner, max_size=2), "step_s": inner, "peak_bytes": inner, "trace_s": inner}
    ),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from([*asdict(MEASURED)]), hostile, min_size=1, max_size=3))
def test_whatever_a_measurement_holds_an_estimate_is_a_number_or_none(
    workspace: Workspace, changes: dict[str, Any]
) -> None:
    MEASURED.save(workspace)
    file_of(workspace).write_text(json.dumps({**asdict(MEASURED), **changes}))
    known = measured(workspace, NAME, 224)
    if known is not None:
        found = estimate(PLAN, PHOTOS, 5, known)
        assert found is None or found.seconds >= 0
