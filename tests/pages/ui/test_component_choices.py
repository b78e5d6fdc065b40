from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui.component import COMPONENTS, emphasised

PAGES = COMPONENTS.parents[1] / "pages"


def test_emphasis_is_split_before_values_come_in() -> None:
    parts = emphasised("*{run}* is training", run="a*b*{c}")
    assert parts == (("a*b*{c}", True), (" is training", False))


def test_a_sentence_without_marks_is_one_plain_part() -> None:
    assert emphasised("step {step}", step=3) == (("step 3", False),)


@pytest.mark.parametrize("script", sorted(COMPONENTS.glob("*.js")), ids=lambda path: path.name)
def test_scripts_put_words_in_as_text_only(script) -> None:
    source = script.read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", source)


def test_files_that_are_joined_name_nothing_twice() -> None:
    called = re.compile(r'register\(\s*"(\w+)"(?:, with_files=\(([^)]*)\))?')
    sources = "".join(path.read_text(encoding="utf-8") for path in PAGES.glob("ui/*.py"))
    joined = [(name, *re.findall(r"\w+", others)) for name, others in called.findall(sources)]
    assert ("run_strip", "marks", "live_poll") in joined
    for files in joined:
        scripts = [COMPONENTS / f"{name}.js" for name in ("dom", *files)]
        text = "".join(path.read_text(encoding="utf-8") for path in scripts if path.exists())
        named = re.findall(r"^(?:const|let|class|function|async function) (\w+)", text, re.MULTILINE)
        assert named
        assert len(named) == len(set(named)), files


@pytest.mark.parametrize("sheet", sorted(COMPONENTS.glob("*.css")), ids=lambda path: path.name)
def test_style_sheets_fetch_nothing(sheet) -> None:
    assert "http" not in sheet.read_text(encoding="utf-8")


def choices_page() -> None:
    import streamlit as st

    from pages.ui.component import choices_seen, last_choice, unseen_choice

    first = unseen_choice("map")
    second = unseen_choice("map")
    st.text(f"{first} / {second} / {choices_seen('map')} / {last_choice('map')}")


def said(state: object) -> str:
    page = AppTest.from_function(choices_page, default_timeout=60)
    page.session_state["map"] = state
    page.run()
    assert not page.exception
    return page.text[0].value


def test_a_choice_is_taken_up_once() -> None:
    choice = "Choice(value=['top'], count=2)"
    assert said({"choice": {"value": ["top"], "count": 2}}) == f"{choice} / None / 2 / {choice}"


@pytest.mark.parametrize("state", [{}, {"choice": None}, {"choice": 3}, {"choice": {"count": "2"}}])
def test_no_or_malformed_choices_are_no_choice(state: dict[str, object]) -> None:
    assert said(state) == "None / None / 0 / None"


def whole_page() -> None:
    import streamlit as st

    from core.backbones import catalogue
    from pages.ui.backbone_cards import Bar, Card, backbone_cards
    from pages.ui.block_map import block_map
    from pages.ui.live_curves import Curves, Phase, live_curves
    from pages.ui.run_progress import RunFigures, run_progress
    from pages.ui.run_strip import run_strip, strip_data

    blocks = catalogue.get("efficientnet-lite0").blocks
    learning = block_map(blocks, ("top", "block1", "unknown"), head_parameters=10, key="map")
    cards = [Card("a", "A", "first", (Bar("Size", None, "not available"),)), Card("b", "B", "")]
    chosen = backbone_cards(cards, "b", key="cards")
    live_curves("r", Curves(), epochs=3, key="curves", phases=[Phase(0, 3, "Head only", True)])
    run_progress(RunFigures("training"), key="progress")
    opened = run_strip(strip_data("Run 1", RunFigures("queued", place=1)), key="strip")
    st.text(f"{','.join(learning)} {chosen} {opened}")


def test_every_component_mounts_and_returns_what_it_was_given() -> None:
    page = AppTest.from_function(whole_page, default_timeout=60).run()
    assert not page.exception
    assert page.text[0].value == "block1,top b False"
