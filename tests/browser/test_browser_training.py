"""A training as it is watched: curves, refresh, other tabs, no tab at all, a queue."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from browser_runs import active_runs, done, status
from browser_steps import (
    ANSWER_MS,
    PATIENCE_MS,
    Figures,
    Visits,
    button,
    go,
    headline,
    settled,
    start_training,
    steps_line,
    stop_training,
    visit,
    wait_until,
)
from playwright.sync_api import Page, expect

from core.data.dataset import Dataset
from core.drafts import Draft
from core.training.plan import Recipe
from tests.serving import ROOT, Server

pytestmark = pytest.mark.browser
PROBE = ROOT / "tests" / "pages" / "ui" / "curves_probe.js"
PLOT = ".thaw-curves [data-chart=accuracy] .plot"
RANGES = "(plot) => [plot._fullLayout.xaxis.range, plot._fullLayout.yaxis.range]"
POINTS = "(plot) => plot.data[0].x.length"
OPENED = 12
LATE_MS = 1_000
# What a page asks for every second comes when the test says so, and says that the page is to be drawn anew.
HOLD_LIVE = """() => {
  const real = window.fetch;
  window.fetch = (address, ...more) => !String(address).includes("live.json") ? real(address, ...more)
    : new Promise((give) => {
        window.letGo = async () => {
          const fresh = await (await real(address, ...more)).json();
          give({ ok: true, json: () => ({ ...fresh, turn: "another" }) });
        };
      });
}"""
# NOTE: Streamlit sends what a component asks for a moment later, so what is pressed now is sent before it.
LET_GO_AND_LEAVE = """async () => {
  await window.letGo();
  for (let turn = 0; turn < 20; turn += 1) await null;
  document.querySelector("[data-testid=stSidebarNavLink][href$='/data']").click();
}"""
LONG = Recipe(epochs=200, batch_size=16)


def test_the_curves_never_blank_and_keep_the_zoom(
    server: Server, visits: Visits, small: Dataset, figures: Figures
) -> None:
    page, run = _training(server, visits, small)
    plot = page.locator(PLOT)
    expect(plot.locator(".js-line").first).to_be_attached(timeout=ANSWER_MS)
    wait_until(page, lambda: plot.evaluate(POINTS) >= 4, "there are a few points")
    before = plot.evaluate(RANGES)
    page.evaluate(PROBE.read_text(encoding="utf-8"))
    _drag(page, plot.locator(".nsewdrag").first.bounding_box())
    wait_until(page, lambda: plot.evaluate(RANGES) != before, "the drag zooms")
    zoomed = plot.evaluate(RANGES)
    assert _width(zoomed[0]) < _width(before[0])
    assert _width(zoomed[1]) < _width(before[1])

    seen = {plot.evaluate(POINTS)}
    began = time.perf_counter()

    def ticked() -> bool:
        seen.add(plot.evaluate(POINTS))
        return len(seen) > 4

    wait_until(page, ticked, "four ticks have brought new points")
    probe = page.evaluate("() => { window.curvesProbe.stop = true; return window.curvesProbe; }")
    figures["curves: frames watched, seconds, longest frame in ms"] = [
        probe["frames"], round(time.perf_counter() - began, 1), round(probe["longest"])]
    assert probe["frames"] > 10
    assert (probe["blank"], probe["replaced"]) == (0, 0)
    assert plot.evaluate(RANGES) == zoomed

    plot.locator(".nsewdrag").first.dblclick()
    wait_until(page, lambda: _width(plot.evaluate(RANGES)[0]) == _width(before[0]), "the zoom is undone")
    figures["Stop training to stopped on disk, 16 photos a step, s"] = round(stop_training(page, run), 2)
    expect(headline(page)).to_contain_text("Stopped", timeout=ANSWER_MS)


def test_a_run_goes_on_through_refresh_other_tabs_and_no_tab_at_all(
    server: Server, visits: Visits, small: Dataset, figures: Figures
) -> None:
    page, run = _training(server, visits, small)
    _step_moves(page, run)
    page.reload()
    expect(steps_line(page)).to_contain_text("step", timeout=ANSWER_MS)
    expect(page.locator(f"{PLOT} .js-line").first).to_be_attached(timeout=ANSWER_MS)

    second = page.context.new_page()
    visit(second, server, "/data")
    strip = second.locator(".strip")
    expect(strip.locator(".title")).to_contain_text("is training", timeout=ANSWER_MS)
    figures["clicks while a run trains, s"] = _click_times(second)
    strip.locator(".open").click()
    expect(second.get_by_role("heading", level=1, name="Train")).to_be_visible(timeout=ANSWER_MS)
    expect(steps_line(second)).to_contain_text("step", timeout=ANSWER_MS)
    expect(second.locator(".strip")).to_have_count(0)

    kept = page.context.storage_state()
    page.context.close()
    left_at = done(run)
    elsewhere = visits.browser(server).new_page()  # a browser that has nothing to do with it
    elsewhere.goto("about:blank")
    wait_until(elsewhere, lambda: done(run) > left_at, "the run goes on without a page")
    assert active_runs(server.workspace) == [run]

    for storage in (None, kept):  # whose run it is comes last: another would be asked before it is stopped
        again = visits.open(server, "/train", storage_state=storage)
        expect(steps_line(again)).to_contain_text("step", timeout=ANSWER_MS)
        expect(again.locator(f"{PLOT} .js-line").first).to_be_attached(timeout=ANSWER_MS)
    stop_training(again, run)
    assert (run / "model.keras").is_file()


def test_the_strip_leads_to_the_run_each_time(server: Server, visits: Visits, small: Dataset) -> None:
    page, run = _training(server, visits, small)
    for _each in range(OPENED):
        _open_by_strip(page)
        expect(page.locator(".progress")).to_have_count(1)
    stop_training(page, run)


def test_a_page_that_is_left_just_as_it_is_to_be_drawn_anew_does_not_empty_the_next(
    server: Server, visits: Visits, small: Dataset
) -> None:
    page, run = _training(server, visits, small)
    page.evaluate(HOLD_LIVE)
    page.wait_for_function("() => window.letGo")
    settled(page)
    page.evaluate(LET_GO_AND_LEAVE)
    heading = page.get_by_role("heading", level=1, name="Data", exact=True)
    expect(heading).to_be_visible(timeout=ANSWER_MS)
    page.wait_for_timeout(LATE_MS)
    expect(heading).to_be_visible()
    page.reload()
    _open_by_strip(page)
    stop_training(page, run)


def test_the_map_follows_a_run_from_stage_to_stage(server: Server, visits: Visits, small: Dataset) -> None:
    recipe = Recipe(epochs=200, batch_size=16, learning_rate=1e-4, method="lp-ft", stage_epochs=3)
    draft = Draft(
        dataset=small.id, dataset_title=small.title, recipe=recipe, trainable=("top",), cache=False)
    page = visits.open(server, "/train", draft)
    run = start_training(page, server)
    stage, tile = page.locator(".stage"), page.locator("[data-block=top]")
    expect(stage).to_contain_text("Stage 1 of 2: head only", timeout=PATIENCE_MS)
    expect(tile).to_have_attribute("aria-checked", "false")
    expect(tile).to_be_disabled()
    expect(stage).to_contain_text("Stage 2 of 2", timeout=PATIENCE_MS)
    expect(tile).to_have_attribute("aria-checked", "true", timeout=ANSWER_MS)
    # Three of two hundred epochs leave no room for two names: the newest stands.
    expect(page.locator(f"{PLOT} .annotation-text")).to_have_text(["+ chosen blocks"], timeout=ANSWER_MS)
    stop_training(page, run)
    expect(stage).to_have_count(0, timeout=ANSWER_MS)


def test_a_second_run_waits_its_turn_and_shows_its_place(
    server: Server, visits: Visits, small: Dataset
) -> None:
    page, first = _training(server, visits, small)
    second = start_training(page, server)
    expect(headline(page)).to_have_text("Waiting, number 1 in the queue", timeout=ANSWER_MS)
    third = start_training(page, server)
    expect(headline(page)).to_have_text("Waiting, number 2 in the queue", timeout=ANSWER_MS)
    assert [status(run)["state"] for run in (first, second, third)] == ["training", "queued", "queued"]

    button(page, "Leave the queue").click()
    expect(headline(page)).to_have_text("Stopped", timeout=ANSWER_MS)
    assert status(third)["state"] == "stopped"
    assert not (third / "model.keras").exists()

    _open_by_strip(page)
    stop_training(page, first)
    wait_until(page, lambda: status(second)["state"] == "training", "the next one begins by itself")
    _open_by_strip(page)
    stop_training(page, second)
    assert active_runs(server.workspace) == []


def _training(server: Server, visits: Visits, small: Dataset) -> tuple[Page, Path]:
    # The textbook way: on kept activations so few photos would be learned from before a test has looked.
    draft = Draft(dataset=small.id, dataset_title=small.title, recipe=LONG, cache=False)
    page = visits.open(server, "/train", draft)
    run = start_training(page, server)
    expect(steps_line(page)).to_contain_text("step", timeout=PATIENCE_MS)
    return page, run


def _step_moves(page: Page, run: Path) -> None:
    shown = []

    def further() -> bool:
        found = re.search(r"step (\d+) of (\d+)", steps_line(page).inner_text())
        if found:
            shown.append(int(found[1]))
        return len(set(shown)) >= 2

    wait_until(page, further, "the step on the page moves")
    # Epochs of so few photos follow each other within a tick: the steps begin again.
    assert done(run) >= (1, min(shown))


def _drag(page: Page, box: Any) -> None:
    left, top = box["x"] + 0.02 * box["width"], box["y"] + 0.15 * box["height"]
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(left + 0.5 * box["width"], top + 0.6 * box["height"], steps=6)
    page.mouse.up()


def _width(span: list[float]) -> float:
    return abs(span[1] - span[0])


def _open_by_strip(page: Page) -> None:
    go(page, "Data")
    page.locator(".strip .open").click()
    expect(page.get_by_role("heading", level=1, name="Train")).to_be_visible(timeout=ANSWER_MS)
    expect(button(page, "Stop training")).to_be_visible(timeout=ANSWER_MS)


def _click_times(page: Page) -> dict[str, float]:
    """Return how long pages take to be drawn after a click in the sidebar, while a run trains."""
    times = {}
    last = {"Model": "Continue to Train", "Data": "Continue to Model"}
    for name, wanted in last.items():
        began = time.perf_counter()
        page.get_by_role("link", name=name, exact=True).click()
        button(page, wanted).wait_for()
        times[name] = round(time.perf_counter() - began, 2)
    began = time.perf_counter()
    page.get_by_text("Shuffle", exact=True).click()
    settled(page)
    times["Shuffle"] = round(time.perf_counter() - began, 2)
    return times
