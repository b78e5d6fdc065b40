"""The block map by mouse and by keyboard, and what it leads to: counts, a plan that stays."""

from __future__ import annotations

import pytest
from browser_steps import ANSWER_MS, Visits, settled, visit
from playwright.sync_api import Locator, Page, expect

from core.backbones import catalogue
from core.data.dataset import Dataset
from core.drafts import Draft
from core.training.counts import counts
from core.training.plan import Head, Plan
from pages.ui.amounts import parameters_text
from tests.serving import Server

pytestmark = pytest.mark.browser
BACKBONE = "efficientnet-lite0"
BLOCKS = catalogue.get(BACKBONE).block_names


@pytest.fixture
def map_page(server: Server, visits: Visits, small: Dataset) -> Page:
    opened = visits.open(server, "/model", Draft(dataset=small.id, dataset_title=small.title))
    expect(opened.locator("[data-block=top]")).to_be_visible(timeout=ANSWER_MS)
    return opened


def test_a_click_thaws_a_block_and_the_counts_follow(map_page: Page) -> None:
    _learning(map_page)
    map_page.locator("[data-block=block7]").click()
    _learning(map_page, "block7")
    map_page.locator("[data-block=top]").click()
    _learning(map_page, "block7", "top")
    map_page.locator("[data-block=block7]").click()
    _learning(map_page, "top")


def test_the_map_is_worked_by_the_keyboard_alone(map_page: Page) -> None:
    map_page.locator("[data-block=stem]").focus()
    map_page.keyboard.press("End")
    map_page.keyboard.press("Space")
    _learning(map_page, "top")
    map_page.keyboard.press("ArrowLeft")
    map_page.keyboard.press("Space")
    _learning(map_page, "block7", "top")
    map_page.keyboard.press("Home")
    map_page.keyboard.press("ArrowRight")
    map_page.keyboard.press("Enter")
    _learning(map_page, "block1", "block7", "top")
    # The focus stays where it is while the page is drawn anew, so that one goes on from there.
    map_page.keyboard.press("Space")
    _learning(map_page, "block7", "top")
    assert map_page.locator("button[data-block][tabindex='0']").count() == 1


def test_quick_clicks_are_all_counted_and_none_is_undone(map_page: Page) -> None:
    for name in ("stem", "block1", "block2", "block3", "block1"):
        map_page.locator(f"[data-block={name}]").click()
    _learning(map_page, "stem", "block2", "block3")


def test_the_shortcuts_set_the_map_and_follow_it(map_page: Page) -> None:
    shortcuts = _shortcuts(map_page)
    shortcuts.get_by_text("Everything", exact=True).click()
    _learning(map_page, *BLOCKS)
    shortcuts.get_by_text("Last block", exact=True).click()
    _learning(map_page, "block7", "top")
    shortcuts.get_by_text("Head only", exact=True).click()
    _learning(map_page)
    map_page.locator("[data-block=block7]").click()
    map_page.locator("[data-block=top]").click()
    chosen = shortcuts.get_by_role("radio", name="Last block")
    expect(chosen).to_be_checked(timeout=ANSWER_MS)
    expect(chosen).to_have_attribute("tabindex", "0")  # the tab stop comes along


def test_a_block_toggled_right_after_a_shortcut_is_not_undone_by_it(map_page: Page) -> None:
    _shortcuts(map_page).get_by_text("Everything", exact=True).click()
    expect(map_page.locator("[data-block=stem]")).to_have_attribute("aria-checked", "true", timeout=ANSWER_MS)
    for name in BLOCKS[:4]:
        map_page.locator(f"[data-block={name}]").click()
    _learning(map_page, *BLOCKS[4:])
    expect(_shortcuts(map_page).locator("[aria-checked=true]")).to_have_count(0, timeout=ANSWER_MS)


def test_a_shortcut_is_chosen_by_the_keyboard_which_stays_where_it_is(map_page: Page) -> None:
    _shortcuts(map_page).get_by_role("radio", name="Head only").focus()
    map_page.keyboard.press("ArrowRight")
    map_page.keyboard.press("ArrowRight")
    _learning(map_page)
    map_page.keyboard.press("Space")
    _learning(map_page, *BLOCKS)
    map_page.keyboard.press("ArrowLeft")
    map_page.keyboard.press("Enter")
    _learning(map_page, "block7", "top")


def test_a_recipe_sets_the_map_and_is_marked_as_long_as_it_is_followed(map_page: Page) -> None:
    recipes = map_page.get_by_role("radiogroup", name="Recipe")
    first = recipes.get_by_role("radio").first
    first.focus()
    # Who has chosen nothing yet follows the simplest; going past another sets nothing.
    expect(first).to_be_checked(timeout=ANSWER_MS)
    map_page.keyboard.press("ArrowRight")
    expect(recipes.locator("[aria-checked=true]")).to_have_count(1)
    expect(first).to_be_checked()
    map_page.keyboard.press("ArrowLeft")
    map_page.keyboard.press("Space")
    expect(first).to_be_checked(timeout=ANSWER_MS)
    recipes.get_by_text("Block by block", exact=True).click()
    _learning(map_page, "block6", "block7", "top")
    expect(map_page.locator("[data-block=top] .said")).to_have_text("rate ×0.38", timeout=ANSWER_MS)
    source = map_page.get_by_role("link", name="Howard and Ruder 2018")
    expect(source).to_have_attribute("href", "https://arxiv.org/abs/1801.06146", timeout=ANSWER_MS)
    # Which blocks are thawed one by one is a person's own choice in it.
    map_page.locator("[data-block=block6]").click()
    _learning(map_page, "block7", "top")
    expect(recipes.get_by_role("radio", name="Block by block")).to_be_checked()
    recipes.get_by_text("Feature extraction", exact=True).click()
    _learning(map_page)
    map_page.locator("[data-block=top]").click()
    _learning(map_page, "top")
    expect(recipes.locator("[aria-checked=true]")).to_have_count(0, timeout=ANSWER_MS)
    expect(map_page.get_by_text("Your own.")).to_be_visible(timeout=ANSWER_MS)


def test_the_choice_survives_a_refresh_and_is_there_in_a_second_tab(
    map_page: Page, server: Server
) -> None:
    map_page.locator("[data-block=block6]").click()
    _learning(map_page, "block6")
    map_page.get_by_text("Flatten", exact=True).click()
    flat = Head(pooling="flatten")
    _learning(map_page, "block6", head=flat)
    map_page.reload()
    _learning(map_page, "block6", head=flat)
    second = map_page.context.new_page()
    visit(second, server, "/model")
    _learning(second, "block6", head=flat)


def test_another_backbone_is_chosen_by_card_and_the_blocks_stay(map_page: Page) -> None:
    map_page.locator("[data-block=top]").click()
    _learning(map_page, "top")
    map_page.locator(".card[data-name=efficientnet-lite2]").click()
    expect(map_page.locator(".card[data-name=efficientnet-lite2]")).to_have_attribute("aria-checked", "true")
    _learning(map_page, "top", backbone="efficientnet-lite2")
    map_page.reload()
    _learning(map_page, "top", backbone="efficientnet-lite2")


def _shortcuts(page: Page) -> Locator:
    return page.get_by_role("radiogroup", name="Shortcuts")


def _learning(
    page: Page, *names: str, head: Head | None = None, backbone: str = BACKBONE
) -> None:
    """Wait until just these blocks learn on the map, and the card of counts says the same."""
    for name in BLOCKS:
        tile = page.locator(f"[data-block={name}]")
        expect(tile).to_have_attribute("aria-checked", str(name in names).lower(), timeout=ANSWER_MS)
    plan = Plan("photos", "photos", backbone, names, head or Head())
    found = counts(plan, classes=3)
    figures = page.locator(".thaw-card.take dt")
    for place, figure in enumerate((found.learning, found.frozen)):
        expect(figures.nth(place)).to_have_text(parameters_text(figure), timeout=ANSWER_MS)
    new = page.locator(".part.is-new .count")
    expect(new).to_have_text(parameters_text(found.head), timeout=ANSWER_MS)
    settled(page)
