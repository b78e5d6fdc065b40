from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.data.dataset import Dataset
from core.errors import BadInput, Stopped
from core.jobs import Progress, no_progress
from core.runs.about import About, about_of, write_about
from core.runs.folder import RunFolder
from core.runs.packing import pack_to
from core.runs.status import State
from core.studies import taking_in
from core.studies.taking_in import claim, set_down, take_in_apart
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


def packed_run(workspace: Workspace, dataset: Dataset, target: Path) -> Path:
    made = RunFolder.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    made.write_status(made.status().ending(State.STOPPED))
    pack_to(workspace, made, target, photos=True)
    return target


def cancelled_when(wanted: Callable[[Workspace], bool], workspace: Workspace) -> Progress:
    def progress(*_told: object) -> None:
        if wanted(workspace):
            raise Stopped("It was cancelled.")

    return progress


def has_a_ticket(workspace: Workspace) -> bool:
    return any(workspace.incoming.glob("*/ticket"))


def test_a_cancel_leaves_nothing_of_it(workspace: Workspace, dataset: Dataset, tmp_path: Path) -> None:
    source, other = packed_run(workspace, dataset, tmp_path / "x.zip"), Workspace.open(tmp_path / "other")
    with pytest.raises(Stopped):
        take_in_apart(other, source, "me", cancelled_when(has_a_ticket, other))
    assert not [path for each in (other.runs, other.datasets, other.incoming) for path in each.iterdir()]


@pytest.mark.slow
def test_a_cancel_that_comes_once_the_run_appears_is_too_late(
    workspace: Workspace, dataset: Dataset, tmp_path: Path
) -> None:
    source, other = packed_run(workspace, dataset, tmp_path / "x.zip"), Workspace.open(tmp_path / "other")
    too_late = cancelled_when(lambda here: not has_a_ticket(here), other)
    found = take_in_apart(other, source, "me", too_late)
    assert [path.name for path in other.runs.iterdir()] == [found.id]
    assert about_of(found).by == "me"
    assert not list(other.incoming.iterdir())


def test_whoever_takes_the_ticket_first_decides(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancelled(words: list[str], _workspace: Workspace, progress: Progress, *_rest: object) -> None:
        with pytest.raises(Stopped):
            progress("", 0, None)
        with pytest.raises(Stopped):
            claim(Path(words[-1]))
        raise Stopped("It was cancelled.")

    monkeypatch.setattr(taking_in, "run_apart", cancelled)
    with pytest.raises(Stopped):
        take_in_apart(workspace, Path("x.zip"), "me", cancelled_when(lambda _here: True, workspace))


def test_a_path_is_given_whole_and_its_file_stays(
    workspace: Workspace, asked: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("-x.zip").write_bytes(b"a zip")
    take_in_apart(workspace, Path("-x.zip"), "somebody", no_progress)
    assert asked[0][:2] == ["import", str(tmp_path / "-x.zip")]
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
