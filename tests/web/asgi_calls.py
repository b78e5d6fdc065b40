"""Calls an ASGI app in this process, header by header as a hostile client would send them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

HOST = "127.0.0.1:8501"
TOKEN = "2|00000000|0123456789abcdef0123456789abcdef|1700000000"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    cookies: tuple[str, ...]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def call(
    app: Any, method: str, path: str, *, query: str = "", body: bytes | Sequence[bytes] = b"",
    headers: Iterable[tuple[str, str]] = (("host", HOST),), scope_type: str = "http",
) -> Answer:
    pieces = [body] if isinstance(body, bytes) else list(body)
    incoming: list[dict[str, Any]] = [
        {"type": "http.request", "body": piece, "more_body": place < len(pieces) - 1}
        for place, piece in enumerate(pieces)]
    if scope_type == "websocket":
        incoming = [{"type": "websocket.connect"}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not incoming:
            await asyncio.Event().wait()  # a client that stays and has nothing more to say
        return incoming.pop(0)

    async def send(message: Any) -> None:
        sent.append(dict(message))

    scope = {
        "type": scope_type, "method": method, "path": path, "raw_path": path.encode(),
        "query_string": query.encode(), "root_path": "", "scheme": "http", "http_version": "1.1",
        "headers": [(name.encode(), value.encode()) for name, value in headers],
        "server": ("127.0.0.1", 8501), "client": ("127.0.0.1", 50000), "subprotocols": [],
    }

    async def run() -> None:
        await app(scope, receive, send)

    asyncio.run(run())
    return _answer(sent)


def _answer(sent: list[dict[str, Any]]) -> Answer:
    start = sent[0]
    if not start["type"].startswith("http."):
        return Answer(start.get("code", 101), {}, (), start["type"].encode())
    pairs = [(name.decode().lower(), value.decode()) for name, value in start["headers"]]
    return Answer(
        start["status"], dict(pairs),
        tuple(value for name, value in pairs if name == "set-cookie"),
        b"".join(message.get("body", b"") for message in sent[1:]))


def own(*more: tuple[str, str], host: str = HOST) -> tuple[tuple[str, str], ...]:
    """The headers that a page of ours sends with a request that changes something."""
    return (("host", host), ("origin", f"http://{host}"), ("sec-fetch-site", "same-origin"),
            ("cookie", f"_streamlit_xsrf={TOKEN}"), ("x-xsrftoken", TOKEN), *more)
