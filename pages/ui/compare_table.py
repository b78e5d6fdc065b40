"""The table of runs: what is listed, and which of them are chosen."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.i18n import _
from core.runs.status import State
from pages.ui.compare_rows import Row, shown_of, usual
from pages.ui.escape import distinct, one_line
from pages.ui.pieces import caption

if TYPE_CHECKING:
    import pandas as pd

CHOSEN = "compare_chosen"
FILTER = "compare_words"
_PHOTOS = "compare_photos"
EXPERIMENTS = "compare_experiments"
ROW_PX = 36
MOST_ROWS = 8
NAME_SHOWN = 60
_PERCENT = 100


def table(rows: Sequence[Row], dataset: str) -> tuple[list[Row], tuple[str, ...]]:
    """Show the filters and the table.

    Args:
        rows: All runs, newest first.
        dataset: The id of the photos that are chosen; they come first to be looked at.

    Returns:
        The rows that are listed, and the ids of the chosen runs, hidden ones and deleted ones too.
    """
    shown = _filtered(rows, dataset)
    one_set = bool(st.session_state.get(_PHOTOS))
    # NOTE: where none has finished yet nothing is chosen for good: those that finish later will be.
    if CHOSEN not in st.session_state and usual(shown):
        st.session_state[CHOSEN] = usual(shown)
    if shown:
        _grid(shown, one_set=one_set)
    else:
        st.markdown(_("No run fits these filters."))
    chosen = _chosen()
    hidden = len({row.id for row in rows} & set(chosen) - {row.id for row in shown})
    if hidden:
        caption(_("Chosen and not in the list just now: {n}.").format(n=hidden))
    return shown, chosen


def _chosen() -> tuple[str, ...]:
    return tuple(st.session_state.get(CHOSEN, ()))


def _filtered(rows: Sequence[Row], dataset: str) -> list[Row]:
    """Show the filters, and return the rows that pass them."""
    titles = {row.run.plan.dataset: one_line(row.run.plan.dataset_title, NAME_SHOWN) for row in rows}
    photos = ["", *titles]
    labels = dict(zip(photos, distinct([_("All photos"), *titles.values()]), strict=True))
    if st.session_state.get(_PHOTOS, "") not in labels:  # the last run on them was deleted
        del st.session_state[_PHOTOS]
    first, second = st.columns(2, gap="medium")
    with first:
        of = st.selectbox(
            _("Photos"), photos, photos.index(dataset) if dataset in titles else 0, key=_PHOTOS,
            format_func=lambda each: labels[each],
        )
    with second:
        words = st.text_input(
            _("Search"), key=FILTER, placeholder=_("Name, recipe, block, backbone"),
            icon=":material/search:",
        )
    experiments = any(row.of_experiment for row in rows) and st.toggle(
        _("Show runs of experiments"), key=EXPERIMENTS)
    return shown_of(rows, dataset=of or "", words=words or "", experiments=experiments)


def _grid(shown: Sequence[Row], *, one_set: bool) -> None:
    """Show the table; some of it goes without saying: the photos of one set, a state that all have."""
    # NOTE: Streamlit knows the chosen rows by their place alone. So another list is another table, which
    # begins with the runs that are chosen. So is the first one in which some are.
    ids = [row.id for row in shown]
    begun = str(CHOSEN in st.session_state)
    key = f"compare_table_{hashlib.sha256(' '.join([begun, *ids]).encode()).hexdigest()[:16]}"
    chosen = set(_chosen())
    places: list[int] = [at for at, name in enumerate(ids) if name in chosen]

    def choose() -> None:
        selected = {ids[at] for at in st.session_state[key]["selection"]["rows"] if 0 <= at < len(ids)}
        hidden = [name for name in _chosen() if name not in ids]
        st.session_state[CHOSEN] = (*hidden, *(name for name in ids if name in selected))

    frame = _frame(shown)
    if one_set:
        frame = frame.drop(columns="photos")
    if all(row.run.status.state is State.FINISHED for row in shown):
        frame = frame.drop(columns="state")
    st.dataframe(
        frame, key=key, on_select=choose, selection_mode="multi-row", hide_index=True,
        selection_default={"selection": {"rows": places}}, column_config=_columns(), row_height=ROW_PX,
        height=ROW_PX * (min(len(shown), MOST_ROWS) + 1) + 2, placeholder=_("not available"),
        alt=_("Runs; choose rows to compare them below"),
    )


def _frame(shown: Sequence[Row]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame([_cells(row) for row in shown])


def _cells(row: Row) -> dict[str, Any]:
    result = row.result
    accuracy = None if result.test is None else result.test.accuracy
    return {
        "run": one_line(row.run.title, NAME_SHOWN),
        "state": row.state,
        "setting": row.setting,
        "validation": _percent(result.val_accuracy),
        "test": _percent(None if accuracy is None else accuracy.value),
        "interval": None if accuracy is None else _("{low} – {high}%").format(
            low=f"{_PERCENT * accuracy.low:.1f}", high=f"{_PERCENT * accuracy.high:.1f}"),
        "share": _percent(result.share),
        "minutes": float("nan") if result.seconds is None else result.seconds / 60,
        "photos": one_line(row.run.plan.dataset_title, NAME_SHOWN),
        "backbone": row.backbone,
    }


def _percent(share: float | None) -> float:
    return float("nan") if share is None else _PERCENT * share


def _columns() -> dict[str, Any]:
    """Return how each column is shown; as narrow as it can be read.

    At 1,280 px all fit, but for the backbone where both the photos and the states differ. Of a long name the
    beginning is shown.
    """
    column = st.column_config
    return {
        "run": column.TextColumn(_("Run"), width=110, pinned=True),
        "state": column.TextColumn(_("State"), width=94),
        "setting": column.TextColumn(_("What learns"), width=136, help=_(
            "What learns, and the recipe where the run follows one to the letter.")),
        "validation": column.NumberColumn(_("Validation"), width=76, format="%.1f%%", help=_(
            "The validation accuracy of the best epoch: choose by this one.")),
        "test": column.ProgressColumn(
            _("Test accuracy"), width=94, format="%.1f%%", min_value=0, max_value=_PERCENT, color="blue"),
        "interval": column.TextColumn(_("95% interval"), width=92, help=_(
            "Wilson's interval for the test accuracy: the fewer photos, the wider.")),
        "share": column.NumberColumn(_("Learning"), width=70, format="%.1f%%", help=_(
            "The share of the network's parameters that learned.")),
        "minutes": column.NumberColumn(_("Minutes"), width=62, format="%.1f"),
        "photos": column.TextColumn(_("Photos"), width=84),
        "backbone": column.TextColumn(_("Backbone"), width=130),
    }
