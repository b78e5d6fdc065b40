from __future__ import annotations

import gc
import io
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.backbones.catalogue import get
from core.errors import NotFound
from core.insight import heatmap as insight
from core.insight.heatmap import RAMP, SAID, Explainer, explainer, likeness, overlay
from core.insight.predict import Loaded
from core.training.plan import Head, Plan
from core.training.start import RANDOM, Start

SIZE = 64
PATIENCE_S = 20
LITE = "efficientnet-lite0"
PLAIN = Head()
HEADS = (Head(pooling="max", hidden=6), Head(pooling="flatten", dropout=0.5))
FAMILIES = (
    "vgg16", "resnet50", "densenet121", "mobilenetv3small", "nasnetmobile", "convnexttiny",
    "efficientnetb0", "xception", "inceptionv3",
)


def made(backbone: str = LITE, head: Head = PLAIN, size: int = SIZE) -> Loaded:
    from core.training.model import assemble

    plan = Plan("d", "d", backbone, image_size=size, weights=Start(RANDOM), head=head)
    return Loaded(assemble(plan, 3), ("a", "b", "c"), size)


def photos(count: int = 3, size: int = SIZE) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def model() -> Iterator[Loaded]:
    yield made()
    gc.collect()


def by_hand(model: Loaded, block: str, images: np.ndarray, class_index: int) -> np.ndarray:
    """Grad-CAM as the paper writes it, step by step and without our graph."""
    import keras
    import tensorflow as tf

    from core.backbones.block_outputs import block_outputs
    from core.training.model import body_of

    body = body_of(model.keras)
    both = keras.Model(body.input, [block_outputs(body, LITE)[block], body.output])
    prepared = model.keras.get_layer("preprocessing")(images.astype(np.float32))
    layers = model.keras.layers[model.keras.layers.index(body) + 1:]
    with tf.GradientTape() as tape:
        tape.watch(prepared)
        handed_on, values = both(prepared, training=False)
        for layer in layers[:-1]:
            values = layer(values, training=False) if "dropout" in layer.name else layer(values)
        score = (values @ layers[-1].kernel + layers[-1].bias)[:, class_index]
    slopes = tape.gradient(score, handed_on).numpy()
    summed = (slopes.mean(axis=(1, 2), keepdims=True) * handed_on.numpy()).sum(axis=-1)
    maps = np.maximum(summed, 0)
    return maps / np.maximum(maps.max(axis=(1, 2), keepdims=True), 1e-30)


@pytest.mark.slow
@pytest.mark.parametrize("head", HEADS)
def test_the_map_is_grad_cam_whatever_the_head(head: Head) -> None:
    model = made(head=head)
    for block in ("block3", "top"):
        found = explainer(model, LITE, block).heatmaps(photos(), [2, 2, 2])
        np.testing.assert_allclose(found.maps, by_hand(model, block, photos(), 2), atol=2e-3)
        assert list(found.classes) == [2, 2, 2]


@pytest.mark.slow
def test_at_the_last_block_with_average_pooling_it_is_the_class_activation_map(model: Loaded) -> None:
    from core.training.model import body_of

    body = body_of(model.keras)
    features = body(model.keras.get_layer("preprocessing")(photos().astype(np.float32)), training=False)
    maps = np.maximum(np.asarray(features) @ np.asarray(model.keras.layers[-1].kernel)[:, 1], 0)
    assert maps.any()
    expected = maps / np.maximum(maps.max(axis=(1, 2), keepdims=True), 1e-30)
    np.testing.assert_allclose(
        explainer(model, LITE, "top").heatmaps(photos(), [1, 1, 1]).maps, expected, atol=1e-3)


@pytest.mark.slow
def test_what_the_network_says_is_what_it_says_without_a_map(model: Loaded) -> None:
    found = explainer(model, LITE, "top").heatmaps(photos(), [SAID] * 3)
    chances = model.keras.predict_on_batch(photos())
    np.testing.assert_allclose(found.probabilities, chances, atol=1e-5)
    assert list(found.classes) == list(chances.argmax(axis=1))


@pytest.mark.slow
def test_one_photo_has_the_map_that_it_has_among_others(model: Loaded) -> None:
    looks = explainer(model, LITE, "block5")
    together = looks.heatmaps(photos(), [0, 1, 2]).maps
    alone = looks.heatmap(photos()[1], 1)
    assert alone.dtype == np.float32
    assert alone.shape == together.shape[1:]
    np.testing.assert_allclose(alone, together[1], atol=1e-4)
    assert not np.allclose(alone, looks.heatmap(photos()[1], 2), atol=1e-2)


@pytest.mark.slow
def test_where_nothing_speaks_for_a_class_the_map_is_empty_and_finite(model: Loaded) -> None:
    looks = explainer(model, LITE, "top")
    kernel, bias = looks.random_head(0)
    found = looks.heatmaps(photos(), [0, 0, 0], head=(-np.abs(kernel), bias))
    assert not found.maps.any()


@pytest.mark.slow
def test_a_random_head_changes_the_map_and_leaves_the_model_alone(model: Loaded) -> None:
    looks = explainer(model, LITE, "top")
    before = [each.copy() for each in model.keras.get_weights()]
    own = looks.heatmaps(photos(), [0] * 3)
    other = looks.heatmaps(photos(), [0] * 3, head=looks.random_head(3))
    again = looks.heatmaps(photos(), [0] * 3, head=looks.random_head(3))
    assert not np.allclose(own.maps, other.maps, atol=1e-2)
    np.testing.assert_array_equal(other.maps, again.maps)
    for one, two in zip(before, model.keras.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(own.maps, looks.heatmaps(photos(), [0] * 3).maps)


@pytest.mark.slow
def test_an_explainer_is_made_once_and_goes_with_its_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(insight, "KEPT_A_MODEL", 1)
    model = made()
    first = explainer(model, LITE, "top")
    assert explainer(model, LITE, "top") is first
    explainer(model, LITE, "block7")
    assert explainer(model, LITE, "top") is not first
    gone: weakref.ref[Explainer] = weakref.ref(explainer(model, LITE, "top"))
    images = photos()
    kept = first.heatmap(images[0], 0)
    del model
    gc.collect()
    assert gone() is None
    # One that somebody still holds goes on working.
    np.testing.assert_array_equal(first.heatmap(images[0], 0), kept)


class Slow:
    """Stands in for an explainer whose graph takes long to trace, where its block is "slow"."""

    begun, may_end = threading.Event(), threading.Event()
    made: tuple[str, ...] = ()

    def __init__(self, _model: Loaded, _backbone: str, block: str) -> None:
        Slow.made += (block,)
        if block == "slow":
            Slow.begun.set()
            assert Slow.may_end.wait(PATIENCE_S)


def test_while_a_graph_is_traced_other_models_and_traced_blocks_do_not_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(insight, "Explainer", Slow)
    one, other = (Loaded(object(), ("a", "b"), SIZE) for _each in range(2))
    known = explainer(one, LITE, "top")
    with ThreadPoolExecutor(3) as pool:
        try:
            slow = [pool.submit(explainer, one, LITE, "slow") for _each in range(2)]
            assert Slow.begun.wait(PATIENCE_S)
            quick = pool.submit(lambda: (explainer(one, LITE, "top"), explainer(other, LITE, "top")))
            found, _of_other = quick.result(PATIENCE_S)
        finally:
            Slow.may_end.set()
        assert found is known
        assert slow[0].result() is slow[1].result()
    assert sorted(Slow.made) == ["slow", "top", "top"]


@pytest.mark.slow
def test_a_block_that_is_not_there_is_said(model: Loaded) -> None:
    with pytest.raises(NotFound, match="no such block"):
        explainer(model, LITE, "block99")


@pytest.mark.zoo
@pytest.mark.parametrize("backbone", FAMILIES)
def test_every_block_of_every_family_has_maps(backbone: str) -> None:
    size = max(96, get(backbone).smallest_size)
    model = made(backbone, size=size)
    images = photos(2, size)
    for block in get(backbone).blocks_at(size):
        looks = Explainer(model, backbone, block.name)
        own = looks.heatmaps(images, [0, 1])
        # What speaks against a class speaks for it where the head says the contrary.
        contrary = tuple(-each for each in looks.head)
        against = looks.heatmaps(images, [0, 1], head=contrary)
        for found in (own.maps, against.maps):
            assert found.shape == (2, *block.output_shape[:2])
            assert np.isfinite(found).all()
            assert found.min() >= 0
            assert found.max() <= 1
        assert np.ptp(own.maps - against.maps) > 0.1, block.name
        np.testing.assert_allclose(own.probabilities, model.keras.predict_on_batch(images), atol=1e-4)
    gc.collect()


def opened(picture: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture))).astype(int)


def grey(width: int = 120, height: int = 40) -> Image.Image:
    return Image.new("RGB", (width, height), (128, 128, 128))


def corner() -> Any:
    heat = np.zeros((4, 4), np.float32)
    heat[0, 3] = 1
    return heat


def test_a_map_is_stretched_over_the_whole_photo_and_bright_where_it_is_high() -> None:
    shown = opened(overlay(grey(), corner()))
    assert shown.shape == (40, 120, 3)
    light = shown.sum(axis=-1)
    assert light[0, 119] > light[0, 0] + 150
    assert light[0, 119] > light[39, 119] + 150
    assert abs(light[39, 0] - light[0, 0]) < 10


def test_the_picture_is_made_no_longer_than_asked_and_never_larger_than_the_photo() -> None:
    assert opened(overlay(grey(), corner(), longest=60)).shape == (20, 60, 3)
    assert opened(overlay(grey(), corner(), longest=600)).shape == (40, 120, 3)


def test_the_ramp_gets_lighter_all_the_way_so_that_it_reads_without_hue() -> None:
    light = [0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue in RAMP]
    assert light == sorted(light)
    assert min(np.diff(light)) > 20


def test_likeness_is_a_rank_correlation_and_not_known_where_a_map_ranks_nothing() -> None:
    heat = np.arange(9, dtype=np.float32).reshape(3, 3)
    assert likeness(heat, heat**2) == pytest.approx(1)
    assert likeness(heat, -heat) == pytest.approx(-1)
    assert likeness(heat, np.zeros((3, 3), np.float32)) is None
