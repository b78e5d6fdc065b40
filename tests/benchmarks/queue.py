"""Eight people press Start at once: do all runs finish, in order? Prints JSON.

``python -m tests.benchmarks.queue``; takes about three minutes on a laptop.
"""

from __future__ import annotations

import json
import secrets
import sys
import tempfile
import threading
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from core import drafts
from core.data.samples import take_in_sample
from core.drafts import Draft
from core.runs.listing import Listed, listed
from core.runs.status import State
from core.training.plan import Recipe
from core.workspace import Workspace
from pages.web.browser import COOKIE
from tests.serving import FLAGS, Server, chromium

PEOPLE = 8
PATIENCE_S = 900


class Person:
    """Somebody with a browser of their own, who presses Start when all are ready."""

    def __init__(self, address: str, name: str, ready: threading.Barrier) -> None:
        self._given = address, name, ready
        self.error = ""
        self.thread = threading.Thread(target=self._go)
        self.thread.start()

    def _go(self) -> None:
        address, name, ready = self._given
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
            context = browser.new_context()
            context.add_cookies([{"name": COOKIE, "value": name, "url": address}])
            page = context.new_page()
            page.set_default_timeout(PATIENCE_S * 1000)
            page.goto(f"{address}/train")
            start = page.get_by_role("button", name="Start training", exact=True).or_(
                page.get_by_role("button", name="Add to the queue", exact=True))
            start.wait_for()
            ready.wait(PATIENCE_S)
            start.click()
            page.locator(".progress .headline").wait_for()
            self.place = page.locator(".progress .headline").inner_text()
            browser.close()


def all_ended(workspace: Workspace) -> list[Listed]:
    """Wait until all runs are there and have ended, and return them by their number."""
    until = time.monotonic() + PATIENCE_S
    while True:
        runs = sorted(listed(workspace), key=lambda run: run.number)
        if len(runs) == PEOPLE and not any(run.status.state.active for run in runs):
            return runs
        assert time.monotonic() < until, [(run.number, run.status.state) for run in runs]
        time.sleep(0.5)


def main() -> None:
    """Let them all press Start, and print what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.open(Path(folder) / "workspace")
        dataset = take_in_sample("digits", workspace, lambda *_told: None)
        names = [secrets.token_hex(16) for _each in range(PEOPLE)]
        for seed, name in enumerate(names):
            recipe = Recipe(epochs=3, seed=seed)
            drafts.save(workspace, name, Draft(dataset.id, dataset.title, recipe=recipe))
        with Server(workspace.root) as server:
            ready = threading.Barrier(PEOPLE)
            people = [Person(server.address, name, ready) for name in names]
            for person in people:
                person.thread.join()
            runs = all_ended(workspace)
    begun = [run.status.started or 0.0 for run in runs]
    figures = {
        "runs": len(runs), "people": len({run.by for run in runs}),
        "finished": sum(run.status.state is State.FINISHED for run in runs),
        "in_order": begun == sorted(begun), "numbers": [run.number for run in runs],
        "places_seen": sorted(person.place for person in people),
    }
    json.dump(figures, sys.stdout)
    print()


if __name__ == "__main__":
    main()
