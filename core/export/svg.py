"""The report's charts as SVG inside the page: no script, and the colours follow the page's theme."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.export.markup import Markup, text
from core.i18n import _

WIDTH, HEIGHT = 560, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 90, 12, 34
_ROW = 26
_FIGURES = 170


@dataclass(frozen=True)
class Line:
    """A line in a chart.

    Attributes:
        name: What stands at its end; text from outside or of ours.
        points: Where it goes, from left to right.
        cls: ``train`` (solid) or ``checked`` (dotted, with marks), or another class of the style sheet.
    """

    name: str
    points: Sequence[tuple[float, float]]
    cls: str


@dataclass(frozen=True)
class Interval:
    """A share with its interval, all 0 to 1."""

    name: str
    value: float
    low: float
    high: float


def lines(
    drawn: Sequence[Line], *, spoken: str, across: str, top: float, share: bool = False,
    marks: Sequence[tuple[float, str]] = (),
) -> Markup:
    """Return a chart of lines from zero.

    Args:
        drawn: The lines; a point at least.
        spoken: What the chart says, for those who do not see it.
        across: What the horizontal axis counts.
        top: The largest value that is shown, above 0.
        share: Whether values are shares, shown as per cent.
        marks: Places on the horizontal axis with a word each, such as where a stage begins.
    """
    ends = [point[0] for line in drawn for point in line.points]
    low, high = min(ends), max(*ends, min(ends) + 1)

    def x(value: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * (value - low) / (high - low)

    def y(value: float) -> float:
        return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * min(value, top) / top

    parts = [_grid(top, y, share=share), _axis(low, max(ends), x, across)]
    parts += [
        f'<line class="mark" x1="{x(at):.1f}" x2="{x(at):.1f}" y1="{_TOP}" y2="{HEIGHT - _BOTTOM}"/>'
        f'<text class="quiet" x="{x(at) + 4:.1f}" y="{_TOP + 10}">{text(word, 24)}</text>'
        for at, word in marks
    ]
    ends_at = _apart([y(line.points[-1][1]) for line in drawn])
    for line, end in zip(drawn, ends_at, strict=True):
        path = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in line.points)
        parts.append(f'<polyline class="{line.cls}" points="{path}"/>')
        parts += [
            f'<circle class="{line.cls}" cx="{x(a):.1f}" cy="{y(b):.1f}" r="2.6"/>' for a, b in line.points
        ]
        last = x(line.points[-1][0])
        parts.append(
            f'<text class="{line.cls}" x="{last + 8:.1f}" y="{end + 4:.1f}">{text(line.name, 16)}</text>')
    return _drawing(parts, HEIGHT, spoken)


def intervals(rows: Sequence[Interval], *, spoken: str) -> Markup:
    """Return shares with their intervals on one axis, the first row on top."""
    height = _TOP + len(rows) * _ROW + _BOTTOM
    left = 150

    def x(value: float) -> float:
        return left + (WIDTH - left - _FIGURES) * value

    parts = [
        f'<line class="grid" x1="{x(each / 4):.1f}" x2="{x(each / 4):.1f}" y1="{_TOP}" '
        f'y2="{height - _BOTTOM}"/>'
        f'<text class="quiet middle" x="{x(each / 4):.1f}" y="{height - _BOTTOM + 16}">{each * 25}%</text>'
        for each in range(5)
    ]
    for at, row in enumerate(rows):
        y = _TOP + (at + 0.5) * _ROW
        parts.append(
            f'<text class="end" x="{left - 10}" y="{y + 4:.1f}">{text(row.name, 26)}</text>'
            f'<line class="interval" x1="{x(row.low):.1f}" x2="{x(row.high):.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<circle class="value" cx="{x(row.value):.1f}" cy="{y:.1f}" r="4.5"/>'
            f'<text class="quiet" x="{WIDTH - _FIGURES + 18}" y="{y + 4:.1f}">{_figures(row)}</text>'
        )
    return _drawing(parts, height, spoken)


def _figures(row: Interval) -> str:
    if row.low == row.high:
        return f"{row.value:.1%}"
    return f"{row.value:.1%} ({row.low:.1%}–{row.high:.1%})"


def reliability(points: Sequence[tuple[float, float, int]], *, spoken: str) -> Markup:
    """Return how often a model is right against how sure it is.

    Args:
        points: How sure on average, the share that was right, and how many photos, bin by bin.
        spoken: What the chart says, for those who do not see it.
    """
    edge, most = 340, max(count for _sure, _right, count in points)

    def at(share: float) -> float:
        return _LEFT + (edge - _LEFT - 16) * share

    def up(share: float) -> float:
        return edge - _BOTTOM - (edge - _TOP - _BOTTOM) * share

    parts = [
        f'<line class="grid" x1="{at(0):.1f}" x2="{at(1):.1f}" y1="{up(each / 4):.1f}" '
        f'y2="{up(each / 4):.1f}"/>'
        f'<text class="quiet end" x="{_LEFT - 6}" y="{up(each / 4) + 4:.1f}">{each * 25}%</text>'
        f'<text class="quiet middle" x="{at(each / 4):.1f}" y="{edge - _BOTTOM + 16}">{each * 25}%</text>'
        for each in range(0, 5, 2)
    ]
    parts.append(f'<line class="mark" x1="{at(0):.1f}" y1="{up(0):.1f}" x2="{at(1):.1f}" y2="{up(1):.1f}"/>')
    parts += [
        f'<circle class="value" cx="{at(sure):.1f}" cy="{up(right):.1f}" '
        f'r="{3 + 6 * (count / most) ** 0.5:.1f}"/>'
        for sure, right, count in points
    ]
    parts.append(f'<text class="quiet middle" x="{at(0.5):.1f}" y="{edge - 4}">{text(_("how sure"))}</text>')
    return _drawing(parts, edge, spoken, width=edge)


def _grid(top: float, y: Callable[[float], float], *, share: bool) -> str:
    made = []
    for step in range(5):
        value = top * step / 4
        said = f"{value:.0%}" if share else f"{value:.2g}"
        made.append(
            f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
            f'<text class="quiet end" x="{_LEFT - 6}" y="{y(value) + 4:.1f}">{said}</text>'
        )
    return "".join(made)


def _axis(low: float, last: float, x: Callable[[float], float], words: str) -> str:
    whole = int(last) - int(low)
    step = max(1, -(-whole // 8))
    made = [
        f'<text class="quiet middle" x="{x(at):.1f}" y="{HEIGHT - _BOTTOM + 16}">{at}</text>'
        for at in range(int(low), int(last) + 1, step)
    ]
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    made.append(f'<text class="quiet middle" x="{middle:.1f}" y="{HEIGHT - 3}">{text(words, 40)}</text>')
    return "".join(made)


def _apart(heights: Sequence[float], least: float = 15.0) -> list[float]:
    """Return heights so far apart that words at them do not touch, in the same order."""
    order = sorted(range(len(heights)), key=lambda at: heights[at])
    placed = list(heights)
    for before, at in pairwise(order):
        placed[at] = max(placed[at], placed[before] + least)
    return placed


def _drawing(parts: Sequence[str], height: float, spoken: str, width: float = WIDTH) -> Markup:
    return Markup(
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" role="img" '
        f'aria-label="{text(spoken)}">{"".join(parts)}</svg>'
    )
