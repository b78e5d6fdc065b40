"""A light browser: it speaks Streamlit's protocol and reads what comes, but draws nothing."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import time
from typing import Any
from urllib.parse import urlsplit

from pages.web.browser import COOKIE

ASK_EVERY_S = 1.0
Seen = list[tuple[float, float]]


class Browser:
    """One browser on the Train page.

    Args:
        address: The server's.
        name: Its cookie.
        awake: It asks for nothing while this is not set.

    Attributes:
        seen: When it was shown which share of the run, whenever that rose.
        bytes: What it has received.
        ticks: How often it has asked for a fragment.
        asked: How often it has asked for live data.
        buttons: The ids of the buttons it was shown, by what is written on them.
    """

    def __init__(self, address: str, name: str, awake: asyncio.Event) -> None:
        self._awake = awake
        self._address = address
        self._name = name
        self._page = ""
        self._timers: dict[str, tuple[float, asyncio.Task[None]]] = {}
        self._kept: dict[str, int] = {}
        self._live = ""
        self._turn = ""
        self._mounted = 0.0
        self._asking: asyncio.Task[None] | None = None
        self._line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.seen: Seen = []
        self.bytes = 0
        self.ticks = 0
        self.asked = 0
        self.buttons: dict[str, str] = {}

    async def watch(self) -> None:
        """Open the page and look at it until cancelled."""
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
        from websockets.asyncio.client import connect

        async with connect(
            self._address.replace("http", "ws") + "/_stcore/stream", origin=self._address,  # type: ignore[arg-type]
            subprotocols=["streamlit"],  # type: ignore[list-item]
            additional_headers={"Cookie": f"{COOKIE}={self._name}"}, max_size=None,
        ) as self._socket:
            await self.ask(page_name="train")
            async for data in self._socket:
                assert isinstance(data, bytes)
                self.bytes += len(data)
                message = ForwardMsg()
                message.ParseFromString(data)
                self._take(message)

    async def ask(self, *, pressed: str = "", **given: Any) -> None:
        """Ask for a script run, as Streamlit's own page does."""
        from streamlit.proto.BackMsg_pb2 import BackMsg

        asked = BackMsg()
        asked.rerun_script.page_script_hash = self._page
        asked.rerun_script.cached_message_hashes.extend(self._kept)
        asked.rerun_script.context_info.timezone = "Europe/London"
        asked.rerun_script.context_info.locale = "en"
        asked.rerun_script.context_info.url = f"{self._address}/train"
        for name, value in given.items():
            setattr(asked.rerun_script, name, value)
        if pressed:
            asked.rerun_script.widget_states.widgets.add(id=pressed, trigger_value=True)
        await self._socket.send(asked.SerializeToString())

    def _take(self, message: Any) -> None:
        kind = message.WhichOneof("type")
        whole = not message.metadata.run.fragment_ids
        if kind == "navigation":
            self._page = message.navigation.page_script_hash
        elif kind == "new_session" and whole:
            self._still(*self._timers)
        elif kind == "auto_rerun":
            self._tick(message.auto_rerun.fragment_id, message.auto_rerun.interval)
        elif kind == "stop_auto_rerun":
            self._still(*message.stop_auto_rerun.fragment_ids)
        elif kind == "script_finished":
            self._kept = {each: age + 1 for each, age in self._kept.items() if age < 2}
        elif kind == "ref_hash":
            assert message.ref_hash in self._kept, "the server took something for kept that is not"
            self._kept[message.ref_hash] = 0
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._show(message.delta.new_element, message.delta.fragment_id)
            if message.metadata.cacheable:
                self._kept[message.hash] = 0

    def _show(self, element: Any, fragment: str) -> None:
        if element.WhichOneof("type") == "button":
            self.buttons[element.button.label] = element.button.id
        if element.WhichOneof("type") != "bidi_component":
            return
        shown = element.bidi_component
        if not shown.component_name.endswith("thaw_progress"):
            return
        data = json.loads(shown.json)
        self._note(data["share"])
        self._mounted = time.monotonic()
        self._live, self._turn = data.get("live", ""), data.get("turn", "")
        if self._live and self._asking is None:
            self._asking = asyncio.ensure_future(self._ask_on(fragment))

    def _note(self, share: float | None) -> None:
        if share is not None and (not self.seen or share > self.seen[-1][1]):
            self.seen.append((time.monotonic(), share))

    async def _pause(self, seconds: float) -> None:
        """Wait; after a rest for a part of it only, so that not all browsers come back at once."""
        await asyncio.sleep(seconds)
        while not self._awake.is_set():
            await self._awake.wait()
            await asyncio.sleep(random.uniform(0, seconds))

    async def _ask_on(self, fragment: str) -> None:
        """Ask for what changes, as live_poll.js and progress.js do."""
        every, asked_at = ASK_EVERY_S, 0.0
        while self._live:
            await self._pause(every)
            body = await self._fetch(self._live)
            self.bytes += len(body)
            self.asked += 1
            fresh = json.loads(gzip.decompress(body))
            self._note(fresh["progress"]["share"])
            every = fresh["again_ms"] / 1000
            old = time.monotonic() - self._mounted > fresh["words_ms"] / 1000
            if (old or fresh["turn"] != self._turn) and asked_at < self._mounted:
                asked_at = time.monotonic()
                self.ticks += 1
                await self.ask(fragment_id=fragment)

    async def _fetch(self, path: str) -> bytes:
        place = urlsplit(self._address)
        if self._line is None:
            self._line = await asyncio.open_connection(place.hostname, place.port)
        reader, writer = self._line
        writer.write((
            f"GET {path} HTTP/1.1\r\nHost: {place.netloc}\r\nCookie: {COOKIE}={self._name}\r\n"
            "Accept-Encoding: gzip\r\nSec-Fetch-Site: same-origin\r\n\r\n"
        ).encode())
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        except (asyncio.IncompleteReadError, ConnectionError):  # closed while it rested
            self._line = None
            return await self._fetch(path)
        assert head.startswith("http/1.1 200"), head
        return await reader.readexactly(int(head.partition("content-length: ")[2].partition("\r")[0]))

    def _tick(self, fragment: str, interval: float) -> None:
        if fragment in self._timers and self._timers[fragment][0] == interval:
            return
        self._still(fragment)
        self._timers[fragment] = interval, asyncio.ensure_future(self._ticking(fragment, interval))

    def _still(self, *fragments: str) -> None:
        for fragment in fragments:
            if fragment in self._timers:
                self._timers.pop(fragment)[1].cancel()

    async def _ticking(self, fragment: str, interval: float) -> None:
        while True:
            await self._pause(interval)
            self.ticks += 1
            await self.ask(fragment_id=fragment, is_auto_rerun=True)
