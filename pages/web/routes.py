"""Our own addresses: those of the pages under /thaw/, that of programs under /api/."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from core.errors import ThawError
from core.i18n import _
from pages.web import exports, files, live, predict_api, reports, scripts, uploads
from pages.web.answers import error_answer, refusal, unexpected_answer

ERROR_ANSWERS: dict[type[Exception], Callable[[Request, Exception], Response]] = {
    ThawError: error_answer,
    Exception: unexpected_answer,
}
_ALL_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def routes() -> list[BaseRoute]:
    """Return the routes for ``st.App(routes=…)``.

    NOTE: the last one is needed, because Streamlit answers every unknown address with its page.
    """
    return [
        Route("/thaw/plotly.min.js", files.plotly_library),
        Route("/thaw/runs/{run}/model.keras", files.model_download),
        Route("/thaw/runs/{run}/exports/{name}.zip", exports.export_download),
        Route("/thaw/runs/{run}/run.zip", exports.run_download),
        Route("/thaw/runs/{run}/script.zip", scripts.script_download),
        Route("/thaw/runs/{run}/report.html", reports.report_page),
        Route("/thaw/runs/{run}/model_card.md", reports.card_download),
        Route("/thaw/runs/{run}/live.json", live.run_live),
        Route("/thaw/datasets/{dataset}/thumb/{index:int}", files.thumbnail),
        Route("/thaw/upload", uploads.begin, methods=["POST"]),
        Route("/thaw/upload/{id}", uploads.put_batch, methods=["PUT"]),
        Route("/thaw/upload/{id}", uploads.state, methods=["GET"]),
        Route("/thaw/upload/{id}", uploads.remove, methods=["DELETE"]),
        Route("/thaw/upload/{id}/finish", uploads.finish, methods=["POST"]),
        Route("/api/runs/{run}/predict", predict_api.predict, methods=_ALL_METHODS),
        Route("/api/{rest:path}", _nothing_here, methods=_ALL_METHODS),
        Route("/thaw/{rest:path}", _nothing_here, methods=_ALL_METHODS),
    ]


def _nothing_here(_request: Request) -> Response:
    return refusal(404, _("There is nothing at this address."))
