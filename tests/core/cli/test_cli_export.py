from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from cli_calls import Capture, asked, refused

from core.cli import export as command
from core.cli.main import main
from core.data.dataset import Dataset
from core.export.formats import FORMATS
from core.export.verify import Verified
from core.jobs import Progress
from core.runs.folder import RunFolder
from core.runs.status import State
from core.studies.exporting import Exported
from core.training.plan import Plan
from core.workspace import Workspace

VERIFIED = Verified("test", 8, 8, 0.25, 6, 6, 0.004, 0.012, 4_000_000, True)


@pytest.fixture
def run(workspace: Workspace, dataset: Dataset) -> RunFolder:
    made = RunFolder.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    made.write_status(replace(made.status(), state=State.FINISHED))
    return made


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Stands in for the making of a form; which ones were made is noted."""
    names: list[str] = []

    def export(_workspace: Workspace, folder: RunFolder, name: str, _progress: Progress) -> Exported:
        names.append(name)
        kept = tmp_path / "kept.zip"
        with zipfile.ZipFile(kept, "w") as archive:
            archive.writestr(FORMATS[name].file, b"the model")
            archive.writestr("labels.txt", b"blue\nred")
        return Exported(FORMATS[name], kept, VERIFIED, 2.5)

    monkeypatch.setattr(command, "export", export)
    return names


def words(workspace: Workspace, *more: str) -> list[str]:
    return [*more, "--workspace", str(workspace.root)]


def test_a_form_is_made_and_compared_and_kept_in_the_run(
    workspace: Workspace, run: RunFolder, made: list[str], capsys: Capture
) -> None:
    said = asked(capsys, *words(workspace, "export", run.id, "--format", "litert-int8"))
    assert made == ["litert-int8"]
    assert (said["run"], said["format"], said["images"], said["same"]) == (run.id, "litert-int8", 8, 8)
    assert (said["difference"], said["agrees"], said["made_s"]) == (0.25, True, 2.5)


def test_a_zip_the_model_alone_or_a_folder_is_written_as_the_path_says(
    workspace: Workspace, run: RunFolder, made: list[str], tmp_path: Path, capsys: Capture
) -> None:
    for name in ("out.zip", "out.tflite", "out"):
        out = str(tmp_path / name)
        asked(capsys, *words(workspace, "export", run.id, "--format", "litert", "--out", out))
    assert zipfile.is_zipfile(tmp_path / "out.zip")
    assert (tmp_path / "out.tflite").read_bytes() == b"the model"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["labels.txt", "model.tflite"]


def test_a_folder_that_holds_something_is_left_alone(
    workspace: Workspace, run: RunFolder, made: list[str], tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    refused(capsys, *words(workspace, "export", run.id, "--format", "onnx", "--out", str(tmp_path / "out")))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


@pytest.mark.parametrize(("form", "out"), [
    ("onnx", "full"), ("onnx", "full/mine"), ("onnx", "nowhere/x.onnx"), ("onnx", "folder.zip"),
    ("run", "full"), ("run", "folder.zip"),
])
def test_where_it_goes_is_looked_at_before_the_work(
    workspace: Workspace, run: RunFolder, made: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    capsys: Capture, form: str, out: str,
) -> None:
    monkeypatch.setattr(command, "pack_to", lambda *_given, **_more: made.append("run"))
    for name in ("full", "folder.zip"):
        (tmp_path / name).mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    refused(capsys, *words(workspace, "export", run.id, "--format", form, "--out", str(tmp_path / out)))
    assert made == []


def test_people_read_how_close_it_is_and_are_warned_where_it_is_not(
    workspace: Workspace, run: RunFolder, made: list[str], capsys: Capture
) -> None:
    assert main(words(workspace, "export", run.id, "--format", "onnx")) == 0
    said = capsys.readouterr().out
    assert "8 photos (test)" in said
    assert "do not rely on it" not in said
    answer = {**VERIFIED.to_json(), "agrees": False, "out": "x", "format": "onnx"}
    assert "do not rely on it" in command.show_export(answer)
    assert "6 of 8 right, Keras 6" in command.show_export(answer)
    on_noise = command.show_export({**answer, "agrees": None, "right": None})
    assert "These pictures are noise" in on_noise
    assert "do not rely on it" not in on_noise
    assert "right, Keras" not in on_noise


def test_an_unknown_form_and_photos_without_a_run_are_refused(
    workspace: Workspace, run: RunFolder, capsys: Capture, tmp_path: Path
) -> None:
    run.model.write_bytes(b"model")
    error = refused(capsys, *words(workspace, "export", run.id, "--format", "coreml"))
    assert "litert" in error["fix"]
    assert error["fix"].endswith("run.")
    refused(capsys, *words(workspace, "export", run.id, "--format", "onnx", "--photos"))
    refused(capsys, *words(workspace, "export", run.id, "--format", "run"))
    nowhere = str(tmp_path / "nowhere" / "x.zip")
    refused(capsys, *words(workspace, "export", run.id, "--format", "run", "--out", nowhere))


def test_a_run_goes_to_another_workspace_as_one_file(
    workspace: Workspace, run: RunFolder, dataset: Dataset, tmp_path: Path, capsys: Capture
) -> None:
    target = tmp_path / "run.zip"
    said = asked(
        capsys, *words(workspace, "export", run.id, "--format", "run", "--photos", "--out", str(target)))
    assert (said["bytes"], said["photos"]) == (target.stat().st_size, True)
    other = Workspace.open(tmp_path / "other")
    found = asked(capsys, *words(other, "import", str(target)))
    assert found == {"run": run.id, "number": 1, "dataset": dataset.id, "photos": True}
    assert main(words(other, "import", str(target))) == 0
    assert f"run {run.id}-2: taken in as number 2" in capsys.readouterr().out


def test_a_run_without_photos_says_so_where_they_are_not_there(
    workspace: Workspace, run: RunFolder, tmp_path: Path, capsys: Capture
) -> None:
    target = tmp_path / "run.zip"
    asked(capsys, *words(workspace, "export", run.id, "--format", "run", "--out", str(target)))
    other = Workspace.open(tmp_path / "other")
    assert main(words(other, "import", str(target))) == 0
    assert "photos are not in this workspace" in capsys.readouterr().out


def test_what_is_no_run_is_refused(workspace: Workspace, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "x.zip").write_bytes(b"no zip")
    refused(capsys, *words(workspace, "import", str(tmp_path / "x.zip")))
