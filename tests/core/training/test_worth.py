from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from core.backbones import catalogue
from core.data.dataset import Dataset
from core.training import worth
from core.training.plan import Head, Plan, Recipe
from core.training.speed import Measured
from core.training.start import RANDOM, Start
from core.training.worth import Amounts

AMOUNTS = Amounts(train=100, validation=20, test=30)
EVERY = tuple(catalogue.BACKBONES)
MEASURED = Measured(
    "efficientnet-lite0", 224, 8, forward_s=0.02, import_s=1, build_s=1, trace_s=1, save_s=1,
    base_bytes=1, anchors=(), machine="", at=0.0,
)


def plan_of(backbone: str = "efficientnet-lite0", *trainable: str, **recipe: Any) -> Plan:
    return Plan("", "", backbone, trainable=trainable, recipe=Recipe(**{"epochs": 10, **recipe})).checked()


def learning_blocks(name: str) -> list[str]:
    """The blocks in which something can learn: pretrained BatchNorm stays as it is."""
    blocks = catalogue.get(name).blocks
    return [block.name for block in blocks if block.trainable_parameters > block.norm_parameters]


every_backbone = pytest.mark.parametrize("name", EVERY)


@every_backbone
def test_frozen_is_what_lies_below_the_lowest_block_that_learns(name: str) -> None:
    blocks = catalogue.get(name).blocks
    assert list(worth.frozen_below(plan_of(name))) == list(blocks)
    for at, block in enumerate(blocks):
        below = list(blocks[:at]) if block.name in learning_blocks(name) else list(blocks)
        assert list(worth.frozen_below(plan_of(name, block.name))) == below
        assert list(worth.frozen_below(plan_of(name, block.name, blocks[-1].name))) == below


@pytest.mark.parametrize(("name", "block"), [("resnet50v2", "post"), ("densenet121", "norm")])
def test_a_block_of_batchnorm_alone_learns_from_scratch_only(name: str, block: str) -> None:
    plan = plan_of(name, block)
    assert worth.all_frozen(plan)
    assert worth.row_bytes(plan) == 4 * catalogue.get(name).output_shape[2]
    assert not worth.all_frozen(replace(plan, weights=Start(RANDOM)))


@every_backbone
def test_the_share_grows_with_the_cut_from_nothing_to_the_whole(name: str) -> None:
    shares = [worth.frozen_share(plan_of(name, block.name)) for block in catalogue.get(name).blocks]
    shares.append(worth.frozen_share(plan_of(name)))
    assert shares[0] == 0
    assert shares[-1] == 1
    assert shares == sorted(shares)
    assert shares[1] > 0


@every_backbone
def test_a_row_holds_the_numbers_that_cross_the_cut(name: str) -> None:
    backbone = catalogue.get(name)
    height, width, channels = backbone.output_shape
    assert worth.row_bytes(plan_of(name)) == 4 * channels
    flat = replace(plan_of(name), head=Head("flatten"))
    assert worth.row_bytes(flat) == 4 * height * width * channels
    assert worth.row_bytes(plan_of(name, *backbone.block_names)) == 0
    last = learning_blocks(name)[-1]
    below = backbone.blocks[backbone.block_names.index(last) - 1].output_shape
    tensors = 2 if name.startswith("nasnet") else 1
    assert worth.row_bytes(plan_of(name, last)) == tensors * 4 * math.prod(below)


@every_backbone
def test_the_cut_is_named_after_the_last_block_below_it(name: str) -> None:
    names = catalogue.get(name).block_names
    assert worth.cut_text(plan_of(name, names[0])) == ""
    assert worth.cut_text(plan_of(name, names[1])).lower().replace(" ", "") == names[0].replace("_", "")
    assert worth.cut_text(plan_of(name)) != worth.cut_text(plan_of(name, learning_blocks(name)[-1])) != ""


@every_backbone
def test_what_keeping_takes_is_the_sum_over_all_images(name: str) -> None:
    plan = plan_of(name)
    takes = worth.keeping(plan, AMOUNTS, None)
    assert (takes.images, takes.plain_passes) == (150, 10 * 120 + 30)
    assert takes.bytes == 150 * worth.row_bytes(plan)
    assert (takes.seconds, takes.plain_seconds) == (None, None)
    assert worth.why_plain(plan, AMOUNTS, None) == ""


def test_each_view_counts_for_the_photos_that_are_learned_from() -> None:
    plan = plan_of(augment="light", views=4)
    assert worth.keeping(plan, AMOUNTS, None).images == 4 * 100 + 20 + 30
    few = plan_of(augment="light", views=4, epochs=3)
    assert worth.keeping(few, AMOUNTS, None).images == 3 * 100 + 20 + 30


def test_seconds_follow_what_was_measured_and_the_share_below() -> None:
    takes = worth.keeping(plan_of(), AMOUNTS, MEASURED, decode_s=0)
    assert takes.seconds == pytest.approx(150 * 0.02 + kept_seconds(plan_of()))
    assert takes.plain_seconds == pytest.approx(takes.plain_passes * 0.02)
    plan = plan_of("efficientnet-lite0", "block6", "block7", "top")
    share = worth.frozen_share(plan)
    assert 0 < share < 1
    assert worth.image_seconds(plan, MEASURED) == pytest.approx(0.02 * share)
    takes = worth.keeping(plan, AMOUNTS, MEASURED, decode_s=0)
    assert takes.seconds == pytest.approx(150 * 0.02 * share + kept_seconds(plan))


def kept_seconds(plan: Plan) -> float:
    """What writing 150 rows takes and reading 1230."""
    row = worth.row_bytes(plan)
    return 150 * row / worth.WRITTEN_A_SECOND + 1230 * row / worth.READ_A_SECOND


def test_decoding_counts_wherever_a_photo_is_seen_and_nowhere_else() -> None:
    bare, takes = (worth.keeping(plan_of(), AMOUNTS, MEASURED, decode_s=each) for each in (0, 0.01))
    assert (takes.seconds or 0) - (bare.seconds or 0) == pytest.approx(150 * 0.01)
    assert (takes.plain_seconds or 0) - (bare.plain_seconds or 0) == pytest.approx(1230 * 0.01)
    there = worth.keeping(plan_of(), AMOUNTS, MEASURED, found=150, decode_s=0.01)
    assert 0 < (there.seconds or 0) < 0.01, "what is there is only read"


@every_backbone
def test_the_path_that_costs_less_is_taken(name: str) -> None:
    for block in catalogue.get(name).block_names[1:]:
        plan, known = plan_of(name, block), replace(MEASURED, backbone=name)
        takes = worth.keeping(plan, AMOUNTS, known)
        assert takes.seconds is not None
        assert takes.plain_seconds is not None
        plain = worth.why_plain(plan, AMOUNTS, known) != ""
        assert plain == (takes.seconds >= 0.9 * takes.plain_seconds), block


def test_without_a_measurement_the_work_decides_how_long_an_image_takes() -> None:
    light, heavy = plan_of("mobilenet"), plan_of("vgg16")
    ratio = catalogue.get("vgg16").multiply_adds / catalogue.get("mobilenet").multiply_adds
    assert worth.image_seconds(heavy, None) == pytest.approx(ratio * worth.image_seconds(light, None))


NEVER: dict[str, tuple[Plan, str]] = {
    "switched off": (replace(plan_of(), cache=False), "switched off"),
    "the first block": (plan_of("efficientnet-lite0", "stem"), "first block learns"),
    "fresh views": (plan_of(augment="strong", views=0), "fresh view"),
}


@pytest.mark.parametrize("case", NEVER)
def test_some_plans_have_nothing_to_keep_whatever_the_photos_are(case: str) -> None:
    plan, reason = NEVER[case]
    assert reason in worth.why_never(plan)
    assert worth.why_plain(plan, AMOUNTS, MEASURED, found=150) == worth.why_never(plan)
    takes = worth.keeping(plan, AMOUNTS, MEASURED)
    assert (takes.images, takes.bytes, takes.seconds) == (0, 0, 0.0)
    assert takes.plain_passes == 1230
    assert takes.plain_seconds is not None


def test_where_each_photo_would_be_seen_once_nothing_is_saved() -> None:
    few = Amounts(train=100, validation=2, test=1)
    for plan in (plan_of(epochs=1), plan_of(augment="light", views=8, epochs=4)):
        assert worth.why_never(plan) == ""
        assert "once either way" in worth.why_plain(plan, few, MEASURED)


def test_one_epoch_saves_something_once_the_photos_were_seen() -> None:
    assert worth.why_plain(plan_of(epochs=1), AMOUNTS, MEASURED, found=150) == ""
    assert worth.why_plain(plan_of(epochs=1), AMOUNTS, MEASURED, found=10)


def test_rows_that_take_longer_to_read_than_to_compute_are_not_worth_it() -> None:
    plan = plan_of("efficientnet-lite0", "block2")
    reason = worth.why_plain(plan, AMOUNTS, MEASURED, row=40 * 10**6)
    assert "as long as computing" in reason
    assert "40" in reason
    assert worth.why_plain(plan, AMOUNTS, MEASURED, row=4000) == ""


def test_the_row_that_is_known_counts_and_not_the_foreseen_one() -> None:
    plan = plan_of("vgg16", "block2")
    assert worth.why_plain(plan, AMOUNTS, None, row=1) == ""
    assert worth.why_plain(plan, AMOUNTS, None, row=10**9)


def test_each_number_of_views_that_is_offered_has_its_cost_and_the_plans_own_too() -> None:
    plan = plan_of("efficientnet-lite0", "block7", "top", augment="light", views=3)
    found = worth.views_costs(plan, AMOUNTS, MEASURED, lambda _plan: 0)
    assert [each.views for each in found] == [0, 2, 3, 4, 8]
    fresh, *kept = found
    assert (fresh.passes, fresh.bytes) == (10 * 120 + 30, 0), "the textbook way keeps nothing"
    for each in kept:
        assert each.passes == each.views * 100 + 20 + 30
        assert each.bytes == each.passes * worth.row_bytes(plan)
    seconds = [each.seconds or 0 for each in (*kept, fresh)]
    assert 0 < seconds[0] < seconds[1] < seconds[2] < seconds[3] < seconds[4]


def test_views_that_are_there_cost_no_pass_and_still_their_place() -> None:
    plan = plan_of("efficientnet-lite0", "block7", "top", augment="light", views=4)
    seen = {0: 450, 2: 250, 4: 450, 8: 450}
    costs = worth.views_costs(plan, AMOUNTS, MEASURED, lambda choice: seen[choice.recipe.views])
    assert [each.passes for each in costs] == [10 * 120 + 30, 0, 0, 850 - 450]
    assert [each.bytes // worth.row_bytes(plan) for each in costs] == [0, 250, 450, 850]


def test_views_that_save_nothing_cost_what_the_textbook_way_does() -> None:
    plan = plan_of("efficientnet-lite0", "block7", "top", augment="light", views=8, epochs=4)
    few = Amounts(train=100, validation=2, test=1)
    *_, eight = worth.views_costs(plan, few, MEASURED, lambda _plan: 0)
    assert (eight.passes, eight.bytes) == (4 * 102 + 1, 0)


def test_without_a_measurement_no_number_of_views_has_a_time() -> None:
    plan = plan_of("efficientnet-lite0", "block7", "top", augment="light", views=4)
    assert {each.seconds for each in worth.views_costs(plan, AMOUNTS, None, lambda _plan: 0)} == {None}


def test_amounts_are_those_of_the_splits(dataset: Dataset) -> None:
    amounts = worth.amounts_of(dataset)
    assert (amounts.train, amounts.validation, amounts.test) == tuple(
        len(dataset.of_split(name)) for name in ("train", "validation", "test"))
    assert amounts.train + amounts.validation + amounts.test == len(dataset.items)


def test_all_this_is_known_without_tensorflow() -> None:
    code = (
        "import sys\nfrom core.training import worth\nfrom core.training.plan import Plan\n"
        "assert worth.why_plain(Plan('', '', 'vgg16'), worth.Amounts(9, 9, 9), None) == ''\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "trainable"),
    [("vgg16", ("block5",)), ("mobilenet", ("block12", "block13")), ("efficientnetb0", ("block7", "top")),
     ("resnet50", ("stage5",)), ("efficientnet-lite0", ()), ("vgg16", ())],
)
@pytest.mark.parametrize("pooling", ["avg", "flatten"])
def test_the_row_is_that_of_the_real_cut(name: str, trainable: tuple[str, ...], pooling: str) -> None:
    from core.training.cut import split
    from core.training.model import assemble

    plan = replace(plan_of(name, *trainable), weights=Start(RANDOM), image_size=64, head=Head(pooling))
    halves = split(assemble(plan, 2))
    assert halves is not None
    assert worth.row_bytes(plan) == 4 * sum(math.prod(shape) for shape in halves.shapes)
