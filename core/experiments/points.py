"""Points of an experiment's plot: accuracies with their intervals, read from the runs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from core.errors import BadInput, ThawError
from core.experiments.members import Found
from core.files import JsonObject
from core.i18n import _
from core.insight.metrics import Evaluation, Share, share, wilson
from core.runs.folder import RunFolder
from core.runs.seen import report_of

MAJORITY, RUN = "majority", "run"
TEST = "test"
CONFIDENCE = 0.95
DIGITS = 9
"""Digits that accuracies are compared with: what is beyond is the rounding of their sums."""
Split = Literal["test", "validation"]


@dataclass(frozen=True)
class Point:
    """A point of the plot.

    Attributes:
        x: Training photos a class, where the plot goes by them; else ``None``.
        label: What it is, in words.
        mean: The accuracy, over its runs where there are several, 0 to 1.
        low: Lower end of its 95 % interval, see :attr:`Results.interval`.
        high: Upper end.
        values: The accuracy of each run.
        extra: What else is known of it by name: ``logme``; ``test`` with ``test_low`` and ``test_high``, 0 to
            1. ``None`` is not available.
        role: What its runs are there for, see :class:`core.experiments.design.Planned`; ``majority`` or
            ``run`` where it is none of them.
        half: Half its interval where it has several runs, before it is cut at 0 and 1; ``None`` for one
            run, whose interval is the one over images.
        p: How likely chance alone would part it from the run that it is a control of, photo by photo, 0 to
            1, corrected after Holm; ``None`` where that was not tested.
    """

    x: float | None
    label: str
    mean: float
    low: float
    high: float
    values: tuple[float, ...]
    extra: dict[str, float | None] = field(default_factory=dict)
    role: str = ""
    half: float | None = None
    p: float | None = None

    def clear_of(self, other: Point) -> bool:
        """Tell whether the two intervals do not overlap."""
        return self.low > other.high or other.low > self.high


@dataclass(frozen=True)
class Series:
    """Points that belong together.

    Attributes:
        name: What programs call it.
        title: What people read.
        points: In the order of the plot.
    """

    name: str
    title: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Measured:
    """A finished run and what it reaches.

    Attributes:
        found: The run.
        reached: Its accuracy with the interval over images.
        test: That on the test photos, where they were looked at; else ``None``.
    """

    found: Found
    reached: Share
    test: Share | None


def measured(found: Found, split: Split) -> Measured | None:
    """Return what a run reaches; ``None`` where it has not finished, was not measured or is damaged."""
    if not found.finished:
        return None
    try:
        on_test = evaluation(found.folder)
        test = on_test.accuracy if on_test else None
        reached = test if split == TEST else on_validation(found)
    except (ThawError, OSError):
        return None
    return None if reached is None else Measured(found, reached, test)


def evaluation(folder: RunFolder) -> Evaluation | None:
    """Return the test figures of a run; ``None`` where there are none. Raises BadInput where damaged."""
    report = _report(folder)
    given = report.get("test") if report else None
    return Evaluation.from_json(given) if given else None


def evaluated(folder: RunFolder) -> Evaluation | None:
    """Return the test figures of a run; ``None`` also where they are damaged."""
    try:
        return evaluation(folder)
    except (ThawError, OSError):
        return None


def on_validation(found: Found) -> Share | None:
    """Return what a finished run's kept epoch reaches on its validation photos; ``None`` without them."""
    row, report = found.kept(), _report(found.folder)
    images = report.get("images") if report else None
    count = images.get("validation") if isinstance(images, dict) else None
    if row is None or row.val_accuracy is None or not isinstance(count, int) or count < 1:
        return None
    if not math.isfinite(row.val_accuracy):
        return None
    return share(min(count, max(0, round(row.val_accuracy * count))), count)


def point(
    label: str, runs: Sequence[Measured], *, role: str, x: float | None = None,
    extra: dict[str, float | None] | None = None,
) -> Point | None:
    """Make a point of the runs that share a place; ``None`` where there is none.

    One has its Wilson interval over images. Several have their mean, and an interval for the luck of the
    seed and that of the images together: half its width is the root of the sum of the squares of half the
    t-interval over runs and of half the Wilson interval of the mean. All runs are measured on the same
    images, so repeating makes that second part no smaller.
    """
    if not runs:
        return None
    values = tuple(each.reached.value for each in runs)
    if len(runs) == 1:
        reached = runs[0].reached
        return Point(x, label, reached.value, reached.low, reached.high, values, extra or {}, role)
    mean = statistics.fmean(values)
    half = math.hypot(half_width(values), _over_images(mean, min(each.reached.images for each in runs)))
    return Point(
        x, label, mean, max(0.0, mean - half), min(1.0, mean + half), values, extra or {}, role, half)


def _over_images(mean: float, images: int) -> float:
    """Return half the Wilson interval of a mean: its longer side, for it reaches further towards 0.5."""
    low, high = wilson(mean, images)
    return max(mean - low, high - mean)


def half_width(values: Sequence[float]) -> float:
    """Return half the 95 % t-interval of a mean of at least two values."""
    from scipy import stats

    quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1))
    return quantile * statistics.stdev(values) / math.sqrt(len(values))


def figure(point: Point) -> str:
    """Return an accuracy with its interval: ``"81.2% ± 2.1"`` of several, else from where to where."""
    if point.half is not None and point.half <= min(point.mean, 1 - point.mean):
        return f"{point.mean:.1%} ± {100 * point.half:.1f}"
    return _("{mean:.1%} ({low:.1%} to {high:.1%})").format(
        mean=point.mean, low=point.low, high=point.high)


def test_extra(found: Share | None) -> dict[str, float | None]:
    """Return the test figure of a point as :attr:`Point.extra` has it."""
    if found is None:
        return {TEST: None, f"{TEST}_low": None, f"{TEST}_high": None}
    return {TEST: found.value, f"{TEST}_low": found.low, f"{TEST}_high": found.high}


def _report(folder: RunFolder) -> JsonObject | None:
    found = report_of(folder)
    if found is not None and not isinstance(found.get("images", {}), dict):
        raise BadInput("The report of a run cannot be read.", given=folder.id)
    return found
