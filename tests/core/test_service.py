from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import service
from core.data import intake
from core.data.dataset import Dataset
from core.errors import Busy, Unavailable
from core.runs.folder import RunFolder
from core.runs.status import State
from core.service import Service
from core.training.plan import Plan
from core.workspace import Workspace


@pytest.fixture(autouse=True)
def nothing_installed() -> Iterator[None]:
    service.install(None)
    yield
    service.install(None)


def test_what_was_installed_is_what_is_found(workspace: Workspace) -> None:
    made = Service(workspace)
    service.install(made)
    assert service.current() is made


def test_without_a_server_one_is_made_for_the_workspace_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered: list[object] = []
    monkeypatch.setattr(service.atexit, "register", registered.append)
    monkeypatch.setenv("THAW_HOME", str(tmp_path / "home"))
    made = service.current()
    assert made.workspace.root == tmp_path / "home"
    assert service.current() is made
    assert registered == [made.close]
    made.close()


def test_a_workspace_that_cannot_be_made_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("THAW_HOME", str(tmp_path / "file"))
    with pytest.raises(Unavailable):
        service.current()


def test_a_start_finds_what_a_dead_process_left_behind(workspace: Workspace, dataset: Dataset) -> None:
    folder = RunFolder.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    half_unpacked = workspace.incoming / f"{intake._SCRATCH}1"
    half_unpacked.mkdir()
    os.utime(half_unpacked, (0, 0))
    made = Service(workspace)
    made.start()
    made.close()
    assert folder.status().state is State.INTERRUPTED
    assert not half_unpacked.exists()


def test_after_the_close_nothing_is_begun(workspace: Workspace, dataset: Dataset) -> None:
    made = Service(workspace)
    made.start()
    made.close()
    with pytest.raises(Busy):
        made.runner.submit(Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    made.close()
