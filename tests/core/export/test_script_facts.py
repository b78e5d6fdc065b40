"""The backbone as a script sees it: it names the run's blocks, and Keras' own network is the run's."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from core.backbones import catalogue
from core.backbones.build import block_layers, build
from core.export.script import script_text
from core.export.script_facts import Body, Facts, body_of
from core.training.plan import Head, Plan, Recipe
from core.training.start import RANDOM, Start

LITE, EFFICIENT = "efficientnet-lite0", "efficientnetb0"


def plan(backbone: str, *trainable: str, **changes: Any) -> Plan:
    return Plan("colours", "colours", backbone, trainable, **changes).checked()


def picked(found: Body, network: Any) -> dict[str, set[str]]:
    """The layers with weights, or that drop out, which each block of a script takes."""
    layers = [layer.name for layer in network.layers]
    counts = {
        layer.name for layer in network.layers if layer.weights or type(layer).__name__ == "Dropout"}
    return {
        block: counts & {
            name for at, name in enumerate(layers)
            if (name.startswith(part) if isinstance(part, str) else part[0] <= at < part[1])
        }
        for block, part in found.blocks.items()
    }


def owned(backbone: str, network: Any) -> dict[str, set[str]]:
    blocks = block_layers(network, backbone)
    found = {
        block: {layer.name for layer in layers if layer.weights or type(layer).__name__ == "Dropout"}
        for block, layers in blocks.items()
    }
    return {block: names for block, names in found.items() if names}


@pytest.mark.slow
def test_blocks_are_told_by_how_the_names_of_their_layers_begin() -> None:
    network = build(LITE, weights=RANDOM, image_size=32)
    found = body_of(plan(LITE, "block6", "block7", "top", image_size=32), network)
    assert found.blocks == {"block6": "block6", "block7": "block7a_", "top": "top_"}
    assert (found.constructor, found.drops, found.extra) == ("", False, "")
    whole = owned(LITE, network)
    assert picked(found, network) == {block: whole[block] for block in found.blocks}


@pytest.mark.zoo
@pytest.mark.parametrize("backbone", catalogue.BACKBONES)
def test_every_block_of_every_backbone_can_be_named(backbone: str) -> None:
    known = catalogue.get(backbone)
    network = build(backbone, weights=RANDOM, image_size=known.smallest_size)
    started = {"image_size": known.smallest_size, "weights": Start(RANDOM)}
    whole = owned(backbone, network)
    assert picked(body_of(plan(backbone, *known.block_names, **started), network), network) == whole
    some = known.block_names[-2:]
    found = picked(body_of(plan(backbone, *some, **started), network), network)
    assert found == {block: names for block, names in whole.items() if block in some}


@pytest.fixture
def hosted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of random weights that Keras believes to be the one it downloads."""
    import keras
    from keras.src.legacy.saving import legacy_h5_format

    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    path = tmp_path / catalogue.get(EFFICIENT).stored.file  # type: ignore[union-attr]
    source = keras.applications.EfficientNetB0(weights=None, include_top=False)
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, source)

    def deliver(fname: str, _origin: str = "", cache_dir: str | None = None, **_given: Any) -> str:
        if cache_dir is None:
            return str(path)
        (Path(cache_dir) / "models").mkdir()
        return shutil.copy(path, Path(cache_dir) / "models" / fname)

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", deliver)
    monkeypatch.setattr("keras.utils.get_file", deliver)


@pytest.mark.zoo
@pytest.mark.usefixtures("hosted")
@pytest.mark.parametrize("trainable", [("block7", "top"), ("stem", "block1", "top")])
def test_the_network_of_a_constructor_is_that_of_the_run(trainable: tuple[str, ...], tmp_path: Path) -> None:
    from core.training.epoch_start import EpochStart
    from core.training.model import assemble

    # Of size 96: a backbone's usual size takes long here.
    asked = plan(EFFICIENT, *trainable, image_size=96, head=Head(dropout=0.3), recipe=Recipe(seed=3))
    body = body_of(asked, build(EFFICIENT, weights=RANDOM, image_size=96))
    assert (body.constructor, body.extra, body.drops) == ("EfficientNetB0", "rescaling_1", True)
    names: dict[str, Any] = {"__name__": "script", "__file__": str(tmp_path / "train.py")}
    facts = Facts("run-1", asked, ("blue", "red"), {"train": 4, "validation": 2, "test": 2}, body)
    exec(compile(script_text(facts), "train.py", "exec"), names)
    theirs, backbone = _fresh(names["build_model"])
    names["let_learn"](backbone, names["BLOCKS"])
    ours = assemble(asked, 2)
    assert [each.path.split("/")[-2:] for each in theirs.trainable_variables] == [
        each.path.split("/")[-2:] for each in ours.trainable_variables]
    drawn = {
        place for place, layer in enumerate(names["leaves"](theirs))
        if type(layer).__name__ == "Dropout" and layer.rate
    }
    assert drawn == set(EpochStart(ours, 3, None)._generators)
    photo = np.random.default_rng(0).integers(0, 256, (2, 96, 96, 3)).astype("float32")
    expected = ours.predict_on_batch(photo)
    np.testing.assert_allclose(theirs.predict_on_batch(photo), expected, rtol=1e-4, atol=1e-5)


def _fresh(make: Callable[[], Any]) -> Any:
    """Build with names that count from the start, as a process of its own does."""
    from core.backbones.fresh import with_fresh_names

    return with_fresh_names(make)
