from __future__ import annotations

import threading

import pytest

from core.errors import Stopped
from core.studies import apart
from core.studies.apart import run_apart
from core.workspace import Workspace


def test_a_command_is_run_on_the_workspace_and_answers(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    told: list[tuple[str, int, int | None]] = []

    def answer(arguments: list[str], stop: threading.Event) -> dict[str, object]:
        asked.append(arguments)
        assert not stop.is_set()
        return {"made": True}

    monkeypatch.setattr(apart, "run_json", answer)
    found = run_apart(["export", "a"], workspace, lambda *each: told.append(each), "Making", 2, 6)
    assert found == {"made": True}
    assert asked == [["export", "a", "--workspace", str(workspace.root)]]
    assert told == [("Making", 2, 6)]


def test_a_progress_that_asks_for_it_ends_the_process_and_is_not_asked_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []

    def leave(phase: str, _done: int, _total: int | None) -> None:
        told.append(phase)
        raise Stopped("It was cancelled.")

    def answer(_arguments: list[str], stop: threading.Event) -> dict[str, object]:
        assert stop.is_set()
        assert stop.is_set()
        raise Stopped("Stopped before it was done.")

    monkeypatch.setattr(apart, "run_json", answer)
    with pytest.raises(Stopped):
        run_apart(["import", "x"], workspace, leave, "Checking")
    assert told == ["Checking"]
