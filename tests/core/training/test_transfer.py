"""What is copied, trained, new and random; what it costs; what the blocks are called."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from core.backbones.catalogue import BACKBONES, get
from core.training.cost import backward, backward_of, forward, step_share
from core.training.counts import block_title, counts, listed_blocks, shortcuts, what_learns
from core.training.plan import Head, Plan
from core.training.start import Start
from core.training.transfer import origin_text, parts

PLAN = Plan("photos", "Photos", "vgg16")
STARTS = (Start(), Start("none"), Start("file", "0123456789ab.h5"), Start("run", "run-1"))
# Multiply-adds of VGG16's convolutions at 32 pixels: edge² · 9 · channels in · channels out.
CONVOLUTIONS = {
    "block1": 32**2 * 9 * (3 * 64 + 64 * 64),
    "block2": 16**2 * 9 * (64 * 128 + 128 * 128),
    "block3": 8**2 * 9 * (128 * 256 + 2 * 256 * 256),
    "block4": 4**2 * 9 * (256 * 512 + 2 * 512 * 512),
    "block5": 2**2 * 9 * 3 * 512 * 512,
}


def found(plan: Plan, classes: int = 5) -> dict[str, int]:
    return {part.kind: part.parameters for part in parts(plan, classes)}


def test_copied_and_new_parameters_of_a_network_by_hand() -> None:
    block5, head = 3 * (9 * 512 * 512 + 512), 513 * 5
    assert found(replace(PLAN, trainable=("block5",))) == {
        "copied_frozen": 14_714_688 - block5, "copied_trained": block5, "new": head,
    }
    assert found(PLAN) == {"copied_frozen": 14_714_688, "new": head}
    assert found(replace(PLAN, trainable=get("vgg16").block_names)) == {
        "copied_trained": 14_714_688, "new": head,
    }


def test_from_scratch_nothing_is_copied() -> None:
    scratch = replace(PLAN, weights=Start("none"))
    block5, head = 3 * (9 * 512 * 512 + 512), 513 * 5
    assert found(scratch) == {"random": 14_714_688, "new": head}
    assert found(replace(scratch, trainable=("block5",))) == {
        "random": 14_714_688 - block5, "new": block5 + head,
    }


@pytest.mark.parametrize("start", STARTS, ids=lambda start: start.source)
@pytest.mark.parametrize("name", ["efficientnet-lite0", "resnet50", "efficientnetb0", "convnexttiny"])
def test_the_parts_are_the_whole_and_none_is_empty(name: str, start: Start) -> None:
    for blocks in shortcuts(name).values():
        plan = Plan("", "", name, blocks, Head("flatten", 0.2, 16), weights=start)
        made, total = parts(plan, 7), counts(plan, 7)
        assert sum(part.parameters for part in made) == total.total
        assert sum(part.share for part in made) == pytest.approx(1)
        assert all(part.parameters > 0 for part in made)
        changing = {"copied_trained", "new"}
        # From scratch BatchNorm's statistics change as well, though no gradient reaches them.
        following = total.norm if start.source == "none" else 0
        changed = sum(part.parameters for part in made if part.kind in changing)
        assert changed == total.learning + following
        copied = sum(part.parameters for part in made if part.kind.startswith("copied"))
        assert copied == (0 if start.source == "none" else get(name).parameters)


def test_the_four_kinds_are_all_there_are() -> None:
    kinds = {
        part.kind for start in STARTS for blocks in shortcuts("resnet50").values()
        for part in parts(Plan("", "", "resnet50", blocks, weights=start), 3)
    }
    assert kinds == {"copied_frozen", "copied_trained", "new", "random"}


def test_where_weights_come_from_is_said_differently_for_each_source() -> None:
    assert len({origin_text(start.source) for start in STARTS}) == len(STARTS)


def test_gradients_cost_what_they_do_by_hand() -> None:
    plan = replace(PLAN, image_size=32)
    assert forward(plan) == sum(CONVOLUTIONS.values())
    assert backward(plan) == 0
    cost = CONVOLUTIONS
    assert backward_of(plan, ("block5",)) == 2 * cost["block5"]
    assert backward_of(plan, ("block4", "block5")) == 2 * (cost["block4"] + cost["block5"])
    # block4 is frozen, but gradients have to come through it; block5 too.
    assert backward_of(plan, ("block3",)) == 2 * cost["block3"] + cost["block4"] + cost["block5"]
    assert backward(replace(plan, trainable=("block3",))) == backward_of(plan, ("block3",))


def test_a_step_costs_a_third_where_all_is_frozen_and_all_where_all_learns() -> None:
    plan = replace(PLAN, image_size=32)
    whole = sum(CONVOLUTIONS.values())
    assert step_share(plan) == pytest.approx(1 / 3)
    assert step_share(replace(plan, trainable=get("vgg16").block_names)) == 1
    assert step_share(replace(plan, trainable=("block5",))) == pytest.approx(
        (whole + 2 * CONVOLUTIONS["block5"]) / (3 * whole)
    )


@pytest.mark.parametrize("name", BACKBONES)
def test_each_further_block_makes_a_step_dearer(name: str) -> None:
    names = get(name).block_names
    shares = [
        step_share(Plan("", "", name, names[len(names) - n :])) for n in range(len(names) + 1)
    ]
    assert shares[0] == pytest.approx(1 / 3)
    assert shares[-1] == pytest.approx(1)
    assert all(one <= other for one, other in itertools.pairwise(shares))
    assert all(one < other for one, other in zip(shares[:-3], shares[3:], strict=True))


@pytest.mark.parametrize("name", BACKBONES)
def test_the_usual_choices_are_nothing_the_end_and_everything(name: str) -> None:
    names, usual = get(name).block_names, shortcuts(name)
    assert usual["none"] == ()
    assert usual["all"] == names
    assert usual["last"] == names[-len(usual["last"]) :]
    assert len(usual["last"]) in (1, 2)
    body = [block for block in usual["last"] if block not in ("top", "post", "norm", "conv_7b")]
    assert len(body) == 1


@pytest.mark.parametrize("name", BACKBONES)
def test_every_block_has_a_title_of_its_own_that_people_can_read(name: str) -> None:
    titles = [block_title(block) for block in get(name).block_names]
    assert len(set(titles)) == len(titles)
    for block, title in zip(get(name).block_names, titles, strict=True):
        assert title != block
        assert title[0].isupper()
        assert "_" not in title


def test_the_blocks_that_learn_are_listed_by_their_titles() -> None:
    plan = Plan("", "", "inceptionresnetv2", ("block8_10", "conv_7b"))
    assert listed_blocks(plan) == "Block 8.10, Conv 7b"
    assert what_learns(replace(plan, trainable=())) == "Head only"


def test_a_block_of_an_unknown_form_keeps_its_name() -> None:
    assert block_title("whatever") == "whatever"
    assert block_title("odd_3") == "odd_3"
