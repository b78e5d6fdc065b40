from __future__ import annotations

import pytest

from core.experiments.results import Results
from core.experiments.standing import Standing
from pages.ui.experiment_going import progress_data
from pages.ui.experiment_words import (
    BEGUN_HERE,
    about_tests,
    kind_sentence,
    kind_title,
    state_text,
    time_text,
)


def stands(done: int, failed: int, state: str, left: float | None = None) -> Standing:
    return Standing(done, failed, 30, None, left, state, done / 30)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        (stands(3, 0, "running"), "3 of 30 done"),
        (stands(3, 1, "running"), "3 of 30 done, 1 did not finish"),
        (stands(30, 0, "finished"), "30 runs"),
        (stands(16, 14, "finished"), "30 runs, 14 did not finish"),
        (stands(4, 26, "cancelled"), "cancelled after 4 of 30"),
    ],
)
def test_how_an_experiment_stands_is_said_in_a_few_words(standing: Standing, said: str) -> None:
    assert state_text(standing) == said


def test_a_time_that_is_not_known_is_not_0() -> None:
    assert time_text(None) == "time not measured"
    assert time_text(1500) == "about 25 min"


@pytest.mark.parametrize("kind", BEGUN_HERE)
def test_every_kind_has_a_name_and_a_sentence(kind: str) -> None:
    assert kind_title(kind) != kind
    assert kind_sentence(kind).endswith(".")


@pytest.mark.parametrize(
    ("split", "count", "said"),
    [
        ("test", 30, "30 test accuracies are shown. Nothing here was chosen by them"),
        ("test", 1, "1 test accuracy is shown. Nothing here was chosen by it."),
        ("test", 0, ""),
        ("validation", 0, "No test photo was looked at."),
        ("validation", 1, "Choices here were made on validation photos."),
        ("validation", 2, "2 test accuracies are shown, and choosing by them would flatter the best."),
    ],
)
def test_how_many_test_figures_there_are_and_what_that_means_is_said(
    split: str, count: int, said: str
) -> None:
    text = about_tests(Results("seeds", split, (), "", "", count, complete=True))  # type: ignore[arg-type]
    assert said in text
    assert bool(text) == bool(said)


def test_time_left_and_a_run_at_work_are_told_only_where_they_are_known() -> None:
    shown = progress_data(stands(3, 1, "running"), None)
    assert shown["left"] == ()
    assert shown["state"] == "queued"
    assert shown["below_left"] == "Its next run waits for its turn in the queue."
    assert shown["below_right"] == "1 did not finish"
    left = progress_data(stands(3, 0, "running", 1500), None)["left"]
    assert "".join(text for text, _strong in left) == "about 25 min left"
