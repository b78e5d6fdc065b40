"""What a person does on the pages, and the watch that is kept over them."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from browser_runs import run_folders, status
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from core import drafts
from core.drafts import Draft
from core.workspace import Workspace
from pages.web.browser import COOKIE
from tests.serving import Server

Figures = dict[str, Any]
# A machine that others use as well may be ten times slower than a quiet one.
PATIENCE_MS = 180_000
ANSWER_MS = 60_000
LOOK_MS = 500
PRESS_AGAIN_MS = 8_000
_OWN = ("127.0.0.1",)
_WITHOUT_SERVER = ("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "disconnected from server", "WebSocket")
_DEEP_404 = re.compile(
    r"/(data|model|train|evaluate|predict|take_away|compare|experiments|workspace)/_stcore/(health|host-config)")


class Watch:
    """Notes each error and each request to another machine in one browser.

    Streamlit asks for two addresses below a page that is opened by its own address; those two, once
    for each time it is opened, are the only errors that may be.
    """

    def __init__(self, context: BrowserContext) -> None:
        self.problems: list[str] = []
        self._allowed: Counter[str] = Counter()
        context.on("request", self._request)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.problems.append(f"page error: {error.error}"))
        context.on("page", lambda page: page.on("websocket", lambda ws: self._address(ws.url)))

    def _request(self, request: Request) -> None:
        self._address(request.url)
        if request.is_navigation_request():
            page = urlsplit(request.url).path.rstrip("/")
            self._allowed.update(f"{page}/_stcore/{name}" for name in ("health", "host-config"))

    def _address(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.hostname not in _OWN:
            self.problems.append(f"request to another machine: {url[:200]}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type != "error":
            return
        path = urlsplit(message.location.get("url", "")).path
        if "404" in message.text and _DEEP_404.fullmatch(path) and self._allowed[path] > 0:
            self._allowed[path] -= 1
            return
        self.problems.append(f"console: {message.text[:500]} ({path})")


class Visits:
    """The browsers of one test.

    Attributes:
        server_goes: Whether the test ends the server under the browsers, who complain of that.
    """

    def __init__(self, chrome: Browser) -> None:
        self._chrome = chrome
        self._watches: list[Watch] = []
        self._contexts: list[BrowserContext] = []
        self.server_goes = False
        self.servers: list[Server] = []

    def browser(self, server: Server, draft: Draft | None = None, **options: Any) -> BrowserContext:
        """Return a watched browser, new to the server or with choices made before.

        Args:
            server: Whose pages it will open.
            draft: What this browser has chosen earlier; ``None`` for one that comes the first time.
            options: For ``new_context``.
        """
        wanted = {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light", **options}
        context = self._chrome.new_context(**wanted)
        context.set_default_timeout(ANSWER_MS)
        self._watches.append(Watch(context))
        self._contexts.append(context)
        if server not in self.servers:
            self.servers.append(server)
        if draft is not None:
            name = secrets.token_hex(16)
            drafts.save(Workspace.open(server.workspace), name, draft)
            context.add_cookies([{"name": COOKIE, "value": name, "url": server.address}])
        return context

    def open(
        self, server: Server, path: str = "/", draft: Draft | None = None, **options: Any
    ) -> Page:
        """Open a page in a browser of its own."""
        page = self.browser(server, draft, **options).new_page()
        visit(page, server, path)
        return page

    def problems(self) -> list[str]:
        """Return what the watches noted, and the traces in the servers' logs."""
        traces = [
            f"trace in the server's log: {server.log}"
            for server in self.servers if "Traceback" in server.log.read_text(encoding="utf-8")
        ]
        noted = [problem for watch in self._watches for problem in watch.problems]
        if self.server_goes:
            noted = [each for each in noted if not any(words in each for words in _WITHOUT_SERVER)]
        return noted + traces

    def pictured(self, test: str) -> str:
        """Photograph all open pages for a failure's report, and return where the pictures are."""
        folder = Path(os.environ.get("THAW_REPORT") or tempfile.mkdtemp(prefix="thaw-browser-"))
        folder.mkdir(parents=True, exist_ok=True)
        said = []
        for number, page in enumerate(page for each in self._contexts for page in each.pages):
            target = folder / f"{test}-{number}.png"
            page.screenshot(path=target)
            said.append(f"{page.url}: {target}")
        return "\n".join(said)

    def close(self) -> None:
        """Close all browsers."""
        for context in self._contexts:
            context.close()


def visit(page: Page, server: Server, path: str = "/") -> None:
    """Open an address and wait until the page is drawn."""
    page.goto(server.address + path)
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=ANSWER_MS)
    settled(page)


def settled(page: Page) -> None:
    """Wait until the page's script has run to its end."""
    app = page.locator("[data-testid=stApp][data-test-script-state=notRunning]")
    expect(app).to_be_visible(timeout=ANSWER_MS)


def go(page: Page, name: str) -> None:
    """Go to another page by the sidebar."""
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", level=1, name=name, exact=True)).to_be_visible(timeout=ANSWER_MS)


def button(page: Page, name: str) -> Locator:
    """Return a button by the words on it."""
    return page.get_by_role("button", name=name, exact=True)


def unfold(page: Page, words: str) -> None:
    """Open an expander by its title and wait until it has unfolded.

    NOTE: what stands below moves while it unfolds, and a click there meets another place.
    """
    fold = page.locator("[data-testid=stExpander]").filter(has=page.locator("summary", has_text=words))
    fold.locator("summary").click()
    expect(fold.locator("details[open]")).to_be_visible()
    heights = [-1.0, 0.0]
    until = time.monotonic() + ANSWER_MS / 1000
    while heights[-1] != heights[-2]:
        assert time.monotonic() < until, f"{words} does not come to rest"
        page.wait_for_timeout(LOOK_MS)
        heights.append((fold.bounding_box() or {"height": 0.0})["height"])


def choose(page: Page, label: str, words: str) -> None:
    """Choose from a list that opens, by a part of what it shows.

    NOTE: a list that is opened while the page is still being drawn may be closed again by what is
    drawn next; so a person who sees it close opens it again.
    """
    settled(page)
    option = page.get_by_role("option").filter(has_text=words).first
    box = page.get_by_label(label)
    until = time.monotonic() + ANSWER_MS / 1000
    while not option.is_visible():
        assert time.monotonic() < until, f"{label} does not show {words}"
        if box.get_attribute("aria-expanded") != "true":
            box.click()
        page.wait_for_timeout(LOOK_MS)
    option.click()


def headline(page: Page) -> Locator:
    """Return the sentence at the head of a run, such as "Epoch 2 of 10"."""
    return page.locator(".progress .headline")


def steps_line(page: Page) -> Locator:
    """Return the line below a run's bar, such as "step 3 of 40 · 25 photos a second"."""
    return page.locator(".progress .second")


def start_training(page: Page, server: Server) -> Path:
    """Start a training from the Train page's settings, and return the new run's folder.

    NOTE: what moves under the pointer may take a press to where nothing is; once in some hundred times on a
    busy machine. So a person who sees nothing come of it presses again.
    """
    before = set(run_folders(server.workspace))
    start = button(page, "Start training").or_(button(page, "Add to the queue"))
    again = button(page, "Set up a new run")
    folded = page.get_by_text("Queue another run")
    settled(page)
    expect(start.or_(again).or_(folded).first).to_be_visible(timeout=ANSWER_MS)
    until = time.monotonic() + ANSWER_MS / 1000
    while not start.is_visible():
        assert time.monotonic() < until, "a new run cannot be set up"
        if not again.is_visible():
            folded.click()
        again.click()
        with suppress(PlaywrightTimeout):
            start.wait_for(timeout=PRESS_AGAIN_MS)
    start.click()
    wait_until(page, lambda: len(run_folders(server.workspace)) > len(before), "the run is there")
    expect(headline(page)).to_be_visible(timeout=ANSWER_MS)
    return next(run for run in run_folders(server.workspace) if run not in before)


def stop_training(page: Page, run: Path) -> float:
    """Press "Stop training"; return the seconds from the click to the word on the disk."""
    stop = button(page, "Stop training")
    expect(stop).to_be_enabled(timeout=ANSWER_MS)
    began = time.perf_counter()
    stop.click()
    wait_until(page, lambda: status(run)["state"] == "stopped", "the run has stopped", every_ms=20)
    return time.perf_counter() - began


def wait_until(
    page: Page, met: Callable[[], object], what: str, timeout_ms: int = PATIENCE_MS, every_ms: int = 100
) -> None:
    """Wait for something that no locator sees; the page's events go on meanwhile."""
    until = time.monotonic() + timeout_ms / 1000
    while not met():
        assert time.monotonic() < until, f"waited {timeout_ms // 1000} s in vain until {what}"
        page.wait_for_timeout(every_ms)


def picture(page: Page, name: str) -> None:
    """Keep a picture of the page where ``THAW_SCREENSHOTS`` asks for them."""
    folder = os.environ.get("THAW_SCREENSHOTS")
    if not folder:
        return
    Path(folder).mkdir(parents=True, exist_ok=True)
    settled(page)
    size = page.viewport_size or {"width": 1280, "height": 900}
    height = page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({**size, "height": max(640, min(int(height), 1400))})
    page.mouse.move(2, 2)
    settled(page)
    page.wait_for_timeout(900)  # fades and bars come to rest; nothing waits for this
    page.screenshot(path=Path(folder) / f"{name}.png")
    page.set_viewport_size(size)
