"""Flat PyTorch files of somebody's, for the backbones that came from there."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import legacy_pth as pth
import numpy as np
import pytest
from test_torch_reader import Touch
from weight_checks import numbers, refused

from core.backbones.build import build
from core.backbones.catalogue import BACKBONES, get
from core.backbones.load_weights import WeightsDoNotFit
from core.backbones.torch_reader import read_state_dict

pytestmark = pytest.mark.slow  # together they take a minute

LITE0 = BACKBONES["efficientnet-lite0"]


def state(change: Callable[[dict[str, np.ndarray]], None]) -> bytes:
    arrays = dict(read_state_dict(LITE0.stored.path().read_bytes()))
    change(arrays)
    return pth.whole_file({name: np.ascontiguousarray(array) for name, array in arrays.items()})


def other_classes(arrays: dict[str, np.ndarray]) -> None:
    arrays |= {"_fc.weight": np.zeros((5, 1280), "<f4"), "_fc.bias": np.zeros(5, "<f4")}


def no_classifier(arrays: dict[str, np.ndarray]) -> None:
    del arrays["_fc.weight"], arrays["_fc.bias"]


def no_stem(arrays: dict[str, np.ndarray]) -> None:
    del arrays["_conv_stem.weight"]


@pytest.mark.parametrize("change", [other_classes, no_classifier])
def test_a_flat_pth_of_any_classifier_or_none_fills_a_lite(
    tmp_path: Path, change: Callable[[dict[str, np.ndarray]], None]
) -> None:
    (tmp_path / "x.pth").write_bytes(state(change))
    lite = build(LITE0.name, weights=tmp_path / "x.pth", image_size=64)
    assert numbers(lite) == numbers(build(LITE0.name, image_size=64))


def test_a_pth_that_lacks_a_layer_names_it(tmp_path: Path) -> None:
    (tmp_path / "x.pth").write_bytes(state(no_stem))
    error = refused(build(LITE0.name, weights="none", image_size=64), LITE0, tmp_path / "x.pth")
    assert isinstance(error, WeightsDoNotFit)
    assert [(each.layer, each.found) for each in error.misfits] == [("stem_conv", None)]


def test_a_pickle_that_runs_a_command_does_not_run_it(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    (tmp_path / "x.pth").write_bytes(pickle.dumps(Touch(marker), 2))
    refused(build(LITE0.name, weights="none", image_size=64), LITE0, tmp_path / "x.pth")
    assert not marker.exists()


def test_a_pth_is_refused_where_no_pytorch_backbone_is_read(tmp_path: Path) -> None:
    (tmp_path / "x.pth").write_bytes(pth.whole_file({"a": np.zeros(1, "<f4")}))
    body = build("vgg16", weights="none", image_size=32)
    assert "VGG16" in refused(body, get("vgg16"), tmp_path / "x.pth").fix
