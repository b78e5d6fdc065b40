"""Photos marked in a browser: by mouse and by keys, kept at once, seen in another tab."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from browser_photos import HOSTILE
from browser_runs import ended_run
from browser_steps import Visits, settled, wait_until
from playwright.sync_api import Locator, Page, expect

from core.data.dataset import Dataset
from core.data.intake import take_in
from core.data.marks import BAD, KEEP, WRONG, Mark, marks_of
from core.drafts import Draft
from core.insight.metrics import evaluate
from core.insight.predictions import Predictions
from core.runs.studied import keep_predictions
from core.workspace import Workspace
from tests.conftest import make_photos
from tests.serving import Server

pytestmark = pytest.mark.browser


@pytest.fixture
def dataset(own_server: Server, tmp_path: Path) -> Dataset:
    """Photos of three classes with a hostile name among them, and a run that got all of them wrong."""
    workspace = Workspace.open(own_server.workspace)
    folder = make_photos(tmp_path / "photos", 20, ("blue", "green", "red"))
    (folder / "green").rename(folder / HOSTILE[0].replace("/", ""))
    made = take_in(folder, workspace)
    run = ended_run(workspace, made)
    items = made.of_split("test")
    labels = np.asarray([item.label for item in items], dtype=np.int32)
    chances = np.full((len(items), 3), 0.1, dtype=np.float32)
    chances[np.arange(len(items)), (labels + 1) % 3] = 0.8
    keep_predictions(run, "own-test", Predictions(
        made.classes, tuple(item.path for item in items), labels, chances))
    truth = labels.tolist()
    run.write_report({"test": evaluate(truth, [(each + 1) % 3 for each in truth], made.classes, 0).to_json()})
    return made


def look(page: Page) -> Locator:
    """Open the mistakes among the test photos, and return these."""
    for name in ("Mistakes", "Test photos"):
        page.get_by_role("radio", name=name).or_(page.get_by_role("button", name=name)).first.click()
        settled(page)
    photos = page.locator(".photo")
    expect(photos.first).to_be_visible()
    settled(page)
    return photos


def test_photos_are_marked_by_mouse_and_by_keys_and_another_tab_sees_it(
    visits: Visits, own_server: Server, dataset: Dataset
) -> None:
    items = dataset.of_split("test")
    first, second, third, fourth = items[:4]
    said = (first.label + 1) % 3
    other = dataset.classes[(first.label + 2) % 3]

    def kept(wanted: dict[str, Mark]) -> None:
        wait_until(page, lambda: marks_of(dataset.folder) == wanted, "the marks are kept")

    with own_server as server:
        page = visits.open(server, "/evaluate", Draft(dataset=dataset.id, dataset_title=dataset.title))
        photos = look(page)
        photos.nth(0).get_by_role("button", name="Wrong label").click()
        classes = photos.nth(0).get_by_role("combobox")
        # Nobody has said yet what it is: what the network said comes first, and is not chosen.
        expect(classes).to_have_value("-1")
        expect(classes.locator("option").nth(1)).to_have_attribute("value", str(said))
        settled(page)
        assert WRONG not in {mark.verdict for mark in marks_of(dataset.folder).values()}
        classes.select_option(str(dataset.classes.index(other)))
        kept({first.path: Mark(WRONG, other)})
        # As fast as one can: no key is lost, and the last one counts.
        photos.nth(0).locator(".picture").focus()
        for key in ("ArrowRight", "k", "b", "ArrowRight", "w", "k", "ArrowRight", "b", "b"):
            page.keyboard.press(key)
        wanted = {first.path: Mark(WRONG, other), second.path: Mark(BAD), third.path: Mark(KEEP)}
        kept(wanted)
        expect(photos.nth(3).locator(".picture")).to_be_focused()
        expect(photos.nth(1).get_by_role("button", name="Bad")).to_have_attribute("aria-pressed", "true")
        marked = "1 wrong label · 1 bad photo · 1 to keep"
        expect(page.get_by_text(marked, exact=True)).to_be_visible()
        expect(page.get_by_text(f"You marked {marked}")).to_be_visible()
        tab = visits.open(server, "/evaluate", Draft(dataset=dataset.id, dataset_title=dataset.title))
        marks = [each.get_attribute("data-mark") for each in look(tab).all()[:4]]
        assert marks == [WRONG, BAD, KEEP, ""]
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog").get_by_text(fourth.name.rsplit("/", 1)[-1])).to_be_visible()
        kept(wanted)
        for each in (page, tab):
            each.context.close()
