"""What one server process shares: the workspace, its uploads, background jobs and the runner.

NOTE: it lives here and not in a page, because background work outlives every browser session; and
``server.fileWatcherType`` is "none", because a hot reload would replace this module and with it the
object that owns the running training.
"""

from __future__ import annotations

import atexit
import logging
import threading
from typing import TYPE_CHECKING

from core.data.intake import remove_leftovers
from core.data.receive import Uploads
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.data.jobs import Jobs
    from core.runs.runner import Runner

_log = logging.getLogger(__name__)


class Service:
    """The parts of a server process. Call :meth:`start` once and :meth:`close` at the end.

    Args:
        workspace: The folder that holds everything.

    Attributes:
        workspace: As given.
        uploads: What browsers are sending.
        jobs: Photos being taken in, in the background.
        runner: Trainings being carried out, in the background.
    """

    workspace: Workspace
    uploads: Uploads
    jobs: Jobs
    runner: Runner

    def __init__(self, workspace: Workspace) -> None:
        from core.data.jobs import Jobs
        from core.runs.runner import Runner

        self.workspace = workspace
        self.uploads = Uploads(workspace)
        self.jobs = Jobs()
        self.runner = Runner(workspace)

    def start(self) -> None:
        """Remove stale uploads, find interrupted runs, and take up what is queued."""
        remove_leftovers(self.workspace)
        removed = self.uploads.sweep()
        if removed:
            _log.info("Removed %d stale uploads.", removed)
        self.runner.start()

    def close(self) -> None:
        """Stop what runs in the background; what it has reached is kept on disk."""
        self.jobs.close()
        self.runner.close()


_lock = threading.Lock()
_installed: list[Service] = []


def install(service: Service | None) -> None:
    """Make ``service`` the one that :func:`current` returns; ``None`` forgets the present one."""
    with _lock:
        _installed[:] = [] if service is None else [service]


def current() -> Service:
    """Return the process's service.

    The server's lifespan installs it. Where none ran (a page test), one is made and started on
    first use, with the workspace that ``THAW_HOME`` names.

    Raises:
        Unavailable: The workspace folder cannot be used.
    """
    with _lock:
        if not _installed:
            service = Service(Workspace.open())
            service.start()
            atexit.register(service.close)
            _installed.append(service)
        return _installed[0]
