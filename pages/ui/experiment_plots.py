"""What an experiment's plot draws, on the page and in the picture that can be saved of it."""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from core.experiments.results import Point, Results, Series
from core.i18n import _
from pages.ui.chart_card import Figure
from pages.ui.charts import COLOURS
from pages.ui.escape import chart_text, one_line
from pages.ui.experiment_axes import (
    Awaited,
    Colours,
    across,
    axis,
    escaped,
    faded,
    hover,
    limits,
    measure_title,
    percent,
    plain_layout,
    whiskers,
)
from pages.ui.experiment_rows import in_rows
from pages.ui.experiment_words import about_marks
from pages.ui.pieces import LONGEST_SENTENCE

TRANSFER, SCRATCH = "transfer", "scratch"
PAPER_WIDTH = 1000
_LINES_PX = 360
_SEEDS_PX = 240
_SEED_PX = 75
_MEAN_AT = 1.3
_SIGNS_A_LINE = 130
_TEXT_LINE_PX = 19
_MARGIN_PX = 32
_SIGN_PX = 8
# Names of lines that end closer than so many percent would lie on one another.
_NEAR = 7


def figure(results: Results, tone: str, chosen: str = "", awaited: Sequence[Awaited] = ()) -> Figure:
    """Return the plot of what has been measured so far.

    Args:
        results: At least one point of them is known.
        tone: ``light`` or ``dark``.
        chosen: The role of the point that stands out, where the experiment chose one.
        awaited: What is planned: the plot has room for it from the beginning.
    """
    colours = COLOURS[tone]
    if results.kind == "data-size":
        return _by_size(results, colours, awaited)
    if results.kind == "seeds":
        return _by_seed(results, colours)
    return in_rows(results, colours, chosen, awaited)


def picture(results: Results, title: str, chosen: str = "") -> Figure:
    """Return the plot as a picture that stands alone: light, titled, with what is to be read with it.

    Args:
        results: See :func:`figure`.
        title: What the experiment is called; may come from outside.
        chosen: See :func:`figure`.
    """
    made, colours = figure(results, "light", chosen), COLOURS["light"]
    said = _wrapped(results.sentence)
    intervals = _wrapped(f"{about_marks(results)} {results.interval}")
    margin, axis_y = made.layout["margin"], made.layout["yaxis"]
    left = _MARGIN_PX + _SIGN_PX * max((len(each) for each in axis_y.get("ticktext", ())), default=5)
    top = margin["t"] + 60 + _TEXT_LINE_PX * len(said)
    bottom = margin["b"] + 20 + _TEXT_LINE_PX * len(intervals)
    height = made.layout["height"] - margin["t"] - margin["b"] + top + bottom
    at_left = {"xref": "paper", "x": 0, "xanchor": "left", "xshift": _MARGIN_PX - left, "align": "left",
               "yref": "paper", "yanchor": "top", "showarrow": False}
    texts = [
        {**at_left, "text": f"<b>{escaped(title, 90)}</b>", "y": 1, "yshift": top - 18,
         "font": {"size": 20, "color": colours["text"]}},
        {**at_left, "text": "<br>".join(said), "y": 1, "yshift": top - 50,
         "font": {"size": 14, "color": colours["text"]}},
        {**at_left, "text": "<br>".join(intervals), "y": 0, "yshift": -margin["b"] - 4,
         "font": {"size": 13, "color": colours["quiet"]}},
    ]
    return Figure(made.traces, {
        **made.layout, "width": PAPER_WIDTH, "height": height, "autosize": False,
        # NOTE: a margin that grows by itself would move the texts, which stand at the picture's edge.
        "yaxis": {**axis_y, "automargin": False},
        "margin": {**margin, "l": left, "r": margin["r"] + _MARGIN_PX, "t": top, "b": bottom},
        "paper_bgcolor": "#FFFFFF", "plot_bgcolor": "#FFFFFF",
        "annotations": [*made.layout.get("annotations", []), *texts],
    })


def _by_size(results: Results, colours: Colours, awaited: Sequence[Awaited]) -> Figure:
    tones: dict[str, str] = {TRANSFER: colours["ember"], SCRATCH: colours["quiet"]}
    lines = [
        (series, points) for series in results.series
        if (points := [each for each in series.points if each.x is not None and each.x > 0])
    ]
    traces: list[dict[str, Any]] = []
    for series, points in lines:
        tone = tones.get(series.name, str(colours["ice"]))
        traces += [_band(points, tone), _line(series, points, tone)]
    there = {_size(each) for _series, points in lines for each in points}
    sizes = sorted(there | {each.x for each in awaited if each.x})
    layout = plain_layout(_LINES_PX, colours, (8, 104, 12, 48))
    layout["xaxis"] = {
        **axis(colours, _("Training photos a class")), "type": "log", "tickmode": "array",
        "tickvals": sizes, "ticktext": [f"{size:,.0f}" for size in sizes], "showgrid": False,
        "range": [math.log10(sizes[0]) - 0.06, math.log10(sizes[-1]) + 0.06],
        "showline": True, "linecolor": colours["line"],
    }
    layout["yaxis"] = {
        **axis(colours, measure_title(results)), "range": [0, 101], "ticksuffix": "%", "dtick": 20,
    }
    layout["annotations"] = _names(lines, tones, colours)
    return Figure(traces, layout)


def _size(point: Point) -> float:
    return point.x or 1.0


def _band(points: Sequence[Point], tone: str) -> dict[str, Any]:
    there = [each.x for each in points]
    return {
        "type": "scatter", "mode": "lines", "fill": "toself", "x": there + there[::-1],
        "y": [100 * each.high for each in points] + [100 * each.low for each in reversed(points)],
        "line": {"width": 0}, "fillcolor": faded(tone, 0.14), "hoverinfo": "skip",
    }


def _line(series: Series, points: Sequence[Point], tone: str) -> dict[str, Any]:
    scratch = series.name == SCRATCH
    return {
        "type": "scatter", "mode": "lines+markers", "name": chart_text(series.title),
        "x": [each.x for each in points], "y": [100 * each.mean for each in points],
        "line": {"color": tone, "width": 2.4},
        "marker": {"color": tone, "size": 9, "symbol": "square" if scratch else "circle"},
        "error_y": whiskers(points, tone), "cliponaxis": False,
        "customdata": [hover(each, f"{series.title}, {each.label}") for each in points],
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _names(
    lines: Sequence[tuple[Series, Sequence[Point]]], tones: Mapping[str, str], colours: Colours
) -> list[dict[str, Any]]:
    """Name each line at its end, a little apart where they end close to each other."""
    ends = [(series, max(points, key=_size)) for series, points in lines]
    heights = [100 * point.mean for _series, point in ends]
    near = len(heights) > 1 and max(heights) - min(heights) < _NEAR
    return [
        {
            "text": chart_text(series.title, 16), "x": math.log10(_size(point)), "y": height, "xref": "x",
            "yref": "y", "xanchor": "left", "yanchor": "middle", "xshift": 12, "showarrow": False,
            "yshift": (10 if height == max(heights) else -10) if near else 0,
            "font": {"size": 14, "color": tones.get(series.name, colours["ice"])},
        }
        for (series, point), height in zip(ends, heights, strict=True)
    ]


def _by_seed(results: Results, colours: Colours) -> Figure:
    """Draw a dot a run on one axis, and above them the mean with its interval."""
    whole = next(each for series in results.series for each in series.points)
    values = [100 * value for value in whole.values]
    low, high = limits(results, 5)
    heights = _stacked(values, high - low)
    # The mean stands above the highest dot, and the dots keep their distance.
    middle = max(_MEAN_AT, max(heights) + 0.7)
    top = middle + 0.7
    traces: list[dict[str, Any]] = [{
        "type": "scatter", "mode": "markers", "x": values, "y": heights,
        "marker": {"color": colours["ember"], "size": 12, "line": {"color": colours["page"], "width": 1}},
        "cliponaxis": False, "hovertemplate": "%{x:.1f}%<extra></extra>",
    }]
    layout = plain_layout(
        round(_SEEDS_PX + _SEED_PX * (middle - _MEAN_AT)), colours, (16, 24, 12, 48))
    layout["xaxis"] = across(results, colours, (low, high))
    layout["yaxis"] = {"visible": False, "range": [-0.4, top], "fixedrange": True}
    if len(values) > 1:
        traces.append({
            "type": "scatter", "mode": "markers", "x": [100 * whole.mean], "y": [middle],
            "marker": {"color": colours["text"], "size": 12, "symbol": "diamond"},
            "error_x": whiskers([whole], colours["text"]), "cliponaxis": False,
            "customdata": [hover(whole, _("Mean"))], "hovertemplate": "%{customdata}<extra></extra>",
        })
        layout["annotations"] = [{
            "text": _("mean {figure}").format(figure=percent(whole.mean)), "x": 100 * whole.mean, "y": middle,
            "xref": "x", "yref": "y", "yshift": 20, "showarrow": False,
            "font": {"size": 14, "color": colours["text"]},
        }]
    return Figure(traces, layout)


def _stacked(values: Sequence[float], span: float) -> list[float]:
    """Return a height for each dot, so that none lies on another."""
    placed: list[tuple[float, float]] = []
    for value in values:
        height = 0.0
        while any(abs(value - other) < 0.02 * span and height == there for other, there in placed):
            height = round(height + 0.2, 1)
        placed.append((value, height))
    return [height for _value, height in placed]


def _wrapped(sentence: str) -> list[str]:
    lines = textwrap.wrap(one_line(sentence, LONGEST_SENTENCE), _SIGNS_A_LINE)
    return [html.escape(line, quote=False) for line in lines]
