"""Files that are broken, of something else, or hostile: refused, and the model stays as it was."""

from __future__ import annotations

import json
import random
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest
import zoo_models as zoo
from keras.src.legacy.saving import legacy_h5_format
from weight_checks import numbers, refused

from core.backbones.build import build
from core.backbones.catalogue import get
from core.backbones.load_weights import WeightsDoNotFit, from_file, leaves
from core.errors import BadInput

pytestmark = pytest.mark.slow  # together they take a minute

if TYPE_CHECKING:
    import keras

SMALLEST = get("mobilenetv3small")
Bend = Callable[[h5py.File, str, Path], None]


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return build(SMALLEST.name, weights="none", image_size=32, seed=1)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = zoo.plain(SMALLEST.constructor, 32)
    zoo.scramble(source)
    path = tmp_path_factory.mktemp("weights") / "good.weights.h5"
    source.save_weights(path)
    return path


@pytest.fixture
def bent(good: Path, tmp_path: Path) -> Path:
    """A copy of a good file, to be bent."""
    return Path(shutil.copy(good, tmp_path / "bent.weights.h5"))


def last_kernel(file: h5py.File) -> str:
    """Return the path of the numbers of the last convolution."""
    names = [name for name in file["layers"] if name.startswith("conv2d")]
    return f"layers/{max(names, key=lambda name: int('0' + name[7:]))}/vars/0"


def linked_outside(file: h5py.File, place: str, folder: Path) -> None:
    with h5py.File(folder / "other.h5", "w") as other:
        other["secret"] = np.ones(file[place].shape, np.float32)
    del file[place]
    file[place] = h5py.ExternalLink(str(folder / "other.h5"), "secret")


def linked_within(file: h5py.File, place: str, folder: Path) -> None:
    file["elsewhere"] = file[place][()]
    del file[place]
    file[place] = h5py.SoftLink("/elsewhere")


def kept_outside(file: h5py.File, place: str, folder: Path) -> None:
    shape = file[place].shape
    (folder / "secret.bin").write_bytes(np.ones(shape, np.float32).tobytes())
    del file[place]
    size = int(np.prod(shape)) * 4
    file.create_dataset(place, shape, "float32", external=[(str(folder / "secret.bin"), 0, size)])


def virtual(file: h5py.File, place: str, folder: Path) -> None:
    shape = file[place].shape
    with h5py.File(folder / "other.h5", "w") as other:
        other["secret"] = np.ones(shape, np.float32)
    layout = h5py.VirtualLayout(shape, "float32")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "secret", shape)
    del file[place]
    file.create_virtual_dataset(place, layout)


def texts(file: h5py.File, place: str, folder: Path) -> None:
    del file[place]
    file[place] = "no numbers"


def named_type(file: h5py.File, place: str, folder: Path) -> None:
    del file[place]
    file[place] = np.dtype("float32")


def without_a_shape(file: h5py.File, place: str, folder: Path) -> None:
    del file[place]
    file[place] = h5py.Empty("float32")


def not_a_number(file: h5py.File, place: str, folder: Path) -> None:
    file[place][0] = np.nan


def too_large_for_float32(file: h5py.File, place: str, folder: Path) -> None:
    array = file[place][()].astype(np.float64) + 1e300
    del file[place]
    file[place] = array


def off_by_one(file: h5py.File, place: str, folder: Path) -> None:
    shape = list(file[place].shape)
    shape[-1] += 1
    del file[place]
    file[place] = np.zeros(shape, np.float32)


def a_group_in_its_place(file: h5py.File, place: str, folder: Path) -> None:
    del file[place]
    file.create_group(place)


def circle(file: h5py.File, place: str, folder: Path) -> None:
    file["layers/around"] = file["layers"]


@pytest.mark.parametrize(
    "bend",
    [linked_outside, linked_within, kept_outside, virtual, texts, named_type, without_a_shape,
     not_a_number, too_large_for_float32, off_by_one, a_group_in_its_place, circle],
)
def test_a_bent_file_is_refused_and_nothing_is_loaded(
    model: keras.Model, bent: Path, bend: Bend, tmp_path: Path
) -> None:
    with h5py.File(bent, "a") as file:
        bend(file, last_kernel(file), tmp_path)
    refused(model, SMALLEST, bent)


def test_the_same_file_unbent_is_loaded(model: keras.Model, bent: Path) -> None:
    before = numbers(model)
    from_file(model, SMALLEST, bent)
    assert numbers(model) != before


def test_a_file_is_closed_after_it_was_read(model: keras.Model, bent: Path) -> None:
    from_file(model, SMALLEST, bent)
    with h5py.File(bent, "a") as file:  # HDF5 lets nobody write to what is open elsewhere
        del file[last_kernel(file)]
    refused(model, SMALLEST, bent)
    with h5py.File(bent, "a") as file:
        file.attrs["layer_names"] = 7
    refused(model, SMALLEST, bent)
    with h5py.File(bent, "a") as file:
        assert file.attrs["layer_names"] == 7


@pytest.mark.parametrize("eighths", range(8))
def test_a_file_cut_short_is_refused(model: keras.Model, bent: Path, eighths: int) -> None:
    whole = bent.read_bytes()
    bent.write_bytes(whole[: len(whole) * eighths // 8])
    refused(model, SMALLEST, bent)


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras", ".h5", ".pth"])
@pytest.mark.parametrize("start", [b"", b"\x89HDF\r\n\x1a\n", b"PK\x03\x04"])
def test_random_bytes_are_refused(
    model: keras.Model, tmp_path: Path, suffix: str, start: bytes
) -> None:
    path = tmp_path / f"random{suffix}"
    path.write_bytes(start + random.Random(1).randbytes(5000))
    refused(model, SMALLEST, path)


def test_random_damage_gives_numbers_or_a_clear_error(model: keras.Model, bent: Path) -> None:
    whole = bent.read_bytes()
    chance = random.Random(0)
    errors = 0
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(40):
            damaged[chance.randrange(4096)] = chance.randrange(256)
        bent.write_bytes(damaged)
        try:
            from_file(model, SMALLEST, bent)
        except BadInput:
            errors += 1
    assert errors > 10


@pytest.mark.parametrize("name", ["missing.weights.h5", "missing.pth", "folder.h5"])
def test_a_file_that_is_not_there_is_refused(model: keras.Model, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.h5").mkdir()
    refused(model, SMALLEST, tmp_path / name)


def test_an_archive_without_weights_is_refused(model: keras.Model, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    assert "no Keras weights" in refused(model, SMALLEST, tmp_path / "x.keras").what


def test_an_archive_with_damaged_compression_is_refused(
    model: keras.Model, good: Path, tmp_path: Path
) -> None:
    path = tmp_path / "x.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(good, "model.weights.h5")
    damaged = bytearray(path.read_bytes())
    damaged[1000:1100] = bytes(100)
    path.write_bytes(damaged)
    refused(model, SMALLEST, path)


def test_code_in_a_lambda_of_an_archive_does_not_run(model: keras.Model, tmp_path: Path) -> None:
    import keras

    marker = tmp_path / "ran"
    body = zoo.plain(SMALLEST.constructor, 32)
    zoo.scramble(body)
    inputs = keras.Input((32, 32, 3))
    code = eval(f"lambda x: (open({str(marker)!r}, 'w').close(), x)[1]")
    keras.Model(inputs, body(keras.layers.Lambda(code)(inputs))).save(tmp_path / "x.keras")
    marker.unlink()
    from_file(model, SMALLEST, tmp_path / "x.keras")
    assert not marker.exists()
    np.testing.assert_array_equal(
        np.asarray(model.get_layer("conv").kernel), np.asarray(body.get_layer("conv").kernel)
    )
    keras.saving.load_model(tmp_path / "x.keras", safe_mode=False)
    assert marker.exists()


def test_a_class_that_an_archive_names_is_not_looked_up(
    model: keras.Model, good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hostile_module_here.py").write_text("raise SystemExit('ran')")
    monkeypatch.syspath_prepend(tmp_path)
    config = {"module": "hostile_module_here", "class_name": "Model", "config": {},
              "registered_name": "hostile_module_here>Model"}
    with zipfile.ZipFile(tmp_path / "x.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.write(good, "model.weights.h5")
    from_file(model, SMALLEST, good)
    expected = numbers(model)
    zoo.scramble(model, seed=11)
    assert numbers(model) != expected
    from_file(model, SMALLEST, tmp_path / "x.keras")
    assert numbers(model) == expected
    assert "hostile_module_here" not in sys.modules


def legacy(path: Path, change: Callable[[list[Any]], None]) -> None:
    """Write a legacy file of the smallest backbone with other weights."""
    source = zoo.plain(SMALLEST.constructor, 32)
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, source)
        change([(layer, file[layer.name]) for layer in source.layers if layer.weights])


def replaced(group: h5py.Group, weight: str, array: np.ndarray) -> None:
    del group[weight]
    group[weight] = array


def test_kernels_in_theanos_order_are_told_layer_by_layer(model: keras.Model, tmp_path: Path) -> None:
    turned = set()

    def turn(groups: list[Any]) -> None:
        for layer, group in groups:
            weight = layer.weights[0]
            if len(weight.shape) == 4:
                array = np.asarray(weight).transpose(3, 2, 0, 1)
                replaced(group, weight.path, array)
                if array.shape != tuple(weight.shape):
                    turned.add(layer.name)

    legacy(tmp_path / "x.h5", turn)
    error = refused(model, SMALLEST, tmp_path / "x.h5")
    assert isinstance(error, WeightsDoNotFit)
    assert {misfit.layer for misfit in error.misfits} == turned
    for misfit in error.misfits:
        assert misfit.found[0] == tuple(misfit.wanted[0][axis] for axis in (3, 2, 0, 1))


def test_the_error_lists_every_layer_that_differs_and_no_other(
    model: keras.Model, bent: Path
) -> None:
    with h5py.File(bent, "a") as file:
        del file["layers/conv2d/vars/0"]
        off_by_one(file, last_kernel(file), bent.parent)
    error = refused(model, SMALLEST, bent)
    convolutions = [each for layer, each in leaves(model) if type(layer).__name__ == "Conv2D"]
    first, last = convolutions[0], convolutions[-1]
    assert isinstance(error, WeightsDoNotFit)
    larger = (*last.shapes[0][:-1], last.shapes[0][-1] + 1)
    assert [(each.layer, each.wanted, each.found) for each in error.misfits] == [
        (first.name, first.shapes, None), (last.name, last.shapes, (larger, *last.shapes[1:])),
    ]
    assert str(larger) in str(error)


@pytest.mark.parametrize("file", ["x.weights.h5", "x.h5"])
def test_the_file_of_another_backbone_is_told_with_both_shapes(
    model: keras.Model, tmp_path: Path, file: str
) -> None:
    other = zoo.plain("MobileNetV2", 32)
    (other.save_weights if file == "x.weights.h5" else other.save)(tmp_path / file)
    error = refused(model, SMALLEST, tmp_path / file)
    assert isinstance(error, WeightsDoNotFit)
    needed = {each.name: each.shapes for _layer, each in leaves(model)}
    assert len(error.misfits) > len(needed) / 2
    assert all(needed[each.layer] == each.wanted != each.found for each in error.misfits)
    assert any(each.found is not None for each in error.misfits)
    assert f"{len(error.misfits)} of its {len(needed)} layers" in error.what
