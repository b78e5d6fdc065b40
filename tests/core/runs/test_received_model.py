from __future__ import annotations

import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.errors import BadInput
from core.runs import received_model, studied
from core.runs.folder import RunFolder
from core.runs.received_model import are_classes, made_anew, read_inside
from core.training.plan import Head, Plan
from tests.core.conftest import Trained
from tests.core.runs.packed import KERAS_CONFIG, write_model


def test_what_is_inside_is_read_without_the_numbers(tmp_path: Path) -> None:
    write_model(tmp_path / "model.keras")
    found = read_inside(tmp_path / "model.keras")
    assert (found.classes, found.epoch, found.weights) == (("blue", "red"), 2, len(b"numbers"))
    assert json.loads(found.config) == KERAS_CONFIG


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_a_model_that_is_packed_is_not_unpacked(tmp_path: Path, packing: int) -> None:
    write_model(tmp_path / "model.keras", packing=packing)
    with pytest.raises(BadInput, match="model file cannot be read"):
        read_inside(tmp_path / "model.keras")


def test_a_description_of_many_megabytes_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(received_model, "_LARGEST_TEXT", 1000)
    write_model(tmp_path / "model.keras", {"x": "x" * 1000})
    with pytest.raises(BadInput, match="model file cannot be read"):
        read_inside(tmp_path / "model.keras")


@pytest.mark.parametrize("extra", [
    {"assets/../../x": "x"}, {"thaw_classes.txt": "x"},
])
def test_a_model_with_files_that_are_none_of_keras_is_not_opened(
    tmp_path: Path, extra: dict[str, str]
) -> None:
    write_model(tmp_path / "model.keras", **extra)
    with pytest.raises(BadInput):
        read_inside(tmp_path / "model.keras")


@pytest.mark.parametrize(("place", "value"), [(8, 99), (6, 1)], ids=["method 99", "encrypted"])
def test_a_zip_of_an_unknown_kind_is_refused(tmp_path: Path, place: int, value: int) -> None:
    write_model(tmp_path / "model.keras")
    found = bytearray((tmp_path / "model.keras").read_bytes())
    found[place] = value
    found[found.index(b"PK\x01\x02") + place + 2] = value
    (tmp_path / "model.keras").write_bytes(found)
    with pytest.raises(BadInput, match="model file cannot be read"):
        read_inside(tmp_path / "model.keras")


@pytest.mark.parametrize("text", [b"", b"no zip", b"PK\x03\x04"])
def test_what_is_no_zip_is_no_model(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "model.keras").write_bytes(text)
    with pytest.raises(BadInput, match="model file cannot be read"):
        read_inside(tmp_path / "model.keras")


@pytest.mark.parametrize("names", [
    ("a", "a"), ("a", ""), ("a", "\x1b[2J"), ("a", " b"), ("a", "b" * 256), ("a", "\ud800"), ("a", "\u202eb"),
])
def test_names_that_no_intake_would_give_are_no_classes(names: tuple[str, ...]) -> None:
    assert not are_classes(names)
    assert are_classes(("a", "two words", "été"))


def numbers(path: Path, spoil: Any = None) -> Path:
    import h5py

    with h5py.File(path, "w") as root:
        root["layers/dense/vars/0"] = [[1.0, 2.0]] * 4
        if spoil is not None:
            spoil(h5py, root)
    return path


def test_numbers_that_a_file_holds_itself_are_bounded(tmp_path: Path) -> None:
    assert received_model._is_bounded(numbers(tmp_path / "x.h5"))


@pytest.mark.parametrize("spoil", [
    lambda _h5, root: root.create_dataset("huge", (10**6, 10**6), "f4", chunks=(100, 100)),
    lambda _h5, root: root.create_dataset("packed", (10**6,), "f4", compression="gzip", data=[0] * 10**6),
    lambda h5, root: root.__setitem__("out", h5.ExternalLink("/etc/passwd", "/x")),
    lambda h5, root: root.__setitem__("soft", h5.SoftLink("/layers")),
    lambda _h5, root: root["layers"].__setitem__("again", root["layers"]),
    lambda _h5, root: root.create_dataset("other", (4,), "u1", external=[("/etc/hostname", 0, 4)]),
    lambda h5, root: root.create_dataset("words", (10**9,), h5.string_dtype(), chunks=(1,)),
], ids=["huge", "packed", "outside", "soft", "circle", "external", "words"])
def test_numbers_that_are_elsewhere_or_more_than_their_file_are_not(tmp_path: Path, spoil: Any) -> None:
    assert not received_model._is_bounded(numbers(tmp_path / "x.h5", spoil))


def test_what_is_no_hdf5_is_not_bounded(tmp_path: Path) -> None:
    (tmp_path / "x.h5").write_bytes(b"\x89HDF\r\n\x1a\n and no more")
    assert not received_model._is_bounded(tmp_path / "x.h5")


def test_descriptions_differ_by_more_than_the_addresses_in_them() -> None:
    def told(*shared: object) -> str:
        return received_model._told(json.dumps([{"shared_object_id": each} for each in shared]).encode())

    assert told(7001, 7001, 9) == told(12, 12, 13)
    assert told(7001, 7002, 9) != told(12, 12, 13)
    assert told(1, True) != told(1, 1)
    assert received_model._told(b"{") == received_model._told(b"[" * 100_000) == ""


def test_a_model_larger_than_its_file_is_not_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(received_model, "_built", lambda *_given: pytest.fail("it was built"))
    write_model(tmp_path / "model.keras")
    plan = Plan("of", "Of", "efficientnet-lite0", head=Head("flatten", hidden=2048), image_size=1024)
    with pytest.raises(BadInput, match="not the one"):
        made_anew(tmp_path / "model.keras", plan, read_inside(tmp_path / "model.keras"))


@pytest.fixture
def came(trained: Trained, tmp_path: Path) -> Path:
    """The file of a real model, which may be written to."""
    path = tmp_path / "model.keras"
    shutil.copyfile(trained.run.model, path)
    return path


def rewritten(path: Path, **entries: bytes) -> None:
    """Write some entries of an archive otherwise; their names without their endings."""
    with zipfile.ZipFile(path) as archive:
        held = {each: archive.read(each) for each in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in held.items():
            archive.writestr(name, entries.get(name.partition(".")[0], data))


@pytest.mark.slow
def test_a_model_that_would_be_written_so_stays_as_it_is(came: Path, trained: Trained) -> None:
    before = came.read_bytes()
    made_anew(came, trained.plan, read_inside(came))
    assert came.read_bytes() == before
    assert [each.name for each in came.parent.iterdir() if each.is_file()] == [came.name]


@pytest.mark.slow
def test_a_description_of_another_model_is_not_followed(came: Path, trained: Trained) -> None:
    from core.insight.predict import loaded, predict

    photo = trained.dataset.file(trained.dataset.items[0])
    hostile = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 10**9}}
    rewritten(came, config=json.dumps(hostile).encode())
    made_anew(came, trained.plan, read_inside(came))
    (said,), (own,) = predict(loaded(came), [photo]), predict(loaded(trained.run.model), [photo])
    assert isinstance(said, list)
    assert isinstance(own, list)
    assert [each.name for each in said] == [each.name for each in own]
    # Two calls of one network may round otherwise, depending on how its threads divide the work.
    assert [each.probability for each in said] == pytest.approx([each.probability for each in own], abs=1e-5)
    assert studied.model_mark(RunFolder(came.parent)) != ""


@pytest.mark.slow
def test_numbers_of_another_network_are_refused(came: Path, trained: Trained) -> None:
    import keras

    small = keras.Sequential([
        keras.Input((224, 224, 3)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, "softmax"),
    ])
    small.save(came.with_name("small.keras"))
    with zipfile.ZipFile(came.with_name("small.keras")) as archive:
        rewritten(came, model=archive.read("model.weights.h5") + b"\0" * 20_000_000)
    with pytest.raises(BadInput, match="not the one"):
        made_anew(came, trained.plan, read_inside(came))


@pytest.mark.slow
@pytest.mark.parametrize("other", [{"head": Head()}, {"backbone": "mobilenetv3small"}])
def test_a_model_of_another_plan_is_refused(came: Path, trained: Trained, other: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="not the one"):
        made_anew(came, replace(trained.plan, **other), read_inside(came))
