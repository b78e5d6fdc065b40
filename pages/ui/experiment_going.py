"""An experiment that is going on: how far it is, the plot as it fills, and the way to end it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.errors import ThawError
from core.experiments import members, steering
from core.experiments.experiment import Experiment, load
from core.experiments.members import Found
from core.experiments.results import results
from core.experiments.standing import Standing, standing
from core.i18n import _
from core.people import is_of_another, who_text
from core.runs.listing import Listed, listed
from core.runs.status import State
from core.words import about_text
from pages.ui import state
from pages.ui.component import emphasised, noted, register
from pages.ui.confirm import ask_soon
from pages.ui.escape import plain
from pages.ui.experiment_shown import below_plot, has_points, plot, ran_with, take_away
from pages.ui.experiment_words import failed_text
from pages.ui.pieces import caption, note
from pages.ui.run_words import percent_text
from pages.ui.workspace_line import open_run

TICK_S = 2.0


def going_on(experiment_id: str, *, with_plot: bool = True) -> None:
    """Show an experiment that is going on; the page is drawn anew when it has ended."""
    st.fragment(_going_on, run_every=TICK_S)(experiment_id, with_plot=with_plot)


def _going_on(experiment_id: str, *, with_plot: bool) -> None:
    workspace = state.workspace()
    try:
        experiment = load(workspace, experiment_id)
        now = standing(workspace, experiment)
    except ThawError:  # deleted by somebody else meanwhile: the page shows what there is
        st.rerun()
    if now.state != "running":
        st.rerun()
    runs = {each.id: each for each in listed(workspace)}
    run = runs.get(now.at_work or "")
    paused = runs.get(paused_run(members.found(workspace, experiment)))
    progress(now, run, paused, key=f"progress-{experiment.id}")
    _buttons(experiment, now, run or paused)
    if with_plot:
        with state.told():
            found = results(workspace, experiment)
            if has_points(found):
                note(_("So far."), found.sentence, sign="info")
            else:
                caption(_("The plot begins when the first run has ended."))
            plot(experiment, found, key=f"plot-{experiment.id}", going=True)
            below_plot(found)
            if has_points(found):
                take_away(experiment, found)
        caption(ran_with(experiment))


def paused_run(found: Sequence[Found]) -> str:
    """Return the run that an experiment waits for because somebody has paused it; empty where none is.

    NOTE: where another is worked on or in the line, the experiment goes on with that one.
    """
    states = {each.folder.id: each.status.state for each in found if each.status is not None}
    if any(each.active for each in states.values()):
        return ""
    return next((run for run, how in states.items() if how is State.PAUSED), "")


def progress(now: Standing, run: Listed | None, paused: Listed | None = None, *, key: str) -> None:
    """Show the bar of a whole batch, which changes in place.

    Args:
        now: How the experiment stands.
        run: The run of it that is worked on; ``None`` for none.
        paused: The run that it waits for because somebody has paused it; ``None`` for none.
        key: The component's key, unique on the page.
    """
    register("progress", with_files=("marks", "live_poll"))(
        key=key, data=progress_data(now, run, paused), on_turn_change=noted,
    )


def progress_data(now: Standing, run: Listed | None, paused: Listed | None = None) -> dict[str, Any]:
    """Return what the bar draws, as JSON has it."""
    left = now.left_s if paused is None else None
    if run is not None:
        below = _("{run} is at work").format(run=run.title)
    elif paused is not None:
        below = _("{run} is paused: resume it on the Train page.").format(run=paused.title)
    else:
        below = _("Its next run waits for its turn in the queue.")
    return {
        "state": "training" if run is not None else "queued",
        "headline": emphasised(_("*{done} of {total}* runs done"), done=now.done, total=now.total),
        "pill": "",
        "all_frozen": False,
        "left": () if left is None else emphasised(_("about *{time}* left"), time=about_text(left)),
        "share": now.share,
        "spoken": percent_text(now.share),
        "label": _("Progress of the experiment"),
        "cold": False,
        "below_left": below,
        "below_right": failed_text(now),
        "live": "",
        "turn": "",
    }


def _buttons(experiment: Experiment, now: Standing, run: Listed | None) -> None:
    other = is_of_another(experiment.by, state.who())
    with st.container(horizontal=True, vertical_alignment="center"):
        if run is not None:
            label = _("Open {run}").format(run=plain(run.title, 60))
            if st.button(label, key=f"open-{experiment.id}", icon=":material/open_in_full:"):
                open_run(run.id)
        cancel = st.button(
            _("Cancel the experiment"), key=f"cancel-{experiment.id}", icon=":material/close:",
            help=_("The run at work stops and those that wait leave the queue. What has ended is kept."),
        )
        caption(_("You can leave this page. The experiment goes on."))
    if cancel and other:
        who = plain(who_text(state.workspace(), experiment.by, state.who()))
        ask_soon(
            _("Cancel an experiment that {who} began?").format(who=who),
            _("{title}: {done} of {total} runs have ended and are kept. The others do not start any "
              "more.").format(title=plain(experiment.title), done=now.done, total=now.total),
            _("Cancel it"), lambda: _cancel(experiment),
        )
    elif cancel:
        with state.told():
            _cancel(experiment)
            st.rerun()


def _cancel(experiment: Experiment) -> None:
    steering.cancel(state.workspace(), experiment.id)
    state.say_next(_("{title} is cancelled. What has ended is kept.").format(title=plain(experiment.title)))
