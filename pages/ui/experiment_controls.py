"""Is it really learning? A run beside what the same budget gets from scratch, with the head, with all."""

from __future__ import annotations

import streamlit as st

from core.data import dataset as datasets
from core.errors import NotFound
from core.experiments import design, forecast, steering
from core.experiments.design import Design
from core.experiments.experiment import Experiment, listed
from core.experiments.results import results
from core.experiments.standing import standing
from core.experiments.variants import as_compared
from core.i18n import _, ngettext
from core.runs.listing import Listed
from core.runs.status import State
from pages.ui import state
from pages.ui.escape import plain
from pages.ui.experiment_begin import not_measured
from pages.ui.experiment_going import going_on
from pages.ui.experiment_shown import below_plot, has_points, plot, take_away
from pages.ui.experiment_words import time_text
from pages.ui.measuring import measure_button, measuring
from pages.ui.pieces import caption, note


def controls_of(run: Listed, *, named: bool = False) -> None:
    """Show a run's fair controls as bars; before that, a button that runs them and what that takes.

    The page has to call :func:`pages.ui.confirm.ask_on` first. Mount it once on a page.

    Args:
        run: A run that has ended.
        named: Whether the heading names it, for a page that shows others beside it.
    """
    asked = _("Is it really learning?")
    if named:
        asked = _("Is {run} really learning?").format(run=plain(run.title, 60))
    st.subheader(asked, anchor=False)
    with state.told():
        found = _latest(run)
        if found is None:
            if _all(run):
                caption(_("The run was changed after its controls had been planned: they have the budget "
                          "that it had then, and are no fair comparison any more."))
            _offer(run)
            return
        now = standing(state.workspace(), found)
        if now.state == "running":
            caption(_what())
            going_on(found.id)
            return
        _bars(found)
        if now.state == "cancelled" or now.failed:
            caption(_("Not every control has ended."))
            _offer(run)


def _latest(run: Listed) -> Experiment | None:
    """Return the newest experiment that holds a run's controls; those for a plan it had before are none."""
    return next((each for each in _all(run) if as_compared(each.plan) == as_compared(run.plan)), None)


def _all(run: Listed) -> list[Experiment]:
    return [
        each for each in listed(state.workspace()) if each.kind == "controls" and each.base_run == run.id]


def _what() -> str:
    return _("Controls get the same photos, epochs, batch size and seed: one from scratch, one with the head "
             "alone, one with everything. A run that does not clear them has nothing to show for its effort.")


def _bars(found: Experiment) -> None:
    known = results(state.workspace(), found)
    if known.sentence:
        note(_("In short."), known.sentence)
    plot(found, known, key=f"controls-{found.id}")
    below_plot(known)
    if has_points(known):
        take_away(found, known)


def _offer(run: Listed) -> None:
    """Show what running the controls takes, and the button."""
    caption(_what())
    if run.status.state is not State.FINISHED:
        caption(_("They need a run that went to its end. Resume this one on the Train page first."))
        return
    try:
        dataset = datasets.load(state.workspace().dataset_dir(run.plan.dataset))
    except NotFound:
        caption(_("They need the photos that it learned from, which have been deleted."))
        return
    made = design.controls(state.workspace(), run.id)
    seconds = forecast.expected_seconds(state.workspace(), made, dataset)
    caption(_takes(made, seconds))
    measuring("controls-stop-measuring")
    label = _("Run the fair controls") if made.to_run else _("Show the fair controls")
    with st.container(horizontal=True, vertical_alignment="center"):
        begun = st.button(label, key="controls-begin", icon=":material/science:")
        if seconds is None and made.to_run:
            measure_button(
                _("Measure this computer"), not_measured(made), key="controls-measure",
                words=_("A few steps on noise. Then the time is known before the controls start."),
            )
    if begun:
        state.thaw().make_way()
        steering.begin(state.workspace(), made, by=state.who(), expected_s=seconds)
        st.rerun()


def _takes(made: Design, seconds: float | None) -> str:
    if not made.to_run:
        return _("All of them have been run before: they are only put side by side.")
    borrowed = len(made.members) - made.to_run
    said = ngettext("{n} run, {time}.", "{n} runs, {time}.", made.to_run).format(
        n=made.to_run, time=time_text(seconds))
    if borrowed:
        said += " " + ngettext(
            "{n} more was run before and is not run again.",
            "{n} more were run before and are not run again.", borrowed,
        ).format(n=borrowed)
    return said
