from __future__ import annotations

import pytest
from page_view import SHELL, RunMaker, Visitor, component, components, words
from streamlit.testing.v1 import AppTest

from core.data.dataset import Dataset
from core.runs.status import State

LOCK = ":material/lock:"
DONE = ":material/check_circle:"
PAGES = ("start", "data", "model", "train", "evaluate", "predict", "compare", "experiments")


def icons(at: AppTest) -> dict[str, str]:
    """Return the icon of each page in the sidebar."""
    return {each["url_pathname"]: each["icon"] for each in at._registered_pages.values()}


def test_the_sidebar_lists_the_journey_and_locks_what_is_not_open_yet(visitor: Visitor) -> None:
    at = visitor.open()
    assert [each["page_name"] for each in at._registered_pages.values()] == [
        "Start", "Data", "Model", "Train", "Evaluate", "Predict", "Take away", "Compare", "Experiments",
        "Workspace",
    ]
    assert {name for name, icon in icons(at).items() if icon == LOCK} == {
        "model", "train", "evaluate", "predict", "take_away",
    }
    assert DONE not in icons(at).values()


def test_what_is_done_is_checked_and_what_follows_is_open(visitor: Visitor, dataset: Dataset) -> None:
    found = icons(visitor.open(dataset=dataset.id, model_seen=True))
    assert {name for name, icon in found.items() if icon == DONE} == {"", "data", "model"}
    assert found["train"] != LOCK
    assert found["evaluate"] == LOCK


@pytest.mark.parametrize("name", PAGES)
def test_every_page_but_train_shows_the_running_training(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker, name: str
) -> None:
    make_run(State.TRAINING, phase="training", epoch=3, epochs=10, step=2, steps=4, progress=0.25)
    at = visitor.open(name, dataset=dataset.id)
    if name == "train":
        assert "strip" not in components(at)
        return
    strip = component(at, "strip")
    assert "".join(text for text, _strong in strip["title"]) == "Run 1 is training"
    assert strip["figure"] == "25%"
    assert "Epoch 3 of 10" in strip["detail"]
    assert strip["live"].endswith("/live.json")


@pytest.mark.parametrize("how", [State.QUEUED, State.FINISHED, State.FAILED, State.INTERRUPTED])
def test_no_strip_is_shown_while_nothing_trains(
    visitor: Visitor, make_run: RunMaker, how: State
) -> None:
    make_run(how)
    assert "strip" not in components(visitor.open("data"))


@pytest.mark.parametrize("name", PAGES)
def test_a_script_that_fails_shows_neither_words_nor_trace_of_its_error(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def broken(*_anything: object) -> None:
        raise ValueError("secret /home/me/photos")

    at = AppTest.from_file(str(SHELL), default_timeout=60).run()
    monkeypatch.setattr("core.runs.listing.listed" if name == "start" else "pages.ui.state.stand", broken)
    at.switch_page(f"{name}.py").run()
    assert len(at.exception) == 1
    shown = str(at.exception[0].proto) + words(at)
    assert "secret" not in shown
    assert "/home" not in shown
    assert "ValueError" not in shown
    assert "Traceback" not in shown


def test_the_error_in_place_of_a_trace_says_what_is_safe() -> None:
    def script() -> None:
        from pages.web.script_error import show_error

        show_error(ValueError("secret /home/me"))

    at = AppTest.from_function(script, default_timeout=60).run()
    assert not at.exception
    assert "This page could not be drawn" in at.error[0].value
    assert "secret" not in at.error[0].value


def test_a_damaged_run_is_passed_over_on_every_page(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    (make_run(test=True).path / "status.json").write_text("{")
    for name in PAGES:
        assert visitor.open(name, dataset=dataset.id).title
