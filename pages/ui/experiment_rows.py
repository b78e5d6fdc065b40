"""The plots with a row a point: blocks, backbones and controls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.experiments.results import Point, Results
from core.i18n import _
from pages.ui.chart_card import Figure
from pages.ui.escape import chart_text
from pages.ui.experiment_axes import (
    Awaited,
    Colours,
    across,
    hover,
    limits,
    percent,
    plain_layout,
    whiskers,
)

HEAD, RUN, MAJORITY, VERIFIED = "head", "run", "majority", "verified"
_ROW_PX = 34
_LONGEST_NAME = 22
# How far a probe and its training in full are from the middle of their row, which is 1 high.
_APART = 0.2


@dataclass(frozen=True)
class Row:
    """A row of the plot.

    Attributes:
        role: See :class:`core.experiments.results.Point`.
        label: What it is called; may come from outside.
        point: What was measured; ``None`` while it is awaited.
    """

    role: str
    label: str
    point: Point | None


def in_rows(results: Results, colours: Colours, chosen: str, awaited: Sequence[Awaited] = ()) -> Figure:
    """Return the plot.

    Args:
        results: Of kind blocks, backbones or controls.
        colours: A palette of :data:`pages.ui.charts.COLOURS`.
        chosen: The role of the point that stands out; empty for none.
        awaited: What is planned: each has its row from the beginning.
    """
    bars = results.kind == "controls"
    rows = ordered(results, awaited)
    above = 8 if bars else 30
    right = 132 if results.kind == "backbones" else 66
    layout = plain_layout(len(rows) * _ROW_PX + above + 48, colours, (8, right, above, 48))
    # NOTE: bars begin at nothing, or their lengths would lie; dots may begin anywhere.
    layout["xaxis"] = across(results, colours, (0.0, 100.0) if bars else limits(results, 5))
    layout["yaxis"] = {
        "tickmode": "array", "tickvals": list(range(len(rows))), "automargin": True, "showgrid": False,
        "ticktext": [chart_text(each.label, _LONGEST_NAME) for each in rows], "zeroline": False,
        "fixedrange": True, "range": [len(rows) - 0.5, -0.5],
        "tickfont": {"size": 14, "color": colours["text"]},
    }
    layout["annotations"] = _figures_beside(results, rows, colours)
    head = next((each.point for each in rows if each.role == HEAD), None)
    if results.kind == "blocks" and head is not None:
        layout["shapes"] = [_reference(head, colours)]
        layout["annotations"].append({
            "text": _("head only"), "x": 100 * head.mean, "xref": "x", "y": 1, "yref": "paper",
            "yanchor": "bottom", "showarrow": False, "font": {"size": 13, "color": colours["quiet"]},
        })
    tones = [_tone(results, each.role, chosen, colours) for each in rows]
    drawn = _bars(rows, tones, colours) if bars else _dots(results, rows, tones)
    return Figure(drawn, layout)


def ordered(results: Results, awaited: Sequence[Awaited] = ()) -> list[Row]:
    """Return the rows: as the block map has them, the best backbone first, the run before its controls."""
    known = [
        Row(point.role, point.label, point)
        for series in results.series if series.name != VERIFIED for point in series.points
    ]
    there = {each.role for each in known}
    # NOTE: one a role: repeats share their row.
    to_come = {each.role: each for each in awaited if each.role not in there}
    rows = known + [Row(each.role, each.label, None) for each in to_come.values()]
    if results.kind == "backbones":
        return sorted(rows, key=lambda each: -each.point.mean if each.point else 1.0)
    if results.kind == "blocks":
        places = {each.role: at for at, each in enumerate(awaited)}
        return sorted(rows, key=lambda each: (each.role == HEAD, places.get(each.role, 0)))
    # What is the easiest to beat comes last.
    places = {each.role: -at for at, each in enumerate(rows)}
    return sorted(rows, key=lambda each: (each.role != RUN, each.role == MAJORITY, places[each.role]))


def verified(results: Results) -> dict[str, Point]:
    """Return what the backbones reach that were trained in full, by role."""
    return {
        each.role: each for series in results.series if series.name == VERIFIED for each in series.points
    }


def _tone(results: Results, role: str, chosen: str, colours: Colours) -> str:
    if results.kind == "controls":
        return str(colours["ember"] if role == RUN else colours["grey"])
    if chosen and role == chosen:
        return str(colours["ember"])
    return str(colours["quiet"] if role == HEAD else colours["ice"])


def _bars(rows: Sequence[Row], tones: Sequence[str], colours: Colours) -> list[dict[str, Any]]:
    known = [(at, each.point) for at, each in enumerate(rows) if each.point is not None]
    points = [point for _at, point in known]
    return [{
        "type": "bar", "orientation": "h", "y": [at for at, _point in known],
        "x": [100 * each.mean for each in points],
        "marker": {"color": [tones[at] for at, _point in known], "cornerradius": 4},
        "width": 0.62, "error_x": whiskers(points, colours["text"]),
        "customdata": [hover(each, each.label) for each in points],
        "hovertemplate": "%{customdata}<extra></extra>",
    }]


def _dots(results: Results, rows: Sequence[Row], tones: Sequence[str]) -> list[dict[str, Any]]:
    """Draw a trace a point: whiskers have one colour a trace. A training in full stands below its probe."""
    in_full = verified(results)
    drawn = []
    for at, (each, tone) in enumerate(zip(rows, tones, strict=True)):
        real = in_full.get(each.role)
        apart = 0.0 if real is None else _APART
        if each.point is not None:
            drawn.append(_dot(each.point, at - apart, tone, "circle", each.label))
        if real is not None:
            name = _("{backbone}, trained for real").format(backbone=real.label)
            drawn.append(_dot(real, at + apart, tone, "diamond", name))
    return drawn


def _dot(point: Point, height: float, tone: str, symbol: str, name: str) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "markers", "x": [100 * point.mean], "y": [height], "cliponaxis": False,
        "error_x": whiskers([point], tone),
        "marker": {"color": tone, "size": 13 if symbol == "diamond" else 11, "symbol": symbol},
        "customdata": [hover(point, name)], "hovertemplate": "%{customdata}<extra></extra>",
    }


def _figures_beside(results: Results, rows: Sequence[Row], colours: Colours) -> list[dict[str, Any]]:
    """Write each row's figure at its right, and of backbones LogME behind it."""
    notes = [
        _cell("…" if each.point is None else percent(each.point.mean), at, 12, colours["text"])
        for at, each in enumerate(rows)
    ]
    if results.kind != "backbones":
        return notes
    for at, each in enumerate(rows):
        logme = None if each.point is None else each.point.extra.get("logme")
        notes.append(_cell("–" if logme is None else f"{logme:.2f}", at, 80, colours["quiet"]))
    notes.append({**_cell(_("LogME"), 0, 80, colours["quiet"]), "yref": "paper", "y": 1, "yanchor": "bottom"})
    return notes


def _cell(words: str, at: int, shift: int, tone: str) -> dict[str, Any]:
    return {
        "text": words, "xref": "paper", "x": 1, "xanchor": "left", "xshift": shift, "yref": "y", "y": at,
        "showarrow": False, "font": {"size": 14, "color": tone},
    }


def _reference(head: Point, colours: Colours) -> dict[str, Any]:
    return {
        "type": "line", "xref": "x", "yref": "paper", "x0": 100 * head.mean, "x1": 100 * head.mean,
        "y0": 0, "y1": 1, "line": {"color": colours["quiet"], "width": 1.5, "dash": "dash"}, "layer": "below",
    }
