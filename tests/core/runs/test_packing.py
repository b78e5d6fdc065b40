"""A run as one file: packed, and taken in without trusting it."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.data import dataset as datasets
from core.data.dataset import Dataset
from core.data.intake import take_in
from core.errors import BadInput, Busy, NotFound, Stopped
from core.insight.metrics import evaluate
from core.insight.predictions import Predictions
from core.runs import received, studied, unpacking
from core.runs.about import About, about_of, write_about
from core.runs.folder import RunFolder
from core.runs.listing import listed
from core.runs.packing import HEAD, pack_to, packed
from core.runs.status import Failure, State
from core.runs.unpacking import unpack
from core.runs.work import dataset_of, evaluation_of
from core.training.events import BatchRow, EpochRow
from core.training.plan import Plan
from core.workspace import Workspace
from tests.core.conftest import Trained

ROWS = [EpochRow(n, "fit", 1.0 / n, 0.5, 1.2, 0.5 + n / 50, 1e-3, 2.0) for n in (1, 2)]
KERAS_CONFIG: dict[str, Any] = {
    "module": "keras.src.models.functional", "class_name": "Functional", "config": {},
}


def write_model(path: Path, config: object = None, **extra: str) -> None:
    """Write what looks like a saved model from outside."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(KERAS_CONFIG if config is None else config))
        archive.writestr("metadata.json", "{}")
        archive.writestr("model.weights.h5", b"numbers")
        archive.writestr("thaw_classes.json", json.dumps(["blue", "red"]))
        archive.writestr("thaw_epoch.json", "2")
        for name, text in extra.items():
            archive.writestr(name, text)


class Model:
    """Stands in for a loaded Keras model."""

    input_shape = (None, 224, 224, 3)
    output_shape = (None, 2)


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> list[Path]:
    """No model is opened but in the slow tests; which ones would have been is noted."""
    paths: list[Path] = []

    def load_model(path: Path) -> tuple[Any, tuple[str, ...]]:
        paths.append(path)
        return Model, ("blue", "red")

    if not request.node.get_closest_marker("slow"):
        monkeypatch.setattr(received, "load_model", load_model)
    return paths


@pytest.fixture
def run(workspace: Workspace, dataset: Dataset) -> RunFolder:
    """A finished run with all that a run can have."""
    made = RunFolder.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    made.write_history(ROWS)
    made.append_batch(BatchRow(0.5, 1.0, 0.5))
    write_model(made.model)
    write_about(made, About(3, "The good one", "somebody", "an-experiment"))
    tests = dataset.of_split("test")
    labels = [item.label for item in tests]
    made.write_report({
        "version": 1, "classes": list(dataset.classes), "parameters": {"total": 10, "trainable": 5},
        "images": {"train": 12, "validation": 2, "test": len(tests)},
        "best": {"epoch": 2, "val_accuracy": 0.54},
        "test": evaluate(labels, labels, dataset.classes, 0).to_json(), "test_looks": 1,
        "timing": {"total_s": 1.5}, "versions": {"keras": "3.15.1"},
    })
    (made.path / "test.csv").write_text(
        "image,is,said,confidence,probability_of_true\n"
        + "".join(f"{item.path},0,0,1,1\n" for item in tests))
    studied.keep_predictions(made, "own-test", Predictions(
        dataset.classes, tuple(item.path for item in tests), np.asarray(labels, np.int32),
        np.full((len(tests), 2), 0.5, np.float32)))
    made.write_status(replace(
        made.status(), state=State.FINISHED, epochs=10, epoch=2, kept=2, progress=1.0, ended=2e9))
    return made


@pytest.fixture
def other(tmp_path: Path) -> Workspace:
    """The workspace of another computer."""
    return Workspace.open(tmp_path / "other")


@pytest.fixture
def pack(workspace: Workspace, run: RunFolder, tmp_path: Path) -> Callable[..., Path]:
    """Return a function that packs the run, with entries changed, added or (``None``) left out."""
    def packing(photos: bool = True, **changes: object) -> Path:
        target = tmp_path / "run.zip"
        pack_to(workspace, run, target, photos=photos)
        with zipfile.ZipFile(target) as archive:
            entries: dict[str, Any] = {each: archive.read(each) for each in archive.namelist()}
        entries |= changes
        with zipfile.ZipFile(target, "w") as archive:
            for name, content in entries.items():
                if content is not None:
                    archive.writestr(name, content)  # type: ignore[arg-type]
        return target

    return packing


def changed(run: RunFolder, name: str, **changes: object) -> bytes:
    return json.dumps({**json.loads((run.path / name).read_text()), **changes}).encode()


def untouched(workspace: Workspace) -> bool:
    """Tell whether nothing was left of what was taken in."""
    folders = (workspace.runs, workspace.datasets, workspace.incoming)
    return not any(any(folder.iterdir()) for folder in folders)


def test_a_run_comes_over_with_its_photos_and_all_that_was_known(
    pack: Callable[..., Path], run: RunFolder, dataset: Dataset, other: Workspace
) -> None:
    found = unpack(other, pack(), by="me")
    assert (found.run, found.number, found.dataset, found.photos) == (run.id, 1, dataset.id, True)
    there = RunFolder.open(other, found.run)
    assert there.plan() == run.plan()
    assert there.history() == tuple(ROWS)
    assert there.batches() == run.batches()
    assert evaluation_of(there) == evaluation_of(run)
    assert there.model.read_bytes() == run.model.read_bytes()
    assert (there.path / "test.csv").read_text() == (run.path / "test.csv").read_text()
    assert about_of(there) == About(1, "The good one", "me", "")
    kept, before = (studied.kept_predictions(each, "own-test") for each in (there, run))
    assert kept is not None
    assert before is not None
    assert (kept.images, kept.probabilities.tolist()) == (before.images, before.probabilities.tolist())
    assert [each.id for each in listed(other)] == [run.id]
    photos = dataset_of(other, there.plan())
    assert [item.digest for item in photos.items] == [item.digest for item in dataset.items]
    assert not any(other.incoming.iterdir())


def test_without_photos_a_run_finds_the_same_ones_that_were_taken_in_there(
    pack: Callable[..., Path], photos: Path, other: Workspace
) -> None:
    same = take_in(photos, other, title="Called something else")
    found = unpack(other, pack(photos=False))
    assert (found.dataset, found.photos) == (same.id, False)
    assert RunFolder.open(other, found.run).plan().dataset == same.id


def test_photos_that_are_there_already_are_not_kept_twice(
    pack: Callable[..., Path], photos: Path, other: Workspace
) -> None:
    same = take_in(photos, other)
    assert unpack(other, pack()).dataset == same.id
    assert len(list(other.datasets.iterdir())) == 1


def test_other_photos_of_the_same_id_are_not_taken_for_the_runs(
    pack: Callable[..., Path], workspace: Workspace, dataset: Dataset, other: Workspace
) -> None:
    shutil.copytree(dataset.folder, other.datasets / dataset.id)
    datasets.save(replace(dataset, items=dataset.items[1:]), other.datasets / dataset.id)
    found = unpack(other, pack(photos=False))
    assert found.dataset == ""
    there = RunFolder.open(other, found.run)
    assert there.plan().dataset != dataset.id
    with pytest.raises(NotFound):
        dataset_of(other, there.plan())
    assert unpack(other, pack()).dataset == f"{dataset.id}-2"


def test_a_run_that_is_there_already_comes_in_under_another_id(
    pack: Callable[..., Path], run: RunFolder, workspace: Workspace
) -> None:
    found = unpack(workspace, pack())
    assert found.run == f"{run.id}-2"
    assert found.photos is False
    assert len(listed(workspace)) == 2


def test_a_run_that_could_have_gone_on_has_stopped(
    pack: Callable[..., Path], run: RunFolder, other: Workspace
) -> None:
    run.write_status(replace(run.status(), state=State.INTERRUPTED, error=Failure("It broke off.")))
    found = RunFolder.open(other, unpack(other, pack(photos=False)).run).status()
    assert (found.state, found.kept, found.pid) == (State.STOPPED, 2, None)
    assert found.error == Failure("It broke off.")


def test_a_run_that_goes_on_is_neither_packed_nor_taken_in(
    pack: Callable[..., Path], run: RunFolder, workspace: Workspace, other: Workspace
) -> None:
    source = pack(**{"run/status.json": changed(run, "status.json", state="training")})
    with pytest.raises(BadInput, match="not ended"):
        unpack(other, source)
    run.write_status(replace(run.status(), state=State.TRAINING))
    with pytest.raises(Busy):
        packed(workspace, run, photos=False)


def test_a_run_whose_photos_are_gone_is_packed_without_them(
    workspace: Workspace, run: RunFolder, dataset: Dataset, other: Workspace, tmp_path: Path
) -> None:
    shutil.rmtree(dataset.folder)
    with pytest.raises(NotFound):
        packed(workspace, run, photos=True)
    pack_to(workspace, run, tmp_path / "bare.zip", photos=False)
    assert unpack(other, tmp_path / "bare.zip").dataset == ""


def test_what_is_sent_piece_by_piece_is_a_sound_zip(workspace: Workspace, run: RunFolder) -> None:
    pieces = list(packed(workspace, run, photos=True))
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        assert archive.read("run/model.keras") == run.model.read_bytes()
        names = archive.namelist()
    assert HEAD in names
    assert "run/studies/predictions-own-test.npz" in names
    assert not [name for name in names if "checkpoint" in name or "lock" in name]


def test_without_photos_no_name_of_a_file_leaves_the_computer(
    workspace: Workspace, run: RunFolder, dataset: Dataset
) -> None:
    sent = b"".join(packed(workspace, run, photos=False))
    assert not [item.name for item in dataset.items if item.name.encode() in sent]


HOSTILE: dict[str, dict[str, object]] = {
    "no run at all": {HEAD: b"[]"},
    "no head": {HEAD: None},
    "no plan": {"run/plan.json": None},
    "a plan of no backbone": {"run/plan.json": b'{"version": 4, "backbone": "../x"}'},
    "a plan that is no JSON": {"run/plan.json": b"\xff\xfe{"},
    "deep JSON": {"run/plan.json": b"[" * 100_000},
    "no status": {"run/status.json": None},
    "a report of another kind": {"run/report.json": b'{"version": 1, "images": "<script>"}'},
    "a history out of order": {"run/history.csv": b"epoch,phase,loss,accuracy,val_loss,val_accuracy,"
                               b"learning_rate,seconds\n2,fit,1,1,1,1,1,1\n1,fit,1,1,1,1,1,1\n"},
    "a history with a hostile phase": {"run/history.csv": b"epoch,phase,loss,accuracy,val_loss,val_accuracy,"
                                       b"learning_rate,seconds\n1,<b>x</b>,1,1,1,1,1,1\n"},
    "a model that is no zip": {"run/model.keras": b"cbuiltins\neval\n"},
    "a photo that is another": {"dataset/images/000000.png": b"another"},
    "a photo that is missing": {"dataset/images/000000.png": None},
    "a manifest with a path": {"dataset/dataset.json": b'{"version": 1, "items": [["../../x", "a", 0]]}'},
}


@pytest.mark.parametrize("changes", HOSTILE.values(), ids=HOSTILE)
def test_what_is_not_sound_is_refused_and_leaves_nothing(
    pack: Callable[..., Path], other: Workspace, changes: dict[str, object]
) -> None:
    with pytest.raises(BadInput) as refused:
        unpack(other, pack(**changes))
    assert refused.value.what.endswith(".")
    assert untouched(other)


@pytest.mark.parametrize("config", [
    {"module": "os", "class_name": "system"},
    {**KERAS_CONFIG, "config": {"layers": [{"module": "keras.layers", "class_name": "Lambda"}]}},
    {**KERAS_CONFIG, "config": {"layers": [{"module": "kerasx", "class_name": "Dense"}]}},
])
def test_a_model_with_code_of_its_own_is_not_even_opened(
    pack: Callable[..., Path], run: RunFolder, other: Workspace, opened: list[Path], config: object
) -> None:
    write_model(run.model, config)
    with pytest.raises(BadInput, match="model file cannot be read"):
        unpack(other, pack())
    assert opened == []
    assert untouched(other)


def test_a_model_with_files_that_are_none_of_keras_is_not_opened(
    pack: Callable[..., Path], run: RunFolder, other: Workspace, opened: list[Path]
) -> None:
    write_model(run.model, **{"assets/../../x": "x"})
    with pytest.raises(BadInput):
        unpack(other, pack())
    assert opened == []


def test_a_model_of_another_size_than_the_plan_says_is_refused(
    pack: Callable[..., Path], other: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Model, "input_shape", (None, 96, 96, 3))
    with pytest.raises(BadInput, match="not the one"):
        unpack(other, pack())


def test_a_run_of_a_newer_version_says_so(pack: Callable[..., Path], other: Workspace) -> None:
    with pytest.raises(BadInput, match="newer version"):
        unpack(other, pack(**{HEAD: b'{"format": 2}'}))
    assert untouched(other)


def test_files_with_other_names_go_nowhere(
    pack: Callable[..., Path], other: Workspace, tmp_path: Path
) -> None:
    found = unpack(other, pack(**{
        "run/../../../evil": b"x", "/etc/evil": b"x", "run/lock": b"x", "run/checkpoint/last.npz": b"x",
        "run/studies/../evil.npz": b"x", "run/studies/temperature.json": b"{}", "dataset/images/..": b"x",
        "run/events/x": b"x",
    }))
    folder = RunFolder.open(other, found.run)
    names = {str(path.relative_to(folder.path)) for path in folder.path.rglob("*") if path.is_file()}
    assert names == {
        "plan.json", "status.json", "about.json", "report.json", "history.csv", "batches.csv", "test.csv",
        "model.keras", "studies/predictions-own-test.npz",
    }
    assert not list(tmp_path.rglob("evil*"))


def test_a_report_brings_nothing_but_what_is_known(
    pack: Callable[..., Path], run: RunFolder, other: Workspace
) -> None:
    odd = changed(run, "report.json", evil={"a": 1}, timing={"total_s": "<b>" * 1000, "list": [1]},
                  test_looks=-5, classes=["x"] * 9)
    there = RunFolder.open(other, unpack(other, pack(**{"run/report.json": odd})).run)
    report = there.report() or {}
    assert "evil" not in report
    assert report["classes"] == ["blue", "red"]
    assert report["test_looks"] == 1
    assert len(str(report["timing"])) < 400


def test_a_zip_that_unpacks_to_far_more_than_its_size_is_left(
    pack: Callable[..., Path], other: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = pack()
    with zipfile.ZipFile(source, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("dataset/images/999999.png", b"0" * 3_000_000)
    monkeypatch.setattr(unpacking, "RATIO_FREE_BYTES", 1_000_000)
    monkeypatch.setattr(unpacking, "MAX_RATIO", 2)
    with pytest.raises(BadInput, match="far more"):
        unpack(other, source)
    assert untouched(other)


def test_a_file_that_is_too_large_is_left(
    pack: Callable[..., Path], other: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "_TEXT_BYTES", 100)
    with pytest.raises(BadInput, match="too large"):
        unpack(other, pack())
    assert untouched(other)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip"])
def test_what_is_no_zip_is_refused(other: Workspace, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(BadInput, match="no run of Thaw"):
        unpack(other, tmp_path / "x.zip")


def test_a_file_that_is_not_there_is_said(other: Workspace, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        unpack(other, tmp_path / "nothing.zip")


def test_it_can_be_cancelled_and_leaves_nothing(pack: Callable[..., Path], other: Workspace) -> None:
    def cancel(phase: str, _done: int, _total: int | None) -> None:
        if phase == "Checking the photos":
            raise Stopped("It was cancelled.")

    with pytest.raises(Stopped):
        unpack(other, pack(), progress=cancel)
    assert untouched(other)


def test_where_the_run_cannot_appear_its_photos_do_not_either(
    pack: Callable[..., Path], other: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_given: object) -> int:
        raise BadInput("No number.")

    monkeypatch.setattr(unpacking, "next_number", full)
    with pytest.raises(BadInput, match="No number"):
        unpack(other, pack())
    assert untouched(other)


@pytest.mark.slow
def test_a_real_run_is_taken_in_and_its_model_answers(trained: Trained, tmp_path: Path) -> None:
    from core.insight.predict import loaded, predict

    other = Workspace.open(tmp_path / "other")
    pack_to(trained.workspace, trained.run, tmp_path / "run.zip", photos=True)
    there = RunFolder.open(other, unpack(other, tmp_path / "run.zip").run)
    photo = trained.dataset.file(trained.dataset.items[0])
    assert predict(loaded(there.model), [photo]) == predict(loaded(trained.run.model), [photo])
    assert evaluation_of(there) == evaluation_of(trained.run)
    assert there.history() == trained.run.history()
