"""What the page of a run that goes on asks for every second."""

from __future__ import annotations

import time

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from core import service
from core.errors import NotFound
from core.i18n import _
from core.workspace import is_id
from pages.ui import live

_HEADERS = {"content-encoding": "gzip", "cache-control": "no-store"}


async def run_live(request: Request) -> Response:
    """Send a run's live data, see :class:`pages.ui.live.Live`.

    NOTE: what is fresh is sent from here; the way to another thread would cost more than that.
    """
    live.pace.asked(time.monotonic())
    run_id = request.path_params["run"]
    known = live.fresh(run_id)
    if known is None:
        known = await run_in_threadpool(_now, run_id)
    return Response(known.packed, 200, _HEADERS, "application/json")


def _now(run_id: str) -> live.Live:
    found = live.live(service.current().workspace, run_id) if is_id(run_id) else None
    if found is None:
        raise NotFound(_("There is no such run."), given=run_id[:80])
    return found
