"""A run's script with all that it needs, to be downloaded."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from core import service
from core.errors import NotFound
from core.i18n import _
from core.runs.folder import RunFolder
from core.studies.scripting import kept_script


def script_url(run_id: str) -> str:
    """Return the address under which a run's script is downloaded once it is written."""
    return f"/thaw/runs/{run_id}/script.zip"


def script_download(request: Request) -> Response:
    """Send the zip of a run's script from the disk; a script of an earlier model is not found."""
    run_id = request.path_params["run"]
    made = kept_script(RunFolder.open(service.current().workspace, run_id))
    if made is None:
        raise NotFound(
            _("The script of this run is not written."), given=run_id,
            fix=_("Write it on the Take away page."))
    # NOTE: "identity" keeps Streamlit's gzip layer from packing what is a zip already.
    headers = {"content-encoding": "identity", "cache-control": "private, no-cache"}
    return FileResponse(made.zip, 200, headers, "application/zip", filename=f"{run_id}-script.zip")
