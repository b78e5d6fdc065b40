"""The command that prints a run as a script, or writes it with all that it needs."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_calls import Capture, asked, refused

from core.cli.main import main
from core.data.dataset import Dataset
from core.export.script_facts import Body
from core.runs.folder import RunFolder
from core.runs.status import State
from core.studies import scripting
from core.training.plan import Plan
from core.workspace import Workspace


@pytest.fixture
def run(workspace: Workspace, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run whose backbone Keras gives: nothing has to be built for its script."""
    monkeypatch.setattr(scripting, "_backbone", lambda *_given: None)
    monkeypatch.setattr(scripting, "body_of", lambda _plan, _body: Body("ResNet50"))
    folder = RunFolder.create(workspace, Plan(dataset.id, dataset.title, "resnet50"))
    folder.model.write_bytes(b"a model")
    folder.write_status(folder.status().ending(State.STOPPED))
    return folder


def test_without_a_place_the_script_itself_is_printed(
    run: RunFolder, workspace: Workspace, capsys: Capture
) -> None:
    assert main(["script", run.id, "--workspace", str(workspace.root)]) == 0
    said = capsys.readouterr()
    made = scripting.kept_script(run)
    assert made is not None
    assert said.out == made.text
    assert "Writing the script" in said.err


def test_it_is_written_where_it_is_wanted(
    run: RunFolder, workspace: Workspace, capsys: Capture, tmp_path: Path
) -> None:
    for place in ("taken", "taken.zip"):
        out = str(tmp_path / place)
        found = asked(capsys, "script", "1", "--out", out, "--workspace", str(workspace.root))
        assert (found["run"], found["out"]) == (run.id, out)
        assert found["files"] == ["train.py", "photos.csv", "requirements.txt", "README.md"]
        assert "before its first epoch" in found["notes"][0]
    assert (tmp_path / "taken" / "train.py").read_text(encoding="utf-8") == found["script"]
    assert main(["script", run.id, "--out", str(tmp_path / "again"), "--workspace", str(workspace.root)]) == 0
    said = capsys.readouterr().out
    assert str(tmp_path / "again") in said
    assert "before its first epoch" in said


def test_a_folder_with_something_in_it_is_refused_before_anything_is_built(
    run: RunFolder, workspace: Workspace, capsys: Capture, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("mine", encoding="utf-8")
    place = str(tmp_path / "mine")
    error = refused(capsys, "script", run.id, "--out", place, "--workspace", str(workspace.root))
    assert error["given"] == place
    assert scripting.kept_script(run) is None


def test_a_run_that_is_not_there_is_refused(workspace: Workspace, capsys: Capture) -> None:
    refused(capsys, "script", "nothing", "--workspace", str(workspace.root))
