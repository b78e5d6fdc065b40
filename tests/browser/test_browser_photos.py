"""Bringing photos in from the browser: a whole folder, a zip, and a zip that is none."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser_photos import HOSTILE, patterns, zipped
from browser_steps import (
    ANSWER_MS,
    PATIENCE_MS,
    Figures,
    Visits,
    button,
    settled,
    unfold,
    visit,
    wait_until,
)
from playwright.sync_api import Browser, Page, Route, expect

from tests.serving import Server

pytestmark = pytest.mark.browser
FILES = 1200
BROKEN, TWICE, PASSED_OVER = 7, 5, 3
# What a name would turn into if a page took it for Markdown or HTML.
BUILT_BY_NAMES = (
    "b:text-is('bold')", "strong:has-text('stars')", "em:text-is('my')", "i:has-text('photos')",
    "img[src*='example.com']", "img[src*='e.com']", "a[href*='x.com']", "a[href*='example.com']",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,200 files: photos in four classes, some broken, some twice, some of an operating system."""
    extra = BROKEN + TWICE + PASSED_OVER
    whole = patterns(
        tmp_path_factory.mktemp("own") / "*my* <i>photos<i>", HOSTILE, (FILES - extra) // 4 + 1, edge=24
    )
    first = whole / HOSTILE[0]
    for number in range(BROKEN):
        (first / f"![x](https:example.com) {number}.jpg").write_bytes(b"no photo" + bytes([number]))
    for number in range(TWICE):
        (first / f"twice {number}.jpg").write_bytes((first / f"{number:04}.jpg").read_bytes())
    for number in range(PASSED_OVER):
        (whole / HOSTILE[number] / "Thumbs.db").write_bytes(b"left behind")
    spare = len(_files(whole)) - FILES
    for number in range(spare):
        (whole / HOSTILE[3] / f"{number:04}.jpg").unlink()
    assert len(_files(whole)) == FILES
    return whole


def test_a_folder_of_1200_files_arrives_complete_whatever_its_names(
    server: Server, visits: Visits, folder: Path, figures: Figures
) -> None:
    page = visits.open(server, "/data")
    chosen = time.perf_counter()
    page.locator(".pick-folder").set_input_files(folder)
    expect(button(page, "Continue to Model")).to_be_visible(timeout=PATIENCE_MS)
    figures["1,200 files, from choosing to the dataset on the page, s"] = round(
        time.perf_counter() - chosen, 2)
    figures["1,200 files, their transfer alone, s"] = _transfer_seconds(page)
    settled(page)

    made = _newest_dataset(server)
    counts = {part: len(made[part]) for part in ("items", "refused", "duplicates", "ignored")}
    assert counts == {
        "items": FILES - BROKEN - TWICE - PASSED_OVER, "refused": BROKEN, "duplicates": TWICE,
        "ignored": PASSED_OVER,
    }
    assert sorted(made["classes"]) == sorted(HOSTILE)
    assert list((server.workspace / "incoming").iterdir()) == []

    for name in HOSTILE:
        pill = page.locator("[data-testid=stButtonGroup]").get_by_text(name, exact=True)
        expect(pill).to_be_visible()
    labels = page.locator(".js-plotly-plot .ytick text")
    expect(labels).to_have_count(len(HOSTILE), timeout=ANSWER_MS)
    assert sorted(labels.all_text_contents()) == sorted(HOSTILE)
    expect(page.get_by_text("“*my* <i>photos<i>”")).to_be_visible()
    unfold(page, "Files that cannot be used (7)")
    unfold(page, "Choose other photos")
    page.get_by_role("tab", name="Earlier ones").click()
    earlier = page.get_by_role("tabpanel", name="Earlier ones").get_by_role("combobox")
    expect(earlier).to_have_value(re.compile(r"^\*my\* <i>photos<i> · 1,185 photos · "))
    settled(page)
    assert _built_by_names(page) == []


def test_a_folder_without_sub_folders_is_no_class(
    server: Server, visits: Visits, folder: Path
) -> None:
    page = visits.open(server, "/data")
    page.locator(".pick-folder").set_input_files(folder / HOSTILE[0])
    told = page.locator("[data-testid=stMain] [data-testid=stAlert]")
    expect(told).to_contain_text("The images are in no class folders.", timeout=PATIENCE_MS)
    assert _built_by_names(page) == []


def test_a_class_with_a_hostile_name_is_chosen_by_its_pill(
    server: Server, visits: Visits, folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder / HOSTILE[0], tmp_path / "one class" / HOSTILE[0])
    page = visits.open(server, "/data")
    page.locator(".pick-folder").set_input_files(tmp_path / "one class")
    # One class alone is no dataset to train on: the page says so, and shows what it has all the same.
    expect(page.get_by_text("Fewer than two classes")).to_be_visible(timeout=PATIENCE_MS)
    expect(button(page, "Continue to Model")).to_have_count(0)
    page.locator("[data-testid=stButtonGroup]").get_by_text(HOSTILE[0], exact=True).click()
    settled(page)
    expect(page.locator(".thaw-thumbs img").first).to_have_attribute("alt", HOSTILE[0])
    assert _built_by_names(page) == []


def test_a_zip_is_taken_in(server: Server, visits: Visits, tmp_path: Path) -> None:
    pack = zipped(patterns(tmp_path / "striped things", ("wide", "narrow"), 20))
    page = visits.open(server, "/data")
    page.locator(".pick-zip").set_input_files(pack)
    expect(button(page, "Continue to Model")).to_be_visible(timeout=PATIENCE_MS)
    made = _newest_dataset(server)
    assert made["classes"] == ["narrow", "wide"]
    assert len(made["items"]) == 40
    assert list((server.workspace / "incoming").iterdir()) == []


def test_a_broken_zip_is_refused_with_a_reason_and_leaves_nothing(
    server: Server, visits: Visits, tmp_path: Path
) -> None:
    datasets = server.workspace / "datasets"
    before = set(datasets.iterdir())
    whole = zipped(patterns(tmp_path / "cut off", ("wide", "narrow"), 20))
    broken = tmp_path / "broken.zip"
    broken.write_bytes(whole.read_bytes()[:-400])
    page = visits.open(server, "/data")
    page.locator(".pick-zip").set_input_files(broken)
    told = page.locator("[data-testid=stAlert]")
    expect(told).to_contain_text("zip", ignore_case=True, timeout=PATIENCE_MS)
    wait_until(page, lambda: not list((server.workspace / "incoming").iterdir()), "it is removed")
    assert set(datasets.iterdir()) == before
    # The way in is open again, for a better one.
    page.locator(".pick-zip").set_input_files(whole)
    expect(button(page, "Continue to Model")).to_be_visible(timeout=PATIENCE_MS)


def test_photos_are_taken_in_while_the_person_is_on_another_page_and_after_a_reload(
    server: Server, visits: Visits, tmp_path: Path
) -> None:
    own = patterns(tmp_path / "while away", ("wide", "narrow"), 150, edge=200)
    page = visits.open(server, "/data")
    page.locator(".pick-folder").set_input_files(own)
    wait_until(page, lambda: page.locator(".upload").count() == 0, "the intake begins", every_ms=20)
    page.reload()
    expect(button(page, "Continue to Model")).to_be_visible(timeout=PATIENCE_MS)
    assert len(_newest_dataset(server)["items"]) == 300


@pytest.fixture
def unwatched(chrome: Browser, server: Server) -> Iterator[Page]:
    """A browser whose connection a test may break, which the watch over consoles would take amiss."""
    context = chrome.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(ANSWER_MS)
    page = context.new_page()
    visit(page, server, "/data")
    yield page
    context.close()


def test_what_is_lost_on_the_way_is_sent_again(server: Server, unwatched: Page, tmp_path: Path) -> None:
    lost: list[str] = []

    def lose(route: Route) -> None:
        if route.request.method == "PUT" and len(lost) < 2:
            lost.append(route.request.url)
            route.abort("connectionreset")
        else:
            route.continue_()

    unwatched.route("**/thaw/upload/*", lose)
    unwatched.locator(".pick-folder").set_input_files(patterns(tmp_path / "lost", ("wide", "narrow"), 30))
    expect(button(unwatched, "Continue to Model")).to_be_visible(timeout=PATIENCE_MS)
    assert len(lost) == 2
    assert len(_newest_dataset(server)["items"]) == 60


def test_a_short_count_is_an_error_and_never_a_smaller_dataset(
    server: Server, unwatched: Page, tmp_path: Path
) -> None:
    before = set((server.workspace / "datasets").iterdir())

    def swallow(route: Route) -> None:
        if route.request.method == "PUT":
            route.fulfill(status=204)  # the browser believes that it has arrived
        else:
            route.continue_()

    unwatched.route("**/thaw/upload/*", swallow)
    unwatched.locator(".pick-folder").set_input_files(patterns(tmp_path / "short", ("wide", "narrow"), 35))
    told = unwatched.locator(".upload [data-text=title]")
    expect(told).to_contain_text("0 of 70 files arrived", timeout=PATIENCE_MS)
    assert set((server.workspace / "datasets").iterdir()) == before

    unwatched.unroute("**/thaw/upload/*")
    button(unwatched, "Try again").click()
    expect(button(unwatched, "Continue to Model")).to_be_visible(timeout=PATIENCE_MS)
    assert len(_newest_dataset(server)["items"]) == 70


def _files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


def _newest_dataset(server: Server) -> dict[str, Any]:
    newest = max((server.workspace / "datasets").glob("*/dataset.json"), key=_age)
    found: dict[str, Any] = json.loads(newest.read_text(encoding="utf-8"))
    return found


def _age(path: Path) -> int:
    return path.stat().st_mtime_ns


def _built_by_names(page: Page) -> list[str]:
    return [each for each in BUILT_BY_NAMES if page.locator(each).count()]


def _transfer_seconds(page: Page) -> float:
    milliseconds = page.evaluate("""() => {
      const all = performance.getEntriesByType("resource");
      const sent = all.filter((one) => one.name.includes("/thaw/upload"));
      const ends = sent.map((one) => one.startTime + one.duration);
      return Math.max(...ends) - Math.min(...sent.map((one) => one.startTime));
    }""")
    return round(float(milliseconds) / 1000, 2)
