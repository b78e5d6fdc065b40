"""The frozen part looking at the photos, as it is watched: its bar, a stop, and the next run."""

from __future__ import annotations

import pytest
from browser_runs import status
from browser_steps import (
    ANSWER_MS,
    PATIENCE_MS,
    Figures,
    Visits,
    button,
    go,
    headline,
    start_training,
    stop_training,
    visit,
    wait_until,
)
from playwright.sync_api import expect

from core.data.dataset import Dataset
from core.drafts import Draft
from core.training.plan import Recipe
from tests.serving import Server

pytestmark = pytest.mark.browser
PHRASE = "Looking at each photo once"


def test_the_frozen_parts_look_is_seen_stopped_and_not_done_again(
    server: Server, visits: Visits, small: Dataset, figures: Figures
) -> None:
    many_views = Recipe(epochs=80, batch_size=16, augment="light", views=64)
    draft = Draft(dataset=small.id, dataset_title=small.title, recipe=many_views)
    page = visits.open(server, "/train", draft)
    run = start_training(page, server)
    expect(headline(page)).to_contain_text(PHRASE, timeout=PATIENCE_MS)
    expect(page.locator(".progress .second")).to_contain_text("views a second", timeout=ANSWER_MS)
    expect(page.locator(".progress .left")).to_contain_text("left", timeout=ANSWER_MS)

    go(page, "Data")
    strip = page.locator(".strip")
    expect(strip.locator(".detail")).to_contain_text("left", timeout=ANSWER_MS)
    strip.locator(".open").click()
    figures["Stop training while the frozen part looks, to stopped on disk, s"] = round(
        stop_training(page, run), 2)
    seen = status(run)
    kept = seen["cache"]["computed_images"]
    assert kept > 0
    expect(page.get_by_text(f"computed {kept:,} views, kept for the next run")).to_be_visible(
        timeout=ANSWER_MS)
    assert not (run / "model.keras").exists()

    again = start_training(page, server)
    expect(headline(page)).to_contain_text(PHRASE, timeout=PATIENCE_MS)
    wait_until(page, lambda: (status(again)["extracted"] or 0) >= kept, "it counts what it found")
    stop_training(page, again)


def test_the_second_run_says_that_all_photos_were_there(
    server: Server, visits: Visits, small: Dataset
) -> None:
    draft = Draft(
        dataset=small.id, dataset_title=small.title, trainable=("block7", "top"),
        recipe=Recipe(epochs=3, batch_size=16, learning_rate=1e-4))
    page = visits.open(server, "/train", draft)
    for words in ("computed 96 photos, kept for the next run", "96 photos were there from before"):
        run = start_training(page, server)
        wait_until(page, lambda run=run: status(run)["state"] == "finished", "the run ends")
        visit(page, server, "/train")
        expect(page.get_by_text(words)).to_be_visible(timeout=ANSWER_MS)
    button(page, "Set up a new run").click()
    expect(page.get_by_text("It has seen all of these photos in earlier runs")).to_be_visible(
        timeout=ANSWER_MS)
