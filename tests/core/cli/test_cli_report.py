"""The command that makes a run's report."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_calls import Capture, asked, refused

from core.cli.main import main
from core.data.dataset import Dataset
from core.runs.folder import RunFolder
from core.runs.status import State
from core.studies.reporting import card_file, report_file
from core.training.plan import Plan
from core.workspace import Workspace


@pytest.fixture
def run(workspace: Workspace, dataset: Dataset) -> RunFolder:
    folder = RunFolder.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    folder.model.write_bytes(b"a model")
    folder.write_status(folder.status().ending(State.STOPPED))
    return folder


def test_it_stays_with_the_run_and_goes_where_it_is_wanted(
    run: RunFolder, workspace: Workspace, capsys: Capture, tmp_path: Path
) -> None:
    out, card = tmp_path / "report.html", tmp_path / "card.md"
    found = asked(capsys, "report", "1", "--out", str(out), "--card", str(card),
                  "--workspace", str(workspace.root))
    assert found == {"run": run.id, "report": str(out), "card": str(card)}
    assert out.read_bytes() == report_file(run).read_bytes()
    assert card.read_bytes() == card_file(run).read_bytes()
    card.write_text("Filled in by hand.")
    assert card_file(run).read_text() != "Filled in by hand."


def test_without_a_place_it_says_where_it_is(run: RunFolder, workspace: Workspace, capsys: Capture) -> None:
    assert main(["report", run.id, "--workspace", str(workspace.root)]) == 0
    said = capsys.readouterr()
    assert str(report_file(run)) in said.out
    assert "Writing the report" in said.err


def test_a_place_that_is_none_is_refused_before_anything_is_made(
    run: RunFolder, workspace: Workspace, capsys: Capture, tmp_path: Path
) -> None:
    for out in (tmp_path / "no" / "such.html", tmp_path):
        refused(capsys, "report", run.id, "--out", str(out), "--workspace", str(workspace.root))
    assert not report_file(run).exists()


def test_a_run_without_a_model_is_refused(run: RunFolder, workspace: Workspace, capsys: Capture) -> None:
    run.model.unlink()
    refused(capsys, "report", run.id, "--workspace", str(workspace.root))
