"""The figures of an experiment as a table on the page, and as CSV to take away."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from core.experiments.experiment import Experiment
from core.experiments.results import Point, Results
from core.files import slug
from core.i18n import _
from pages.ui.experiment_axes import percent
from pages.ui.pieces import choice_table

# A spreadsheet takes a cell that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def figures_table(results: Results, chosen: str = "") -> None:
    """Show each point: what it is, its mean, interval and runs, and what else is known of it.

    Args:
        results: What has been measured.
        chosen: The role of the point that stands out; empty for none.
    """
    points = [(series.title, point) for series in results.series for point in series.points]
    several = len({series.name for series in results.series}) > 1
    extras = _extras(point for _title, point in points)
    repeated = any(len(point.values) > 1 for _title, point in points)
    head = [
        _("What"), _("Accuracy"), _("95% interval"), *([_("Runs")] if repeated else []), *extras.values(),
    ]
    rows = [
        (
            _named(title, point, several=several), percent(point.mean),
            _("{low} to {high}").format(low=percent(point.low), high=percent(point.high)),
            *([f"{len(point.values):,}"] if repeated else []), *(_extra(name, point) for name in extras),
        )
        for title, point in points
    ]
    # Of a backbone the run in full stands behind its probe, and says more.
    at = max((at for at, (_title, point) in enumerate(points) if chosen and point.role == chosen), default=-1)
    choice_table(_("The figures of this experiment"), head, rows, chosen=at)


def _named(title: str, point: Point, *, several: bool) -> str:
    if not several or title == point.label:
        return point.label
    return _("{series}: {point}").format(series=title, point=point.label) if point.label else title


def _extras(points: Iterable[Point]) -> dict[str, str]:
    """Return the further figures that at least one point has, with what they are called."""
    known = {"logme": _("LogME"), "test": _("Test accuracy")}
    there = {
        name for point in points for name, value in point.extra.items() if value is not None
    }
    return {name: title for name, title in known.items() if name in there}


def _extra(name: str, point: Point) -> str:
    value = point.extra.get(name)
    if value is None:
        return "–"
    if name != "test":
        return f"{value:.2f}"
    low, high = point.extra.get("test_low"), point.extra.get("test_high")
    if low is None or high is None:
        return percent(value)
    return _("{figure} ({low} to {high})").format(
        figure=percent(value), low=f"{100 * low:.1f}", high=f"{100 * high:.1f}")


def csv_text(rows: Sequence[Mapping[str, str | float | None]]) -> str:
    """Return rows as CSV, harmless for a spreadsheet; what is not known is an empty cell.

    Args:
        rows: Rows of the same columns, see :func:`core.experiments.results.rows`.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    columns = list(rows[0]) if rows else []
    writer.writerow([_harmless(each) for each in columns])
    writer.writerows([_harmless(row.get(each)) for each in columns] for row in rows)
    return text.getvalue()


def _harmless(value: str | float | None) -> str | float:
    """Return a cell that is text for whoever opens it, whatever it begins with; numbers stay numbers."""
    if value is None:
        return ""
    if isinstance(value, str) and value.lstrip().startswith(_FORMULA):
        return f"'{value}"
    return value


def file_stem(experiment: Experiment) -> str:
    """Return a safe name for files of an experiment: ``"thaw-data-size-clothing"``."""
    parts = ("thaw", slug(experiment.kind), slug(experiment.plan.dataset_title))
    return "-".join(part for part in parts if part)
