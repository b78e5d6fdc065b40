"""Runs compared in a browser: chosen by their boxes, sorted by a head, deleted and brought back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from browser_photos import HOSTILE
from browser_steps import ANSWER_MS, Visits, button, go, settled, visit, wait_until
from playwright.sync_api import Page, expect

from core.data.dataset import Dataset
from core.data.intake import take_in
from core.drafts import Draft
from core.insight.metrics import evaluate
from core.runs import steer
from core.runs.folder import RunFolder
from core.runs.status import State
from core.training.events import EpochRow
from core.training.plan import Plan
from core.workspace import Workspace
from tests.conftest import make_photos
from tests.serving import Server

pytestmark = pytest.mark.browser
# Of the table's canvas: where the boxes and the head of "Validation" lie, and how far rows are apart.
BOX_X, VALIDATION_X, HEAD_Y, ROW_PX = 18, 470, 18, 36
LINK = "![x](http://example.com/a.png)"


def _run(workspace: Workspace, dataset: Dataset, right: str, top: float, name: str = "") -> RunFolder:
    """Write a run as a training would have left it."""
    folder = steer.create(
        workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"), name=name, wait=False)
    folder.write_history([
        EpochRow(n, "fit", 1 / n, 0.5, 1 / n, top * n / 4, 1e-3, 2.0) for n in (1, 2, 3, 4)])
    said = [0 if sign == "+" else 1 for sign in right]
    rows = [f"images/{at:06}.png,0,{each},1,1\n" for at, each in enumerate(said)]
    (folder.path / "test.csv").write_text("image,is,said,confidence,probability_of_true\n" + "".join(rows))
    folder.write_report({"test": evaluate([0] * len(said), said, dataset.classes, 0).to_json()})
    folder.write_status(replace(folder.status(), state=State.FINISHED, started=10.0, ended=70.0))
    return folder


@pytest.fixture
def runs(own_server: Server, tmp_path: Path) -> Sequence[RunFolder]:
    """Three runs, the second with a name that is a link to a picture elsewhere."""
    workspace = Workspace.open(own_server.workspace)
    dataset = take_in(make_photos(tmp_path / HOSTILE[0].replace("/", "")), workspace)
    return [
        _run(workspace, dataset, "+" * 60 + "-" * 20, 0.7),
        _run(workspace, dataset, "+" * 75 + "-" * 5, 0.9, LINK),
        _run(workspace, dataset, "-" * 60 + "+" * 20, 0.4),
    ]


def _table(page: Page) -> dict[str, Any]:
    grid = page.locator("[data-testid=stDataFrame]")
    # While the page is drawn anew, the table as it was may stand beside the one that comes.
    expect(grid).to_have_count(1, timeout=ANSWER_MS)
    expect(grid.locator("canvas").first).to_be_visible(timeout=ANSWER_MS)
    grid.scroll_into_view_if_needed()
    box = grid.bounding_box()
    assert box is not None
    return dict(box)


def _press_box(page: Page, row: int) -> None:
    """Choose or leave out the run of a row, from 0, as the table is sorted now."""
    box = _table(page)
    page.mouse.click(box["x"] + BOX_X, box["y"] + HEAD_Y + ROW_PX * (row + 1))
    settled(page)


def _names(page: Page) -> list[str]:
    """Return the names at the ends of the accuracy curves."""
    return page.locator(".st-key-compare-accuracy .annotation-text").all_text_contents()


def _drawn(page: Page, names: list[str]) -> None:
    wait_until(page, lambda: sorted(_names(page)) == sorted(names), f"the curves are those of {names}")


def test_runs_are_chosen_sorted_searched_deleted_and_brought_back(
    own_server: Server, runs: Sequence[RunFolder], visits: Visits
) -> None:
    visits.server_goes = True
    with own_server as server:
        page = visits.open(server, "/compare", Draft())
        link = LINK[:13] + "…"
        _drawn(page, ["Run 3", link, "Run 1"])
        expect(page.get_by_text("3 test accuracies stand here.")).to_be_visible()

        # Rows come newest first: the first box is that of run 3.
        _press_box(page, 0)
        _drawn(page, [link, "Run 1"])
        expect(page.get_by_text("is right on 15 photos that Run 1 gets wrong")).to_be_visible(
            timeout=ANSWER_MS)

        # Sorted by validation, the worst first, the second box is that of run 1; chosen rows stay chosen.
        box = _table(page)
        page.mouse.click(box["x"] + VALIDATION_X, box["y"] + HEAD_Y)
        settled(page)
        assert sorted(_names(page)) == sorted([link, "Run 1"])
        _press_box(page, 1)
        _drawn(page, [link])
        _press_box(page, 1)
        _drawn(page, [link, "Run 1"])
        page.mouse.dblclick(box["x"] + 110, box["y"] + HEAD_Y + 3 * ROW_PX)  # opens the cell: the name
        settled(page)
        page.keyboard.press("Escape")

        # What is searched for makes another table, in which the chosen rows are still chosen.
        page.get_by_label("Search", exact=True).fill("run 1")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Chosen and not in the list just now: 1.")).to_be_visible(timeout=ANSWER_MS)
        _press_box(page, 0)
        _drawn(page, [link])
        page.get_by_label("Search", exact=True).fill("")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Chosen and not in the list just now")).to_have_count(0, timeout=ANSWER_MS)

        button(page, "Name or delete a run").click()
        button(page, "Delete this run").click()
        expect(button(page, "Undo")).to_be_visible(timeout=ANSWER_MS)
        assert not runs[1].path.exists()
        button(page, "Undo").click()
        _drawn(page, [link])
        assert runs[1].path.is_dir()
        expect(button(page, "Undo")).to_have_count(0)


def test_undo_goes_with_the_page(
    own_server: Server, runs: Sequence[RunFolder], visits: Visits
) -> None:
    visits.server_goes = True
    with own_server as server:
        page = visits.open(server, "/compare", Draft())
        button(page, "Name or delete a run").click()
        button(page, "Delete this run").click()
        expect(button(page, "Undo")).to_be_visible(timeout=ANSWER_MS)
        go(page, "Data")
        go(page, "Compare")
        settled(page)
        expect(page.locator("[data-testid=stDataFrame]")).to_be_visible(timeout=ANSWER_MS)
        expect(button(page, "Undo")).to_have_count(0)


def test_many_runs_fit_a_phone(own_server: Server, runs: Sequence[RunFolder], visits: Visits) -> None:
    visits.server_goes = True
    with own_server as server:
        context = visits.browser(server, Draft(), viewport={"width": 420, "height": 860})
        page = context.new_page()
        visit(page, server, "/compare")
        _drawn(page, ["Run 3", LINK[:13] + "…", "Run 1"])
        assert page.evaluate(
            "() => { const m = document.querySelector('[data-testid=stMain]');"
            " return m.scrollWidth <= m.clientWidth; }")
