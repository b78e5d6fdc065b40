"""Fragments of a page that a browser has left are not drawn any more.

Streamlit 1.67 runs a fragment for whoever asks, and names to the browser the page that it was asked from.
Where that is the page before, because another was on its way meanwhile, the browser takes it for a change of
page and throws away what it has drawn: the new page stays empty until it is loaded again.
"""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import DecodeError, Message
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as Event
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

_Kind = TypeVar("_Kind", bound=Message)
# What begins a page is of some kB; larger is only what is drawn.
_LONGEST_BEGIN = 64_000


class LateFragmentsMiddleware:
    """Passes over what a browser asks for a fragment of another page than the one it is on its way to.

    Args:
        app: What speaks with the browser.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Follow one websocket; everything else passes untouched."""
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        page = ""

        async def heard() -> Event:
            nonlocal page
            while True:
                event = await receive()
                asked = _read(BackMsg, event, "websocket.receive")
                if asked is None or asked.WhichOneof("type") != "rerun_script":
                    return event
                rerun = asked.rerun_script
                if not rerun.fragment_id:
                    page = rerun.page_script_hash
                elif rerun.page_script_hash != page:
                    continue
                return event

        async def said(event: Event) -> None:
            nonlocal page
            told = _read(ForwardMsg, event, "websocket.send")
            kind = None if told is None else told.WhichOneof("type")
            # NOTE: a page that is opened by its address has its name first, its hash from the navigation.
            if told is not None and kind in ("new_session", "navigation"):
                page = getattr(told, kind).page_script_hash
            await send(event)

        await self._app(scope, heard, said)


def _read(kind: type[_Kind], event: Event, of: str) -> _Kind | None:
    """Return the message of an event; ``None`` where it has none, or one that is not for here."""
    data = event.get("bytes") if event["type"] == of else None
    if not data or len(data) > _LONGEST_BEGIN:
        return None
    try:
        found: _Kind = kind.FromString(data)
    except DecodeError:
        return None  # Streamlit says what it thinks of it
    return found
