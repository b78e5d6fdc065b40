"""What a model says of many photos as a table, and as a file for a spreadsheet."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.errors import ThawError
from core.files import slug
from core.i18n import _
from core.insight.answering import Said
from core.insight.predict import Answer, likeliest
from core.insight.sureness import is_sure
from core.runs.listing import Listed
from pages.ui.escape import one_line
from pages.ui.experiment_table import csv_text
from pages.ui.pieces import caption
from pages.ui.predict_answers import Answers
from pages.ui.predict_pile import Photo
from pages.ui.predict_threshold import Judging

if TYPE_CHECKING:
    import pandas as pd

TOP = 5
ROW_PX, HEAD_PX = 44, 38
MOST_PICTURES = 200
MOST_ROWS = 9
NAME_SHOWN = 80


@dataclass(frozen=True)
class Row:
    """A photo and what was said of it.

    Attributes:
        photo: The photo.
        found: The likeliest classes, the likeliest first; empty where there is no answer.
        sure: Whether the first of them is named.
        picture: A small picture as JPEG; empty where there is none.
        problem: Why there is no answer.
        learned: Whether the model has learned from it.
    """

    photo: Photo
    found: tuple[Answer, ...]
    sure: bool
    picture: bytes = b""
    problem: ThawError | None = None
    learned: bool = False

    @property
    def says(self) -> str:
        """The class that is named, which is text from outside, or that the model is not sure."""
        if not self.found:
            return ""
        return self.found[0].name if self.sure else _("not sure")

    @property
    def note(self) -> str:
        """What there is to know of it, in words."""
        if self.problem is not None:
            return self.problem.what
        learned = _("A training photo of this run") if self.learned else ""
        return " · ".join(each for each in (self._torn, learned) if each)

    @property
    def _torn(self) -> str:
        """Between which classes the model is torn where it is not sure; text from outside."""
        if self.sure or len(self.found) < 2:
            return ""
        first, second = (one_line(each.name, NAME_SHOWN) for each in self.found[:2])
        return _("{first} or {second}?").format(first=first, second=second)


def rows_of(photos: Sequence[Photo], found: Answers, how: Judging, dataset: str = "") -> list[Row]:
    """Return the photos that something was said of, in their order.

    Args:
        photos: The photos.
        found: What was said.
        how: How that is read.
        dataset: The id of the dataset that the model has learned from.
    """
    said = dict(found.said)  # it grows while it is read
    return [
        _row(photo, said[photo.key], found.classes, how, learned=bool(dataset) and photo.train_of == dataset)
        for photo in photos if photo.key in said
    ]


def _row(photo: Photo, said: Said, classes: Sequence[str], how: Judging, *, learned: bool) -> Row:
    if said.chances is None:
        return Row(photo, (), False, problem=said.problem)
    chances = how.read(said.chances)
    sure = is_sure(chances, how.threshold)
    return Row(photo, tuple(likeliest(classes, chances, TOP)), sure, said.picture, learned=learned)


def table(rows: Sequence[Row], run: Listed) -> Row | None:
    """Show the table and the button that saves it.

    Returns:
        The chosen row; ``None`` where none is.
    """
    # NOTE: Streamlit knows a chosen row by its place alone, so other photos are another table.
    keys = " ".join(row.photo.key for row in rows)
    answer = st.dataframe(
        _frame(rows), key=f"predict-{hashlib.sha256(keys.encode()).hexdigest()[:16]}", hide_index=True,
        on_select="rerun", selection_mode="single-row", column_config=_columns(), row_height=ROW_PX,
        height=ROW_PX * min(len(rows), MOST_ROWS) + HEAD_PX, placeholder="",
        alt=_("What the model says of each photo; choose a row to see more of it below"),
    )
    caption(_("Choose a row to see below what speaks for its answer. A column's head sorts."))
    if not _with_pictures(rows):
        caption(_("With more than {most} photos the table shows no pictures of those from outside the "
                  "workspace. The chosen one is shown below.").format(most=MOST_PICTURES))
    chosen = [at for at in answer["selection"]["rows"] if 0 <= at < len(rows)]
    st.download_button(
        _("Save as CSV"), partial(_file, rows),
        f"{'-'.join(part for part in ('thaw-predictions', slug(run.title)) if part)}.csv",
        "text/csv; charset=utf-8", icon=":material/download:", on_click="ignore",
    )
    return rows[chosen[0]] if chosen else None


def _file(rows: Sequence[Row]) -> bytes:
    return csv_text([_line(row) for row in rows]).encode("utf-8-sig")


def _line(row: Row) -> dict[str, str | float | None]:
    """Return a row of the file; a class is named only where the model is sure."""
    first = row.found[0].probability if row.found else None
    second = row.found[1] if row.sure and len(row.found) > 1 else None
    return {
        _("file"): one_line(row.photo.name, 400),
        _("class in its dataset"): one_line(row.photo.label, 200),
        _("says"): one_line(row.says, 200),
        _("how sure"): None if first is None else round(first, 6),
        _("second"): "" if second is None else one_line(second.name, 200),
        _("how sure of the second"): None if second is None else round(second.probability, 6),
        _("note"): one_line(row.note, 400),
    }


def _frame(rows: Sequence[Row]) -> pd.DataFrame:
    import pandas as pd

    pictures = _with_pictures(rows)
    frame = pd.DataFrame([_cells(row, pictures=pictures) for row in rows])
    unused = [name for name in ("picture", "is", "note") if not any(frame[name])]
    return frame.drop(columns=unused)


def _with_pictures(rows: Sequence[Row]) -> bool:
    """Tell whether the table carries the pictures that have no address: each time that it is drawn."""
    return sum(not row.photo.thumb for row in rows) <= MOST_PICTURES


def _cells(row: Row, *, pictures: bool) -> dict[str, Any]:
    own = "data:image/jpeg;base64," + base64.b64encode(row.picture).decode("ascii") if (
        pictures and row.picture) else None
    second = row.found[1] if row.sure and len(row.found) > 1 else None
    return {
        "picture": row.photo.thumb or own,
        "file": one_line(row.photo.name, NAME_SHOWN),
        "is": one_line(row.photo.label, NAME_SHOWN),
        "says": one_line(row.says, NAME_SHOWN),
        "sure": 100 * row.found[0].probability if row.found else float("nan"),
        "second": "" if second is None else one_line(second.name, NAME_SHOWN),
        "second_sure": float("nan") if second is None else 100 * second.probability,
        "note": one_line(row.note, 2 * NAME_SHOWN),
    }


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "picture": column.ImageColumn(_("Photo"), width=70),
        "file": column.TextColumn(_("File"), width=130),
        "is": column.TextColumn(_("Is"), help=_("The class that it has in its dataset.")),
        "says": column.TextColumn(_("Says"), width=100),
        "sure": column.ProgressColumn(
            _("How sure"), width=120, format="%.1f%%", min_value=0, max_value=100, color="blue", help=_(
                "The probability of the likeliest class, named or not.")),
        "second": column.TextColumn(_("Second"), help=_("The next likeliest class.")),
        "second_sure": column.NumberColumn(_("How sure of it"), format="%.1f%%"),
        "note": column.TextColumn(_("Note"), width="large"),
    }
