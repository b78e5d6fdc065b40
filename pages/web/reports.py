"""A run's report, to be read in a tab of its own or downloaded, and its model card."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from core import service
from core.errors import NotFound
from core.i18n import _
from core.runs.folder import RunFolder
from core.studies.reporting import card_file, kept_report

# Whatever is in it, a report does nothing but show itself; it may be printed and its links followed.
_POLICY = "sandbox allow-modals; default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def report_url(run_id: str, *, download: bool = False) -> str:
    """Return the address of a run's report once it is made."""
    return f"/thaw/runs/{run_id}/report.html{'?download=1' if download else ''}"


def card_url(run_id: str) -> str:
    """Return the address under which a run's model card is downloaded."""
    return f"/thaw/runs/{run_id}/model_card.md"


def report_page(request: Request) -> Response:
    """Send a run's report; a report of an earlier model is not found."""
    folder = _folder(request)
    path = kept_report(folder)
    if path is None:
        raise _missing(folder)
    headers = {"cache-control": "private, no-cache", "content-security-policy": _POLICY}
    name = f"{folder.id}-report.html" if request.query_params.get("download") else None
    return FileResponse(path, 200, headers, "text/html; charset=utf-8", filename=name)


def card_download(request: Request) -> Response:
    """Send a run's model card."""
    folder = _folder(request)
    if kept_report(folder) is None:
        raise _missing(folder)
    headers = {"cache-control": "private, no-cache"}
    return FileResponse(
        card_file(folder), 200, headers, "text/markdown; charset=utf-8", filename="model_card.md")


def _folder(request: Request) -> RunFolder:
    return RunFolder.open(service.current().workspace, request.path_params["run"])


def _missing(folder: RunFolder) -> NotFound:
    return NotFound(
        _("The report of this run is not made."), given=folder.id, fix=_("Make it on the Take away page."))
