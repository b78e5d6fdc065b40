from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from core.errors import BadInput, Stopped
from core.runs.folder import RunFolder
from core.runs.status import State
from core.studies import reporting
from core.studies.reporting import card_file, findings, kept_report, make_report, report_file
from core.workspace import Workspace
from tests.core.conftest import Trained

pytestmark = pytest.mark.slow


@pytest.fixture
def copied(trained: Trained, tmp_path: Path) -> tuple[Workspace, RunFolder]:
    root = tmp_path / "copied"
    shutil.copytree(trained.workspace.root, root)
    workspace = Workspace.open(root)
    return workspace, RunFolder.open(workspace, trained.run.id)


def test_a_finished_runs_report_has_what_the_run_says(copied: tuple[Workspace, RunFolder]) -> None:
    workspace, run = copied
    told: list[int] = []
    path = make_report(workspace, run, lambda _phase, done, _total: told.append(done))
    page = path.read_text(encoding="utf-8")
    found = findings(workspace, run)
    assert found.measured is not None
    assert f"{found.measured.accuracy.value:.1%}" in page
    assert found.dataset is not None
    assert len(found.hardest) == len(found.dataset.of_split("test"))
    assert found.heatmaps
    assert all(each.heatmap for each in found.heatmaps)
    assert [row.epoch for row in found.history] == [1, 2]
    assert "tensorflow" in found.versions
    assert told == sorted(told)
    assert kept_report(run) == path
    assert "# " in card_file(run).read_text(encoding="utf-8")


def test_a_stopped_run_without_its_photos_has_a_report_too(copied: tuple[Workspace, RunFolder]) -> None:
    workspace, run = copied
    run.write_status(run.status().ending(State.STOPPED, kept=1))
    (run.path / "report.json").unlink()
    shutil.rmtree(workspace.dataset_dir(run.plan().dataset))
    page = make_report(workspace, run).read_text(encoding="utf-8")
    assert "stopped before its end" in page
    assert "The Evaluate page does it" not in page
    assert "the dataset is no longer in the workspace" in page
    assert "How good it is is not available: its photos are no longer in the workspace." in page


def test_photos_that_are_gone_are_left_out(copied: tuple[Workspace, RunFolder]) -> None:
    workspace, run = copied
    dataset = findings(workspace, run).dataset
    assert dataset is not None
    tested = dataset.of_split("test")
    dataset.file(tested[0]).unlink()
    assert len(findings(workspace, run).hardest) == len(tested) - 1


def test_a_cancelled_report_leaves_the_old_one(copied: tuple[Workspace, RunFolder]) -> None:
    workspace, run = copied
    before = make_report(workspace, run).read_bytes()

    def stop(_phase: str, done: int, _total: int | None) -> None:
        if done == reporting._STEPS - 1:
            raise Stopped("It was cancelled.")

    with pytest.raises(Stopped):
        make_report(workspace, run, stop)
    assert report_file(run).read_bytes() == before


def test_a_report_of_a_model_that_was_replaced_meanwhile_is_not_kept(
    copied: tuple[Workspace, RunFolder]
) -> None:
    workspace, run = copied

    def replaced(_phase: str, done: int, _total: int | None) -> None:
        if done == reporting._STEPS:
            run.model.write_bytes(b"another model")

    with pytest.raises(BadInput):
        make_report(workspace, run, replaced)
    assert not report_file(run).exists()


def test_the_report_of_another_model_is_not_found(copied: tuple[Workspace, RunFolder]) -> None:
    workspace, run = copied
    make_report(workspace, run)
    run.model.write_bytes(b"another model")
    assert kept_report(run) is None


def test_a_run_without_a_model_has_no_report(copied: tuple[Workspace, RunFolder]) -> None:
    workspace, run = copied
    run.model.unlink()
    with pytest.raises(BadInput, match="no model"):
        make_report(workspace, run)
