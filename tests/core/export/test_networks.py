"""What converters do not know of some backbones, on a network that is quickly built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.export.convert import convert
from core.export.formats import FORMATS, missing
from core.export.opened import opened
from core.training.backend import load_tensorflow

pytestmark = pytest.mark.slow
IMAGES = np.random.default_rng(1).integers(0, 256, (5, 16, 16, 3)).astype(np.uint8)
HERE = [name for name, form in FORMATS.items() if not missing(form) and name != "keras"]


@pytest.fixture(scope="module")
def network() -> Any:
    """Normalisation, convolutions with a group for each channel, and GELU, as ConvNeXt has them."""
    load_tensorflow()
    import keras

    given = keras.Input((16, 16, 3), name="image")
    inside = keras.Input((16, 16, 3))
    values = keras.layers.Normalization(mean=[100.0, 110.0, 90.0], variance=[900.0, 800.0, 700.0])(inside)
    values = keras.layers.Conv2D(8, 3, padding="same")(values)
    values = keras.layers.Conv2D(8, 5, groups=8, padding="same", activation="gelu")(values)
    body = keras.Model(inside, values, name="body")
    pooled = keras.layers.GlobalAveragePooling2D()(body(given))
    return keras.Model(given, keras.layers.Dense(2, activation="softmax")(pooled))


@pytest.mark.parametrize("name", HERE)
def test_operations_that_converters_do_not_know_are_written_all_the_same(
    network: Any, tmp_path: Path, name: str
) -> None:
    form = FORMATS[name]
    expected = network.predict_on_batch(IMAGES)
    convert(form, tmp_path, network, ("a", "b"), tmp_path / form.file, IMAGES)
    assert np.abs(opened(form, tmp_path / form.file)(IMAGES) - expected).max() <= form.difference
    # The model itself is as it was before.
    assert network.predict_on_batch(IMAGES).tolist() == expected.tolist()
    conv = network.get_layer("body").layers[-1]
    assert "convolution_op" not in vars(conv)


def test_class_names_are_inside_an_onnx_file(network: Any, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    convert(FORMATS["onnx"], tmp_path, network, ("grün", "a\nb"), tmp_path / "model.onnx", None)
    properties = {each.key: each.value for each in onnx.load(tmp_path / "model.onnx").metadata_props}
    assert properties == {"labels": '["grün", "a\\nb"]'}
