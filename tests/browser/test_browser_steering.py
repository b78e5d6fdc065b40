"""Several people at one server: pause, resume, who started what, and a server that dies or is ended."""

from __future__ import annotations

import csv
import signal
import time
from pathlib import Path

import pytest
from browser_photos import HOSTILE, patterns
from browser_runs import done, run_folders, status
from browser_steps import (
    ANSWER_MS,
    PATIENCE_MS,
    Figures,
    Visits,
    button,
    headline,
    settled,
    steps_line,
    visit,
    wait_until,
)
from playwright.sync_api import Page, expect

from core.data.intake import take_in
from core.drafts import Draft
from core.training.plan import Recipe
from core.workspace import Workspace
from tests.serving import Server

pytestmark = pytest.mark.browser
ADA = "Ada <b>*x*</b>"


@pytest.fixture
def draft(own_server: Server, tmp_path: Path) -> Draft:
    photos = take_in(patterns(tmp_path / "photos", HOSTILE[:3], 32), Workspace.open(own_server.workspace))
    # The textbook way, so that a training lasts.
    recipe = Recipe(epochs=300, batch_size=16)
    return Draft(dataset=photos.id, dataset_title=photos.title, recipe=recipe, cache=False)


def epochs(run: Path) -> list[tuple[str, str]]:
    """Return number and loss of the epochs that have ended."""
    path = run / "history.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as handle:
        return [(row["epoch"], row["loss"]) for row in csv.DictReader(handle)]


def state(run: Path) -> str:
    return str(status(run)["state"])


def timed(page: Page, met: str, run: Path) -> float:
    """Return the seconds until a run's state is the one that is waited for."""
    began = time.perf_counter()
    wait_until(page, lambda: state(run) == met, f"the run is {met}", every_ms=20)
    return round(time.perf_counter() - began, 2)


def call_oneself(page: Page, name: str) -> None:
    """Say one's name in the sidebar."""
    page.get_by_role("button", name="Say your name").click()
    page.get_by_role("textbox", name="Your name").fill(name)
    page.get_by_role("textbox", name="Your name").press("Enter")
    expect(page.get_by_test_id("stSidebar").get_by_text(name, exact=True)).to_be_visible(timeout=ANSWER_MS)
    settled(page)


def test_people_share_a_server_and_nothing_is_lost_when_it_dies(
    own_server: Server, visits: Visits, draft: Draft, figures: Figures
) -> None:
    visits.server_goes = True
    with own_server:
        ada, bob = (visits.open(own_server, "/train", draft) for _each in range(2))
        call_oneself(ada, ADA)
        for number, page in enumerate((ada, bob), start=1):
            # What Bob has set up stays, though Ada's run is there by now.
            button(page, "Start training").or_(button(page, "Add to the queue")).click()
            wait_until(page, lambda n=number: len(run_folders(own_server.workspace)) == n, "the run is there")
        first, second = run_folders(own_server.workspace)
        expect(headline(bob)).to_have_text("Waiting, number 1 in the queue", timeout=ANSWER_MS)
        assert state(second) == "queued"
        button(bob, "Leave the queue").click()
        timed(bob, "stopped", second)

        visit(bob, own_server, "/train")
        _look_at(bob, "Run 1")
        expect(bob.get_by_text(f"Started by {ADA}.", exact=True)).to_be_visible(timeout=ANSWER_MS)
        expect(steps_line(bob)).to_contain_text("step", timeout=PATIENCE_MS)
        button(bob, "Stop training").click()
        asked = bob.get_by_role("dialog")
        expect(asked).to_contain_text(f"Stop a run that {ADA} started?", timeout=ANSWER_MS)
        button(bob, "Leave it as it is").click()
        expect(bob.get_by_role("dialog")).to_have_count(0, timeout=ANSWER_MS)
        assert state(first) == "training"

        button(ada, "Pause").click()
        figures["Pause to paused on disk, s"] = timed(ada, "paused", first)
        for page in (ada, bob):
            expect(headline(page)).to_contain_text("Paused", timeout=ANSWER_MS)
        button(bob, "Resume").click()
        before = done(first)
        wait_until(bob, lambda: state(first) == "training" and done(first) > before, "it goes on")
        expect(headline(ada)).to_contain_text("Epoch", timeout=ANSWER_MS)
        wait_until(bob, lambda: len(epochs(first)) >= 2, "epochs have ended")
        own_server.process.kill()
        own_server.process.wait()
    left = epochs(first)
    with own_server:
        visit(ada, own_server, "/")
        expect(ada.get_by_text("was interrupted.")).to_be_visible(timeout=ANSWER_MS)
        assert state(first) == "interrupted"
        button(ada, "Resume Run 1").click()
        wait_until(ada, lambda: len(epochs(first)) > len(left), "it goes on after the server's death")
        assert epochs(first)[: len(left)] == left
        visit(bob, own_server, "/workspace")
        expect(bob.get_by_text(f"started by {ADA}").first).to_be_visible(timeout=ANSWER_MS)
        began = time.perf_counter()
        own_server.process.send_signal(signal.SIGTERM)
        own_server.process.wait(60)
        figures["SIGTERM to the server's end while it trains, s"] = round(time.perf_counter() - began, 2)
    assert state(first) == "interrupted"
    assert status(first)["error"] is None, "it has left by itself"
    for page in (ada, bob):
        page.context.close()


def _look_at(page: Page, title: str) -> None:
    box = page.get_by_label("Run", exact=True)
    settled(page)
    box.click()
    page.get_by_role("option").filter(has_text=title).first.click()
    settled(page)
