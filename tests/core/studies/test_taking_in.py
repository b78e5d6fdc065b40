from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from core.data.dataset import Dataset
from core.errors import BadInput
from core.jobs import no_progress
from core.runs.about import About, about_of, write_about
from core.runs.folder import RunFolder
from core.studies import taking_in
from core.studies.taking_in import set_down, take_in_apart
from core.training.plan import Plan
from core.workspace import Workspace


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, workspace: Workspace, dataset: Dataset) -> list[list[str]]:
    """Stands in for the process; what it was asked for is noted, and a run is there."""
    words: list[list[str]] = []

    def answer(arguments: list[str], *_rest: object) -> dict[str, Any]:
        words.append(arguments)
        made = RunFolder.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))
        write_about(made, About(7, "Its name", "the command line"))
        return {"run": made.id}

    monkeypatch.setattr(taking_in, "run_apart", answer)
    return words


def refusing(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    def answer(*_given: object) -> dict[str, Any]:
        raise BadInput("This is no run of Thaw.", given=given, fix="Use another.")

    monkeypatch.setattr(taking_in, "run_apart", answer)


def test_what_was_sent_is_taken_in_for_who_sent_it_and_is_gone_then(
    workspace: Workspace, asked: list[list[str]]
) -> None:
    path = set_down(workspace, io.BytesIO(b"a zip"))
    assert path.read_bytes() == b"a zip"
    found = take_in_apart(workspace, path, "somebody", no_progress, given_name="mine.zip")
    assert about_of(found) == About(7, "Its name", "somebody")
    assert not list(workspace.incoming.iterdir())


def test_a_path_is_given_whole_and_its_file_stays(
    workspace: Workspace, asked: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("-x.zip").write_bytes(b"a zip")
    take_in_apart(workspace, Path("-x.zip"), "somebody", no_progress)
    assert asked == [["import", str(tmp_path / "-x.zip")]]
    assert (tmp_path / "-x.zip").exists()


@pytest.mark.parametrize("given", ["run.zip", ""])
def test_an_error_names_the_file_as_who_sent_it_does(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    refusing(monkeypatch, given)
    with pytest.raises(BadInput) as refused:
        take_in_apart(
            workspace, set_down(workspace, io.BytesIO(b"")), "me", no_progress, given_name="mine\x1b.zip")
    assert refused.value.given == "mine .zip"
    assert not list(workspace.incoming.iterdir())


def test_an_error_about_something_else_stays_as_it_is(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing(monkeypatch, "history.csv")
    with pytest.raises(BadInput) as refused:
        take_in_apart(
            workspace, set_down(workspace, io.BytesIO(b"")), "me", no_progress, given_name="mine.zip")
    assert refused.value.given == "history.csv"
