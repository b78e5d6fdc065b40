"""What one server process shares: the workspace, its uploads, background jobs and the runner.

NOTE: it lives here and not in a page, because background work outlives every browser session; and
``server.fileWatcherType`` is "none", because a hot reload would replace this module and with it the
object that owns the running training.
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from core.data.intake import remove_leftovers
from core.data.receive import Uploads
from core.errors import Busy
from core.i18n import _
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.backbones.downloads import Downloads
    from core.jobs import Jobs
    from core.runs.runner import Runner
    from core.training.calibration import Calibrations, Wanted
    from core.training.plan import Plan
    from core.training.rate_search import RateSearches

_log = logging.getLogger(__name__)


class Service:
    """The parts of a server process. Call :meth:`start` once and :meth:`close` at the end.

    Args:
        workspace: The folder that holds everything.

    Attributes:
        workspace: As given.
        uploads: What browsers are sending.
        jobs: Photos being taken in, in the background.
        studies: What is being found out about trained models, in the background.
        runner: Trainings being carried out, in the background.
        calibrations: Backbones being measured, in the background.
        downloads: Weights being fetched, in the background.
        rate_searches: Learning rates being looked for, in the background.
    """

    workspace: Workspace
    uploads: Uploads
    jobs: Jobs
    studies: Jobs
    runner: Runner
    calibrations: Calibrations
    downloads: Downloads
    rate_searches: RateSearches

    def __init__(self, workspace: Workspace) -> None:
        from core.backbones.downloads import Downloads
        from core.experiments import follow_up
        from core.jobs import Jobs
        from core.runs.runner import Runner
        from core.training.calibration import Calibrations
        from core.training.rate_search import RateSearches
        from core.turn import Turn

        self.workspace = workspace
        self.uploads = Uploads(workspace)
        self.jobs = Jobs(_("The images could not be taken in, for a reason that was not foreseen."))
        self.studies = Jobs(_("This could not be found out, for a reason that was not foreseen."))
        self.runner = Runner(
            workspace, begun=partial(follow_up.take_up, workspace),
            ended=partial(follow_up.advance, workspace), idle=follow_up.Idle(workspace),
        )
        turn = Turn()
        self.calibrations = Calibrations(workspace, turn)
        self.downloads = Downloads()
        self.rate_searches = RateSearches(workspace, turn)

    def start(self) -> None:
        """Remove what is stale, find interrupted runs, and take up what is queued."""
        from core import bin as bins
        from core.backbones.download import forget_leftovers

        bins.purge(self.workspace)
        remove_leftovers(self.workspace)
        forget_leftovers()
        removed = self.uploads.sweep()
        if removed:
            _log.info("Removed %d stale uploads.", removed)
        self.runner.start()

    def close(self) -> None:
        """Stop what runs in the background; what it has reached is kept on disk."""
        self.make_way()
        self.downloads.cancel()
        self.jobs.close()
        self.studies.close()
        self.runner.close()

    def submit(self, plan: Plan, by: str = "") -> str:
        """Put a run in line and return its id; a measurement gives way to it.

        Args:
            plan: What it is to carry out.
            by: Who starts it, see :class:`core.runs.about.About`.

        Raises:
            BadInput: The plan is outside its bounds.
            NotFound: The dataset, or the run or file that it starts from, is gone.
        """
        from core.runs.lineage import weights_file

        weights_file(self.workspace, plan)
        self.make_way()
        return self.runner.submit(plan, by)

    def resume(self, run_id: str, more: int = 0) -> None:
        """Put a run in line again; a measurement gives way to it. See :func:`core.runs.steer.resume`."""
        self.make_way()
        self.runner.resume(run_id, more)

    def make_way(self) -> None:
        """Stop what must not go on beside a training."""
        self.calibrations.cancel()
        self.rate_searches.cancel()

    def measure(self, wanted: Iterable[Wanted]) -> None:
        """Measure backbones in the background; a search for a learning rate is waited for.

        Raises:
            Busy: A training is going on, which would make the figures wrong.
        """
        if self._trains:
            raise Busy(
                _("A training is going on, and would make the figures wrong."),
                fix=_("Measure when it has ended."),
            )
        self.calibrations.ask(wanted)

    def find_rate(self, plan: Plan) -> None:
        """Look for a plan's learning rate in the background; a measurement is waited for.

        Args:
            plan: A checked plan.

        Raises:
            Busy: A training is going on, or a search with other settings.
            BadInput: The dataset cannot be trained on.
            NotFound: The dataset, or the run or file that the plan starts from, is gone.
        """
        from core.runs.lineage import weights_file
        from core.runs.work import dataset_of, require_usable

        if self._trains:
            raise Busy(
                _("A training is going on, and both would be slow."),
                fix=_("Look for a learning rate when it has ended."),
            )
        dataset = dataset_of(self.workspace, plan)
        require_usable(dataset)
        self.rate_searches.ask(plan, dataset, weights_file(self.workspace, plan))

    @property
    def _trains(self) -> bool:
        now = self.runner.snapshot()
        return now.active is not None or bool(now.queue)


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
