"""Every page on a phone's width, in the dark."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser_steps import ANSWER_MS, Visits, button, settled, visit
from playwright.sync_api import Page, expect

from core.data.dataset import Dataset
from core.drafts import Draft
from core.training.plan import Recipe
from tests.serving import Server

pytestmark = pytest.mark.browser
PAGES = {"/": None, "/data": "Photos by class", "/model": "What may learn", "/train": "Accuracy",
         "/evaluate": "What it mixes up", "/predict": "Use it elsewhere", "/compare": "Test accuracy",
         "/experiments": "How many photos", "/workspace": "Photos"}
TOO_WIDE = """() => {
  const main = document.querySelector("[data-testid=stMain]");
  const found = [];
  if (document.scrollingElement.scrollWidth > innerWidth) found.push("the document");
  if (main.scrollWidth > main.clientWidth) found.push("the page");
  return found;
}"""
DARK = "(app) => getComputedStyle(app).backgroundColor"


def test_no_page_is_wider_than_a_phone_and_all_are_dark(
    server: Server, visits: Visits, small: Dataset, finished: Path
) -> None:
    context = visits.browser(
        server, Draft(dataset=small.id, dataset_title=small.title, run=finished.name, model_seen=True),
        viewport={"width": 420, "height": 860}, color_scheme="dark",
    )
    page = context.new_page()
    too_wide = {}
    for path, wanted in PAGES.items():
        visit(page, server, path)
        if wanted:
            expect(page.get_by_text(wanted, exact=True).first).to_be_visible(timeout=ANSWER_MS)
        _drawn(page)
        title = page.get_by_role("heading", level=1).bounding_box()
        assert title is not None
        assert title["x"] >= 0
        assert title["x"] + title["width"] <= 420
        assert page.locator("[data-testid=stApp]").evaluate(DARK) == "rgb(18, 24, 30)"
        too_wide[path] = page.evaluate(TOO_WIDE)
    assert not any(too_wide.values()), too_wide


def test_what_each_number_of_views_costs_fits_a_phone(
    server: Server, visits: Visits, small: Dataset
) -> None:
    draft = Draft(dataset=small.id, dataset_title=small.title, recipe=Recipe(augment="light"))
    page = visits.browser(server, draft, viewport={"width": 420, "height": 860}).new_page()
    visit(page, server, "/train")
    table = page.get_by_role("table", name="What each number of views costs the frozen part")
    expect(table).to_be_visible(timeout=ANSWER_MS)
    page.get_by_text("Reuse of the frozen part", exact=True).click()
    expect(button(page, "Remove what is kept")).to_be_visible(timeout=ANSWER_MS)
    settled(page)
    assert page.evaluate(TOO_WIDE) == []
    assert table.evaluate("(table) => table.scrollWidth <= table.parentElement.clientWidth")


def _drawn(page: Page) -> None:
    """Wait for the charts of a page: they are what could be too wide."""
    settled(page)
    for chart in page.locator("[data-testid=stPlotlyChart], .thaw-curves .plot").all():
        expect(chart.locator(".main-svg").first).to_be_visible(timeout=ANSWER_MS)


def test_what_is_drawn_in_fixed_colours_follows_when_the_page_turns_dark(
    server: Server, visits: Visits, small: Dataset
) -> None:
    page = visits.open(server, "/data", Draft(dataset=small.id, dataset_title=small.title))
    label = page.locator(".js-plotly-plot .xtick text").first
    expect(label).to_be_visible(timeout=ANSWER_MS)
    light = label.evaluate("(text) => getComputedStyle(text).fill")
    page.emulate_media(color_scheme="dark")
    expect(label).not_to_have_css("fill", light, timeout=ANSWER_MS)
    assert page.locator("[data-testid=stApp]").evaluate(DARK) == "rgb(18, 24, 30)"
    page.emulate_media(color_scheme="light")
    expect(label).to_have_css("fill", light, timeout=ANSWER_MS)
    top = page.get_by_role("heading", level=1).bounding_box()
    assert top is not None
    assert top["y"] < 100, "what watches the theme takes no room"
