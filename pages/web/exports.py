"""What is taken away from a run, sent from the disk: its model in other forms, the run as one file."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from core import service
from core.errors import NotFound
from core.export.formats import FORMATS
from core.i18n import _
from core.runs.folder import RunFolder
from core.runs.packing import packed
from core.studies.exporting import exported

# NOTE: "identity" keeps Streamlit's gzip layer from packing what is a zip already.
_HEADERS = {"content-encoding": "identity", "cache-control": "private, no-cache"}
_ZIP = "application/zip"


def export_url(run_id: str, name: str) -> str:
    """Return the address of a form of a run's model; ``name`` is one of ``FORMATS``."""
    return f"/thaw/runs/{run_id}/exports/{name}.zip"


def run_url(run_id: str, *, photos: bool) -> str:
    """Return the address of a run as one file, with the photos of its dataset or without."""
    return f"/thaw/runs/{run_id}/run.zip" + ("?photos=1" if photos else "")


def export_download(request: Request) -> Response:
    """Send a form of a run's model that was made before and is of the model as it is."""
    folder = RunFolder.open(service.current().workspace, request.path_params["run"])
    name = request.path_params["name"]
    found = exported(folder, name) if name in FORMATS else None
    if found is None:
        raise NotFound(_("This form of the model has not been made."), given=name[:80],
                       fix=_("Make it on the page “Take away”."))
    return FileResponse(found.file, 200, _HEADERS, _ZIP, filename=f"{folder.id}-{name}.zip")


def run_download(request: Request) -> Response:
    """Send a run as one file, piece by piece as it is packed."""
    workspace = service.current().workspace
    folder = RunFolder.open(workspace, request.path_params["run"])
    run = packed(workspace, folder, photos=request.query_params.get("photos") == "1")
    headers = {**_HEADERS, "content-disposition": f'attachment; filename="{folder.id}.zip"',
               "content-length": str(run.size)}
    return StreamingResponse(run.pieces, 200, headers, _ZIP)
