"""How fast the pages are: the first one after a start, and clicks while a training runs.

Prints one JSON object. Run it on a quiet machine: ``python -m tests.benchmarks.pages``.
"""

from __future__ import annotations

import json
import secrets
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from core import drafts
from core.data.samples import take_in_sample
from core.drafts import Draft
from core.training.plan import Recipe
from core.workspace import Workspace
from pages.web.browser import COOKIE
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


def clicks_while(browser_path: str, workspace: Path, recipe: Recipe, *, cache: bool) -> dict[str, object]:
    """Start a training on the digits, and toggle blocks and pages until enough clicks are timed.

    Args:
        browser_path: Chromium.
        workspace: A new folder.
        recipe: One that goes on for longer than the clicks.
        cache: Whether the frozen part is computed once: then the clicks fall into that, else into the
            training.
    """
    opened = Workspace.open(workspace)
    dataset = take_in_sample("digits", opened, lambda *_told: None)
    name = secrets.token_hex(16)
    drafts.save(opened, name, Draft(
        dataset=dataset.id, dataset_title=dataset.title, model_seen=True, recipe=recipe, cache=cache))
    with sync_playwright() as playwright, Server(workspace) as server:
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.add_cookies([{"name": COOKIE, "value": name, "url": server.address}])
        page = context.new_page()
        page.goto(f"{server.address}/train")
        page.get_by_role("button", name="Start training").click()
        expect(page.get_by_text("a second").first).to_be_visible(timeout=180_000)
        page.get_by_role("link", name="Model").click()
        head_only = page.get_by_text("Head only", exact=True)
        expect(head_only.first).to_be_visible()
        shortcuts = [shortcut(page, at % 2) for at in range(CLICKS // 2)]
        pages = [visit(page, name) for name in ("Data", "Model") * (CLICKS // 4)]
        still = page.locator("text=is preparing" if cache else "text=is training").count() > 0
        browser.close()
    times = sorted(shortcuts + pages)
    return {
        "clicks": len(times), "median_s": statistics.median(times),
        "p95_s": times[int(0.95 * (len(times) - 1))], "longest_s": times[-1],
        "went_on": still,
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
        training = clicks_while(
            browser_path, Path(folder) / "training", Recipe(epochs=100), cache=False)
        extracting = clicks_while(
            browser_path, Path(folder) / "extracting", Recipe(epochs=100, augment="light", views=64),
            cache=True)
    json.dump({"first_page_s": starts, "training": training, "extracting": extracting}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
