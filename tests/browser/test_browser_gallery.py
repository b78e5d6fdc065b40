"""Any backbone and any weights on the Model page: the gallery, big maps, sources, measuring."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser_runs import status
from browser_steps import (
    ANSWER_MS,
    PATIENCE_MS,
    Visits,
    button,
    choose,
    go,
    settled,
    start_training,
    wait_until,
)
from playwright.sync_api import Page, expect

from core.backbones import catalogue
from core.data.dataset import Dataset
from core.drafts import Draft
from core.training.plan import Recipe
from core.training.start import RANDOM, Start
from tests.random_weights import random_weights
from tests.serving import Server

pytestmark = pytest.mark.browser
QUICK = "mobilenetv3small"
_FOCUSED = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at?.dataset.block ?? at?.className ?? null;
}"""
_ROOM = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  const box = at.closest(".scroll-box").getBoundingClientRect(), own = at.getBoundingClientRect();
  return Math.min(own.top - box.top, box.bottom - own.bottom);
}"""


def opened(
    visits: Visits, server: Server, small: Dataset, backbone: str = "efficientnet-lite0", **options: int
) -> Page:
    draft = Draft(dataset=small.id, dataset_title=small.title, backbone=backbone)
    viewport = {"width": options.get("width", 1280), "height": 900}
    page = visits.open(server, "/model", draft, viewport=viewport)
    expect(page.locator("[data-block]").last).to_be_visible(timeout=ANSWER_MS)
    return page


def learning(page: Page) -> list[str]:
    tiles = page.locator("button[data-block][aria-checked=true]").all()
    return [str(tile.get_attribute("data-block")) for tile in tiles]


def test_a_backbone_is_found_by_words_and_shown_in_three_ways(
    server: Server, visits: Visits, small: Dataset
) -> None:
    page = opened(visits, server, small)
    expect(page.locator(".card")).to_have_count(len(catalogue.BACKBONES))
    page.get_by_label("Search").fill("VGG16")
    page.keyboard.press("Enter")
    expect(page.locator(".card")).to_have_count(1, timeout=ANSWER_MS)
    page.locator(".card[data-name=vgg16]").click()
    expect(page.locator("button[data-block]")).to_have_count(5, timeout=ANSWER_MS)
    page.get_by_role("radio", name="Table").click()
    expect(page.locator("[data-testid=stDataFrame]")).to_be_visible(timeout=ANSWER_MS)
    page.get_by_role("radio", name="Plot").click()
    expect(page.locator(".js-plotly-plot")).to_be_visible(timeout=ANSWER_MS)
    page.get_by_label("Search").fill("no such network")
    page.keyboard.press("Enter")
    page.get_by_role("radio", name="Cards").click()
    expect(page.get_by_text("No backbone is like that")).to_be_visible(timeout=ANSWER_MS)


def test_without_a_network_the_wanted_file_is_named_and_the_page_goes_on(
    server: Server, visits: Visits, small: Dataset
) -> None:
    page = opened(visits, server, small, "vgg16")
    button(page, "Download now, about 59 MB").click()
    failed = page.get_by_text("The ImageNet weights of VGG16 cannot be downloaded now")
    expect(failed).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5").last).to_be_visible()
    page.locator("[data-block=block5]").click()
    wait_until(page, lambda: learning(page) == ["block5"], "the block learns")


def test_45_blocks_are_walked_by_keyboard_and_thawed_in_groups(
    server: Server, visits: Visits, small: Dataset
) -> None:
    page = opened(visits, server, small, "inceptionresnetv2")
    names = catalogue.get("inceptionresnetv2").block_names
    page.locator("[data-block=stem]").focus()
    for name in names[1:]:
        page.keyboard.press("ArrowRight")
        assert page.evaluate(_FOCUSED) == name
        assert page.evaluate(_ROOM) >= 0
    page.keyboard.press("Space")
    wait_until(page, lambda: learning(page) == [names[-1]], "the last block learns")
    settled(page)
    group = page.locator("[role=checkbox]").first
    group.focus()
    page.keyboard.press("Space")
    wait_until(page, lambda: len(learning(page)) > 10, "the first group learns")
    assert group.get_attribute("aria-checked") == "true"
    settled(page)
    page.keyboard.press("Space")
    wait_until(page, lambda: learning(page) == [names[-1]], "the first group is frozen again")


def test_on_a_phone_the_groups_fold(server: Server, visits: Visits, small: Dataset) -> None:
    page = opened(visits, server, small, "mobilenetv2", width=420)
    folds = page.locator(".fold")
    assert folds.count() > 2
    assert folds.first.get_attribute("aria-expanded") == "false"
    folds.first.click()
    expect(page.locator("[data-block=stem]")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    for source in ("ImageNet weights", "An earlier run", "A file of yours", "From scratch"):
        place = page.get_by_role("radio", name=source, exact=True).bounding_box()
        assert place is not None
        assert place["x"] + place["width"] <= 420


def test_a_whole_recipe_sets_backbone_blocks_and_head(
    server: Server, visits: Visits, small: Dataset
) -> None:
    page = opened(visits, server, small)
    page.get_by_role("radio", name="The textbook's").click()
    expect(page.locator("[data-block=block5]")).to_have_attribute("aria-checked", "true", timeout=ANSWER_MS)
    expect(page.get_by_role("radio", name="Flatten")).to_be_checked()
    expect(page.locator(".card[data-name=vgg16]")).to_have_attribute("aria-checked", "true")


def test_a_weight_file_from_the_browser_is_compared_layer_by_layer(
    server: Server, visits: Visits, small: Dataset, tmp_path: Path
) -> None:
    for name in (QUICK, "mobilenet"):
        file = tmp_path / f"{name}.weights.h5"
        random_weights(name, file, image_size=64)
    page = opened(visits, server, small, QUICK)
    page.get_by_role("radio", name="A file of yours").click()
    chooser = page.locator("[data-testid=stFileUploaderDropzoneInput]")
    chooser.set_input_files(tmp_path / "mobilenet.weights.h5")
    expect(page.get_by_text("The weights do not fit MobileNetV3Small")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("Every layer that differs")).to_be_visible()
    expect(page.get_by_text("Until you choose one")).to_be_visible()
    chooser.set_input_files(tmp_path / f"{QUICK}.weights.h5")
    expect(page.locator(".transfer")).to_contain_text("weights of your file", timeout=PATIENCE_MS)
    kept = list((server.workspace / "weights").iterdir())
    assert [path.name.endswith(f"-{QUICK}.weights.h5") for path in kept] == [True]


def test_a_measurement_tells_time_and_memory_before_the_start(
    server: Server, visits: Visits, small: Dataset
) -> None:
    page = opened(visits, server, small, QUICK)
    figures = page.locator(".thaw-card.take dt")
    expect(figures.nth(2)).to_have_text("not measured")
    button(page, "Measure this computer").click()
    expect(page.get_by_text("Measuring MobileNetV3Small")).to_be_visible(timeout=ANSWER_MS)
    expect(figures.nth(2)).to_contain_text("≈", timeout=PATIENCE_MS)
    expect(figures.nth(3)).to_contain_text("B")
    button(page, "Continue to Train").click()
    expect(page.get_by_text("from a measurement on this computer")).to_be_visible(timeout=ANSWER_MS)


def test_a_finished_run_is_the_backbone_of_the_next(
    server: Server, visits: Visits, small: Dataset
) -> None:
    draft = Draft(
        dataset=small.id, dataset_title=small.title, backbone=QUICK, weights=Start(RANDOM),
        image_size=32, recipe=Recipe(epochs=1, batch_size=8), model_seen=True,
    )
    page = visits.open(server, "/train", draft)
    first = start_training(page, server)
    wait_until(page, lambda: status(first)["state"] == "finished", "the first run has finished")
    go(page, "Model")
    page.get_by_role("radio", name="An earlier run").click()
    choose(page, "Run to go on from", "MobileNetV3Small")
    expect(page.locator(".transfer")).to_contain_text("M2", timeout=ANSWER_MS)
    go(page, "Train")
    second = start_training(page, server)
    wait_until(page, lambda: status(second)["state"] == "finished", "the second run has finished")
    assert f'"name": "{first.name}"' in (second / "plan.json").read_text(encoding="utf-8")
