from __future__ import annotations

import pytest

from core.data.dataset import Dataset
from core.errors import BadInput, NotFound
from core.runs.begun import FILE, note_start, require_same_start
from core.runs.folder import RunFolder
from core.runs.lineage import going_on_from
from core.training.events import EpochRow
from core.training.plan import Plan
from core.workspace import Workspace


@pytest.fixture
def before(workspace: Workspace, dataset: Dataset) -> RunFolder:
    made = RunFolder.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    made.model.write_bytes(b"a model")
    return made


@pytest.fixture
def run(workspace: Workspace, before: RunFolder) -> RunFolder:
    return RunFolder.create(workspace, going_on_from(before.plan(), before))


def test_a_start_that_is_still_there_is_the_same(workspace: Workspace, run: RunFolder) -> None:
    note_start(workspace, run, run.plan())
    require_same_start(workspace, run, run.plan())


def test_a_run_whose_start_was_trained_further_is_told(
    workspace: Workspace, run: RunFolder, before: RunFolder
) -> None:
    note_start(workspace, run, run.plan())
    before.model.write_bytes(b"the model after more epochs")
    with pytest.raises(BadInput, match="trained further since"):
        require_same_start(workspace, run, run.plan())


def test_a_run_that_goes_on_after_a_break_keeps_what_was_noted_first(
    workspace: Workspace, run: RunFolder, before: RunFolder
) -> None:
    note_start(workspace, run, run.plan())
    run.write_history([EpochRow(1, "fit", 0.7, 0.5, 0.6, 0.75, 1e-3, 2.0)])
    before.model.write_bytes(b"the model after more epochs")
    note_start(workspace, run, run.plan())
    with pytest.raises(BadInput, match="trained further since"):
        require_same_start(workspace, run, run.plan())


def test_of_a_run_that_noted_nothing_it_is_not_known(
    workspace: Workspace, run: RunFolder, before: RunFolder
) -> None:
    before.model.write_bytes(b"the model after more epochs")
    require_same_start(workspace, run, run.plan())


def test_a_start_that_is_gone_is_said(workspace: Workspace, run: RunFolder, before: RunFolder) -> None:
    note_start(workspace, run, run.plan())
    before.path.rename(before.path.with_name("elsewhere"))
    with pytest.raises(NotFound):
        require_same_start(workspace, run, run.plan())


def test_a_run_that_starts_from_no_other_notes_nothing(workspace: Workspace, before: RunFolder) -> None:
    plan = before.plan()
    note_start(workspace, before, plan)
    require_same_start(workspace, before, plan)
    assert not (before.path / FILE).exists()


def test_a_run_from_elsewhere_that_does_not_say_what_it_began_with_is_told(
    workspace: Workspace, run: RunFolder
) -> None:
    (run.path / FILE).write_text('{"version": 1, "model": null}')
    with pytest.raises(BadInput, match="came from another computer"):
        require_same_start(workspace, run, run.plan())
