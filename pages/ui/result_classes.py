"""All figures by class, as a table to sort and as CSV to take away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.files import slug
from core.i18n import _
from core.insight.metrics import Share
from core.insight.ranking import Ranking
from core.insight.rates import Estimate, Rates
from core.runs.listing import Listed
from pages.ui.escape import one_line
from pages.ui.experiment_table import csv_text
from pages.ui.pieces import caption, stats_row

Figure = Share | Estimate | None
_ROW_PX, _HEAD_PX, _MOST_PX = 35, 38, 440
# Three figures with intervals leave 110 px and more to the names of the classes on a page 1,080 px wide.
_PHOTOS_PX, _FIGURE_PX, _BETWEEN_PX = 70, 82, 96


def overall_figures(rates: Rates) -> None:
    """Show balanced accuracy and macro F1 with their intervals."""
    stats_row([
        (f"{each.value:.1%}", _named(name, each))
        for name, each in ((_("balanced accuracy"), rates.balanced), (_("macro F1"), rates.macro_f1))
    ])


def _named(name: str, figure: Estimate) -> str:
    if figure.low is None or figure.high is None:
        return _("{name}, interval not available").format(name=name)
    return _("{name}, {low} to {high}").format(name=name, low=f"{figure.low:.1%}", high=f"{figure.high:.1%}")


def about_overall() -> str:
    """Return what balanced accuracy and macro F1 are, and where their intervals come from."""
    return _("Balanced accuracy and macro F1 count each class that has photos the same, however many they "
             "are. Their 95% intervals come from 1,000 bootstrap samples drawn within each class, one more "
             "photo of which counts as half right, so that no class of few photos is taken for certain.")


def class_table(run: Listed, rates: Rates, ranking: Ranking | None, what: str) -> None:
    """Show the figures of each class, and offer them as CSV.

    Args:
        run: The run, for the file's name.
        rates: What is counted.
        ranking: The areas under the curves; ``None`` where they are not known.
        what: The key of the photos, for the file's name.
    """
    rows = _rows(rates, ranking)
    if ranking is None:
        _table(rows, _shares())
    else:
        # NOTE: side by side, twelve columns would be cut where the page is 1,080 px wide.
        said, ranked = st.tabs([_("Precision, recall, F1"), _("AUC, AP")])
        with said:
            _table(rows, _shares())
        with ranked:
            _table(rows, {"auc": _("AUC"), "ap": _("AP")})
    caption(_("Precision: of those said to be of the class, how many are. Recall: of those that are, how "
              "many were said to be. F1 is the harmonic mean of both. AUC and AP: the areas under the curves "
              "below. A dash: not available, for want of photos or of mistakes. Intervals: Wilson for "
              "precision and recall and, by the share it follows from, F1; DeLong for AUC; on log odds for "
              "AP."))
    st.download_button(
        _("Download as CSV"), csv_text(_named_columns(rows)).encode("utf-8-sig"),
        f"thaw-{slug(run.title)}-{what}.csv", "text/csv", icon=":material/download:", on_click="ignore",
        type="tertiary",
    )


def _shares() -> dict[str, str]:
    return {"precision": _("Precision"), "recall": _("Recall"), "f1": _("F1")}


def _table(rows: list[dict[str, str | float | None]], names: Mapping[str, str]) -> None:
    """Show some figures of each class, each with its interval beside it."""
    columns: dict[str, list[Any]] = {
        _("Class"): [one_line(str(row["class"]), 60) for row in rows],
        _("Photos"): [row["images"] for row in rows],
    }
    config: dict[str, Any] = {
        _("Class"): st.column_config.TextColumn(pinned=True),
        _("Photos"): st.column_config.NumberColumn(width=_PHOTOS_PX),
    }
    for name, figure in names.items():
        between = f"{name}_between"
        columns[figure] = [_percent(row[name]) for row in rows]
        columns[between] = [_between(row[f"{name}_low"], row[f"{name}_high"]) for row in rows]
        config[figure] = st.column_config.NumberColumn(format="%.1f%%", width=_FIGURE_PX)
        config[between] = st.column_config.TextColumn(
            _("95%"), width=_BETWEEN_PX, help=_("{figure}: 95% interval").format(figure=figure))
    st.dataframe(
        columns, hide_index=True, width="stretch", column_config=config, placeholder="–",
        height=min(_MOST_PX, _HEAD_PX + _ROW_PX * len(rows)),
    )


def _rows(rates: Rates, ranking: Ranking | None) -> list[dict[str, str | float | None]]:
    found = []
    for at, each in enumerate(rates.by_class):
        row: dict[str, str | float | None] = {
            "class": each.name, "images": each.images, "said": each.said,
            **_with_interval("precision", each.precision), **_with_interval("recall", each.recall),
            **_with_interval("f1", each.f1),
        }
        if ranking is not None:
            other = ranking.by_class[at]
            row |= {**_with_interval("auc", other.auc), **_with_interval("ap", other.average_precision)}
        found.append(row)
    return found


def _named_columns(rows: list[dict[str, str | float | None]]) -> list[dict[str, str | float | None]]:
    """Return the rows of the file, its columns in the reader's words."""
    names = {"class": _("class"), "images": _("photos"), "said": _("said to be of it")}
    for key, figure in (("precision", _("precision")), ("recall", _("recall")), ("f1", _("F1")),
                        ("auc", _("AUC")), ("ap", _("AP"))):
        names |= {key: figure, f"{key}_low": _("{figure}, 95% from").format(figure=figure),
                  f"{key}_high": _("{figure}, 95% to").format(figure=figure)}
    return [{names[key]: value for key, value in row.items()} for row in rows]


def _with_interval(name: str, figure: Figure) -> dict[str, str | float | None]:
    if figure is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: figure.value, f"{name}_low": figure.low, f"{name}_high": figure.high}


def _percent(value: str | float | None) -> float | None:
    return 100 * value if isinstance(value, float) else None


def _between(low: str | float | None, high: str | float | None) -> str | None:
    if not isinstance(low, float) or not isinstance(high, float):
        return None
    return f"{100 * low:.1f}–{100 * high:.1f}"
