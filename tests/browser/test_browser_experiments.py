"""Experiments: the plot fills in place, is saved as a picture and a table, and is begun by keyboard."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from browser_photos import HOSTILE, patterns
from browser_steps import ANSWER_MS, Visits, button, settled, visit
from PIL import Image
from playwright.sync_api import expect

from core.data.dataset import Dataset
from core.data.intake import take_in
from core.drafts import Draft
from core.experiments import design, steering
from core.experiments.design import Design, Planned
from core.experiments.experiment import Experiment
from core.runs.folder import RunFolder
from core.runs.status import State
from core.training.plan import Plan
from core.workspace import Workspace
from tests.pages.faked_experiments import ended, faked
from tests.serving import Server

pytestmark = pytest.mark.browser
DARK_PAGE = (18, 24, 30)
MARK = """(node) => {
  window.thawMarked = node.querySelector(".main-svg");
  window.thawBlank = 0;
  const look = () => {
    window.thawBlank += !node.querySelector(".main-svg");
    requestAnimationFrame(look);
  };
  look();
}"""
KEPT = "(node) => node.querySelector('.main-svg') === window.thawMarked && window.thawBlank === 0"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of this file's own: what a failed test leaves behind goes on for ever."""
    with Server(tmp_path_factory.mktemp("experiments") / "workspace") as running:
        yield running


@pytest.fixture(scope="module")
def small(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    photos = patterns(tmp_path_factory.mktemp("photos") / "*my* <i>photos<i>", HOSTILE[:2], 16)
    return take_in(photos, Workspace.open(server.workspace))


@pytest.fixture
def draft(small: Dataset) -> Draft:
    return Draft(dataset=small.id, dataset_title=small.title, model_seen=True)


@pytest.fixture
def seeds(small: Dataset) -> Design:
    return design.seeds(Plan(small.id, small.title, "efficientnet-lite0"), small, seeds=3)


def rising(planned: Planned) -> float:
    return 0.7 + planned.seed / 20


def forget(server: Server, made: Experiment) -> None:
    workspace = Workspace.open(server.workspace)
    for member in made.members:
        ended(RunFolder.open(workspace, member.run), 0.5)
    steering.delete(workspace, made.id)


def test_the_plot_fills_in_place_as_runs_end_and_a_page_left_finds_it_again(
    server: Server, visits: Visits, draft: Draft, seeds: Design
) -> None:
    workspace, first = Workspace.open(server.workspace), seeds.members[0]
    made = faked(workspace, seeds, lambda each: 0.8 if each == first else State.PAUSED)
    page = visits.open(server, "/experiments", draft)
    bar = page.locator(".progress .headline").first
    expect(bar).to_have_text("1 of 3 runs done", timeout=ANSWER_MS)
    expect(page.locator(".thaw-chart-card .main-svg").first).to_be_visible(timeout=ANSWER_MS)
    shown = page.locator(".thaw-chart-card .plot").first
    dots = shown.locator(".scatterlayer .trace").first.locator(".point")
    expect(dots).to_have_count(1)
    shown.evaluate(MARK)
    ended(RunFolder.open(workspace, made.members[1].run), 0.9)
    expect(bar).to_have_text("2 of 3 runs done", timeout=ANSWER_MS)
    expect(dots).to_have_count(2)
    assert shown.evaluate(KEPT)
    visit(page, server, "/data")
    visit(page, server, "/experiments")
    expect(bar).to_have_text("2 of 3 runs done", timeout=ANSWER_MS)
    ended(RunFolder.open(workspace, made.members[2].run), 0.9)
    expect(page.get_by_text("In short.")).to_be_visible(timeout=ANSWER_MS)
    expect(bar).to_have_count(0)
    expect(button(page, "Begin this experiment")).to_be_visible(timeout=ANSWER_MS)
    forget(server, made)


def test_the_plot_is_saved_light_from_a_dark_page_and_the_table_as_csv(
    server: Server, visits: Visits, draft: Draft, seeds: Design, tmp_path: Path
) -> None:
    made = faked(Workspace.open(server.workspace), seeds, rising)
    page = visits.open(server, "/experiments", draft, color_scheme="dark")
    save = button(page, "Save as PNG")
    expect(save).to_be_enabled(timeout=ANSWER_MS)
    save.focus()
    with page.expect_download() as picture:
        page.keyboard.press("Enter")
    assert picture.value.suggested_filename == "thaw-seeds-my-i-photos-i.png"
    picture.value.save_as(tmp_path / "picture.png")
    image = Image.open(io.BytesIO((tmp_path / "picture.png").read_bytes())).convert("RGB")
    assert image.width == 2000
    colours = {colour for _count, colour in image.getcolors(image.width * image.height) or []}
    assert image.getpixel((5, 5)) == (255, 255, 255)
    assert DARK_PAGE not in colours
    expect(page.get_by_text("The picture is in your downloads.")).to_be_visible()
    with page.expect_download() as table:
        button(page, "Save as CSV").click()
    assert table.value.suggested_filename == "thaw-seeds-my-i-photos-i.csv"
    table.value.save_as(tmp_path / "table.csv")
    assert "0.700000 0.750000 0.800000" in (tmp_path / "table.csv").read_text(encoding="utf-8-sig")
    forget(server, made)


def test_an_experiment_is_chosen_and_its_repeats_set_by_keyboard(
    server: Server, visits: Visits, draft: Draft
) -> None:
    page = visits.open(server, "/experiments", draft)
    cards = page.get_by_role("radio")
    expect(cards.first).to_be_visible(timeout=ANSWER_MS)
    settled(page)
    page.get_by_role("radio", name="How many photos").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Luck of the start")).to_have_attribute(
        "aria-checked", "true", timeout=ANSWER_MS)
    expect(page.get_by_text("5 runs", exact=True)).to_be_visible(timeout=ANSWER_MS)
    begin = button(page, "Begin this experiment")
    expect(begin).to_be_visible(timeout=ANSWER_MS)
    assert begin.evaluate("(node) => node.tabIndex") == 0


def test_without_the_chart_library_the_figures_are_still_there(
    server: Server, visits: Visits, draft: Draft, seeds: Design
) -> None:
    made = faked(Workspace.open(server.workspace), replace(seeds, title="Seeds"), rising)
    context = visits.browser(server, draft)
    context.route("**/plotly.min.js*", lambda route: route.fulfill(body="", content_type="text/javascript"))
    page = context.new_page()
    visit(page, server, "/experiments")
    expect(page.get_by_text("The chart cannot be drawn")).to_be_visible(timeout=ANSWER_MS)
    expect(page.get_by_role("table", name="The figures of this experiment")).to_be_visible()
    forget(server, made)
