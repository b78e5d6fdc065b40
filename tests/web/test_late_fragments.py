from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from pages.web.late_fragments import LateFragmentsMiddleware

MODEL, TRAIN = "hash-of-model", "hash-of-train"


def asks(page: str, fragment: str = "") -> Message:
    asked = BackMsg()
    asked.rerun_script.page_script_hash = page
    asked.rerun_script.fragment_id = fragment
    return {"type": "websocket.receive", "bytes": asked.SerializeToString()}


def tells(page: str) -> Message:
    told = ForwardMsg()
    told.new_session.page_script_hash = page
    return {"type": "websocket.send", "bytes": told.SerializeToString()}


def leads_to(page: str) -> Message:
    told = ForwardMsg()
    told.navigation.page_script_hash = page
    return {"type": "websocket.send", "bytes": told.SerializeToString()}


def passed(events: Sequence[Message]) -> list[Message]:
    """Return those of a browser's events that reach the app, which tells the others meanwhile."""
    reached: list[Message] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        while True:
            event = await receive()
            if event["type"] == "tell":
                await send(event["event"])
            elif event["type"] == "websocket.disconnect":
                return
            else:
                reached.append(event)

    left = iter([
        *({"type": "tell", "event": each} if each["type"] == "websocket.send" else each for each in events),
        {"type": "websocket.disconnect"},
    ])

    async def receive() -> Message:
        return next(left)

    sent: list[Message] = []

    async def send(event: Message) -> None:
        sent.append(event)

    scope: dict[str, Any] = {"type": "websocket"}
    asyncio.run(LateFragmentsMiddleware(app)(scope, receive, send))
    assert sent == [each for each in events if each["type"] == "websocket.send"]
    return reached


def test_a_fragment_of_the_page_that_is_shown_is_drawn() -> None:
    events = [asks(""), tells(TRAIN), asks(TRAIN, "fragment"), asks(TRAIN, "fragment")]
    assert passed(events) == [events[0], *events[2:]]


def test_so_it_is_on_a_page_that_was_opened_by_its_address() -> None:
    events = [asks(""), tells("hash-of-shell"), leads_to(TRAIN), asks(TRAIN, "fragment")]
    assert passed(events) == [events[0], events[3]]


def test_a_fragment_is_passed_over_once_another_page_was_asked_for() -> None:
    events = [asks(""), tells(TRAIN), asks(MODEL), asks(TRAIN, "first"), tells(MODEL), asks(MODEL, "next")]
    assert passed(events) == [events[0], events[2], events[5]]


def test_so_it_is_once_the_script_has_gone_to_another_page_by_itself() -> None:
    events = [asks(MODEL), tells(MODEL), asks(MODEL), tells(TRAIN), asks(MODEL, "strip"), asks(TRAIN, "f")]
    assert passed(events) == [events[0], events[2], events[5]]


@pytest.mark.parametrize("data", [None, b"", b"\xff\xff no message"])
def test_what_is_no_message_of_streamlits_passes(data: bytes | None) -> None:
    event = {"type": "websocket.receive", "bytes": data}
    assert passed([event]) == [event]


def test_other_asks_pass_whatever_the_page() -> None:
    stop = BackMsg()
    stop.stop_script = True
    event = {"type": "websocket.receive", "bytes": stop.SerializeToString()}
    assert passed([asks(TRAIN), event])[1] == event
