"""What moved, in a browser: the figures on the block map by key, the map of photos by pointer and by key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from browser_photos import HOSTILE
from browser_steps import ANSWER_MS, Visits, settled
from playwright.sync_api import Page, expect

from core.backbones import catalogue
from core.data.dataset import Dataset
from core.data.intake import take_in
from core.drafts import Draft
from core.runs import steer, studied
from core.runs.status import State
from core.studies import mapping, moving
from core.studies.moving import BlockMove, Moving
from core.training.plan import Plan
from core.workspace import Workspace
from tests.conftest import make_photos
from tests.serving import Server

pytestmark = pytest.mark.browser
BACKBONE = "efficientnet-lite0"


def _measured_run(workspace: Workspace, dataset: Dataset) -> str:
    """Write a run with what moved: its photos lie in a row before, and in a column after."""
    plan = Plan(dataset.id, dataset.title, BACKBONE, trainable=("top",))
    folder = steer.create(workspace, plan, name="", wait=False)
    folder.model.write_bytes(b"a model")
    folder.write_status(replace(folder.status(), state=State.STOPPED, started=10.0, ended=70.0))
    names = catalogue.get(BACKBONE).block_names
    blocks = tuple(BlockMove(name, 0.032 * (name == "top"), 1 - 0.5 * (name == "top")) for name in names)
    studied.keep_record(folder, moving.NAME, asdict(Moving(blocks, 16, unseen=False)))
    count = len(dataset.items)
    row = np.stack([np.arange(count), np.zeros(count)], axis=1)
    points = np.stack([row, row[:, ::-1]]).astype(np.float32)
    studied.keep_arrays(folder, mapping.NAME, {
        "explained": [[0.2, 0.1], [0.5, 0.25]], "own": [8, 12], "perplexity": 5.0, "unseen": False,
        "of": count,
    }, {
        "images": np.asarray([item.path for item in dataset.items], np.str_),
        "labels": np.asarray([item.label for item in dataset.items], np.int32),
        "said": np.zeros(count, np.int32), "sure": np.full(count, 0.75, np.float32),
        "pca": points, "tsne": points,
    })
    return folder.id


@pytest.fixture
def moved_page(tmp_path: Path, visits: Visits) -> Iterator[Page]:
    """The view of a run whose second class has a name that is markup."""
    server = Server(tmp_path / "workspace")
    workspace = Workspace.open(server.workspace)
    photos = make_photos(tmp_path / "colours")
    (photos / "red").rename(photos / HOSTILE[0].replace("/", ""))
    dataset = take_in(photos, workspace)
    run = _measured_run(workspace, dataset)
    with server:
        page = visits.open(server, "/evaluate", Draft(dataset=dataset.id, run=run))
        settled(page)
        page.get_by_text("What moved", exact=True).click()
        expect(page.locator("[data-block=stem]")).to_be_visible(timeout=ANSWER_MS)
        yield page
        page.close()


def test_every_block_can_be_gone_to_by_key_says_its_figures_and_is_not_switched(moved_page: Page) -> None:
    tile = moved_page.locator("[data-block=stem]")
    tile.focus()
    moved_page.keyboard.press("End")
    top = moved_page.locator("[data-block=top]")
    expect(top).to_be_focused(timeout=ANSWER_MS)
    assert "weights moved: 3.2%, likeness of its features (CKA): 0.50" in str(top.get_attribute("aria-label"))
    moved_page.keyboard.press("Space")
    expect(top).to_have_attribute("aria-checked", "true")
    expect(top).to_have_attribute("aria-disabled", "true")
    expect(tile.locator(".said span")).to_have_text(["moved 0%", "CKA 1"])


def test_the_arrow_keys_lead_from_photo_to_photo_and_show_it_on_both_maps(moved_page: Page) -> None:
    plots = moved_page.locator(".thaw-embedding-map .plot")
    expect(moved_page.locator(".thaw-embedding-map .wait:visible")).to_have_count(0, timeout=ANSWER_MS)
    rings, told = moved_page.locator(".thaw-embedding-map .ring:visible"), moved_page.locator(".told")
    plots.first.focus()
    moved_page.keyboard.press("End")
    expect(told).to_contain_text("Said ")
    expect(rings).to_have_count(2)
    card = moved_page.locator(".thaw-embedding-map .card:visible")
    expect(card).to_have_count(1)
    last = str(card.locator("img").get_attribute("src"))
    expect(card.locator("img")).to_have_js_property("complete", True, timeout=ANSWER_MS)
    assert card.locator("img").evaluate("each => each.naturalWidth") > 0
    moved_page.keyboard.press("ArrowLeft")
    expect(card.locator("img")).not_to_have_attribute("src", last)
    moved_page.keyboard.press("Escape")
    expect(rings).to_have_count(0)


def test_a_chosen_class_stands_out_and_the_keys_keep_to_it(moved_page: Page) -> None:
    expect(moved_page.locator(".thaw-embedding-map .wait:visible")).to_have_count(0, timeout=ANSWER_MS)
    classes = moved_page.locator(".thaw-embedding-map .class")
    label = next(at for at, name in enumerate(classes.all_text_contents()) if "blue" in name)
    chosen = classes.nth(label)
    chosen.click()
    expect(chosen).to_have_attribute("aria-pressed", "true")
    expect(classes.nth(1 - label)).to_have_class("class faint")
    plot, told = moved_page.locator(".thaw-embedding-map .plot").first, moved_page.locator(".told")
    plot.focus()
    for key in ("Home", "ArrowRight", "ArrowRight", "End"):
        moved_page.keyboard.press(key)
        expect(told).to_contain_text("blue")
    moved_page.get_by_role("button", name="Show all classes alike").click()
    expect(chosen).to_have_attribute("aria-pressed", "false")


def test_pointing_at_a_photo_shows_it_with_its_class_letter_by_letter(moved_page: Page) -> None:
    expect(moved_page.locator(".thaw-embedding-map .wait:visible")).to_have_count(0, timeout=ANSWER_MS)
    moved_page.locator(".thaw-embedding-map .plot").nth(1).locator(".points path").last.hover(force=True)
    card = moved_page.locator(".thaw-embedding-map .card:visible")
    expect(card).to_have_count(1, timeout=ANSWER_MS)
    assert card.locator("p").evaluate("each => each.children.length") == 0
    assert str(card.locator("img").get_attribute("src")).startswith("/thaw/datasets/")
