"""What a real training leaves behind, read as others read it."""

from __future__ import annotations

import csv
import json
import math
import shutil
import subprocess
import sys
import textwrap
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from core.backbones import build
from core.data.images import load_array
from core.insight import predict as insight
from core.runs.folder import best, saved_epoch
from core.runs.status import State
from core.runs.work import evaluation_of, measure
from core.training import engine
from core.training.counts import counts
from core.training.ways import photos

pytestmark = pytest.mark.slow

COLUMNS = [
    "epoch", "phase", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds",
]


def test_it_holds_the_files_of_the_design(trained: Any) -> None:
    found = [path for path in trained.run.path.rglob("*") if path.is_file()]
    names = {str(path.relative_to(trained.run.path)) for path in found}
    events = {name for name in names if name.startswith("events/")}
    assert names - events == {
        "plan.json", "status.json", "history.csv", "batches.csv", "report.json", "test.csv", "lock",
        "model.keras", "checkpoint/best.keras", "checkpoint/last.npz", "studies/predictions-own-test.npz",
    }
    assert len(events) == 1


def test_its_status_says_that_it_finished(trained: Any) -> None:
    status = json.loads((trained.run.path / "status.json").read_text())
    assert status["state"] == "finished"
    assert status["progress"] == 1.0
    assert status["eta_s"] is None
    assert status["error"] is None
    assert status["epoch"] == status["epochs"] == 2
    assert status["created"] <= status["started"] < status["ended"]
    assert trained.ended.state is State.FINISHED


def test_its_plan_is_enough_to_run_it_again(trained: Any) -> None:
    assert trained.run.plan() == trained.plan.checked()


def test_its_history_has_a_row_an_epoch(trained: Any) -> None:
    with (trained.run.path / "history.csv").open() as handle:
        reader = csv.DictReader(handle)
        rows = list(reader)
        assert reader.fieldnames == COLUMNS
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert [float(row["learning_rate"]) for row in rows] == [pytest.approx(1e-3)] * 2
    assert all(math.isfinite(float(row["loss"])) and float(row["seconds"]) > 0 for row in rows)


def test_its_curve_has_a_point_every_few_steps(trained: Any) -> None:
    positions = [row.position for row in trained.run.batches()]
    assert positions == sorted(positions)
    assert positions[-1] == 2.0
    assert len(positions) == 2 * 4


def test_its_report_adds_up(trained: Any) -> None:
    report = trained.run.report()
    found = counts(trained.plan, 2)
    assert report["parameters"] == {"total": found.total, "trainable": found.learning}
    assert report["images"] == {"train": 16, "validation": 4, "test": 4}
    timing = report["timing"]
    parts = (timing[name] for name in ("prepare_s", "extract_s", "fit_s", "evaluate_s"))
    assert 0 < sum(parts) <= timing["total_s"] + 0.01
    kept = best(trained.run.history())
    assert report["best"] == {"epoch": kept.epoch, "val_accuracy": kept.val_accuracy}
    assert trained.ended.kept == kept.epoch
    test = evaluation_of(trained.run)
    assert test.accuracy.images == 4
    assert sum(sum(row) for row in test.confusion) == 4


def test_its_report_and_its_status_say_how_the_cache_was_used(trained: Any) -> None:
    use = trained.run.report()["cache"]
    assert use == asdict(trained.ended.cache)
    assert (use["cut"], use["hit_images"], use["computed_images"], use["bytes"]) == (None, 0, 0, 0)
    # Two epochs of two views each: the frozen part sees every one once either way.
    assert "either way" in use["reason"]


def test_the_model_says_of_which_epoch_it_is(trained: Any) -> None:
    assert saved_epoch(trained.run.model) == trained.ended.kept
    assert saved_epoch(trained.run.places.best) == trained.ended.kept


def test_the_model_is_that_of_the_best_epoch(trained: Any) -> None:
    model = insight.loaded(trained.run.model)
    files = photos(trained.dataset, "validation")
    chances = engine.probabilities(model.keras, files, model.size)
    kept = best(trained.run.history())
    assert np.mean(chances.argmax(axis=1) == files.labels) == pytest.approx(kept.val_accuracy)
    loss = -np.log(chances[np.arange(len(files)), files.labels]).mean()
    assert loss == pytest.approx(kept.val_loss, rel=1e-4)


def test_the_test_figures_are_the_models(trained: Any) -> None:
    model = insight.loaded(trained.run.model)
    chances = engine.probabilities(model.keras, photos(trained.dataset, "test"), model.size)
    with (trained.run.path / "test.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    assert [int(row["said"]) for row in rows] == chances.argmax(axis=1).tolist()
    confidence = [float(row["confidence"]) for row in rows]
    np.testing.assert_allclose(confidence, chances.max(axis=1), atol=1e-5)


def test_a_frozen_backbone_is_in_the_model_as_it_came(trained: Any) -> None:
    body = insight.loaded(trained.run.model).keras.get_layer("efficientnet_lite0")
    for kept, original in zip(body.weights, build.build("efficientnet-lite0").weights, strict=True):
        np.testing.assert_array_equal(kept.numpy(), original.numpy(), err_msg=original.path)


def test_what_was_measured_at_the_end_is_not_measured_again(
    trained: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def again(*_given: object, **_named: object) -> None:
        raise AssertionError("the test photos were looked at twice")

    monkeypatch.setattr(engine, "probabilities", again)
    assert measure(trained.workspace, trained.run) == evaluation_of(trained.run)


BARE = """
import json, sys, zipfile
import keras
import numpy as np

path, pixels, out = sys.argv[1:]
model = keras.models.load_model(path)
classes = json.loads(zipfile.ZipFile(path).read("thaw_classes.json"))
np.save(out, model.predict(np.load(pixels), verbose=0))
assert not any(name == "core" or name.startswith("core.") for name in sys.modules)
print(json.dumps(classes))
"""


def test_plain_keras_loads_the_model_and_says_the_same(trained: Any, tmp_path: Path) -> None:
    files = [path for name in ("blue", "red") for path in sorted((trained.photos / name).iterdir())[:3]]
    model = insight.loaded(trained.run.model)
    pixels = np.stack([load_array(path, model.size) for path in files])
    np.save(tmp_path / "pixels.npy", pixels.astype(np.float32))
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(BARE), str(trained.run.model),
         str(tmp_path / "pixels.npy"), str(tmp_path / "out.npy")],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == list(trained.dataset.classes)
    np.testing.assert_allclose(
        np.load(tmp_path / "out.npy"), insight.probabilities(model, list(pixels)), atol=1e-5
    )


def test_the_class_names_are_inside_the_model_file(trained: Any) -> None:
    with zipfile.ZipFile(trained.run.model) as archive:
        assert json.loads(archive.read("thaw_classes.json")) == ["blue", "red"]
        assert archive.testzip() is None


def test_the_lines_that_are_handed_out_say_the_same_of_a_large_turned_photo(
    trained: Any, tmp_path: Path
) -> None:
    random = np.random.default_rng(3)
    coarse = Image.fromarray(random.integers(0, 256, (40, 60, 3), dtype=np.uint8))
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    coarse.resize((3000, 2000), Image.Resampling.BICUBIC).save(tmp_path / "photo.jpg", exif=turned)
    shutil.copyfile(trained.run.model, tmp_path / "model.keras")
    done = subprocess.run(
        [sys.executable, "-c", insight.USAGE], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    name, chance = done.stdout.splitlines()[-1].rsplit(" ", 1)
    (answers,) = insight.predict(insight.loaded(trained.run.model), [tmp_path / "photo.jpg"])
    assert isinstance(answers, list)
    assert name == answers[0].name
    assert float(chance) == pytest.approx(answers[0].probability, abs=1e-5)
