"""Predict: show the model new photos, one or hundreds, and see what speaks for its answers."""

from __future__ import annotations

import streamlit as st

from core.i18n import _, ngettext
from core.runs.listing import Listed
from pages.ui import state
from pages.ui.places import PLACES
from pages.ui.predict_answers import answers, put_aside
from pages.ui.predict_curl import from_a_program
from pages.ui.predict_pile import Photo
from pages.ui.predict_table import Row, rows_of, table
from pages.ui.predict_threshold import Judging, judging
from pages.ui.predict_ways import ways_to_photos
from pages.ui.run_picker import run_of_page
from pages.web.script_error import describe

NAMED = 3


def main() -> None:
    run = run_of_page("predict", _("Predict"), _("Show {run} photos that it has not seen."))
    if run is None:
        return
    photos = ways_to_photos()
    how = None
    if photos:
        with state.told():
            how = judging(run)
            _answered(run, photos, how)
    else:
        put_aside()
    st.subheader(_("Use it elsewhere"), anchor=False)
    from_a_program(run.id, how)
    if st.button(_("Take the model away"), icon=f":material/{PLACES['take_away'].icon}:"):
        st.switch_page(PLACES["take_away"].script)


def _answered(run: Listed, photos: list[Photo], how: Judging) -> None:
    found = answers(run, photos)
    rows = rows_of(photos, found, how, run.plan.dataset)
    if not rows:
        return
    _refused([row for row in rows if row.problem is not None])
    good = [row for row in rows if row.problem is None]
    chosen = table(rows, run) if len(photos) > 1 else None
    shown = chosen or next(iter(good), None)
    if shown is not None and shown.problem is None:
        from pages.ui.predict_detail import detail

        detail(run, shown, how)


def _refused(rows: list[Row]) -> None:
    """Say which files got no answer, and why; of many, how many they are."""
    if len(rows) > NAMED:
        st.warning(ngettext(
            "{n} file is no photo that can be read; the table says why.",
            "{n} files are no photos that can be read; the table says why.", len(rows),
        ).format(n=f"{len(rows):,}"), icon=":material/warning:")
        return
    for row in rows:
        if row.problem is not None:
            named = type(row.problem)(row.problem.what, given=row.photo.name, fix=row.problem.fix)
            st.error(describe(named), icon=":material/error:")


main()
