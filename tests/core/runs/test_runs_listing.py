from __future__ import annotations

import logging
import os
from dataclasses import replace

import pytest

from core.data.dataset import Dataset
from core.runs.folder import RunFolder
from core.runs.listing import listed, working
from core.runs.status import State
from core.training.plan import Plan
from core.workspace import Workspace


@pytest.fixture
def three(workspace: Workspace, dataset: Dataset) -> list[RunFolder]:
    """Three runs, a minute apart, oldest first."""
    made = []
    for minute in range(3):
        folder = RunFolder.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))
        os.utime(folder.path / "plan.json", (1_000_000 + 60 * minute,) * 2)
        made.append(folder)
    return made


def test_runs_come_newest_first_and_are_numbered_in_the_order_they_were_asked_for(
    workspace: Workspace, three: list[RunFolder]
) -> None:
    found = listed(workspace)
    assert [each.id for each in found] == [each.id for each in reversed(three)]
    assert [each.title for each in found] == ["Run 3", "Run 2", "Run 1"]


def test_a_damaged_run_is_passed_over_and_the_others_keep_their_numbers(
    workspace: Workspace, three: list[RunFolder], caplog: pytest.LogCaptureFixture
) -> None:
    (three[1].path / "status.json").write_text("{")
    with caplog.at_level(logging.WARNING):
        found = listed(workspace)
    assert [(each.number, each.id) for each in found] == [(3, three[2].id), (1, three[0].id)]
    assert three[1].id in caplog.text


def test_what_is_no_run_is_passed_over(workspace: Workspace, three: list[RunFolder]) -> None:
    (workspace.runs / "notes.txt").write_text("mine")
    (workspace.runs / "empty").mkdir()
    assert len(listed(workspace)) == 3


def test_the_run_at_work_is_found(workspace: Workspace, three: list[RunFolder]) -> None:
    assert working(listed(workspace)) is None
    for state in (State.PREPARING, State.TRAINING):
        three[1].write_status(replace(three[1].status(), state=state))
        found = working(listed(workspace))
        assert found is not None
        assert found.id == three[1].id
    three[1].write_status(three[1].status().ending(State.FINISHED))
    assert working(listed(workspace)) is None


def test_an_empty_workspace_has_no_runs(workspace: Workspace) -> None:
    assert listed(workspace) == []
