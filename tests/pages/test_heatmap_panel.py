"""The panel that shows where a run looks in one photo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_view import RunMaker, calm, html_texts, words
from streamlit.testing.v1 import AppTest

from core.errors import BadInput
from core.insight import predict
from core.insight.heatmap import SAID
from core.insight.predict import Loaded
from core.runs.listing import listed
from core.workspace import Workspace
from pages.ui import heatmap_panel
from pages.ui.heatmap_pictures import Explained, Unlearned

PIXEL = b"\xff\xd8pixel"
HOSTILE = "<img src=x>"


def script(run: object) -> None:
    from pages.ui.heatmap_panel import heatmap_panel

    heatmap_panel(run, b"a photo", "panel")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Every map that was asked for, as its block and class."""
    found: list[tuple[str, int]] = []

    def explained(_run: Any, source: bytes, _digest: str, block: str, wanted: int) -> Explained:
        assert source == b"a photo"
        found.append((block, wanted))
        return Explained(PIXEL, PIXEL, 0 if wanted == SAID else wanted, (0.8, 0.2),
                         np.ones((2, 2), np.float32))

    monkeypatch.setattr(heatmap_panel, "explained", explained)
    monkeypatch.setattr(heatmap_panel, "unlearned", lambda *_given: Unlearned(PIXEL, (0.9, 0.95)))
    monkeypatch.setattr(predict, "loaded", lambda _path: Loaded(object(), (HOSTILE, "hat"), 24))
    return found


@pytest.fixture
def at(workspace: Workspace, make_run: RunMaker, asked: list[tuple[str, int]]) -> AppTest:
    make_run()
    (run,) = listed(workspace)
    return calm(AppTest.from_function(script, args=(run,), default_timeout=60).run())


def test_nothing_is_computed_before_it_is_switched_on(at: AppTest, asked: list[tuple[str, int]]) -> None:
    assert asked == []
    at = calm(at.toggle(key="panel-on").set_value(True).run())
    assert asked == [("top", SAID)]
    (pictures,) = (each for each in html_texts(at) if "<figure" in each)
    assert pictures.count("data:image/jpeg;base64,") == 2
    assert "Says <img src=x> (80%)." in words(at)
    assert HOSTILE not in pictures


def test_block_and_class_can_be_any(at: AppTest, asked: list[tuple[str, int]]) -> None:
    at = calm(at.toggle(key="panel-on").set_value(True).run())
    block, of_class = (
        next(box for box in at.selectbox if box.label == label) for label in ("Block", "For which class"))
    assert len(of_class.options) == 3
    block.set_value("block2")
    of_class.set_value(1)
    at = calm(at.run())
    assert asked[-1] == ("block2", 1)
    assert "The map is for hat (20%)." in words(at)


def test_the_sanity_check_warns_where_the_maps_stay_the_same(at: AppTest) -> None:
    at = calm(at.toggle(key="panel-on").set_value(True).run())
    at = calm(at.toggle(key="panel-random").set_value(True).run())
    (pictures,) = (each for each in html_texts(at) if "<figure" in each)
    assert pictures.count("data:image/jpeg;base64,") == 3
    assert "hardly change" in words(at)


def test_a_model_that_cannot_be_read_is_said_in_place(
    at: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(_path: Path) -> Loaded:
        raise BadInput("The model file cannot be read.")

    monkeypatch.setattr(predict, "loaded", damaged)
    at = calm(at.toggle(key="panel-on").set_value(True).run())
    assert "The model file cannot be read" in at.error[0].value
