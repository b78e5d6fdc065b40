from __future__ import annotations

from core.jobs import WAITING, JobSnapshot
from pages.ui.study import _amount


def test_a_study_that_waits_says_for_which_other_one() -> None:
    waits = JobSnapshot("1", "What moved", phase=WAITING)
    assert _amount("What moved", waits) == "Waiting for its turn"
    waits = JobSnapshot("1", "What moved", phase=WAITING, waits_for="Data audit")
    assert _amount("What moved", waits) == "Waiting for its turn, after: Data audit"


def test_how_far_a_study_is_and_how_long_it_takes_are_said_where_they_are_known() -> None:
    assert _amount("Title", JobSnapshot("1", "Title", phase="Looking", done=3)) == "Looking"
    half = JobSnapshot("1", "Title", phase="Looking", done=1500, total=3000)
    assert _amount("Title", half) == "Looking: 1,500 of 3,000"
