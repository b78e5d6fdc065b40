"""Points of an experiment's plot: accuracies with their intervals, read from the runs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

from core.errors import BadInput, ThawError
from core.experiments.members import Found
from core.files import JsonObject
from core.insight.metrics import Evaluation, Share, share
from core.runs.folder import RunFolder

MAJORITY, RUN = "majority", "run"
TEST = "test"
CONFIDENCE = 0.95
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
        half: Half the interval over runs, before it is cut at 0 and 1; ``None`` where it is one over
            images.
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


def on_validation(found: Found) -> Share | None:
    """Return what a finished run's kept epoch reaches on its validation photos; ``None`` without them."""
    row, report = found.kept(), _report(found.folder)
    images = report.get("images") if report else None
    count = images.get("validation") if isinstance(images, dict) else None
    if row is None or row.val_accuracy is None or not isinstance(count, int) or count < 1:
        return None
    return share(min(count, max(0, round(row.val_accuracy * count))), count)


def point(
    label: str, runs: Sequence[Measured], *, role: str, x: float | None = None,
    extra: dict[str, float | None] | None = None,
) -> Point | None:
    """Make a point of the runs that share a place; ``None`` where there is none.

    Several give their mean with its t-interval over runs, one its Wilson interval over images. So do several
    that all reach the same: their t-interval would be a point, as if nothing could come out otherwise.
    """
    if not runs:
        return None
    values = tuple(each.reached.value for each in runs)
    if min(values) == max(values):
        reached = runs[0].reached
        return Point(x, label, reached.value, reached.low, reached.high, values, extra or {}, role)
    mean, half = statistics.fmean(values), half_width(values)
    return Point(
        x, label, mean, max(0.0, mean - half), min(1.0, mean + half), values, extra or {}, role, half)


def half_width(values: Sequence[float]) -> float:
    """Return half the 95 % t-interval of a mean of at least two values."""
    from scipy import stats

    quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1))
    return quantile * statistics.stdev(values) / math.sqrt(len(values))


def test_extra(found: Share | None) -> dict[str, float | None]:
    """Return the test figure of a point as :attr:`Point.extra` has it."""
    if found is None:
        return {TEST: None, f"{TEST}_low": None, f"{TEST}_high": None}
    return {TEST: found.value, f"{TEST}_low": found.low, f"{TEST}_high": found.high}


def _report(folder: RunFolder) -> JsonObject | None:
    path = folder.path / "report.json"
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return _read(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=1024)
def _read(path: Path, _changed: int, _size: int) -> JsonObject | None:
    found = RunFolder(path.parent).report()
    if found is not None and not isinstance(found.get("images", {}), dict):
        raise BadInput("The report of a run cannot be read.", given=path.parent.name)
    return found
