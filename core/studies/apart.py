"""Studies that are commands in processes of their own: their memory comes back, also once cancelled."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from core.children import run_json
from core.errors import Stopped
from core.files import JsonObject
from core.jobs import Progress
from core.workspace import Workspace


def run_apart(
    arguments: Sequence[str], workspace: Workspace, progress: Progress, phase: str, done: int = 0,
    total: int | None = None,
) -> JsonObject:
    """Run a command on a workspace in a process of its own, and return what it answers.

    Args:
        arguments: The words of the command.
        workspace: The one that it works on.
        progress: Told again and again that ``done`` of ``total`` is done; where it raises Stopped, the
            process is ended.
        phase: What is going on, in words.
        done: How much is done before this command.
        total: Of how much; ``None`` where that is not known.

    Raises:
        ThawError: As :func:`core.children.run_json`; Stopped where ``progress`` asked for it.
    """
    told = _Told(lambda: progress(phase, done, total))
    return run_json([*arguments, "--workspace", str(workspace.root)], told)


class _Told(threading.Event):
    """Set once a progress that is told at each look raises Stopped."""

    def __init__(self, tell: Callable[[], None]) -> None:
        super().__init__()
        self._tell = tell

    def is_set(self) -> bool:
        """Tell how far it is, and whether that is to be left."""
        if not super().is_set():
            try:
                self._tell()
            except Stopped:
                self.set()
        return super().is_set()
