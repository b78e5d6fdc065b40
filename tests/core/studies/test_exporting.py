from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from core.data.dataset import Dataset
from core.errors import BadInput, NotFound, Stopped, Unavailable
from core.export.convert import convert
from core.export.formats import FORMATS, missing
from core.export.opened import opened
from core.export.package import versions_for
from core.export.verify import MADE_UP, Verified
from core.insight.predict import Answer, loaded, predict
from core.jobs import no_progress
from core.runs import studied
from core.runs.folder import RunFolder
from core.runs.work import evaluation_of
from core.studies import exporting
from core.studies.exporting import export, export_apart, export_file, exported, failure_of, to_make
from core.training.plan import Head, Plan
from core.training.start import Start
from core.workspace import Workspace
from tests.core.conftest import Trained

VERIFIED = Verified("validation", 4, 4, 0.0, 3, 3, 0.01, 0.02, 1000, True)
HERE = [name for name, form in FORMATS.items() if not missing(form)]
# The others are written in other tests too; with their examples they are for the long tests.
EVERY_DAY = ("onnx",)


@pytest.fixture
def folder(workspace: Workspace, dataset: Dataset) -> RunFolder:
    made = RunFolder.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    made.model.write_bytes(b"a model")
    return made


def keep(folder: RunFolder, name: str) -> None:
    file = export_file(folder, name)
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"zip")
    studied.keep_record(folder, f"export-{name}", {"verified": VERIFIED.to_json(), "made_s": 1.5})


def test_what_was_made_is_found_again_and_not_made_twice(workspace: Workspace, folder: RunFolder) -> None:
    keep(folder, "litert")
    found = exported(folder, "litert")
    assert found is not None
    assert (found.verified, found.made_s, found.form.name) == (VERIFIED, 1.5, "litert")
    assert export(workspace, folder, "litert") == found
    assert "litert" not in [form.name for form in to_make(folder)]


def test_a_form_of_another_model_is_not_found(folder: RunFolder) -> None:
    keep(folder, "litert")
    folder.model.write_bytes(b"the same run, given more epochs")
    assert exported(folder, "litert") is None


def test_a_record_without_its_file_is_not_an_export(folder: RunFolder) -> None:
    keep(folder, "litert")
    export_file(folder, "litert").unlink()
    assert exported(folder, "litert") is None


def test_a_form_that_is_known_to_be_impossible_is_not_offered_again(folder: RunFolder) -> None:
    error = BadInput("This network cannot be written as LiteRT.", given="RuntimeError: Erf")
    versions = versions_for(FORMATS["litert"])
    studied.keep_record(folder, "export-litert", {"failed": error.to_json(), "versions": versions})
    found = failure_of(folder, "litert")
    assert found is not None
    assert found.given == error.given
    assert "litert" not in [form.name for form in to_make(folder)]


def test_with_other_packages_it_is_worth_another_try(folder: RunFolder) -> None:
    versions = {**versions_for(FORMATS["litert"]), "tensorflow": "1.0"}
    for record in ({"versions": versions}, {}):
        failed = BadInput("This network cannot be written as LiteRT.").to_json()
        studied.keep_record(folder, "export-litert", {"failed": failed, **record})
        assert failure_of(folder, "litert") is None
        assert "litert" in [form.name for form in to_make(folder)]


@pytest.mark.slow
@pytest.mark.parametrize("trouble", [MemoryError(), ImportError("onnx is half there"), "exhausted"])
def test_trouble_that_passes_is_not_kept_as_the_networks(
    workspace: Workspace, folder: RunFolder, monkeypatch: pytest.MonkeyPatch, trouble: object
) -> None:
    import tensorflow as tf

    def fail(*_given: object) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, "no room") if trouble == "exhausted" else trouble

    model = SimpleNamespace(keras=None, classes=("blue", "red"), size=24)
    monkeypatch.setattr("core.insight.predict.loaded", lambda _path: model)
    monkeypatch.setattr("core.export.convert._litert", fail)
    with pytest.raises(Unavailable, match="just now"):
        export(workspace, folder, "litert")
    assert failure_of(folder, "litert") is None
    assert "litert" in [form.name for form in to_make(folder)]


@pytest.mark.slow
def test_what_the_network_is_to_blame_for_is_kept(
    workspace: Workspace, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_given: object) -> None:
        raise RuntimeError("no such operation")

    model = SimpleNamespace(keras=None, classes=("blue", "red"), size=24)
    monkeypatch.setattr("core.insight.predict.loaded", lambda _path: model)
    monkeypatch.setattr("core.export.convert._litert", fail)
    with pytest.raises(BadInput, match="cannot be written"):
        export(workspace, folder, "litert")
    assert failure_of(folder, "litert") is not None


def test_a_run_without_a_model_has_no_other_forms(workspace: Workspace, folder: RunFolder) -> None:
    folder.model.unlink()
    with pytest.raises(BadInput):
        export(workspace, folder, "litert")
    assert exported(folder, "litert") is None


def test_a_missing_package_is_said_before_anything_is_done(
    workspace: Workspace, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.export.formats.importlib.util.find_spec", lambda _name: None)
    with pytest.raises(Unavailable, match="pip install"):
        export(workspace, folder, "onnx")
    assert not export_file(folder, "onnx").parent.exists()


def test_a_form_of_a_model_that_changed_meanwhile_is_not_kept(
    workspace: Workspace, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = SimpleNamespace(keras=None, classes=("blue", "red"), size=24)

    def trained_further(*_given: object) -> Verified:
        folder.model.write_bytes(b"the same run, given more epochs")
        return VERIFIED

    monkeypatch.setattr("core.insight.predict.loaded", lambda _path: model)
    monkeypatch.setattr(exporting, "_converted", lambda *_given: None)
    monkeypatch.setattr(exporting, "verify", trained_further)
    monkeypatch.setattr(exporting, "require", lambda _form: None)
    keep(folder, "onnx")
    folder.model.write_bytes(b"another model")
    with pytest.raises(BadInput, match="trained further meanwhile"):
        export(workspace, folder, "onnx")
    assert export_file(folder, "onnx").read_bytes() == b"zip"
    assert exported(folder, "onnx") is None


def test_one_form_that_fails_keeps_no_other_from_being_made(
    workspace: Workspace, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def answer(words: list[str], *_rest: object) -> dict[str, object]:
        asked.append(words[-1])
        if words[-1] == "litert":
            raise BadInput("This network cannot be written as LiteRT.")
        return {}

    monkeypatch.setattr(exporting, "run_apart", answer)
    with pytest.raises(BadInput, match="LiteRT"):
        export_apart(workspace, folder, ["savedmodel", "litert", "onnx"], no_progress)
    assert asked == ["savedmodel", "litert", "onnx"]


def test_after_a_cancel_no_further_form_is_begun(
    workspace: Workspace, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def answer(words: list[str], *_rest: object) -> dict[str, object]:
        asked.append(words[-1])
        raise Stopped("It was cancelled.")

    monkeypatch.setattr(exporting, "run_apart", answer)
    with pytest.raises(Stopped):
        export_apart(workspace, folder, ["savedmodel", "litert"], no_progress)
    assert asked == ["savedmodel"]


@pytest.fixture
def copy(trained: Trained, tmp_path: Path) -> tuple[Workspace, RunFolder]:
    """The trained run in a workspace that may be written to."""
    root = tmp_path / "copy"
    shutil.copytree(trained.workspace.root, root, ignore=shutil.ignore_patterns("cache"))
    workspace = Workspace.open(root)
    return workspace, RunFolder.open(workspace, trained.run.id)


def said_by_example(zipped: Path, photo: Path, into: Path) -> tuple[str, float]:
    with zipfile.ZipFile(zipped) as archive:
        archive.extractall(into)
    words = [sys.executable, "-W", "ignore", "example.py", str(photo)]
    done = subprocess.run(words, cwd=into, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    name, _space, chance = done.stdout.strip().splitlines()[-1].rpartition(" ")
    return name, float(chance)


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=pytest.mark.slow if name in EVERY_DAY else pytest.mark.zoo) for name in HERE
])
def test_each_form_says_the_same_and_its_example_runs(
    copy: tuple[Workspace, RunFolder], trained: Trained, tmp_path: Path, name: str
) -> None:
    workspace, folder = copy
    found = export(workspace, folder, name)
    assert found.verified.agrees
    assert found.verified.split == "test"
    assert found.verified.bytes > 1_000_000
    assert not list(workspace.incoming.iterdir())
    item = trained.dataset.of_split("test")[0]
    photo = trained.dataset.file(item)
    (expected,) = predict(loaded(folder.model), [photo], top=2)
    assert not isinstance(expected, BaseException)
    said, chance = said_by_example(found.file, photo, tmp_path / "taken")
    chances = {each.name: each.probability for each in expected if isinstance(each, Answer)}
    assert chance == pytest.approx(chances[said], abs=found.form.difference)
    if found.verified.same == found.verified.images:
        assert chances[said] >= 0.5 - found.form.difference


@pytest.mark.slow
def test_test_photos_that_were_not_looked_at_are_not_looked_at(copy: tuple[Workspace, RunFolder]) -> None:
    workspace, folder = copy
    folder.write_report({**(folder.report() or {}), "test": None})
    assert evaluation_of(folder) is None
    assert export(workspace, folder, "keras").verified.split == "validation"
    assert evaluation_of(folder) is None


@pytest.mark.slow
def test_without_its_photos_a_run_is_compared_on_noise_and_not_calibrated(
    copy: tuple[Workspace, RunFolder]
) -> None:
    workspace, folder = copy
    folder.replace_plan(replace(folder.plan(), dataset="somewhere-else"))
    found = export(workspace, folder, "litert").verified
    assert (found.split, found.right, found.agrees) == (MADE_UP, None, None)
    assert found.difference < FORMATS["litert"].difference
    with pytest.raises(NotFound):
        export(workspace, folder, "litert-int8")
    assert failure_of(folder, "litert-int8") is None


@pytest.mark.zoo
@pytest.mark.parametrize("backbone", ["mobilenetv3small", "efficientnetb0", "convnexttiny"])
def test_other_families_and_heads_are_written_in_every_form(
    workspace: Workspace, backbone: str, tmp_path: Path
) -> None:
    from core.training.model import assemble, save_model

    plan = Plan("of", "Of", backbone, weights=Start("none"), image_size=96, head=Head("flatten", hidden=8))
    model, classes = assemble(plan, 3), ("a", "b", "c")
    save_model(model, classes, tmp_path / "model.keras")
    images = np.random.default_rng(3).integers(0, 256, (6, 96, 96, 3)).astype(np.uint8)
    expected = model.predict_on_batch(images)
    for name in HERE:
        form = FORMATS[name]
        target = tmp_path / name / form.file
        target.parent.mkdir()
        convert(form, tmp_path / "model.keras", model, classes, target, images)
        assert np.abs(opened(form, target)(images) - expected).max() <= form.difference, name


@pytest.mark.slow
def test_a_large_jpeg_is_read_by_the_example_as_it_was_in_training(
    copy: tuple[Workspace, RunFolder], tmp_path: Path
) -> None:
    workspace, folder = copy
    pixels = np.random.default_rng(5).integers(0, 256, (30, 40, 3)).astype(np.uint8)
    photo = tmp_path / "large.jpg"
    Image.fromarray(pixels).resize((1600, 1200)).save(photo)
    (expected,) = predict(loaded(folder.model), [photo], top=1)
    assert isinstance(expected, list)
    said, chance = said_by_example(export(workspace, folder, "savedmodel").file, photo, tmp_path / "taken")
    assert (said, chance) == (expected[0].name, pytest.approx(expected[0].probability, abs=1e-4))
