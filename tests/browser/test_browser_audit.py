"""Photos in question beside those to compare them with, in a browser: seen, marked by keys, opened."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser_photos import HOSTILE
from browser_runs import ended_run
from browser_steps import Visits, settled, visit, wait_until
from playwright.sync_api import Locator, Page, expect

from core.data.dataset import Dataset
from core.data.intake import take_in
from core.data.marks import BAD, KEEP, WRONG, Mark, marks_of
from core.drafts import Draft
from core.insight.audit import Audit, Mislabelled, Strange
from core.runs import studied
from core.studies.auditing import NAME
from core.workspace import Workspace
from tests.conftest import make_photos
from tests.serving import Server

pytestmark = pytest.mark.browser

NARROW = 420


@pytest.fixture
def dataset(own_server: Server, tmp_path: Path) -> Dataset:
    """Photos of two classes, one with a hostile name, and a run whose audit called three in question."""
    workspace = Workspace.open(own_server.workspace)
    folder = make_photos(tmp_path / "photos", 20, ("blue", "red"))
    (folder / "red").rename(folder / HOSTILE[3].replace("/", ""))
    made = take_in(folder, workspace)
    run = ended_run(workspace, made)
    blue, red = ([item.path for item in made.items if item.label == label] for label in (0, 1))
    found = Audit(
        len(made.items), (), 0, 0, 0.987,
        tuple(Mislabelled(path, 1, 0.1, 0.9, blue[8], red[at]) for at, path in enumerate(blue[:3])), 3,
        len(made.items), 0.9, (Strange(red[5], True, 0.9, 0.3, red[6], red[7]),), 1)
    studied.keep_record(run, NAME, {"features": "start", "dataset": made.id, "found": found.to_json()})
    return made


def look(page: Page) -> Locator:
    """Open the audit at the labels in question, and return their photos."""
    page.get_by_role("radio", name="Data audit").or_(page.get_by_role("button", name="Data audit")).click()
    settled(page)
    photos = page.locator(".photo")
    expect(photos).to_have_count(3)
    settled(page)
    return photos


def lies_beside(first: Locator, second: Locator) -> bool:
    """Tell whether the second is to the right of the first, at the same height."""
    one, other = first.bounding_box(), second.bounding_box()
    assert one is not None
    assert other is not None
    return other["x"] >= one["x"] + one["width"] and abs(other["y"] - one["y"]) < 2


@pytest.mark.parametrize("width", [1280, NARROW])
def test_the_photos_to_compare_with_stand_beside_and_the_keys_mark_the_one_in_question(
    visits: Visits, own_server: Server, dataset: Dataset, width: int
) -> None:
    blue, red = ([item for item in dataset.items if item.label == label] for label in (0, 1))
    with own_server as server:
        page = visits.open(
            server, "/evaluate", Draft(dataset=dataset.id, dataset_title=dataset.title),
            viewport={"width": width, "height": 900})
        photos = look(page)
        pictures = photos.first.locator(".picture")
        expect(pictures).to_have_count(3)
        assert lies_beside(pictures.nth(0), pictures.nth(1))
        assert lies_beside(pictures.nth(1), pictures.nth(2))
        assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
        below = photos.first.locator("figcaption")
        expect(below.nth(0)).to_have_text(f"nearest labelled {dataset.classes[1]}")
        expect(below.nth(1)).to_have_text(f"nearest labelled {dataset.classes[0]}")
        # A key counts for the photo in question also where the one beside it is focused.
        pictures.nth(0).focus()
        page.keyboard.press("b")
        page.keyboard.press("ArrowRight")
        expect(photos.nth(1).locator(".frame .picture")).to_be_focused()
        page.keyboard.press("w")
        photos.nth(1).get_by_role("combobox").select_option("1")
        photos.nth(2).locator(".companion .picture").first.focus()
        page.keyboard.press("k")
        wanted = {
            blue[0].path: Mark(BAD), blue[1].path: Mark(WRONG, dataset.classes[1]), blue[2].path: Mark(KEEP)}
        wait_until(page, lambda: dict(marks_of(dataset.folder)) == wanted, "the marks are kept")
        expect(photos).to_have_count(2)
        settled(page)
        photos.nth(1).locator(".companion .picture").first.focus()
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_text(red[1].name.rsplit("/", 1)[-1])).to_be_visible()
        assert dict(marks_of(dataset.folder)) == wanted
        page.context.close()


def loaded(page: Page) -> int:
    """Return how many of the pictures are there to be seen."""
    return int(page.locator(".picture:not(.missing) img").evaluate_all(
        "(images) => images.filter((each) => each.complete && each.naturalWidth > 0).length"))


def test_a_picture_that_does_not_come_says_so_in_its_place_until_it_does(
    visits: Visits, own_server: Server, dataset: Dataset
) -> None:
    blue = next(at for at, item in enumerate(dataset.items) if item.label == 0)
    with own_server as server:
        context = visits.browser(server, Draft(dataset=dataset.id, dataset_title=dataset.title))
        # NOTE: no picture, instead of an error of the server, which a browser tells as one of the page.
        address = f"**/thumb/{blue}?*"
        context.route(address, lambda route: route.fulfill(body="", content_type="image/jpeg"))
        page = context.new_page()
        visit(page, server, "/evaluate")
        photos = look(page)
        wait_until(page, lambda: loaded(page) == 8, "the other pictures are there")
        expect(page.locator(".picture.missing")).to_have_count(1)
        missing = photos.nth(0).locator(".frame .picture")
        said = "This photo cannot be shown."
        expect(missing.get_by_text(said)).to_be_visible()
        expect(missing).to_have_attribute("aria-description", said)
        context.unroute(address)
        photos.nth(0).get_by_role("button", name="Bad").click()
        wait_until(page, lambda: len(marks_of(dataset.folder)) == 1, "it can be marked all the same")
        wait_until(page, lambda: loaded(page) == 9, "it is asked for anew")
        expect(missing.get_by_text(said)).to_be_hidden()
        expect(page.locator(".picture[aria-description]")).to_have_count(0)
        context.close()


def test_a_photo_whose_file_is_gone_says_so_beside_the_small_picture_that_was_kept(
    visits: Visits, own_server: Server, dataset: Dataset
) -> None:
    blue, red = ([item for item in dataset.items if item.label == label] for label in (0, 1))
    with own_server as server:
        page = visits.open(server, "/evaluate", Draft(dataset=dataset.id, dataset_title=dataset.title))
        look(page)
        wait_until(page, lambda: loaded(page) == 9, "all pictures are there")
        dataset.file(blue[0]).unlink()
        dataset.file(red[1]).unlink()
        visit(page, server, "/evaluate")
        photos = look(page)
        wait_until(page, lambda: loaded(page) == 9, "all pictures are there as before")
        gone = page.locator(".picture[aria-description]")
        expect(gone).to_have_count(2)
        for picture in (photos.nth(0).locator(".frame .picture"), photos.nth(1).locator(".picture").nth(1)):
            expect(picture).to_have_attribute("aria-description", "Its file is gone.")
            expect(picture.get_by_text("Its file is gone.")).to_be_visible()
        page.context.close()
