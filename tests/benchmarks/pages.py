"""How fast the pages are: the first one after a start, and clicks while a training runs.

Prints one JSON object. Run it on a quiet machine: ``python -m tests.benchmarks.pages``.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.serving import FLAGS, Server, chromium

CLICKS = 40
STARTS = 3


def first_page(browser_path: str, workspace: Path) -> float:
    """Return the seconds from the server's start to the first page's title on the screen."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        page = browser.new_page()
        began = time.perf_counter()
        with Server(workspace) as server:
            page.goto(server.address, wait_until="commit")
            page.get_by_role("heading", level=1).wait_for()
            seconds = time.perf_counter() - began
        browser.close()
    return seconds


def clicks_while_training(browser_path: str, workspace: Path) -> dict[str, object]:
    """Start a training on the digits, and toggle blocks and pages until enough clicks are timed."""
    with sync_playwright() as playwright, Server(workspace) as server:
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(server.address)
        page.get_by_role("button", name="Use the sample").click()
        page.get_by_role("button", name="Skip to Train").click(timeout=120_000)
        page.get_by_role("button", name="Start training").click()
        expect(page.get_by_text("photos a second")).to_be_visible(timeout=180_000)
        page.get_by_role("link", name="Model").click()
        head_only = page.get_by_text("Head only", exact=True)
        expect(head_only.first).to_be_visible()
        shortcuts = [shortcut(page, at % 2) for at in range(CLICKS // 2)]
        pages = [visit(page, name) for name in ("Data", "Model") * (CLICKS // 4)]
        still = page.locator("text=is training").count() > 0
        browser.close()
    times = sorted(shortcuts + pages)
    return {
        "clicks": len(times), "median_s": statistics.median(times),
        "p95_s": times[int(0.95 * (len(times) - 1))], "longest_s": times[-1],
        "training_went_on": still,
    }


def shortcut(page: Page, at: int) -> float:
    """Choose what may learn by a shortcut; return the seconds until the counts have followed."""
    name, expected = (("Everything", "learning, 9"), ("Head only", "learning, 0."))[at]
    began = time.perf_counter()
    page.get_by_text(name, exact=True).first.click()
    page.get_by_text(expected).first.wait_for(timeout=30_000)
    return time.perf_counter() - began


def visit(page: Page, name: str) -> float:
    """Go to a page; return the seconds until its title and its last button are there."""
    last = {"Data": "Continue to Model", "Model": "Continue to Train"}[name]
    began = time.perf_counter()
    page.get_by_role("link", name=name, exact=True).click()
    page.get_by_role("heading", name=name, exact=True).wait_for(timeout=30_000)
    page.get_by_role("button", name=last).wait_for(timeout=30_000)
    return time.perf_counter() - began


def main() -> None:
    """Measure, and print the figures."""
    browser_path = chromium()
    with tempfile.TemporaryDirectory() as folder:
        starts = [first_page(browser_path, Path(folder) / f"start{turn}") for turn in range(STARTS)]
        clicks = clicks_while_training(browser_path, Path(folder) / "training")
    json.dump({"first_page_s": starts, **clicks}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
