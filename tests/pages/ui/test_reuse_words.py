from __future__ import annotations

from typing import Any

import pytest

from core.runs.status import State, Status
from core.training.events import CacheUse
from pages.ui.reuse_words import found_text, frozen_fact, saved_words


def status(how: State = State.FINISHED, took: float | None = 51.0, **known: Any) -> Status:
    ended = None if how.active else took
    return Status(how, 10, 0.0, started=None if took is None else 0.0, ended=ended, **known)


def said(given: Status) -> str:
    return " ".join(saved_words(given) or ())


def test_time_saved_so_far_is_set_against_the_plain_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.runs.status.time.time", lambda: 32.0)
    assert said(status(State.TRAINING, saved_s=48.0)) == (
        "About 48 s saved so far. The textbook way, in which the frozen part sees every photo in every "
        "epoch, would have taken 1 min 20 s until here. An estimate from measured costs."
    )


@pytest.mark.parametrize("saved", [None, -3.0, 0.9])
def test_less_than_a_second_saved_is_not_worth_a_word(saved: float | None) -> None:
    assert saved_words(status(State.TRAINING, saved_s=saved)) is None
    assert saved_words(status(State.STOPPED, saved_s=saved)) is None


def test_a_whole_training_is_compared_by_what_it_took() -> None:
    found = said(status(saved_s=1.0, cache=CacheUse("block6", compared_s=200.0)))
    assert found.startswith("About 2 min 29 s saved. This took 51 s.")
    assert "would have taken about 3 min 20 s." in found


def test_a_training_that_the_plain_way_would_have_beaten_is_told_as_it_is() -> None:
    found = said(status(saved_s=5.0, cache=CacheUse("block6", compared_s=40.0)))
    assert found.startswith("Nothing was saved this time. This took 51 s.")


def test_a_run_without_a_comparison_keeps_what_was_known_at_its_end() -> None:
    found = said(status(State.STOPPED, saved_s=9.0, cache=CacheUse("block6")))
    assert found.startswith("About 9 s saved. This took 51 s.")
    assert "would have taken about 1 min 0 s." in found


def test_the_plain_way_saves_nothing_against_itself() -> None:
    assert saved_words(status(saved_s=9.0, cache=CacheUse(None, reason="Why.", compared_s=90.0))) is None


def test_nothing_is_said_of_a_run_that_never_began() -> None:
    assert saved_words(status(took=None, saved_s=9.0, cache=CacheUse("block6", compared_s=90.0))) is None


@pytest.mark.parametrize(
    ("use", "views", "text"),
    [
        (None, False, ""),
        (CacheUse("block6"), False, ""),
        (CacheUse("block6", 2530), False, "Frozen part: 2,530 photos were there from before."),
        (CacheUse("block6", 0, 2530), False, "Frozen part: computed 2,530 photos, kept for the next run."),
        (
            CacheUse("block6", 1000, 1, 95_000_000), True,
            "Frozen part: 1,000 views were there from before; computed 1 view, kept for the next run. "
            "95 MB on disk.",
        ),
    ],
)
def test_found_and_computed_photos_are_told_apart(use: CacheUse | None, views: bool, text: str) -> None:
    assert found_text(status(cache=use), views=views) == text


def test_what_is_not_known_of_the_frozen_part_is_not_claimed() -> None:
    assert frozen_fact(status(State.QUEUED, took=None))[0] == "Not decided yet"
    assert frozen_fact(status(State.FAILED))[0] == "not available"
    assert frozen_fact(status(epoch=3))[0] == "Plain", "a run from before there was any reuse"
