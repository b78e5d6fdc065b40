"""What the plots of experiments share: axes, whiskers, what is said under the pointer."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.experiments.results import Point, Results
from core.i18n import _, ngettext
from pages.ui.escape import one_line

FONT = "'Source Sans', 'Source Sans 3', sans-serif"
Colours = dict[str, Any]


@dataclass(frozen=True)
class Awaited:
    """A point that is planned, so that the plot has its place from the beginning.

    Attributes:
        role: See :class:`core.experiments.results.Point`.
        label: What it is called.
        x: Where it lies, where the plot goes by that.
    """

    role: str
    label: str
    x: float | None


def percent(share: float) -> str:
    """Return a share from 0 to 1 as ``"81.2%"``."""
    return f"{share:.1%}"


def measure_title(results: Results) -> str:
    """Return what a plot measures."""
    if results.split == "test":
        return _("Accuracy on test photos")
    return _("Accuracy on validation photos")


def plain_layout(height: int, colours: Colours, margin: tuple[int, int, int, int]) -> dict[str, Any]:
    """Return the layout that all plots share.

    Args:
        height: In pixels.
        colours: A palette of :data:`pages.ui.charts.COLOURS`.
        margin: Left, right, top and bottom, in pixels.
    """
    left, right, top, bottom = margin
    return {
        "height": height, "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": left, "r": right, "t": top, "b": bottom, "pad": 6},
        "font": {"family": FONT, "size": 14, "color": colours["text"]}, "showlegend": False,
        "hoverlabel": {"font": {"family": FONT, "size": 13}}, "dragmode": False, "hovermode": "closest",
    }


def axis(colours: Colours, title: str) -> dict[str, Any]:
    """Return an axis of figures."""
    return {
        "gridcolor": colours["line"], "zeroline": False, "fixedrange": True, "automargin": True,
        "tickfont": {"color": colours["quiet"], "size": 13},
        "title": {"text": title, "font": {"size": 13, "color": colours["quiet"]}, "standoff": 10},
    }


def across(results: Results, colours: Colours, limits: tuple[float, float]) -> dict[str, Any]:
    """Return the axis of accuracy where it lies across."""
    return {
        **axis(colours, measure_title(results)), "range": list(limits), "ticksuffix": "%", "nticks": 6,
        "tickangle": 0, "showline": True, "linecolor": colours["line"],
    }


def whiskers(points: Sequence[Point], tone: str) -> dict[str, Any]:
    """Return the intervals of points, in percent, as Plotly has error bars."""
    return {
        "type": "data", "symmetric": False, "array": [100 * (each.high - each.mean) for each in points],
        "arrayminus": [100 * (each.mean - each.low) for each in points], "color": tone, "thickness": 1.6,
        "width": 4,
    }


def hover(point: Point, name: str) -> str:
    """Say of a point, for Plotly, what it is and how sure."""
    said = _("{name}: {mean}, 95% interval {low} to {high}").format(
        name=one_line(name, 60), mean=percent(point.mean), low=percent(point.low), high=percent(point.high))
    if len(point.values) > 1:
        runs = ngettext("{n} run", "{n} runs", len(point.values)).format(n=len(point.values))
        said = f"{said}, {runs}"
    return escaped(said, 200)


def limits(results: Results, step: int) -> tuple[float, float]:
    """Return where an axis of percent begins and ends: round numbers around all that is drawn."""
    points = [each for series in results.series for each in series.points]
    values = [100 * value for each in points for value in (each.low, each.high, *each.values)]
    low = max(0.0, step * math.floor((min(values) - 1) / step))
    high = min(100.0, step * math.ceil((max(values) + 1) / step))
    # A dot at the very end would be cut.
    return (low, high + 0.015 * (high - low)) if high == 100.0 else (low, high)


def faded(colour: str, share: float) -> str:
    """Return a colour of ours, ``#RRGGBB``, of which so much is seen."""
    red, green, blue = (int(colour[at:at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share})"


def escaped(text: str, longest: int) -> str:
    """Return a text that may be longer than a label so that Plotly shows it letter by letter."""
    return html.escape(one_line(text, longest), quote=False)
