"""How sure a model is, and how often it is right then; temperature scaling as one click."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from core.i18n import _, ngettext
from core.insight.confidence import BINS, Calibration, calibration
from core.insight.predictions import Predictions
from core.runs.listing import Listed
from core.studies import evaluating
from core.studies.evaluating import Temperature
from core.studies.target import Target
from pages.ui import state
from pages.ui.charts import COLOURS, draw, plot_layout, value_axis
from pages.ui.pieces import caption, choice_table, legend
from pages.ui.study import study
from pages.ui.style import theme

HEIGHT_PX = 340
_LEAST_PX, _MOST_PX = 7, 22
HARDLY = 0.05


def sureness(run: Listed, said: Predictions, target: Target, key: str) -> None:
    """Show how far a model's sureness holds on photos, as it is and at the kept temperature.

    Args:
        run: The run.
        said: What was said of the photos.
        target: Which photos they are.
        key: What tells these photos of this run from any others.
    """
    fit = evaluating.kept_fit(run.folder)
    before = calibration(said)
    after = calibration(said, fit.value) if fit is not None else None
    chart, words = st.columns([3, 2], gap="large")
    with chart:
        _chart(before, after, key)
    with words:
        _table(before, after)
        if fit is None:
            _offer(run)
        else:
            _about(fit, target)
            if after is not None and after.loss > before.loss:
                caption(_no_help(target))
    caption(_("Photos by how sure the model was of its answer, in {bins} bins of equal width; the larger a "
              "dot, the more photos. On the dotted line it is right as often as it says. The calibration "
              "error (ECE) is the mean distance from that line over {n} photos; with few photos chance "
              "alone keeps it above 0. Upright lines are Wilson intervals at 95%.").format(
                  bins=BINS, n=f"{before.images:,}"))


def _no_help(target: Target) -> str:
    if target == Target("", "train"):
        return _("On these photos it does not help: the model has learned from them, and is right to be "
                 "surer of them than of new ones.")
    return _("On these photos it does not help. With few photos that may be chance.")


def _table(before: Calibration, after: Calibration | None) -> None:
    head = ["", _("ECE"), _("Loss")]
    rows = [(_("As it is"), f"{before.error:.1%}", f"{before.loss:.3f}")]
    if after is not None:
        rows.append((_("Calibrated"), f"{after.error:.1%}", f"{after.loss:.3f}"))
    choice_table(_("How far its sureness holds"), head, rows, chosen=len(rows) - 1)


def _offer(run: Listed) -> None:
    st.markdown(_("Temperature scaling learns one number on the validation photos, so that the model is as "
                  "sure as it is right. Its answers stay the same."))
    study(run.id, "temperature", title=_("Calibrating"), button=_("Calibrate"),
          work=partial(evaluating.fit_temperature, state.workspace(), run.folder),
          icon=":material/device_thermostat:")


def _about(fit: Temperature, target: Target) -> None:
    does = _("makes it less sure") if fit.value > 1 else _("makes it surer")
    if abs(fit.value - 1) < HARDLY:
        does = _("hardly changes how sure it is")
    st.markdown(ngettext(
        "Temperature **{value}**, fitted on {n} validation photo, {does}. Accuracy stays the same. On the "
        "Predict page you can switch it on.",
        "Temperature **{value}**, fitted on {n} validation photos, {does}. Accuracy stays the same. On the "
        "Predict page you can switch it on.", fit.images,
    ).format(value=f"{fit.value:.2f}", n=f"{fit.images:,}", does=does))
    if target == Target("", "validation"):
        caption(_("It was fitted on these very photos: here it looks better than it is."))


def _chart(before: Calibration, after: Calibration | None, key: str) -> None:
    colours = COLOURS[theme()]
    both = [(_("As it is"), before, str(colours["ice"]), "circle")]
    if after is not None:
        both.append((_("Calibrated"), after, str(colours["ember"]), "diamond"))
    legend([(name, colour) for name, _each, colour, _symbol in both])
    traces: list[dict[str, Any]] = [{
        "type": "scatter", "mode": "lines", "x": [0, 100], "y": [0, 100], "hoverinfo": "skip",
        "line": {"color": colours["quiet"], "width": 1.5, "dash": "dot"},
    }]
    traces += [_trace(name, each, colour, symbol) for name, each, colour, symbol in both]
    layout = plot_layout(HEIGHT_PX)
    layout["showlegend"] = False
    for name, words in (("xaxis", _("How sure it was")), ("yaxis", _("How often it was right"))):
        layout[name] = {
            **value_axis(), "range": [-2, 103], "ticksuffix": "%", "dtick": 25,
            "title": {"text": words, "font": {"size": 13, "color": colours["quiet"]}},
        }
    draw(traces, layout, key=f"reliability-{key}")


def _trace(name: str, found: Calibration, colour: str, symbol: str) -> dict[str, Any]:
    known = [(each, each.sure, each.right) for each in found.bins]
    rows = [(each, sure, right) for each, sure, right in known if sure is not None and right is not None]
    most = max((each.images for each, _sure, _right in rows), default=1)
    return {
        "type": "scatter", "mode": "lines+markers", "cliponaxis": False,
        "x": [100 * sure for _each, sure, _right in rows],
        "y": [100 * right.value for _each, _sure, right in rows],
        "error_y": {
            "type": "data", "symmetric": False, "color": colour, "thickness": 1, "width": 0,
            "array": [100 * (right.high - right.value) for _each, _sure, right in rows],
            "arrayminus": [100 * (right.value - right.low) for _each, _sure, right in rows],
        },
        "line": {"color": colour, "width": 1.2},
        "marker": {"color": colour, "symbol": symbol, "opacity": 1, "size": [
            _LEAST_PX + (_MOST_PX - _LEAST_PX) * (each.images / most) ** 0.5 for each, _sure, _right in rows
        ]},
        "customdata": [
            ngettext("{name}: {right} of {n} photo right", "{name}: {right} of {n} photos right",
                     each.images).format(name=name, right=right.right, n=each.images)
            for each, _sure, right in rows
        ],
        "hovertemplate": "%{customdata}<br>%{x:.1f}% / %{y:.1f}%<extra></extra>",
    }
