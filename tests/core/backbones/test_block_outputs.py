"""What each block hands on, in every backbone, also after saving and loading."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from zoo_models import SMALL, marked, photos

from core.backbones import build
from core.backbones.block_outputs import block_outputs
from core.backbones.catalogue import get

# Bare operations with names of their own, a stem that is a model, two tensors across.
SAVED = ("MobileNetV3Small", "ConvNeXtTiny", "NASNetMobile")


@pytest.mark.parametrize("name", marked())
def test_each_block_hands_on_what_the_catalogue_says_and_the_last_one_the_features(name: str) -> None:
    body = build.build(name.lower(), weights="none", image_size=SMALL)
    found = block_outputs(body, name.lower())
    expected = {block.name: block.output_shape for block in get(name).blocks_at(SMALL)}
    assert {block: tuple(tensor.shape[1:]) for block, tensor in found.items()} == expected
    assert list(found) == list(get(name).block_names)
    assert list(found.values())[-1] is body.output


@pytest.mark.slow
def test_so_do_the_backbones_that_are_built_here() -> None:
    body = build.build("efficientnet-lite0", weights="none", image_size=64)
    found = block_outputs(body, "efficientnet-lite0")
    expected = {
        block.name: block.output_shape for block in get("efficientnet-lite0").blocks_at(64)
    }
    assert {block: tuple(tensor.shape[1:]) for block, tensor in found.items()} == expected
    assert found["top"] is body.output


@pytest.mark.zoo
@pytest.mark.parametrize("name", SAVED)
def test_a_loaded_model_hands_on_the_same(name: str, tmp_path: Path) -> None:
    import keras

    made = build.build(name.lower(), weights="none", image_size=SMALL)
    made.save(tmp_path / "body.keras")
    loaded = keras.models.load_model(tmp_path / "body.keras")
    images = photos()
    one = keras.Model(made.input, list(block_outputs(made, name.lower()).values()))
    other = keras.Model(loaded.input, list(block_outputs(loaded, name.lower()).values()))
    for before, after in zip(one(images, training=False), other(images, training=False), strict=True):
        np.testing.assert_allclose(np.asarray(before), np.asarray(after), rtol=1e-4, atol=1e-5)
