from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from core.data.dataset import Dataset
from core.errors import BadInput
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
