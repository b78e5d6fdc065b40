"""The routes that take a folder or a zip from the browser; the logic is in core.data.receive."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from core import service
from core.data.receive_batch import BATCH_BYTES, BatchParser, TooMuch
from core.errors import BadInput, ThawError
from core.i18n import _

_JSON_BYTES = 1024 * 1024
_PIECE_BYTES = 256 * 1024


async def begin(request: Request) -> Response:
    """POST /thaw/upload {files, bytes, title, kind}: announce an upload, get its id."""
    body = await _json(request)
    title, kind = body.get("title", ""), body.get("kind", "folder")
    if not isinstance(title, str) or not isinstance(kind, str):
        raise BadInput(_("The request does not say what it should."))
    upload_id = await run_in_threadpool(
        service.current().uploads.begin, _count(body, "files"), _count(body, "bytes"), title, kind)
    return JSONResponse({"id": upload_id}, 201)


async def put_batch(request: Request) -> Response:
    """PUT /thaw/upload/{id}: store one packed batch as it streams in."""
    parser = await run_in_threadpool(service.current().uploads.batch, request.path_params["id"])
    pieces = _pieces(request)
    try:
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > BATCH_BYTES:
            raise TooMuch(_("One request carried more than it may."))
        async for piece in pieces:
            await run_in_threadpool(parser.feed, piece)
    except ThawError:
        await run_in_threadpool(parser.abandon)
        # NOTE: a browser that is still sending would see a broken connection, not the answer.
        await _drain(pieces)
        raise
    except ClientDisconnect:
        # Nobody is there to be answered; the browser sends the batch again when it is back.
        await run_in_threadpool(parser.abandon)
        return Response(status_code=499)
    except BaseException:
        parser.abandon()
        raise
    return await _finish_batch(parser)


async def _finish_batch(parser: BatchParser) -> Response:
    await run_in_threadpool(parser.finish)
    return Response(status_code=204)


def state(request: Request) -> Response:
    """GET /thaw/upload/{id}: how far it has come."""
    now = service.current().uploads.state(request.path_params["id"])
    return JSONResponse({"files": now.files, "bytes": now.bytes, "missing": now.missing,
                         "finished": now.finished}, headers={"cache-control": "no-store"})


async def finish(request: Request) -> Response:
    """POST /thaw/upload/{id}/finish {files, bytes, skipped}: compare the counts and close."""
    body = await _json(request)
    skipped = body.get("skipped", [])
    if not isinstance(skipped, list) or not all(type(index) is int for index in skipped):
        raise BadInput(_("The request does not say what it should."))
    received = await run_in_threadpool(
        service.current().uploads.finish, request.path_params["id"],
        _count(body, "files"), _count(body, "bytes"), skipped)
    return JSONResponse({"id": received.id, "files": len(received.files),
                         "bytes": received.bytes, "skipped": received.skipped})


def remove(request: Request) -> Response:
    """DELETE /thaw/upload/{id}: give it up and remove what has arrived."""
    service.current().uploads.remove(request.path_params["id"])
    return Response(status_code=204)


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    """Join the small chunks of the network, so that fewer of them have to go to a thread."""
    joined = bytearray()
    async for chunk in request.stream():
        joined += chunk
        if len(joined) >= _PIECE_BYTES:
            yield bytes(joined)
            joined.clear()
    if joined:
        yield bytes(joined)


async def _drain(pieces: AsyncIterator[bytes]) -> None:
    thrown_away = 0
    async for piece in pieces:
        thrown_away += len(piece)
        if thrown_away > BATCH_BYTES:
            return


async def _json(request: Request) -> dict[str, object]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _JSON_BYTES:
            raise TooMuch(_("One request carried more than it may."))
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadInput(_("The request does not say what it should.")) from error
    if not isinstance(value, dict):
        raise BadInput(_("The request does not say what it should."))
    return value


def _count(body: dict[str, object], name: str) -> int:
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise BadInput(_("The request does not say what it should."), given=name)
    return value
