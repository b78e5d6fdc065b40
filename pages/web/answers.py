"""Errors as small JSON answers: what happened and what to do, never a trace."""

from __future__ import annotations

import logging
import secrets

from starlette.requests import Request
from starlette.responses import JSONResponse

from core.data.receive_answers import Incomplete
from core.data.receive_batch import TooMuch
from core.data.receive_state import NoSpace
from core.errors import BadInput, Busy, NotFound, ThawError, Unavailable
from core.i18n import _
from pages.web.headers import security_headers

_log = logging.getLogger(__name__)

_STATUS: tuple[tuple[type[ThawError], int], ...] = (
    (NotFound, 404),
    (TooMuch, 413),
    (Incomplete, 409),
    (BadInput, 400),
    (Busy, 409),
    (NoSpace, 507),
    (Unavailable, 503),
)


def refusal(status: int, what: str, fix: str = "") -> JSONResponse:
    """Return an answer that says what happened and what to do."""
    return JSONResponse({"what": what, "fix": fix}, status, {"cache-control": "no-store"})


def error_answer(_request: Request, error: Exception) -> JSONResponse:
    """Turn an error meant for people into an answer; the status follows its class."""
    if not isinstance(error, ThawError):
        return unexpected_answer(_request, error)
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    body = error.to_json()
    if isinstance(error, Incomplete):
        body |= {"files": error.state.files, "sent_files": error.files,
                 "bytes": error.state.bytes, "sent_bytes": error.bytes, "missing": error.missing}
    return JSONResponse(body, status, {"cache-control": "no-store"})


def unexpected_answer(_request: Request, error: Exception) -> JSONResponse:
    """Answer an error nobody foresaw with a reference; the trace goes to the server's log only.

    NOTE: Starlette calls this outside of our middleware, so the headers are set here.
    """
    reference = note_unexpected(error)
    answer = refusal(
        500, _("Something unexpected went wrong on the server."),
        _("Try again. If it happens again, look for {reference} in the server's log.").format(
            reference=reference))
    answer.raw_headers.extend(security_headers("localhost"))
    return answer


def note_unexpected(error: BaseException) -> str:
    """Write an error with its trace to the log, and return the reference that stands there."""
    reference = secrets.token_hex(4)
    _log.error("Reference %s", reference, exc_info=error)
    return reference
