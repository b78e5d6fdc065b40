from __future__ import annotations

import errno
import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from core.data.dataset import Dataset
from core.errors import BadInput, NotFound, Unavailable
from core.insight.predictions import Predictions
from core.runs import studied
from core.runs.folder import RunFolder
from core.training.plan import Plan
from core.workspace import Workspace


def write_model(path: Path, weights: bytes, said: str = "today") -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.weights.h5", weights)
        archive.writestr("metadata.json", json.dumps({"date_saved": said}))


@pytest.fixture
def run(workspace: Workspace, dataset: Dataset) -> RunFolder:
    made = RunFolder.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    write_model(made.model, b"first")
    return made


def long_ago(path: Path) -> None:
    """Date a file back, so that it may be kept as read."""
    os.utime(path, ns=(path.stat().st_mtime_ns - 10**9, path.stat().st_mtime_ns - 10**9))


def test_a_record_is_found_as_it_was_kept(run: RunFolder) -> None:
    studied.keep_record(run, "moved", {"blocks": [1, 2]})
    found = studied.kept_record(run, "moved")
    assert found is not None
    assert found["blocks"] == [1, 2]


def test_what_is_of_another_model_is_not_found(run: RunFolder) -> None:
    studied.keep_record(run, "moved", {"blocks": []})
    studied.keep_arrays(run, "features", {}, {"x": np.zeros(3)})
    write_model(run.model, b"later")
    assert studied.kept_record(run, "moved") is None
    assert studied.kept_arrays(run, "features") is None


def test_the_same_weights_saved_later_are_the_same_model(run: RunFolder) -> None:
    before = studied.model_mark(run)
    write_model(run.model, b"first", said="tomorrow")
    assert studied.model_mark(run) == before


def test_nothing_is_known_of_a_run_without_a_model(run: RunFolder) -> None:
    run.model.unlink()
    with pytest.raises(BadInput, match="no model"):
        studied.model_mark(run)


def test_arrays_come_back_and_cannot_be_changed(run: RunFolder) -> None:
    studied.keep_arrays(run, "features", {"of": "ä"}, {"x": np.arange(3), "names": np.asarray(["é"])})
    found = studied.kept_arrays(run, "features")
    assert found is not None
    assert found.record["of"] == "ä"
    assert found.arrays["x"].tolist() == [0, 1, 2]
    assert found.arrays["names"].tolist() == ["é"]
    with pytest.raises(ValueError, match="read-only"):
        found.arrays["x"][0] = 5


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 not a zip", b"no zip at all"])
def test_a_damaged_study_is_passed_over(run: RunFolder, damage: bytes) -> None:
    studied.keep_arrays(run, "features", {}, {"x": np.arange(3)})
    path = studied.place(run, "features").with_suffix(".npz")
    path.write_bytes(damage)
    assert studied.kept_arrays(run, "features") is None
    studied.keep_record(run, "moved", {})
    studied.place(run, "moved").with_suffix(".json").write_bytes(damage)
    assert studied.kept_record(run, "moved") is None


def test_packed_arrays_are_not_unpacked(run: RunFolder) -> None:
    studied.keep_arrays(run, "map", {}, {"values": np.zeros(1000)})
    path = studied.place(run, "map").with_suffix(".npz")
    with np.load(path) as kept:
        held = {name: kept[name] for name in kept.files}
    np.savez_compressed(path, **held)
    assert studied.kept_arrays(run, "map", stay=False) is None
    whole = path.read_bytes()
    path.write_bytes(whole[:60] + bytes(each ^ 0xFF for each in whole[60:80]) + whole[80:])
    assert studied.kept_arrays(run, "map", stay=False) is None


def test_arrays_of_objects_are_neither_kept_nor_read(run: RunFolder) -> None:
    objects = np.asarray([{}], dtype=object)
    with pytest.raises(ValueError, match="allow_pickle"):
        studied.keep_arrays(run, "features", {}, {"x": objects})
    path = studied.place(run, "features").with_suffix(".npz")
    text = np.asarray(json.dumps({"version": 1, "model": studied.model_mark(run)}))
    np.savez(path, record=text, x=objects)
    assert studied.kept_arrays(run, "features") is None


def test_predictions_come_back_as_they_were(run: RunFolder) -> None:
    given = Predictions(("cat", "dög"), ("images/1.png",), np.array([1], np.int32),
                        np.array([[0.25, 0.75]], np.float32))
    studied.keep_predictions(run, "own-test", given)
    found = studied.kept_predictions(run, "own-test")
    assert found is not None
    assert (found.classes, found.images) == (given.classes, given.images)
    np.testing.assert_array_equal(found.probabilities, given.probabilities)
    np.testing.assert_array_equal(found.labels, given.labels)
    assert studied.kept_predictions(run, "own-validation") is None


@pytest.mark.parametrize("arrays", [
    {"images": np.asarray(["a"]), "labels": np.array([5]), "probabilities": np.ones((1, 2))},
    {"images": np.asarray(["a"]), "labels": np.array([0, 1]), "probabilities": np.ones((1, 2))},
    {"images": np.asarray(["a"]), "labels": np.array([0]), "probabilities": np.ones((1, 3))},
    {"images": np.asarray(["a"]), "labels": np.array([0])},
    {"images": np.asarray(["a"]), "labels": np.array([0]), "probabilities": np.array([[np.nan, np.nan]])},
])
def test_predictions_that_do_not_fit_together_are_passed_over(
    run: RunFolder, arrays: dict[str, np.ndarray]
) -> None:
    studied.keep_arrays(run, "predictions-own-test", {"classes": ["cat", "dog"]}, arrays)
    assert studied.kept_predictions(run, "own-test") is None


def test_a_study_is_read_once_until_it_changes(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    studied.keep_record(run, "moved", {"n": 1})
    path = studied.place(run, "moved").with_suffix(".json")
    long_ago(path)
    studied.kept_record(run, "moved")
    monkeypatch.setattr(studied, "read_json", lambda _path: pytest.fail("read again"))
    found = studied.kept_record(run, "moved")
    assert found is not None
    assert found["n"] == 1


def test_what_was_found_out_of_a_model_that_changed_meanwhile_is_not_kept(run: RunFolder) -> None:
    mark = studied.model_mark(run)
    said = Predictions(("cat", "dog"), ("1.png",), np.array([1], np.int32), np.ones((1, 2), np.float32))
    write_model(run.model, b"later")
    for keep in (
        lambda: studied.keep_record(run, "moved", {}, mark=mark),
        lambda: studied.keep_arrays(run, "features", {}, {"x": np.zeros(3)}, mark=mark),
        lambda: studied.keep_predictions(run, "own-test", said, mark=mark),
    ):
        with pytest.raises(BadInput, match="trained further meanwhile"):
            keep()
    assert not (run.path / studied.STUDIES).exists()


def test_of_a_model_that_is_the_same_it_is_kept(run: RunFolder) -> None:
    mark = studied.model_mark(run)
    write_model(run.model, b"first", said="tomorrow")
    studied.keep_record(run, "moved", {}, mark=mark)
    assert studied.kept_record(run, "moved") is not None


def test_of_a_run_that_is_gone_nothing_is_kept_and_no_folder_is_made(run: RunFolder) -> None:
    mark = studied.model_mark(run)
    shutil.rmtree(run.path)
    with pytest.raises(NotFound, match="no longer in the workspace"):
        studied.keep_record(run, "moved", {}, mark=mark)
    with pytest.raises(NotFound, match="no longer in the workspace"):
        studied.keep_arrays(run, "features", {}, {"x": np.zeros(3)})
    assert not run.path.exists()


@pytest.mark.parametrize(
    ("number", "said"), [(errno.ENOSPC, "disk is full"), (errno.EACCES, "cannot be kept")]
)
def test_what_cannot_be_written_is_said_in_words(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    def refused(*_given: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(Unavailable, match=said):
        studied.keep_record(run, "moved", {})
    with pytest.raises(Unavailable, match=said):
        studied.keep_arrays(run, "features", {}, {"x": np.zeros(3)})


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The arrays that were read from the disk, by name."""
    read, real = [], studied._read_arrays

    def counted(path: Path) -> studied.Arrays:
        read.append(path.stem)
        return real(path)

    monkeypatch.setattr(studied, "_read_arrays", counted)
    monkeypatch.setattr(studied, "_stay", type(studied._stay)())
    return read


def keep_old(run: RunFolder, name: str, numbers: int) -> None:
    studied.keep_arrays(run, name, {}, {"x": np.zeros(numbers)})
    long_ago(studied.place(run, name).with_suffix(".npz"))


def test_arrays_stay_in_memory_until_there_are_too_many_bytes_of_them(
    run: RunFolder, readings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studied, "MOST_BYTES", 250 * 8)
    for name in ("one", "two", "three"):
        keep_old(run, name, 100)
    for name in ("one", "two", "one", "three", "one", "two"):
        assert studied.kept_arrays(run, name) is not None
    assert readings == ["one", "two", "three", "two"]
    keep_old(run, "large", 300)
    for _each in range(2):
        assert studied.kept_arrays(run, "large") is not None
    assert readings[4:] == ["large", "large"]


def test_arrays_that_need_not_stay_do_not(run: RunFolder, readings: list[str]) -> None:
    keep_old(run, "features", 3)
    for _each in range(2):
        assert studied.kept_arrays(run, "features", stay=False) is not None
    assert readings == ["features", "features"]
    assert not studied._stay
