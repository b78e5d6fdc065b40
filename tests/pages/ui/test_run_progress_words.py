from __future__ import annotations

import pytest

from pages.ui.run_progress import (
    RunFigures,
    below_left_text,
    below_right_text,
    headline_parts,
    left_parts,
    shown_share,
)
from pages.ui.run_strip import strip_detail
from pages.ui.run_words import (
    percent_text,
    strip_template,
    thawed_text,
)

STATES = (
    "queued", "preparing", "training", "paused", "finished", "stopped", "failed", "interrupted",
)  # fmt: skip
KNOWN = {
    "epoch": 7, "epochs": 15, "share": 0.45, "seconds": 151.0, "seconds_left": 170.0,
    "step": 46, "steps": 57, "photos_per_second": 162.3, "thawed_blocks": 3, "place": 2,
}  # fmt: skip


def plain(parts: tuple[tuple[str, bool], ...]) -> str:
    return "".join(text for text, _ in parts)


def test_unknown_share_is_empty() -> None:
    assert percent_text(None) == ""
    assert percent_text(0.879, digits=1) == "87.9%"


def test_thawed_blocks() -> None:
    assert [thawed_text(n) for n in (0, 1, 3)] == ["head only", "1 block thawed", "3 blocks thawed"]


def test_training_as_in_the_sketch() -> None:
    run = RunFigures("training", **KNOWN)
    assert headline_parts(run) == (("Epoch 7", True), (" of 15", False))
    assert left_parts(run) == (("about ", False), ("3 min", True), (" left", False))
    assert below_left_text(run) == "2 min 31 s so far"
    assert below_right_text(run) == "step 46 of 57 · 162 photos a second"
    assert strip_detail(run, 0.8824) == "Epoch 7 of 15 · validation 88.2% · about 3 min left"


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("known", [{}, KNOWN], ids=["nothing known", "all known"])
def test_every_state_has_a_headline_and_claims_nothing_unknown(
    state: str, known: dict[str, float]
) -> None:
    run = RunFigures(state, **known)
    assert plain(headline_parts(run))
    said = [plain(headline_parts(run)), plain(left_parts(run)), below_right_text(run)]
    assert not any("None" in text for text in [*said, below_left_text(run), strip_detail(run, None)])
    assert "Run 5" in strip_template(state).format(run="Run 5")


@pytest.mark.parametrize("state", ["finished", "stopped", "failed", "interrupted", "queued"])
def test_no_time_left_where_nothing_is_going_on(state: str) -> None:
    assert left_parts(RunFigures(state, **KNOWN)) == ()


@pytest.mark.parametrize("state", STATES)
def test_the_bar_is_on_the_move_only_while_somebody_works(state: str) -> None:
    unknown = shown_share(RunFigures(state))
    assert unknown == (None if state in ("preparing", "training") else 0.0)
    assert shown_share(RunFigures(state, **KNOWN)) == KNOWN["share"]


def test_queue_place_is_named() -> None:
    assert plain(headline_parts(RunFigures("queued", place=2))) == "Waiting, number 2 in the queue"


@pytest.mark.parametrize("state", [each for each in STATES if each != "preparing"])
def test_photos_seen_by_the_frozen_part_are_told_only_while_it_sees_them(state: str) -> None:
    run = RunFigures(state, extracted=412, to_extract=2530, photos_per_second=88.2)
    assert not run.extracting
    assert "2,530" not in below_right_text(run) + strip_detail(run, None)


def test_a_first_look_without_a_speed_yet_says_how_far_it_is() -> None:
    run = RunFigures("preparing", extracted=0, to_extract=1)
    assert below_right_text(run) == strip_detail(run, None) == "0 of 1 photo"
