"""The learning-rate finder on the Train page, with a stand-in for the sweep."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from page_view import BROWSER, Visitor, calm, chart, elements, labels, press, words
from streamlit.testing.v1 import AppTest

from core import drafts
from core.data.dataset import Dataset
from core.errors import Stopped, Unavailable
from core.runs.runner import RunnerSnapshot
from core.training import rate_search
from core.training.estimate import Estimate
from core.training.plan import Plan, Recipe
from core.training.rate_curve import RateCurve, curve_of
from core.training.rate_finder import RATES, Told
from pages.ui import rate_finder
from tests.waiting import until

LOSSES = [2.5 if rate < 3e-4 else 0.5 for rate in RATES[:80]]
FOUND = curve_of(RATES[:80], LOSSES, [8] * 80, stopped_early=True)
LEVEL = curve_of(RATES, [2.5] * 100, [8] * 100, stopped_early=False)
FIND, CANCEL = "Find a learning rate", "Cancel"


@dataclass
class Sweep:
    """Stands in for the sweep: it ends when the event is set."""

    curve: RateCurve = FOUND
    error: Exception | None = None
    go: threading.Event = field(default_factory=threading.Event)
    plans: list[Plan] = field(default_factory=list)

    def __call__(
        self, plan: Plan, _dataset: object, _workspace: object, told: Told, stop: threading.Event,
        _weights_file: object,
    ) -> RateCurve:
        self.plans.append(plan)
        told("Raising the learning rate, step 50 of 100", 0.5)
        while not self.go.wait(0.01):
            if stop.is_set():
                raise Stopped("Stopped.")
        if self.error is not None:
            raise self.error
        return self.curve


@pytest.fixture
def sweep(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sweep]:
    made = Sweep()
    monkeypatch.setattr(rate_search, "find_rate", made)
    monkeypatch.setattr(rate_search, "step_back", lambda: None)
    yield made
    visitor.service.rate_searches.cancel()


def opened(visitor: Visitor, dataset: Dataset, **choices: object) -> AppTest:
    return visitor.open("train", dataset=dataset.id, dataset_title=dataset.title, **choices)


def searched(visitor: Visitor, at: AppTest, sweep: Sweep) -> AppTest:
    """Ask for a search, wait for its end, and draw the page anew."""
    sweep.go.set()
    press(at, FIND)
    plan = visitor.draft.plan()
    until(lambda: visitor.service.rate_searches.snapshot(plan).active is None)
    at.run()
    return calm(at)


def test_before_a_search_there_is_one_button_and_no_chart(
    visitor: Visitor, dataset: Dataset, sweep: Sweep
) -> None:
    at = opened(visitor, dataset)
    assert labels(at).count(FIND) == 1
    assert "Takes 100 steps of training" in words(at)
    assert not [each for each in elements(at) if each.type == "plotly_chart"]
    assert sweep.plans == []


def test_a_search_shows_how_far_it_is_and_can_be_cancelled(
    visitor: Visitor, dataset: Dataset, sweep: Sweep
) -> None:
    at = press(opened(visitor, dataset), FIND)
    until(lambda: len(sweep.plans) == 1)
    at.run()
    assert "Raising the learning rate, step 50 of 100" in words(calm(at))
    assert FIND not in labels(at)
    press(at, CANCEL)
    assert visitor.service.rate_searches.snapshot(visitor.draft.plan()).active is None
    assert FIND in labels(at)
    assert CANCEL not in labels(at)


def test_a_search_that_was_not_begun_here_is_cancelled_after_a_question_only(
    visitor: Visitor, dataset: Dataset, sweep: Sweep
) -> None:
    at = opened(visitor, dataset)
    plan = visitor.draft.plan()
    visitor.service.find_rate(plan)
    until(lambda: len(sweep.plans) == 1)
    press(at.run(), CANCEL)
    assert "Cancel a search that was not begun here?" in words(at)
    assert visitor.service.rate_searches.snapshot(plan).active is not None
    press(at, "Cancel it")
    assert visitor.service.rate_searches.snapshot(plan).active is None


def test_a_rate_that_is_no_choice_any_more_gives_way_to_the_one_that_is_kept(
    visitor: Visitor, dataset: Dataset
) -> None:
    at = opened(visitor, dataset, recipe=Recipe(learning_rate=0.002))
    assert at.select_slider(key="learning_rate").value == 0.002
    gentle = replace(visitor.draft, recipe=Recipe(learning_rate=1e-4))  # by another window
    drafts.save(visitor.workspace, BROWSER, gentle)
    calm(at.run())
    assert at.select_slider(key="learning_rate").value == 1e-4
    assert visitor.draft.recipe.learning_rate == 1e-4


def test_what_was_found_is_drawn_with_the_suggestion_marked(
    visitor: Visitor, dataset: Dataset, sweep: Sweep
) -> None:
    at = searched(visitor, opened(visitor, dataset), sweep)
    drawn = chart(at, "rate-curve")
    points, line, mark = drawn["data"]
    assert (len(points["x"]), len(line["x"])) == (80, 80)
    assert mark["x"] == [FOUND.suggestion]
    assert drawn["layout"]["xaxis"]["type"] == "log"
    assert [each["text"] for each in drawn["layout"]["annotations"]] == [f"suggested: {FOUND.suggestion:g}"]
    assert FIND not in labels(at)


def test_the_suggestion_is_taken_by_one_press(visitor: Visitor, dataset: Dataset, sweep: Sweep) -> None:
    at = searched(visitor, opened(visitor, dataset), sweep)
    press(at, f"Use {FOUND.suggestion:g}")
    assert visitor.draft.recipe.learning_rate == FOUND.suggestion
    assert at.select_slider(key="learning_rate").value == FOUND.suggestion
    assert f"{FOUND.suggestion:g} is the learning rate that is chosen." in words(at)
    assert f"Use {FOUND.suggestion:g}" not in labels(at)


def test_the_curve_is_gone_with_other_settings_and_there_again_with_the_same(
    visitor: Visitor, dataset: Dataset, sweep: Sweep
) -> None:
    searched(visitor, opened(visitor, dataset), sweep)
    other = opened(visitor, dataset, recipe=Recipe(batch_size=8))
    assert FIND in labels(other)
    chart(opened(visitor, dataset, recipe=Recipe(epochs=20, learning_rate=0.01)), "rate-curve")


def test_where_nothing_is_suggested_it_is_said_why(visitor: Visitor, dataset: Dataset, sweep: Sweep) -> None:
    sweep.curve = LEVEL
    at = searched(visitor, opened(visitor, dataset), sweep)
    assert "No learning rate is suggested. The loss did not fall at any rate." in words(at)
    assert "annotations" not in chart(at, "rate-curve")["layout"]
    assert not [label for label in labels(at) if label.startswith("Use ")]


def test_a_curve_without_a_step_is_not_drawn(visitor: Visitor, dataset: Dataset, sweep: Sweep) -> None:
    sweep.curve = curve_of([], [], [], stopped_early=True)
    at = searched(visitor, opened(visitor, dataset), sweep)
    assert "The loss ran away at the lowest rates already." in words(at)
    assert not [each for each in elements(at) if each.type == "plotly_chart"]


def test_a_search_that_fails_says_why_and_can_be_asked_again(
    visitor: Visitor, dataset: Dataset, sweep: Sweep
) -> None:
    sweep.error = Unavailable("The weights are not here.", fix="Fetch them.")
    at = searched(visitor, opened(visitor, dataset), sweep)
    assert "The weights are not here." in words(at)
    sweep.error = None
    chart(searched(visitor, at, sweep), "rate-curve")


def test_during_a_training_the_search_is_refused_in_place(
    visitor: Visitor, dataset: Dataset, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = opened(visitor, dataset)
    monkeypatch.setattr(visitor.service.runner, "snapshot", lambda: RunnerSnapshot("another", ()))
    press(at, FIND)
    assert "A training is going on, and both would be slow." in words(at)
    assert sweep.plans == []


def test_a_search_with_other_settings_is_seen_and_said_to_be_one(
    visitor: Visitor, dataset: Dataset, sweep: Sweep
) -> None:
    press(opened(visitor, dataset), FIND)
    until(lambda: len(sweep.plans) == 1)
    at = opened(visitor, dataset, recipe=Recipe(batch_size=8))
    assert "With other settings: Raising" in words(at)
    assert CANCEL in labels(at)


def test_of_several_stages_it_is_said_which_is_looked_at(
    visitor: Visitor, dataset: Dataset, sweep: Sweep
) -> None:
    recipe = Recipe(method="lp-ft", stage_epochs=3)
    at = opened(visitor, dataset, recipe=recipe, trainable=("block7", "top"))
    assert "It looks at the last stage, as if it came first: with a new head" in words(at)
    assert "What learns there: the head and Block 7, Top." in words(at)
    assert "It looks at the last stage" not in words(opened(visitor, dataset, recipe=Recipe()))


def test_how_long_it_takes_is_said_where_it_was_measured(
    visitor: Visitor, dataset: Dataset, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Takes about" not in words(opened(visitor, dataset))
    monkeypatch.setattr(rate_finder, "seconds_needed", lambda _plan, _dataset: 42.0)
    assert "Takes about 40 s on this computer." in words(opened(visitor, dataset))


def test_the_time_is_that_of_a_hundred_steps_and_of_all_that_a_training_takes_beside_its_epochs(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan(dataset.id, dataset.title, "efficientnet-lite0", recipe=Recipe(epochs=10, batch_size=4))
    steps = math.ceil(len(dataset.of_split("train")) / 4)
    monkeypatch.setattr(rate_finder, "expected", lambda _plan, _dataset: Estimate(100.0, 6.0, 0))
    assert rate_finder.seconds_needed(plan, dataset) == pytest.approx(40 + 100 / steps * 6)
    monkeypatch.setattr(rate_finder, "expected", lambda _plan, _dataset: None)
    assert rate_finder.seconds_needed(plan, dataset) is None
