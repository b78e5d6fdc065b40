from __future__ import annotations

import subprocess
import sys

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import pieces
from pages.ui.component import emphasised
from pages.ui.style import FAVICON, _journey, _sheet
from tests.serving import ROOT

HOSTILE = "<img src=http://x/t.png onerror=alert(1)>\"'&"


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    bodies: list[str] = []
    monkeypatch.setattr(pieces.st, "html", bodies.append)
    return bodies


def test_a_long_judgement_is_shown_to_its_end(shown: list[str]) -> None:
    pieces.note("In short.", f"{'EfficientNet-B0, ' * 60}and the end.")
    assert "and the end." in shown[0]


def test_every_piece_escapes_its_text(shown: list[str]) -> None:
    pieces.lede(HOSTILE)
    pieces.caption(HOSTILE)
    pieces.stats_row([(HOSTILE, HOSTILE)])
    pieces.facts_card(HOSTILE, [(HOSTILE, HOSTILE)])
    pieces.headline(HOSTILE, HOSTILE, HOSTILE)
    pieces.problem_list([(HOSTILE, HOSTILE, HOSTILE)])
    pieces.note(HOSTILE, HOSTILE, sign=HOSTILE)
    pieces.thumb_grid(["/thaw/1"], [HOSTILE], alts=[HOSTILE])
    pieces.thumb_grid(["/thaw/1"], [emphasised("said *{name}*", name=HOSTILE)])
    pieces.share_bars([(HOSTILE, 0.5, HOSTILE)])
    pieces.choice_table(HOSTILE, [HOSTILE], [[HOSTILE, HOSTILE], [HOSTILE, HOSTILE]], chosen=0)
    assert len(shown) == 11
    for body in shown:
        assert "<img src=http" not in body
        assert "&lt;img src=http" in body
        assert "\"'&" not in body


@pytest.mark.parametrize(
    "address", ["http://x/t.png", "//x/t.png", "/\\x/t.png", "javascript:alert(1)", "data:text/html,x"]
)
def test_pictures_come_from_this_server_only(shown: list[str], address: str) -> None:
    with pytest.raises(ValueError, match="on this server"):
        pieces.thumb_grid([address])
    assert shown == []


def test_an_address_cannot_leave_its_attribute(shown: list[str]) -> None:
    pieces.thumb_grid(['/a" onerror="alert(1)'])
    assert 'onerror="alert' not in shown[0]


def test_a_caption_keeps_the_spaces_around_its_emphasis(shown: list[str]) -> None:
    pieces.thumb_grid(["/a"], [emphasised("said *{name}*, {share}", name="hat", share="94%")])
    assert "<p>said <b>hat</b>, 94%</p>" in shown[0]
    assert 'alt="said hat, 94%"' in shown[0]


def test_bars_stay_within_their_track(shown: list[str]) -> None:
    pieces.share_bars([("a", 1.7, "x"), ("b", -1, "y")])
    assert "width:100.0%" in shown[0]
    assert "width:0.0%" in shown[0]


def test_the_journey_marks_pages_by_address() -> None:
    rules = _journey(done=[""], locked=["compare"])
    assert "[href$='/'] [data-testid='stIconMaterial']" in rules
    assert "[href$='/compare']:not([aria-current='page'])" in rules


def test_the_style_sheet_fetches_nothing() -> None:
    addresses = _sheet().replace("http://www.w3.org/2000/svg", "")
    assert "http" not in addresses.replace("http%3A//www.w3.org/2000/svg", "")
    assert "@import" not in addresses
    assert FAVICON.exists()


def styled_page() -> None:
    from pages.ui import pieces
    from pages.ui.style import apply_style

    apply_style(done=["", "data"], locked=["compare"])
    pieces.thaw_row()


def test_the_style_can_be_put_on_a_page() -> None:
    assert not AppTest.from_function(styled_page, default_timeout=60).run().exception


def test_a_chart_is_drawn_while_another_page_is_still_importing_pandas() -> None:
    code = """
import threading
import streamlit as st
st.plotly_chart = lambda *_given, **_named: None
from pages.ui import charts
other = threading.Thread(target=__import__, args=("pandas",))
other.start()
while other.is_alive():
    charts.draw([{"type": "bar", "x": [1], "customdata": ["a"]}], {}, key="k")
charts.draw([{"type": "bar", "x": [1], "customdata": ["a"]}], {}, key="k")
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
