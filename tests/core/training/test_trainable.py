"""What learns and what stays, in the models that plans build of backbones of every kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.backbones import build
from core.backbones.catalogue import BACKBONES, get
from core.training.counts import counts, shortcuts
from core.training.model import body_of
from core.training.plan import Head, Plan, Recipe
from core.training.start import Start

pytestmark = pytest.mark.slow

EVERY_DAY = ("mobilenetv3small", "convnexttiny")
WEIGHTY = 100e6
SCRATCH = Start("none")
STARTS = (Start(), SCRATCH, Start("file", "0123456789ab.h5"), Start("run", "run-1"))
QUICK = Plan("", "", "mobilenet", weights=SCRATCH, image_size=32)
DROPPING = Plan("", "", "efficientnetb0", weights=SCRATCH, image_size=32, head=Head(dropout=0.0))
IMAGES = np.random.default_rng(3).integers(0, 256, (4, 32, 32, 3)).astype(np.float32)
LABELS = np.array([0, 1, 2, 0])


def assembled(body: Any, plan: Plan, classes: int = 3) -> Any:
    """Assemble a plan's model on a body that is there already."""
    from core.training import model as models

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "build", lambda _name, **_given: body)
        return models.assemble(plan, classes, Path("unused"))


def is_norm(layer: Any) -> bool:
    return type(layer).__name__ == "BatchNormalization"


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in EVERY_DAY else pytest.mark.zoo)
     for name, backbone in BACKBONES.items() if backbone.parameters < WEIGHTY],
)
def test_the_counts_are_those_of_keras_whatever_learns_and_from_whatever_it_starts(name: str) -> None:
    from core.training.model import count_parameters

    size = max(32, get(name).smallest_size)
    names = get(name).block_names
    body = build.build(name, weights="none", image_size=size)
    sets = {*shortcuts(name).values(), names[:1], names[len(names) // 2 :: 2]}
    for start, norms in ((STARTS[0], "frozen"), (STARTS[0], "updating"), (SCRATCH, "frozen")):
        for trainable in sets:
            head = Head("flatten" if trainable else "max", 0.1, 4 if trainable else 0)
            plan = Plan("", "", name, trainable, head, Recipe(norms=norms), image_size=size, weights=start)
            model = assembled(body, plan)
            found = counts(plan, 3)
            assert (found.total, found.learning) == count_parameters(model), (start, norms, trainable)
            assert found.total == model.count_params()


@pytest.mark.parametrize("asked", ["frozen", "updating"])
@pytest.mark.parametrize("start", [
    pytest.param(start, id=start.source, marks=pytest.mark.zoo if start in STARTS[2:] else ())
    for start in STARTS
])
def test_batchnorm_learns_from_scratch_and_where_it_is_asked_to(start: Start, asked: str) -> None:
    body = build.build("mobilenet", weights="none", image_size=32)
    plan = replace(
        QUICK, weights=start, trainable=("block12", "block13"),
        recipe=Recipe(optimizer="sgd", norms=asked),
    )
    model = assembled(body, plan)
    norms = {
        layer.name: block for block, layers in build.block_layers(body, plan.backbone).items()
        for layer in layers if is_norm(layer)
    }
    before = {name: body.get_layer(name).get_weights() for name in norms}
    model.train_on_batch(IMAGES, LABELS)
    changed = {
        block for name, block in norms.items()
        if not all(map(np.array_equal, before[name], body.get_layer(name).get_weights()))
    }
    learning = {block for block in plan.trainable if block in norms.values()}
    assert learning
    learns = start == SCRATCH or asked == "updating"
    assert changed == (learning if learns else set())
    for name, block in norms.items():
        assert body.get_layer(name).trainable is (learns and block in learning)


@pytest.fixture(scope="module")
def efficientnet() -> Any:
    """An EfficientNetB0, which drops whole branches in training; reset by each test's plan."""
    return build.build("efficientnetb0", weights="none", image_size=32, seed=1)


def rates(body: Any) -> dict[str, float]:
    return {layer.name: layer.rate for layer in body.layers if type(layer).__name__ == "Dropout"}


@pytest.fixture
def body(efficientnet: Any) -> Any:
    before, weights = rates(efficientnet), efficientnet.get_weights()
    yield efficientnet
    for name, rate in before.items():
        efficientnet.get_layer(name).rate = rate
    efficientnet.set_weights(weights)


def in_training(body: Any) -> np.ndarray:
    return np.asarray(body(IMAGES, training=True))


@pytest.mark.parametrize("start", [Start(), SCRATCH], ids=lambda start: start.source)
def test_frozen_blocks_drop_nothing_in_training(body: Any, start: Start) -> None:
    assembled(body, replace(DROPPING, weights=start))
    first = in_training(body)
    np.testing.assert_array_equal(in_training(body), first)
    np.testing.assert_allclose(np.asarray(body(IMAGES, training=False)), first, atol=1e-5)
    assert np.ptp(first) > 0


@pytest.mark.parametrize("start", [Start(), SCRATCH], ids=lambda start: start.source)
def test_blocks_that_learn_drop_as_they_were_made_to(body: Any, start: Start) -> None:
    before = rates(body)
    assert before
    assembled(body, replace(DROPPING, weights=start, trainable=get("efficientnetb0").block_names))
    assert rates(body) == before
    assert not np.array_equal(in_training(body), in_training(body))


def test_each_block_drops_only_where_it_learns_itself(body: Any) -> None:
    before = rates(body)
    assembled(body, replace(DROPPING, trainable=("block6", "block7", "top")))
    after = rates(body)
    assert {name for name, rate in after.items() if rate} == {
        name for name in before if name.startswith(("block6", "block7"))
    }
    assert all(rate in (0, before[name]) for name, rate in after.items())


def losses(plan: Plan, steps: int = 3) -> tuple[list[np.ndarray], list[float]]:
    """Return a model's first weights, and the losses of a few steps."""
    from core.training import model as models

    model = models.assemble(plan, 3)
    first = model.get_weights()
    return first, [float(model.train_on_batch(IMAGES, LABELS)[0]) for _each in range(steps)]


def seeded(seed: int) -> Plan:
    return replace(QUICK, head=Head("avg", 0.5, 8), recipe=Recipe(seed=seed))


def test_the_same_seed_gives_the_same_weights_and_losses_and_another_others() -> None:
    (first, told), (again, told_again), (other, told_others) = map(losses, map(seeded, (1, 1, 2)))
    for one, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, same)
    np.testing.assert_allclose(told_again, told, rtol=1e-6)
    kernels = [at for at, each in enumerate(first) if each.ndim > 1]
    assert kernels
    assert not any(np.array_equal(first[at], other[at]) for at in kernels)
    assert not np.allclose(told, told_others, rtol=1e-6)


def test_what_is_dropped_depends_on_the_seed_alone(efficientnet: Any) -> None:
    every = get("efficientnetb0").block_names

    def first_pass(seed: int) -> np.ndarray:
        model = assembled(efficientnet, replace(DROPPING, weights=Start(), trainable=every,
                                                recipe=Recipe(seed=seed)))
        return in_training(body_of(model))

    np.testing.assert_array_equal(first_pass(1), first_pass(1))
    assert not np.array_equal(first_pass(1), first_pass(2))


@pytest.mark.zoo
@pytest.mark.slow
def test_from_scratch_a_small_photo_set_is_enough_for_batchnorms_statistics() -> None:
    """With Keras' own momentum, validation stays at chance however well the photos are learned."""
    plan = Plan(
        "", "", "mobilenetv3small", get("mobilenetv3small").block_names, image_size=32,
        weights=Start("none"), recipe=Recipe(learning_rate=1e-3),
    )
    from core.training import model as models

    model = models.assemble(plan, 2)
    labels = np.arange(64, dtype=np.int32) % 2
    photos = np.random.default_rng(0).integers(0, 60, (64, 32, 32, 3)).astype(np.uint8)
    photos[labels == 1] += 150
    model.fit(photos, labels, epochs=12, batch_size=8, verbose=0)
    assert model.evaluate(photos, labels, verbose=0)[1] > 0.9
