"""The charts that stand still: photos by class, shares with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.data.dataset import ClassCount
from core.i18n import _
from core.insight.metrics import Share
from pages.ui.escape import chart_text
from pages.ui.pieces import legend
from pages.ui.style import theme

COLOURS = {
    "light": {"text": "#1B252E", "quiet": "#566573", "line": "#DCE3E9", "ice": "#2368A8",
              "ember": "#C2410C", "pale": "#8FB8DF", "grey": "#C3CDD6", "page": "#FBFCFD",
              "ramp": [[0, "#F3F7FA"], [0.25, "#C0D8EA"], [0.6, "#4F8FC0"], [1, "#0E365C"]]},
    "dark": {"text": "#E6ECF1", "quiet": "#9AA8B4", "line": "#2C3842", "ice": "#7DB7E8",
             "ember": "#FF8A52", "pale": "#3F6F9B", "grey": "#4A5863", "page": "#12181E",
             "ramp": [[0, "#18222B"], [0.25, "#25527A"], [0.6, "#5C96C8"], [1, "#D3E5F4"]]},
}
ROW_PX = 34
FEW_TICKS = 5
_FONT = "'Source Sans', 'Source Sans 3', sans-serif"


def class_counts(counts: Sequence[ClassCount]) -> None:
    """Draw how many images each class has in each split, most first."""
    colours = COLOURS[theme()]
    ordered = sorted(counts, key=lambda each: each.total)
    names = [chart_text(each.name) for each in ordered]
    parts = [
        (_("Training"), [each.train for each in ordered], colours["ice"]),
        (_("Validation"), [each.validation for each in ordered], colours["pale"]),
        (_("Test"), [each.test for each in ordered], colours["grey"]),
    ]
    traces = [
        {
            "type": "bar", "orientation": "h", "name": name, "y": list(range(len(names))),
            "x": values, "customdata": names,
            "marker": {"color": colour, "line": {"color": colours["page"], "width": 1}},
            "hovertemplate": "%{customdata}: %{x:,}<extra>" + name + "</extra>",
        }
        for name, values, colour in parts
    ]
    # Plotly's own legend breaks into several lines beside long names.
    legend([(name, str(colour)) for name, _values, colour in parts])
    layout = plot_layout(len(names) * ROW_PX + 50)
    layout["barmode"] = "stack"
    layout["bargap"] = 0.28
    layout["showlegend"] = False
    layout["yaxis"] = _names_axis(names)
    few = max((each.total for each in counts), default=0) <= FEW_TICKS
    layout["xaxis"] = {**value_axis(), "tickformat": ",d", **({"dtick": 1} if few else {})}
    draw(traces, layout, key="class-counts")


def shares(rows: Sequence[tuple[str, Share | None]], *, key: str, highlight: str = "") -> None:
    """Draw shares with their 95 % intervals on one axis, in the order given; ``None`` is left empty.

    Args:
        rows: A name from outside or of ours, and the share.
        key: The chart's key.
        highlight: The name that is drawn in ember; the others, its controls, are then grey.
    """
    colours = COLOURS[theme()]
    known = [(at, each) for at, (_name, each) in enumerate(rows) if each is not None]
    other = colours["quiet"] if highlight else colours["ice"]
    tones = [colours["ember"] if rows[at][0] == highlight else other for at, _each in known]
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter", "mode": "lines", "x": [100 * each.low, 100 * each.high], "y": [at, at],
            "line": {"color": tone, "width": 3}, "opacity": 0.5, "hoverinfo": "skip",
        }
        for (at, each), tone in zip(known, tones, strict=True)
    ]
    traces.append(
        {
            "type": "scatter", "mode": "markers", "x": [100 * each.value for _at, each in known],
            "cliponaxis": False,
            "y": [at for at, _each in known], "marker": {"color": tones, "size": 11},
            "customdata": [
                _("{right} of {images}, 95% interval {low} to {high}").format(
                    right=each.right, images=each.images, low=f"{each.low:.1%}",
                    high=f"{each.high:.1%}")
                for _at, each in known
            ],
            "hovertemplate": "%{x:.1f}%<br>%{customdata}<extra></extra>",
        }
    )
    layout = plot_layout(len(rows) * ROW_PX + 60)
    layout["showlegend"] = False
    layout["yaxis"] = {
        **_names_axis([chart_text(name) for name, _each in rows]),
        "range": [len(rows) - 0.5, -0.5],
    }
    layout["xaxis"] = {**value_axis(), "range": [-3, 104], "ticksuffix": "%", "dtick": 25}
    draw(traces, layout, key=key)


def plot_layout(height: int) -> dict[str, Any]:
    """Return the layout that all still charts share, of a height in pixels."""
    colours = COLOURS[theme()]
    return {
        "height": height, "margin": {"l": 8, "r": 12, "t": 8, "b": 8, "pad": 6},
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": _FONT, "size": 14, "color": colours["text"]},
        "hoverlabel": {"font": {"family": _FONT, "size": 13}}, "dragmode": False,
    }


def _names_axis(names: Sequence[str]) -> dict[str, Any]:
    # NOTE: names are only tick texts; as positions, equal names would fall into one row.
    return {
        "tickmode": "array", "tickvals": list(range(len(names))), "ticktext": list(names),
        "automargin": True, "showgrid": False, "zeroline": False, "fixedrange": True,
    }


def value_axis() -> dict[str, Any]:
    """Return an axis of values from zero."""
    colours = COLOURS[theme()]
    return {
        "gridcolor": colours["line"], "zeroline": False, "fixedrange": True, "automargin": True,
        "tickfont": {"color": colours["quiet"], "size": 13}, "rangemode": "tozero",
    }


def log_axis(title: str) -> dict[str, Any]:
    """Return an axis on which each doubling is as wide."""
    axis = {**value_axis(), "type": "log", "title": _title(title), "dtick": "D2"}
    del axis["rangemode"]
    return axis


def _title(words: str) -> dict[str, Any]:
    return {"text": words, "font": {"size": 13, "color": COLOURS[theme()]["quiet"]}}


def draw(traces: list[dict[str, Any]], layout: dict[str, Any], *, key: str) -> None:
    """Draw a still chart."""
    # NOTE: plotly takes pandas from sys.modules wherever it stands there. A second script thread, which
    # Streamlit starts at a quick click, would find it half imported by the first.
    import pandas  # noqa: F401
    import plotly.graph_objects as go

    figure = go.Figure(data=traces, layout=layout)
    st.plotly_chart(figure, theme=None, key=key, config={"displayModeBar": False}, width="stretch")
