"""What is worked on and what waits, for everybody who looks at the workspace."""

from __future__ import annotations

import streamlit as st

from core.disk import plan_title
from core.i18n import _
from core.runs import line, steer, wishes
from core.runs.listing import Listed, listed
from core.runs.wishes import Wish
from core.words import about_text
from pages.ui import state
from pages.ui.confirm import ask_soon
from pages.ui.escape import plain
from pages.ui.pieces import caption
from pages.ui.run_figures import figures
from pages.ui.run_progress import extracted_text, headline_parts
from pages.ui.run_words import percent_text
from pages.ui.workspace_rows import action, entry, rows

TICK_S = 2.0
Seen = tuple[tuple[str, ...], tuple[str, ...]]


def in_line(runs: list[Listed]) -> None:
    """Show the line; it goes on by itself while something is worked on or waits."""
    st.subheader(_("Queue"), anchor=False)
    seen = _seen(runs)
    st.fragment(_line, run_every=TICK_S if any(seen) else None)(seen)


def _seen(runs: list[Listed]) -> Seen:
    """Return which runs are worked on, and which wait, in order."""
    known = {run.id for run in runs}
    at_work = tuple(run.id for run in runs if run.status.state.at_work)
    return at_work, tuple(each for each in line.waiting(state.workspace()) if each in known)


def _line(seen: Seen) -> None:
    runs = listed(state.workspace())
    if _seen(runs) != seen:
        # The list of all runs has to see it too.
        st.rerun()
    by_id = {run.id: run for run in runs}
    at_work, waiting = seen
    if not any(seen):
        caption(_("Nothing is trained just now, and nothing waits."))
    with rows():
        for each in at_work:
            _at_work(by_id[each])
        for place, each in enumerate(waiting, start=1):
            _waiting(by_id[each], place, len(waiting))


def _at_work(run: Listed) -> None:
    facts = (_started_by(run), plan_title(run.plan))
    with entry(f"line-{run.id}", run.title, facts, said=progress_text(run), alive=True):
        if action(_("Open"), run.title, "open_in_full", key=f"line-open-{run.id}"):
            open_run(run.id)


def progress_text(run: Listed) -> str:
    """Return how far a run is that is worked on: ``"Epoch 3 of 10 · 47% · about 3 min left"``."""
    wish = wishes.asked(run.folder)
    if wish is not None:
        return _("Pausing…") if wish is Wish.PAUSE else _("Stopping…")
    now = figures(run)
    left = now.seconds_left
    said = [
        state_text(run), extracted_text(now), percent_text(now.share),
        "" if left is None else _("about {time} left").format(time=about_text(left)),
    ]
    return " · ".join(each for each in said if each)


def state_text(run: Listed, place: int | None = None) -> str:
    """Return in words how a run stands.

    Args:
        run: The run.
        place: Its place in the line, from 1, where it waits.
    """
    return "".join(words for words, _strong in headline_parts(figures(run, place)))


def open_run(run_id: str) -> None:
    """Go to the Train page, to this run. It is the shell that goes: see there why."""
    st.session_state[state.OPEN_RUN] = run_id
    st.rerun()


def _waiting(run: Listed, place: int, last: int) -> None:
    facts = (_started_by(run), plan_title(run.plan))
    with entry(f"line-{run.id}", run.title, facts, mark=str(place)):
        up = action(
            _("Earlier"), run.title, "arrow_upward", key=f"line-up-{run.id}", disabled=place == 1)
        down = action(
            _("Later"), run.title, "arrow_downward", key=f"line-down-{run.id}", disabled=place == last)
        leave = action(_("Leave the queue"), run.title, "close", key=f"line-leave-{run.id}")
    if up or down:
        with state.told():
            line.move(state.workspace(), run.id, place - 1 if up else place + 1)
            st.rerun()
    if leave and state.is_of_another(run):
        ask_soon(
            _("Take a run that {who} started out of the queue?").format(who=plain(state.who_started(run))),
            _("{run} ({what}) will not start by itself any more. It stays among the runs and can be "
              "resumed.").format(run=plain(run.title), what=plain(plan_title(run.plan))),
            _("Take it out"), lambda: _leave(run),
        )
    if leave:
        with state.told():
            _leave(run)
            st.rerun()


def _leave(run: Listed) -> None:
    steer.stop(state.workspace(), run.id)
    state.say_next(_("{run} has left the queue. It is among the runs and can be resumed.").format(
        run=plain(run.title)))


def _started_by(run: Listed) -> str:
    who = state.who_started(run)
    return _("started by {who}").format(who=who) if who else ""
