"""The line: the runs that wait for their turn, in order, shared by all processes of a workspace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import filelock

from core.errors import BadInput, Busy
from core.files import read_json, write_json
from core.i18n import _
from core.workspace import Workspace, is_id

FILE = "queue.json"
_LONGEST_WAIT_S = 30.0


def waiting(workspace: Workspace) -> tuple[str, ...]:
    """Return the ids of the runs that wait, first in line first; none where the file is damaged."""
    path = workspace.root / FILE
    if not path.exists():
        return ()
    try:
        given = read_json(path).get("runs")
    except BadInput:
        return ()
    found = given if isinstance(given, list) else []
    there = [each for each in found if isinstance(each, str) and is_id(each)]
    return tuple(each for each in dict.fromkeys(there) if (workspace.runs / each).is_dir())


def place_in(waiting: Sequence[str], run_id: str) -> int | None:
    """Return a run's place among those that wait, from 1; ``None`` where it does not."""
    return waiting.index(run_id) + 1 if run_id in waiting else None


@contextmanager
def held_line(workspace: Workspace) -> Iterator[None]:
    """Hold the line, so that nobody else joins, leaves or takes; for moments only.

    Raises:
        Busy: Another process has held it for long.
    """
    try:
        with filelock.FileLock(workspace.root / "queue.lock", timeout=_LONGEST_WAIT_S):
            yield
    except filelock.Timeout as error:
        raise Busy(_("Another program holds the queue of runs."), given=str(workspace.root)) from error


def join(workspace: Workspace, run_id: str, *, first: bool = False) -> None:
    """Put a run at the end, or at the head; hold the line."""
    others = [each for each in waiting(workspace) if each != run_id]
    _write(workspace, [run_id, *others] if first else [*others, run_id])


def leave(workspace: Workspace, run_id: str) -> bool:
    """Take a run out, and return whether it was there; hold the line."""
    before = waiting(workspace)
    if run_id not in before:
        return False
    _write(workspace, [each for each in before if each != run_id])
    return True


def move(workspace: Workspace, run_id: str, place: int) -> None:
    """Give a run another place in the line.

    Args:
        workspace: Whose line.
        run_id: A run that waits.
        place: From 1; one that is too large is the last.

    Raises:
        Busy: The run does not wait any more.
    """
    with held_line(workspace):
        before = waiting(workspace)
        if run_id not in before:
            raise Busy(_("This run does not wait any more."), given=run_id)
        others = [each for each in before if each != run_id]
        others.insert(max(0, place - 1), run_id)
        _write(workspace, others)


def take(workspace: Workspace, may_take: Callable[[str], bool]) -> str | None:
    """Take the first run out of the line that may be taken; ``None`` where nobody waits."""
    if not waiting(workspace):
        return None
    with held_line(workspace):
        before = waiting(workspace)
        found = next((each for each in before if may_take(each)), None)
        if found is not None:
            _write(workspace, [each for each in before if each != found])
        return found


def _write(workspace: Workspace, runs: object) -> None:
    write_json(workspace.root / FILE, {"runs": list(runs)})  # type: ignore[call-overload]
