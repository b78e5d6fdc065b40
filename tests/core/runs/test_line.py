"""The line of runs that wait, shared by all processes of a workspace."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import filelock
import pytest

from core.errors import Busy
from core.runs import line
from core.workspace import Workspace

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 60


@pytest.fixture
def runs(workspace: Workspace) -> tuple[str, ...]:
    """Three runs that wait."""
    return lined_up(workspace, 3)


def lined_up(workspace: Workspace, count: int) -> tuple[str, ...]:
    names = tuple(f"run-{number:03}" for number in range(count))
    for name in names:
        (workspace.runs / name).mkdir()
        with line.held_line(workspace):
            line.join(workspace, name)
    return names


def any_of(_run_id: str) -> bool:
    return True


def write(workspace: Workspace, text: str) -> None:
    (workspace.root / line.FILE).write_text(text)


def test_in_a_new_workspace_nobody_waits(workspace: Workspace) -> None:
    assert line.waiting(workspace) == ()
    assert line.take(workspace, any_of) is None
    assert not (workspace.root / line.FILE).exists()


def test_runs_wait_in_the_order_they_joined(workspace: Workspace, runs: tuple[str, ...]) -> None:
    assert line.waiting(workspace) == runs


def test_who_joins_again_goes_to_the_end_and_waits_once(workspace: Workspace, runs: tuple[str, ...]) -> None:
    line.join(workspace, runs[0])
    assert line.waiting(workspace) == (runs[1], runs[2], runs[0])


def test_who_leaves_is_gone_and_is_told_whether_it_was_there(
    workspace: Workspace, runs: tuple[str, ...]
) -> None:
    assert line.leave(workspace, runs[1])
    assert line.waiting(workspace) == (runs[0], runs[2])
    assert not line.leave(workspace, runs[1])
    assert not line.leave(workspace, "run-never")


@pytest.mark.parametrize(
    ("place", "order"),
    [(1, "201"), (2, "021"), (3, "012"), (99, "012"), (0, "201"), (-5, "201")],
)
def test_a_run_can_be_given_another_place(
    workspace: Workspace, runs: tuple[str, ...], place: int, order: str
) -> None:
    line.move(workspace, runs[2], place)
    assert line.waiting(workspace) == tuple(runs[int(each)] for each in order)


def test_a_run_that_does_not_wait_any_more_cannot_be_moved(
    workspace: Workspace, runs: tuple[str, ...]
) -> None:
    assert line.take(workspace, any_of) == runs[0]
    with pytest.raises(Busy, match="does not wait any more"):
        line.move(workspace, runs[0], 1)
    assert line.waiting(workspace) == runs[1:]


def test_the_first_that_may_be_taken_is_taken(workspace: Workspace, runs: tuple[str, ...]) -> None:
    assert line.take(workspace, lambda run_id: run_id != runs[0]) == runs[1]
    assert line.take(workspace, lambda _run_id: False) is None
    assert line.waiting(workspace) == (runs[0], runs[2])
    assert [line.take(workspace, any_of) for _each in range(3)] == [runs[0], runs[2], None]


def test_runs_that_vanished_do_not_wait(workspace: Workspace, runs: tuple[str, ...]) -> None:
    shutil.rmtree(workspace.runs / runs[0])
    assert line.waiting(workspace) == runs[1:]
    assert line.take(workspace, any_of) == runs[1]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"runs": null}', '{"runs": "run-000"}', '{"runs": {}}', "\x00" * 64]
)
def test_a_damaged_file_holds_nobody_and_is_replaced_by_who_joins(
    workspace: Workspace, runs: tuple[str, ...], text: str
) -> None:
    write(workspace, text)
    assert line.waiting(workspace) == ()
    assert line.take(workspace, any_of) is None
    line.join(workspace, runs[2])
    assert line.waiting(workspace) == (runs[2],)


def test_what_is_no_run_of_ours_is_passed_over(workspace: Workspace, runs: tuple[str, ...]) -> None:
    given = [3, None, "../outside", "/tmp", "", "run-000/..", ["run-000"], runs[1], runs[1], "RUN", runs[0]]
    (workspace.root / "outside").mkdir()
    write(workspace, json.dumps({"runs": given}))
    assert line.waiting(workspace) == (runs[1], runs[0])


def test_a_line_that_somebody_holds_for_long_is_said(
    workspace: Workspace, runs: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "_LONGEST_WAIT_S", 0.01)
    with filelock.FileLock(workspace.root / "queue.lock"), pytest.raises(Busy, match="holds the queue"):
        line.move(workspace, runs[0], 3)
    line.move(workspace, runs[0], 3)


def test_threads_that_take_at_once_never_get_the_same_run(workspace: Workspace) -> None:
    runs = lined_up(workspace, 24)
    taken: list[str] = []

    def take_all() -> None:
        while (found := line.take(workspace, any_of)) is not None:
            taken.append(found)

    threads = [threading.Thread(target=take_all) for _each in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert sorted(taken) == list(runs)


TAKING = """
import sys
from core.runs import line
from core.workspace import Workspace
workspace = Workspace.open(sys.argv[1])
print("ready", flush=True)
input()
while (found := line.take(workspace, lambda _run_id: True)) is not None:
    print(found, flush=True)
"""


def test_processes_that_take_at_once_never_get_the_same_run(workspace: Workspace) -> None:
    runs = lined_up(workspace, 24)
    words = [sys.executable, "-c", textwrap.dedent(TAKING), str(workspace.root)]
    started = [
        subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _each in range(2)
    ]
    for each in started:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in started:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    taken = [each.communicate(timeout=PATIENCE_S)[0].split() for each in started]
    assert sorted(taken[0] + taken[1]) == list(runs)
    assert line.waiting(workspace) == ()
