"""What the Compare page draws: validation curves with their names at the end, test accuracies on one axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.i18n import _
from core.insight.metrics import Share
from pages.ui.charts import COLOURS, ROW_PX, draw, plot_layout, value_axis
from pages.ui.curves import Curves, Values, accuracy_floor, drawable, loss_ceiling
from pages.ui.escape import chart_text
from pages.ui.style import theme

# As .streamlit/config.toml has them: ink blue, ember, green, plum, ochre, slate.
RUN_COLOURS = {
    "light": ("#2368A8", "#C2410C", "#0B7A5E", "#9B4F96", "#A87900", "#566573"),
    "dark": ("#7DB7E8", "#FF8A52", "#5CC9A7", "#D998D2", "#E0B84C", "#9AA8B4"),
}
MARKERS = ("circle", "diamond", "square", "triangle-up", "x", "star")
HEIGHT_PX = 300
# What the axis and its title leave of that.
_PLOT_PX = 240
LABEL_PX = 19
TITLE_SHOWN = 60
_LETTER_PX = 6
_NEAR = 0.3
_FEW_EPOCHS = 12


@dataclass(frozen=True)
class Line:
    """A run in a chart.

    Attributes:
        title: What it is called; text from outside.
        short: What it is called at its end, where there is little room; likewise.
        epochs: The epochs that it has finished, from 1.
        accuracy: Its validation accuracy after each, 0 to 1.
        loss: Its validation loss after each.
    """

    title: str
    short: str
    epochs: Sequence[int]
    accuracy: Values
    loss: Values


def validation_accuracy(lines: Sequence[Line]) -> None:
    """Draw the validation accuracy of some runs over their epochs."""
    floor = min((accuracy_floor(Curves(val_accuracy=line.accuracy)) for line in lines), default=0.0)
    values = [drawable(line.accuracy, 100.0) for line in lines]
    _draw_lines(lines, values, (100 * floor, 100.0), "%", key="compare-accuracy")


def validation_loss(lines: Sequence[Line]) -> None:
    """Draw the validation loss of some runs over their epochs."""
    ceiling = max((loss_ceiling(Curves(val_loss=line.loss)) for line in lines), default=1.0)
    _draw_lines(lines, [drawable(line.loss) for line in lines], (0.0, ceiling), "", key="compare-loss")


def _draw_lines(
    lines: Sequence[Line], values: Sequence[Sequence[float | None]], limits: tuple[float, float],
    suffix: str, *, key: str,
) -> None:
    names = [chart_text(line.title, TITLE_SHOWN) for line in lines]
    longest = max((line.epochs[-1] for line in lines if line.epochs), default=1)
    hover = "%{x}: %{y:.1f}%" if suffix else "%{x}: %{y:.3f}"
    traces = [
        {
            "type": "scatter", "mode": "lines+markers", "name": name, "x": list(line.epochs),
            "y": list(each), "cliponaxis": False, "line": {"color": _colour(at), "width": 2.5},
            "marker": {"symbol": MARKERS[at % len(MARKERS)], "size": _sizes(len(line.epochs)),
                       "opacity": 1},
            # NOTE: a name within the template would be read as one: "%{y}" is a name too.
            "customdata": [name] * len(line.epochs),
            "hovertemplate": f"%{{customdata}}<br>{hover}<extra></extra>",
        }
        for at, (name, line, each) in enumerate(zip(names, lines, values, strict=True))
    ]
    layout = plot_layout(HEIGHT_PX)
    layout["showlegend"] = False
    beside = 16 + _LETTER_PX * max((len(line.short) for line in lines), default=0)
    layout["margin"] = {"l": 8, "r": beside, "t": 12, "b": 8, "pad": 6}
    whole = {"dtick": 1} if longest <= _FEW_EPOCHS else {}
    layout["xaxis"] = {
        **value_axis(), "rangemode": "normal", "range": [1 - 0.02 * longest, longest + 0.02 * longest],
        "showgrid": False, "tickformat": "d", **whole,
        "title": {"text": _("Epoch"), "font": {"size": 13, "color": COLOURS[theme()]["quiet"]}},
    }
    layout["yaxis"] = {
        **value_axis(), "rangemode": "normal", "range": list(limits), "ticksuffix": suffix, "nticks": 6,
    }
    layout["annotations"] = _ends(lines, values, limits, longest)
    draw(traces, layout, key=key)


def _colour(at: int) -> str:
    colours = RUN_COLOURS[theme()]
    return colours[at % len(colours)]


def _sizes(epochs: int) -> list[int]:
    """Return the size of each marker, so that a dozen stand on a line and the last one always does."""
    every = 1 + epochs // _FEW_EPOCHS
    return [9 if (epochs - 1 - at) % every == 0 else 0 for at in range(epochs)]


def _ends(
    lines: Sequence[Line], values: Sequence[Sequence[float | None]], limits: tuple[float, float],
    longest: int,
) -> list[dict[str, Any]]:
    """Return the names at the lines' ends."""
    last = [
        next(((epoch, value) for epoch, value in zip(reversed(line.epochs), reversed(each), strict=True)
              if value is not None), None)
        for line, each in zip(lines, values, strict=True)
    ]
    ends = {at: (epoch, min(limits[1], max(limits[0], value)))
            for at, (epoch, value) in ((at, end) for at, end in enumerate(last) if end is not None)}
    gap = LABEL_PX / _PLOT_PX * (limits[1] - limits[0])
    heights = spread(ends, _NEAR * longest, gap, limits[0])
    return [
        {
            "x": epoch, "y": heights[at], "text": chart_text(lines[at].short), "showarrow": False,
            "xanchor": "left", "xshift": 8, "font": {"size": 13, "color": _colour(at)}, "borderpad": 1,
            "bgcolor": COLOURS[theme()]["page"],  # another line may pass behind
        }
        for at, (epoch, _value) in ends.items()
    ]


def spread(
    ends: dict[int, tuple[int, float]], near: float, gap: float, floor: float = 0.0
) -> dict[int, float]:
    """Return how high each name stands so that no two lie on each other.

    Args:
        ends: Where each line ends, by its place.
        near: How far apart two may end and still be in each other's way.
        gap: How much two names have to be apart.
        floor: Where the axis begins: none stands below.
    """
    heights: dict[int, float] = {}
    for at, (x, y) in sorted(ends.items(), key=lambda each: (-each[1][1], each[0])):
        above = [heights[other] for other in heights if abs(ends[other][0] - x) <= near]
        heights[at] = min([y, *(height - gap for height in above)])
    lifted: dict[int, float] = {}
    for at in sorted(heights, key=lambda each: (heights[each], -each)):
        below = [lifted[other] for other in lifted if abs(ends[other][0] - ends[at][0]) <= near]
        lifted[at] = max([heights[at], floor, *(height + gap for height in below)])
    return lifted


def test_accuracies(rows: Sequence[tuple[str, Share | None]], control: tuple[str, Share] | None) -> None:
    """Draw test accuracies with their 95 % intervals on one axis, in the runs' colours.

    Args:
        rows: What each run is called, text from outside, and its accuracy; one that is not known is named
            and left empty.
        control: What naming the commonest class each time would get, in grey below.
    """
    colours = COLOURS[theme()]
    shown = [
        (at, share, _colour(at), MARKERS[at % len(MARKERS)])
        for at, (_title, share) in enumerate(rows) if share is not None
    ]
    names = [chart_text(title, TITLE_SHOWN) for title, _share in rows]
    if control is not None:
        shown.append((len(rows), control[1], str(colours["quiet"]), "line-ns-open"))
        names.append(chart_text(control[0]))
    traces = [_interval(*each) for each in shown]
    layout = plot_layout(len(names) * ROW_PX + 60)
    layout["showlegend"] = False
    layout["yaxis"] = {
        "tickmode": "array", "tickvals": list(range(len(names))), "ticktext": names, "automargin": True,
        "showgrid": False, "zeroline": False, "fixedrange": True, "range": [len(names) - 0.5, -0.5],
    }
    layout["xaxis"] = {**value_axis(), "range": [-3, 104], "ticksuffix": "%", "dtick": 25}
    draw(traces, layout, key="compare-test")


def _interval(at: int, share: Share, colour: str, marker: str) -> dict[str, Any]:
    said = _("{right} of {images}, 95% interval {low} to {high}").format(
        right=share.right, images=share.images, low=f"{share.low:.1%}", high=f"{share.high:.1%}")
    return {
        "type": "scatter", "mode": "markers", "x": [100 * share.value], "y": [at], "cliponaxis": False,
        "marker": {"color": colour, "size": 11, "symbol": marker, "line": {"width": 2, "color": colour}},
        "error_x": {
            "type": "data", "symmetric": False, "array": [100 * (share.high - share.value)],
            "arrayminus": [100 * (share.value - share.low)], "color": colour, "thickness": 2, "width": 6,
        },
        "customdata": [said], "hovertemplate": "%{x:.1f}%<br>%{customdata}<extra></extra>",
    }
