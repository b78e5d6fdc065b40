from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.backbones import catalogue
from core.errors import BadInput
from core.insight import moved
from core.insight.cka import linear_cka
from core.insight.moved import _weights, block_embedder, weight_changes

FAMILIES = (
    "mobilenet-v3-small", "nasnet-mobile", "convnext-tiny", "efficientnet-b0", "densenet121",
    "efficientnet-lite0",
)


def built(name: str, seed: int = 1, size: int = 64) -> Any:
    from core.backbones.build import build
    from core.training.backend import load_tensorflow

    load_tensorflow()
    return build(name, weights="none", image_size=size, seed=seed)


@pytest.mark.zoo
@pytest.mark.parametrize("name", FAMILIES)
def test_of_any_family_all_weights_that_could_learn_count_and_every_block_has_features(name: str) -> None:
    from core.backbones.build import block_layers, preprocessed

    body = built(name)
    body.trainable = False
    blocks = catalogue.get(name).blocks
    layers = block_layers(body, name)
    counted = {block: sum(each.size for each in _weights(members)) for block, members in layers.items()}
    assert counted == {block.name: block.trainable_parameters for block in blocks}
    assert set(weight_changes(body, body, name).values()) <= {0.0, None}
    images = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3)).astype(np.uint8)
    found = block_embedder(body, name, 64)(images)
    assert [each.shape for each in found] == [(6, block.output_shape[2]) for block in blocks]
    whole = np.asarray(body(preprocessed(name, images.astype(np.float32)), training=False)).mean(axis=(1, 2))
    assert found[-1] == pytest.approx(whole, rel=1e-3, abs=1e-3 * float(np.abs(whole).max()))


@pytest.mark.slow
def test_only_the_block_that_changed_has_moved_and_by_the_share_it_did() -> None:
    name = "efficientnet-lite0"
    one, other = built(name), built(name)
    from core.backbones.build import block_layers

    for layer in block_layers(other, name)["block3"]:
        layer.set_weights([1.25 * each for each in layer.get_weights()])
    found = weight_changes(one, other, name)
    assert found.pop("block3") == pytest.approx(0.25, rel=1e-5)
    assert set(found.values()) == {0.0}
    images = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3)).astype(np.uint8)
    pairs = zip(block_embedder(one, name, 64)(images), block_embedder(other, name, 64)(images), strict=True)
    alike = dict(zip(catalogue.get(name).block_names, (linear_cka(*pair) for pair in pairs), strict=True))
    below = [alike[block] for block in ("stem", "block1", "block2")]
    assert below == [pytest.approx(1.0, abs=1e-5)] * 3
    assert (alike["block4"] or 0.0) < 1 - 1e-4


@pytest.mark.slow
def test_statistics_of_batchnorm_are_not_counted_as_weights_that_moved() -> None:
    name = "efficientnet-lite0"
    one, other = built(name), built(name)
    for layer in other.layers:
        if hasattr(layer, "moving_mean"):
            layer.moving_mean.assign(layer.moving_mean + 1.0)
    assert set(weight_changes(one, other, name).values()) == {0.0}


@pytest.mark.slow
def test_weights_that_are_no_numbers_have_no_figure() -> None:
    name = "efficientnet-lite0"
    one, other = built(name), built(name)
    kernel = other.get_layer("stem_conv").kernel
    kernel.assign(np.full(kernel.shape, np.nan, np.float32))
    assert weight_changes(one, other, name)["stem"] is None


@pytest.mark.parametrize("other", [[np.ones(1)], [np.ones((3, 3))], [np.ones(3)] * 2, []])
def test_backbones_of_other_shapes_do_not_fit(
    monkeypatch: pytest.MonkeyPatch, other: list[np.ndarray]
) -> None:
    monkeypatch.setattr(moved, "block_layers", lambda body, _name: {"stem": body})
    monkeypatch.setattr(moved, "_weights", iter)
    same = [np.ones(3)]
    assert weight_changes(same, same, "any") == {"stem": 0.0}
    with pytest.raises(BadInput, match="do not fit"):
        weight_changes(same, other, "any")


def test_a_backbone_that_lacks_a_layer_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    def layers(_body: object, _name: str) -> None:
        raise ValueError("No such layer: stem_conv")

    monkeypatch.setattr(moved, "block_layers", layers)
    with pytest.raises(BadInput, match="do not fit"):
        weight_changes([], [], "any")
