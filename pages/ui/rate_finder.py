"""The learning-rate finder while a run is set up: ask for it, watch it, see its curve, take its rate."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import streamlit as st

from core.data.dataset import Dataset
from core.drafts import Draft
from core.i18n import _
from core.training.counts import what_learns
from core.training.plan import Plan
from core.training.rate_curve import RateCurve
from core.training.rate_finder import STEPS, swept
from core.training.rate_search import what_matters
from core.words import about_text
from pages.ui import fields, state
from pages.ui.charts import COLOURS, draw, log_axis, plot_layout, value_axis
from pages.ui.confirm import ask_soon
from pages.ui.escape import plain
from pages.ui.expected import expected
from pages.ui.pieces import caption, legend, note
from pages.ui.style import theme
from pages.web.script_error import describe

HEIGHT = 300
_LABELLED = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
# What is above so many times the loss at the begin is cut off: a loss that runs away goes into the thousands.
_TALLEST = 1.5
_ASKED = "rate_asked_for"


def find_rate(draft: Draft, dataset: Dataset) -> None:
    """Show the way to find a learning rate for what is chosen, or what was found.

    Args:
        draft: The choices.
        dataset: The chosen photos, which can be trained on.
    """
    plan = draft.plan()
    # NOTE: with a key it stays open where advice above it comes or goes.
    with st.expander(_("Find a learning rate"), key="rate_finder", icon=":material/query_stats:"):
        caption(_("Takes {n} steps of training at a rate that rises from one to the next, looks where the "
                  "loss falls fastest, and throws the model away.").format(n=STEPS))
        if plan.recipe.method != "single" and plan.trainable:
            caption(_("It looks at the last stage, as if it came first: with a new head, where the training "
                      "has one by then that has learned. What learns there: the head and {blocks}.").format(
                blocks=what_learns(swept(plan))))
        now = state.thaw().rate_searches.snapshot(plan)
        if now.active is not None:
            st.fragment(_progress, run_every=1.0)(plan)
        elif now.curve is None:
            _ask(plan, dataset)
        if now.error is not None and now.active is None:
            st.error(describe(now.error), icon=":material/error:")
        if now.curve is not None:
            _found(now.curve, draft.recipe.learning_rate)


def seconds_needed(plan: Plan, dataset: Dataset) -> float | None:
    """Return about how long a search takes, from what was measured here; ``None`` before that."""
    alone = swept(plan)
    guess = expected(alone, dataset)
    steps = -(-len(dataset.of_split("train")) // alone.recipe.batch_size)
    if guess is None or not steps:
        return None
    # What a training takes beside its epochs, and as many epochs as the steps make.
    return guess.seconds + (STEPS / steps - alone.recipe.epochs) * guess.epoch_s


def _ask(plan: Plan, dataset: Dataset) -> None:
    seconds = seconds_needed(plan, dataset)
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button(_("Find a learning rate"), key="find_rate", icon=":material/query_stats:")
        if seconds is not None:
            caption(_("Takes about {time} on this computer.").format(time=about_text(seconds)))
    if pressed:
        with state.told():
            state.thaw().find_rate(plan)
            st.session_state[_ASKED] = what_matters(plan)
            st.rerun()


def _progress(plan: Plan) -> None:
    now = state.thaw().rate_searches.snapshot(plan)
    if now.active is None:
        st.rerun()
        return
    words = now.words if now.mine else _("With other settings: {words}").format(words=now.words)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(now.share, text=plain(words))
        pressed = st.button(_("Cancel"), key="cancel_rate", icon=":material/close:")
    if not pressed:
        return
    cancel = state.thaw().rate_searches.cancel
    if st.session_state.get(_ASKED) == what_matters(now.active):
        cancel()
        st.rerun()
    ask_soon(
        _("Cancel a search that was not begun here?"),
        _("Somebody else began it, or you did in another window. It would have to begin anew."),
        _("Cancel it"), cancel,
    )


def _found(curve: RateCurve, chosen: float) -> None:
    if curve.rates:
        legend([(_("each step"), _colours()["grey"]), (_("their running mean"), _colours()["ice"])])
        _plot(curve)
    if curve.suggestion is None or curve.steepest is None or curve.lowest is None:
        note(_("No learning rate is suggested."), curve.reason, sign="info")
        return
    caption(_("The mean falls fastest at {steepest} and is lowest at {lowest}. Suggested is the first, or a "
              "tenth of the second where that is less.").format(
        steepest=_short(curve.steepest), lowest=_short(curve.lowest)))
    if chosen == curve.suggestion:
        caption(_("{rate} is the learning rate that is chosen.").format(rate=fields.rate_text(chosen)))
        return
    st.button(
        _("Use {rate}").format(rate=fields.rate_text(curve.suggestion)), key="use_rate", on_click=_use,
        args=(curve.suggestion,),
    )


def _use(rate: float) -> None:
    draft = state.draft()
    state.keep(replace(draft, recipe=replace(draft.recipe, learning_rate=rate)))
    st.session_state["learning_rate"] = rate


def _short(rate: float) -> str:
    return fields.rate_text(float(f"{rate:.1g}"))


def _colours() -> dict[str, Any]:
    return COLOURS[theme()]


def _plot(curve: RateCurve) -> None:
    colours = _colours()
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter", "mode": "markers", "x": curve.rates, "y": curve.losses,
            "marker": {"color": colours["grey"], "size": 5}, "hoverinfo": "skip",
        },
        {
            "type": "scatter", "mode": "lines", "x": curve.rates, "y": curve.smoothed,
            "line": {"color": colours["ice"], "width": 3},
            "customdata": [_short(rate) for rate in curve.rates],
            "hovertemplate": _("learning rate {rate}, loss {loss}").format(
                rate="%{customdata}", loss="%{y:.3f}") + "<extra></extra>",
        },
    ]
    layout = plot_layout(HEIGHT)
    layout["showlegend"] = False
    layout["margin"] = {"l": 8, "r": 16, "t": 28, "b": 8, "pad": 6}
    layout["xaxis"] = {
        **log_axis(_("learning rate")), "dtick": None, "tickmode": "array", "tickvals": _LABELLED,
        "ticktext": [fields.rate_text(each) for each in _LABELLED], "tickangle": 0,
    }
    layout["yaxis"] = {
        **value_axis(), "range": [0, _top(curve)],
        "title": {"text": _("training loss"), "font": {"size": 13, "color": colours["quiet"]}},
    }
    if curve.suggestion is not None:
        _mark(traces, layout, curve, curve.suggestion)
    draw(traces, layout, key="rate-curve")


def _mark(traces: list[dict[str, Any]], layout: dict[str, Any], curve: RateCurve, rate: float) -> None:
    """Mark the suggestion: a line at it, its point on the curve, and its figure above."""
    ember = _colours()["ember"]
    at = min(range(len(curve.rates)), key=lambda step: abs(curve.rates[step] - rate))
    traces.append({
        "type": "scatter", "mode": "markers", "x": [rate], "y": [curve.smoothed[at]], "hoverinfo": "skip",
        "marker": {"color": ember, "size": 12, "symbol": "diamond"},
    })
    layout["shapes"] = [{
        "type": "line", "x0": rate, "x1": rate, "y0": 0, "y1": 1, "yref": "paper",
        "line": {"color": ember, "width": 1.5, "dash": "dot"},
    }]
    layout["annotations"] = [{
        # NOTE: on an axis of logarithms Plotly places lines by value, but words by logarithm.
        "x": math.log10(rate), "y": 1, "yref": "paper", "yanchor": "bottom", "showarrow": False,
        "text": _("suggested: {rate}").format(rate=fields.rate_text(rate)),
        "font": {"color": ember, "size": 14},
    }]


def _top(curve: RateCurve) -> float:
    """Return where the axis of the loss ends: above all that lies before the loss runs away."""
    level = curve.smoothed[min(len(curve.smoothed), 10) - 1]
    return min(1.05 * max(curve.losses), _TALLEST * level)
