"""Files that pages point to: the chart library, thumbnails, a run's model."""

from __future__ import annotations

import gzip
import importlib.metadata
import importlib.util
from functools import lru_cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from core import service
from core.errors import NotFound, Unavailable
from core.files import write_atomic
from core.i18n import _

THUMB_EDGES = (96, 160, 240)
_FOREVER = "max-age=31536000, immutable"


@lru_cache(maxsize=1)
def plotly_url() -> str:
    """Return the address of the chart library; it changes with the installed version."""
    return f"/thaw/plotly.min.js?v={importlib.metadata.version('plotly')}"


def thumb_url(dataset_id: str, index: int, edge: int = 160) -> str:
    """Return the address of a square thumbnail.

    Args:
        dataset_id: The dataset's id.
        index: Place in ``Dataset.items``, from 0.
        edge: 96, 160 or 240 px.
    """
    return f"/thaw/datasets/{dataset_id}/thumb/{index}?edge={edge}"


def model_url(run_id: str) -> str:
    """Return the address under which a finished run's model is downloaded."""
    return f"/thaw/runs/{run_id}/model.keras"


def plotly_library(request: Request) -> Response:
    """Send plotly.min.js, packed once for browsers that take gzip (4.7 MB become 1.5 MB)."""
    headers = {"vary": "Accept-Encoding"}
    if request.query_params.get("v"):
        headers["cache-control"] = f"public, {_FOREVER}"
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        return Response(_packed_library(), 200, headers, "text/javascript")
    return FileResponse(_library_path(), 200, headers, "text/javascript")


@lru_cache(maxsize=1)
def _packed_library() -> bytes:
    return gzip.compress(_library_path().read_bytes(), 6, mtime=0)


@lru_cache(maxsize=1)
def _library_path() -> Path:
    # NOTE: find_spec does not run the package; importing plotly takes most of a second.
    spec = importlib.util.find_spec("plotly")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        library = Path(folder) / "package_data" / "plotly.min.js"
        if library.is_file():
            return library
    raise Unavailable(_("The chart library is not installed."), fix=_("Install plotly with pip."))


def model_download(request: Request) -> Response:
    """Send a run's model from the disk; st.download_button would copy it to memory every rerun."""
    run_id = request.path_params["run"]
    model = service.current().workspace.run_dir(run_id) / "model.keras"
    if not model.is_file():
        raise NotFound(_("This run has no finished model."), given=run_id)
    # NOTE: "identity" keeps Streamlit's gzip layer from packing what is a zip already.
    headers = {"content-encoding": "identity", "cache-control": "private, no-cache"}
    return FileResponse(model, 200, headers, "application/octet-stream",
                        filename="model.keras")


def thumbnail(request: Request) -> Response:
    """Send a square JPEG of one of a dataset's photos, made on first demand and kept."""
    from core.data import dataset, images
    from core.disk import thumbnails_of

    dataset_id = request.path_params["dataset"]
    edge = _edge(request.query_params.get("edge", "160"))
    workspace = service.current().workspace
    folder = workspace.dataset_dir(dataset_id)
    index: int = request.path_params["index"]
    kept = thumbnails_of(workspace) / folder.name / f"{index}-{edge}.jpg"
    if not kept.is_file():
        data = dataset.load(folder)
        if index >= len(data.items):
            raise NotFound(_("There is no such photo in this dataset."), given=str(index))
        picture = images.thumbnail(data.file(data.items[index]), edge)
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(kept, lambda temporary: _write_bytes(temporary, picture))
    return FileResponse(kept, 200, {"cache-control": f"private, {_FOREVER}"}, "image/jpeg")


def _write_bytes(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _edge(text: str) -> int:
    for edge in THUMB_EDGES:
        if text == str(edge):
            return edge
    raise NotFound(_("Thumbnails have an edge of 96, 160 or 240 pixels."), given=text[:20])
