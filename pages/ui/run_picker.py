"""Choosing among the runs that have a model."""

from __future__ import annotations

import streamlit as st

from core.i18n import _
from core.journey import run_with_model
from core.runs.listing import Listed, with_model
from core.runs.status import State
from core.training.counts import what_learns
from pages.ui import state
from pages.ui.escape import one_line
from pages.ui.locked import locked
from pages.ui.pieces import lede
from pages.ui.run_words import state_text


def run_of_page(name: str, title: str, sentence: str) -> Listed | None:
    """Begin a page about a run: which one is looked at, with a box to choose another of several.

    Args:
        name: The page's name among the places.
        title: Its title.
        sentence: What the page shows of the run, with ``{run}`` for its name.

    Returns:
        The run; ``None`` where none has a model, which the page then says.
    """
    journey = state.stand()
    st.title(title, anchor=False)
    if locked(journey, name):
        return None
    folder = run_with_model(state.workspace(), state.draft(), state.who())
    ready = {run.id: run for run in with_model(state.workspace())}
    if folder is None or folder.id not in ready:
        return None
    lede(sentence.format(run=ready[folder.id].title))
    run_box(ready, folder.id)
    return ready[folder.id]


def run_box(runs: dict[str, Listed], chosen: str) -> None:
    """Show a box to choose a run with, where there are several; the choice is kept.

    Runs of experiments are left out: they are many, and open from their experiment. The chosen one is there.
    """
    runs = {name: run for name, run in runs.items() if not run.experiment or name == chosen}
    if len(runs) < 2:
        return

    def look() -> None:
        state.look_at(st.session_state["look_at"])

    st.session_state["look_at"] = chosen
    st.selectbox(
        _("Run"), list(runs), key="look_at", on_change=look, label_visibility="collapsed",
        format_func=lambda run: _named(runs[run]),
    )


def _named(run: Listed) -> str:
    # NOTE: unlike pills and buttons, a selectbox takes no Markdown: escaped, the marks would show.
    said = [run.title, one_line(run.plan.dataset_title, 40), what_learns(run.plan)]
    if run.status.state is not State.FINISHED:
        said.append(state_text(run.status.state))
    if state.is_of_another(run):
        said.append(state.who_started(run))
    return " · ".join(said)
