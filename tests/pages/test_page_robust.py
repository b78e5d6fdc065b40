from __future__ import annotations

import time

import pytest
from page_view import PATIENCE_S, RunMaker, Visitor, calm, chart, html_texts, labels, press, words
from streamlit.testing.v1 import AppTest

from core.data.dataset import Dataset
from core.jobs import Progress
from core.runs.folder import RunFolder
from core.runs.studied import keep_record
from core.studies import asking
from core.studies import holding_up as study
from core.studies.holding_up import VERSIONS
from core.studies.target import Target, chosen
from core.workspace import Workspace
from pages.ui import evaluate_robust


def keep(workspace: Workspace, run: RunFolder) -> int:
    """Let a run be right on all its test photos as they are, and on none once they are worse."""
    photos = chosen(workspace, run, Target("", "test"))
    count = len(photos.items)
    rows = [[count, 0, 0], *[[0, count, 0]] * (len(VERSIONS) - 1)]
    keep_record(run, "holding-up-test", {"photos": study._mark(photos), "right_lost_won": rows})
    return count


def looked_at(visitor: Visitor) -> AppTest:
    at = visitor.open("evaluate")
    at.session_state["evaluate_view"] = "robust"
    return calm(at.run())


def test_what_is_not_known_is_one_press_away_and_it_is_said_what_it_takes(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    make_run(test=True)
    at = looked_at(visitor)
    assert "See whether it holds up" in labels(at)
    count = len(dataset.of_split("test"))
    assert f"{count} photos are looked at 16 times each." in words(at)
    assert "first look" not in words(at)


def test_that_it_is_the_first_look_at_the_test_photos_is_said(visitor: Visitor, make_run: RunMaker) -> None:
    make_run(test=False)
    assert "That is the first look at the test photos of this run" in words(looked_at(visitor))


def test_one_photo_is_shown_in_all_versions_before_anything_is_measured(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    make_run(test=True)
    at = looked_at(visitor)
    (strip,) = (each for each in html_texts(at) if "One photo made worse" in each)
    assert strip.count("data:image/jpeg;base64,") == len(VERSIONS) - 1
    assert sum("As it is" in each and "data:image/jpeg;base64," in each for each in html_texts(at)) == 1
    (other,) = (each for each in html_texts(press(at, "Another photo")) if "One photo made worse" in each)
    assert other != strip


def test_the_study_keeps_its_figures_and_the_page_shows_them(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(test=True)

    def work(workspace: Workspace, folder: RunFolder, split: str, progress: Progress) -> None:
        progress("Looking", 0, 1)
        assert split == "test"
        keep(workspace, folder)

    monkeypatch.setattr(evaluate_robust, "holding_up", work)
    at = press(looked_at(visitor), "See whether it holds up")
    for _each in range(PATIENCE_S * 100):
        now = asking.latest(visitor.service.studies, run.id, "holding-up-test")
        if now is not None and now.state != asking.RUNNING:
            break
        time.sleep(0.01)
    at = calm(at.run())
    assert "See whether it holds up" not in labels(at)
    assert len(chart(at, "holding-up")["data"]) == 6


def test_figures_say_on_which_photos_they_are_and_what_they_are_not_for(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    count = keep(visitor.workspace, make_run(test=True))
    at = looked_at(visitor)
    text = words(at)
    assert f"Measured on {count} test photos, always the same ones; dotted: as they are, 100.0%" in text
    assert "choosing between models by test photos would wear them out" in text
    (table,) = (each for each in html_texts(at) if "Accuracy by what was done" in each)
    assert table.count(">0.0% <span") == table.count(">(0 to") == 15
    assert "After ImageNet-C (Hendrycks and Dietterich 2019), and not the same" in text
