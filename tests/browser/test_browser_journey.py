"""From a cold start to a model: three clicks with a sample, and the whole way with own photos."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from browser_photos import patterns, zipped
from browser_runs import run_folders, status
from browser_steps import (
    ANSWER_MS,
    PATIENCE_MS,
    Figures,
    Visits,
    button,
    headline,
    picture,
    settled,
    start_training,
    visit,
    wait_until,
)
from playwright.sync_api import Page, expect

from tests.serving import Server

pytestmark = pytest.mark.browser
PICTURED = bool(os.environ.get("THAW_SCREENSHOTS"))
COUNT_CLICKS = """() => {
  window.clicksMade = 0;
  addEventListener("click", (event) => { if (event.isTrusted) window.clicksMade += 1; }, true);
}"""


def test_three_clicks_lead_from_a_cold_start_to_a_trained_model(
    tmp_path: Path, visits: Visits, figures: Figures
) -> None:
    began = time.perf_counter()
    with Server(tmp_path / "workspace") as server:
        page = visits.browser(server).new_page()
        page.goto(server.address, wait_until="commit")
        expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=ANSWER_MS)
        figures["first page after the server's start, s"] = round(time.perf_counter() - began, 2)
        page.evaluate(COUNT_CLICKS)

        button(page, "Use the sample").click()
        button(page, "Skip to Train").click(timeout=PATIENCE_MS)
        clicked = time.perf_counter()
        button(page, "Start training").click()

        expect(headline(page)).to_have_text("Looking at each photo once", timeout=PATIENCE_MS)
        figures["first photos after Start training, s"] = round(time.perf_counter() - clicked, 2)
        expect(headline(page)).to_have_text("Finished after epoch 10 of 10", timeout=PATIENCE_MS)
        figures["trained model after Start training, digits, s"] = round(time.perf_counter() - clicked, 2)
        assert page.evaluate("() => window.clicksMade") == 3
        (run,) = run_folders(server.workspace)
        expect(page.locator(".thaw-curves [data-chart=loss] .js-line").first).to_be_attached(
            timeout=ANSWER_MS)

        assert status(run)["state"] == "finished"
        assert (run / "model.keras").stat().st_size > 10_000_000
        expect(button(page, "See how well it does")).to_be_visible()
        visits.close()


def test_the_whole_journey_with_own_photos(
    tmp_path: Path, server: Server, visits: Visits
) -> None:
    page = visits.open(server)
    picture(page, "start")
    _bring_photos(page, tmp_path)
    expect(button(page, "Continue to Model")).to_be_visible(timeout=PATIENCE_MS)
    settled(page)
    picture(page, "data")

    button(page, "Continue to Model").click()
    top = page.locator("[data-block=top]")
    top.click()
    expect(top).to_have_attribute("aria-checked", "true")
    settled(page)
    expect(page.get_by_text("What this will take")).to_be_visible()
    picture(page, "model")

    button(page, "Continue to Train").click()
    epochs = page.get_by_role("spinbutton", name="Epochs")
    epochs.fill("8" if PICTURED else "2")
    epochs.press("Enter")
    settled(page)
    run = start_training(page, server)
    assert json.loads((run / "plan.json").read_text())["trainable"] == ["top"]
    if PICTURED:
        expect(headline(page)).to_contain_text("Epoch 5", timeout=10 * PATIENCE_MS)
        picture(page, "train")
    wait_until(page, lambda: status(run)["state"] == "finished", "the run ends", 10 * PATIENCE_MS)
    planned = "8" if PICTURED else "2"
    expect(headline(page)).to_have_text(f"Finished after epoch {planned} of {planned}")
    assert len((run / "history.csv").read_text().splitlines()) == 1 + int(planned)

    button(page, "See how well it does").click()
    expect(page.get_by_text("Right on the first guess")).to_be_visible(timeout=ANSWER_MS)
    expect(page.get_by_text("test photos").first).to_be_visible()
    expect(page.locator(".matrix .cell.filled").first).to_be_visible()
    picture(page, "evaluate")

    button(page, "Try it on new photos").click()
    uploader = page.locator("[data-testid=stFileUploader] input[type=file]")
    uploader.set_input_files(_some_photos(server, run))
    expect(page.locator("[data-testid=stDataFrame]")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator(".thaw-bars")).to_have_count(1)
    picture(page, "predict")


def _bring_photos(page: Page, tmp_path: Path) -> None:
    if PICTURED:  # a picture for people: real photos, with names that mean something
        page.get_by_role("button", name="Use the").last.click()
        return
    button(page, "Choose photos").click()
    expect(button(page, "Choose a zip")).to_be_visible(timeout=ANSWER_MS)
    pack = zipped(patterns(tmp_path / "stripes", ("wide", "narrow"), 40))
    page.locator(".pick-zip").set_input_files(pack)


def _some_photos(server: Server, run: Path) -> list[Path]:
    plan = json.loads((run / "plan.json").read_text())
    folder = server.workspace / "datasets" / plan["dataset"]
    rows = json.loads((folder / "dataset.json").read_text())["items"]
    test = [folder / row[0] for row in rows if row[3] == "test"]
    return [test[0], test[-1]]


def test_a_page_that_is_not_open_yet_says_what_is_missing(tmp_path: Path, visits: Visits) -> None:
    with Server(tmp_path / "workspace") as server:
        page = visits.open(server, "/evaluate")
        expect(page.get_by_text("Choose photos first.")).to_be_visible()
        visit(page, server, "/model")
        button(page, "Go to Data").click()
        expect(page.get_by_role("heading", level=1, name="Data")).to_be_visible()
        visits.close()
