"""The cut on a real backbone of every family, for several choices of blocks."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import pytest

from core.backbones import catalogue
from core.backbones.families import FAMILIES
from core.training import worth
from core.training.cut import Halves, split
from core.training.plan import Head, Plan
from core.training.start import RANDOM, Start

NASNET = "NASNet"
SMALLEST = ("efficientnet-lite0", *(family.constructors[0].lower() for family in FAMILIES))
# What is a model of its own, and what is made of bare operations; all others are for the long tests.
EVERY_DAY = ("efficientnet-lite0", "mobilenetv3small")
# Blocks of ResNetV2 and DenseNet without a kernel: where BatchNorm stays frozen, nothing in them learns.
NORMS_ALONE = {"ResNetV2": ("post",), "DenseNet": ("norm",)}
MOST_PARAMETERS = 60e6  # the largest of each family take most of the time and have the same graph
OTHERS = tuple(name for name in catalogue.BACKBONES if name not in SMALLEST)


def affordable() -> list[str]:
    return [name for name in OTHERS if catalogue.get(name).parameters < MOST_PARAMETERS]


def marked() -> list[Any]:
    return [
        pytest.param(name, marks=pytest.mark.slow if name in EVERY_DAY else pytest.mark.zoo)
        for name in SMALLEST
    ]


@dataclass
class Built:
    """A model with everything learning, and how much each of its dropouts drops then."""

    plan: Plan
    model: Any
    rates: dict[str, float]

    @property
    def blocks(self) -> tuple[str, ...]:
        return catalogue.get(self.plan.backbone).block_names

    def set(self, trainable: tuple[str, ...], start: str = "pretrained") -> Plan:
        """Let these blocks learn, in pretrained weights or from scratch, and return the plan."""
        from core.training import model as models

        plan = replace(self.plan, trainable=trainable, weights=Start(start)).checked()
        body = models.body_of(self.model)
        for layer in body.layers:
            if layer.name in self.rates:
                layer.rate = self.rates[layer.name]
        models.set_trainable(body, plan)
        return plan


def built_of(name: str) -> Built:
    from core.training import model as models

    plan = Plan("", "", name, head=Head(dropout=0.5), weights=Start(RANDOM),
                image_size=catalogue.get(name).smallest_size)
    plan = replace(plan, trainable=catalogue.get(name).block_names).checked()
    model = models.assemble(plan, 3)
    scatter(models.body_of(model))
    rates = {layer.name: layer.rate for layer in models.body_of(model).layers
             if type(layer).__name__ == "Dropout"}
    return Built(plan, model, rates)


def scatter(body: Any) -> None:
    """Give what starts from 0 or 1 numbers of its own; features stay finite."""
    random = np.random.default_rng(4)
    for variable in body.variables:
        kind = variable.path.rpartition("/")[2]
        if kind in ("gamma", "moving_variance"):
            variable.assign(random.uniform(0.5, 1.5, variable.shape))
        if kind in ("beta", "bias", "moving_mean"):
            variable.assign(random.normal(0, 0.1, variable.shape))


@pytest.fixture(scope="module", params=marked())
def built(request: pytest.FixtureRequest) -> Iterator[Built]:
    made = built_of(request.param)
    yield made
    del made
    gc.collect()


def choices(blocks: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    middle = len(blocks) // 2
    return {
        "none": (),
        "last": blocks[-1:],
        "last two": blocks[-2:],
        "middle": (blocks[middle],),
        "pair": (blocks[1], blocks[-1]),
        "all but the first": blocks[1:],
    }


def photos(size: int) -> np.ndarray:
    return np.random.default_rng(9).integers(0, 256, (2, size, size, 3), dtype=np.uint8)


def found(model: Any) -> Halves:
    halves = split(model)
    assert halves is not None
    return halves


def ids(variables: Any) -> set[int]:
    return {id(variable) for variable in variables}


def test_the_halves_give_what_the_model_gives_whatever_learns(built: Built) -> None:
    images = photos(built.plan.size)
    whole = np.asarray(built.model(images, training=False))
    assert np.isfinite(whole).all()
    assert np.ptp(whole) > 1e-4
    for chosen in choices(built.blocks).values():
        built.set(chosen)
        halves = found(built.model)
        crossing = halves.prefix(images, training=True)  # frozen: the same as in inference
        answers = np.asarray(halves.tail(crossing, training=False))
        np.testing.assert_allclose(answers, whole, rtol=1e-4, atol=1e-5, err_msg=str(chosen))


@pytest.mark.parametrize("start", ["pretrained", RANDOM])
def test_all_that_learns_is_above_and_few_tensors_cross(built: Built, start: str) -> None:
    family = catalogue.get(built.plan.backbone).family
    counts = {}
    for name, chosen in choices(built.blocks).items():
        plan = built.set(chosen, start)
        halves = found(built.model)
        assert halves.prefix.trainable_variables == []
        assert ids(halves.tail.trainable_variables) == ids(built.model.trainable_variables)
        assert ids(halves.prefix.variables) | ids(halves.tail.variables) == ids(built.model.variables)
        assert_as_foreseen(plan, halves)
        # NASNet's cells above a learning one have kernels on what lies before it: those cross beside it.
        if family != NASNET or name not in ("middle", "pair"):
            counts[name] = len(halves.shapes)
    assert counts["none"] == 1
    assert set(counts.values()) == ({1, 2} if family == NASNET else {1})


def assert_as_foreseen(plan: Plan, halves: Halves) -> None:
    """Check that what crosses is the end of the last frozen block, or narrower."""
    height, width, channels = worth.frozen_below(plan)[-1].output_shape
    assert len(set(halves.names)) == len(halves.names) == len(halves.shapes)
    norms = NORMS_ALONE.get(catalogue.get(plan.backbone).family, ())
    if not plan.trainable or (plan.weights.source != RANDOM and plan.trainable == norms):
        assert halves.names == ("pooling",)
        assert halves.shapes == ((channels,),)
    elif "nasnet" not in plan.backbone:
        assert halves.shapes[-1][:2] == (height, width)
        assert 4 * prod(halves.shapes[0]) <= 4 * height * width * channels == worth.row_bytes(plan)


@pytest.mark.parametrize("start", ["pretrained", RANDOM])
def test_at_every_block_boundary_the_cut_takes_no_frozen_kernel_along(built: Built, start: str) -> None:
    from core.training.model import body_of

    for at in range(1, len(built.blocks)):
        built.set(built.blocks[at:], start)
        body = body_of(built.model)
        halves = found(built.model)
        frozen = [variable for variable in body.variables if len(variable.shape) > 1
                  and id(variable) not in ids(built.model.trainable_variables)]
        assert ids(frozen) <= ids(halves.prefix.variables)
        assert ids(frozen).isdisjoint(ids(halves.tail.variables))
        assert len(halves.shapes) <= (2 if "nasnet" in built.plan.backbone else 1)


@pytest.mark.zoo
@pytest.mark.parametrize("name", affordable())
def test_every_other_backbone_is_cut_as_its_family_is(name: str) -> None:
    made = built_of(name)
    images = photos(made.plan.size)
    whole = np.asarray(made.model(images, training=False))
    for chosen in ((), made.blocks[-1:]):
        plan = made.set(chosen)
        halves = found(made.model)
        assert_as_foreseen(plan, halves)
        assert ids(halves.tail.trainable_variables) == ids(made.model.trainable_variables)
        answers = np.asarray(halves.tail(halves.prefix(images, training=True), training=False))
        np.testing.assert_allclose(answers, whole, rtol=1e-4, atol=1e-5)
    del made, halves
    gc.collect()
