"""Accuracy on photos made worse: lines by strength, and the figures as a table."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.i18n import _
from core.insight.corruptions import CORRUPTIONS, STRENGTHS, titles
from core.insight.metrics import Share
from core.studies.holding_up import HoldingUp
from pages.ui.charts import COLOURS, draw, plot_layout, value_axis
from pages.ui.compare_charts import LABEL_PX, MARKERS, RUN_COLOURS, spread
from pages.ui.pieces import text
from pages.ui.style import theme

HEIGHT_PX = 340
_PLOT_PX = 270
_APART = 0.04
_BESIDE = 2 * _APART
_ENDS_NEAR = 1.0


def strengths() -> dict[int, str]:
    """Return what each strength is called."""
    return {1: _("weak"), 2: _("middle"), 3: _("strong")}


def amounts() -> dict[str, str]:
    """Return how much each corruption is at the three strengths, in words."""
    blur, dark, noise, turn, jpeg = (CORRUPTIONS[name].amounts for name in titles())
    return {
        "blur": _("a Gaussian of {amounts} of the edge").format(amounts=_listed(blur, ".1%")),
        "dark": _("{amounts} of the brightness left").format(amounts=_listed(dark, ".0%")),
        "noise": _("a spread of {amounts} of the range").format(amounts=_listed(noise, ".0%")),
        "turn": _("{amounts} degrees to either side").format(amounts=_listed(turn, ".0f")),
        "jpeg": _("quality {amounts}").format(amounts=_listed(jpeg, ".0f")),
    }


def share_text(share: Share) -> str:
    """Return a share with its interval, in percent."""
    return _("{value} ({low} to {high})").format(
        value=f"{share.value:.1%}", low=f"{100 * share.low:.0f}", high=f"{100 * share.high:.0f}")


def table(found: HoldingUp) -> None:
    """Show all figures, each with its interval."""
    head = "".join(f'<th scope="col">{text(each)}</th>' for each in (_("Photos"), *strengths().values()))
    rows = "".join(
        f'<tr><th scope="row" style="vertical-align:baseline">{text(name)}</th>'
        + "".join(_cell(each.share) for each in found.at(kind)) + "</tr>"
        for kind, name in titles().items()
    )
    title = text(_("Accuracy by what was done to the photos"))
    st.html(
        f'<div class="thaw-wide"><table class="thaw-choices" aria-label="{title}">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cell(share: Share) -> str:
    """Return a figure and its interval, which come apart as two lines where the column is narrow."""
    figure, between = share_text(share).split(" ", 1)
    return f'<td>{text(figure)} <span style="white-space:nowrap">{text(between)}</span></td>'


def lines(found: HoldingUp) -> None:
    """Draw accuracy by strength, a line for each corruption, beside that of the photos as they are."""
    palette = RUN_COLOURS[theme()]
    traces = []
    for at, (kind, name) in enumerate(titles().items()):
        shares = (found.clean, *(each.share for each in found.at(kind)))
        # A little beside each other, so that intervals of the same strength can be told apart.
        shift = (at - 2) * _APART
        traces.append(_line(name, shares, shift, palette[at], MARKERS[at]))
    draw([*traces, _clean(found.clean)], _layout(found), key="holding-up")


def _line(name: str, shares: tuple[Share, ...], shift: float, colour: str, marker: str) -> dict[str, Any]:
    said = [
        _("{right} of {images}, 95% interval {low} to {high}").format(
            right=f"{each.right:,}", images=f"{each.images:,}", low=f"{each.low:.1%}",
            high=f"{each.high:.1%}")
        for each in shares
    ]
    return {
        "type": "scatter", "mode": "lines+markers", "name": name, "cliponaxis": False,
        "x": [0, *(strength + shift for strength in STRENGTHS)], "y": [100 * each.value for each in shares],
        "line": {"color": colour, "width": 2.5},
        # The photos as they are have one mark, which is drawn by itself.
        "marker": {"symbol": marker, "size": [0, *(9 for _each in STRENGTHS)], "opacity": 1},
        "error_y": {
            "type": "data", "symmetric": False, "color": colour, "thickness": 1.5, "width": 0,
            "array": [0, *(100 * (each.high - each.value) for each in shares[1:])],
            "arrayminus": [0, *(100 * (each.value - each.low) for each in shares[1:])],
        },
        "customdata": [f"{name}<br>{each}" for each in said],
        "hovertemplate": "%{customdata}<br>%{y:.1f}%<extra></extra>",
    }


def _clean(clean: Share) -> dict[str, Any]:
    colours = COLOURS[theme()]
    return {
        "type": "scatter", "mode": "lines+markers", "x": [0, len(STRENGTHS) + _BESIDE],
        "y": [100 * clean.value] * 2, "cliponaxis": False, "hoverinfo": "skip",
        "line": {"color": colours["quiet"], "width": 1.5, "dash": "dot"},
        "marker": {"color": colours["quiet"], "size": [9, 0], "opacity": 1},
        "error_y": {
            "type": "data", "symmetric": False, "color": colours["quiet"], "thickness": 1.5, "width": 0,
            "array": [100 * (clean.high - clean.value), 0],
            "arrayminus": [100 * (clean.value - clean.low), 0],
        },
    }


def _layout(found: HoldingUp) -> dict[str, Any]:
    colours = COLOURS[theme()]
    layout = plot_layout(HEIGHT_PX)
    layout["showlegend"] = False
    layout["margin"] = {"l": 8, "r": 104, "t": 14, "b": 8, "pad": 6}
    ticks = [_("as they are"), *strengths().values()]
    layout["xaxis"] = {
        "tickmode": "array", "tickvals": list(range(len(ticks))), "ticktext": ticks, "automargin": True,
        "showgrid": False, "zeroline": False, "fixedrange": True, "range": [-0.15, len(STRENGTHS) + 0.15],
        "tickfont": {"color": colours["quiet"], "size": 13},
    }
    layout["yaxis"] = {**value_axis(), "range": [0, 101], "ticksuffix": "%", "dtick": 25}
    layout["annotations"] = _ends(found)
    return layout


def _ends(found: HoldingUp) -> list[dict[str, Any]]:
    """Return the names at the lines' ends, none on another."""
    palette = RUN_COLOURS[theme()]
    strongest = len(STRENGTHS)
    ends = {at: (strongest, 100 * found.at(kind)[-1].share.value) for at, kind in enumerate(titles())}
    heights = spread(ends, _ENDS_NEAR, 101 * LABEL_PX / _PLOT_PX)
    return [
        {
            "x": strongest + _BESIDE, "y": heights[at], "text": name, "showarrow": False, "xanchor": "left",
            "xshift": 8, "font": {"size": 13, "color": palette[at]},
        }
        for at, name in enumerate(titles().values())
    ]


def _listed(amounts: tuple[float, ...], form: str) -> str:
    return ", ".join(format(each, form) for each in amounts)
