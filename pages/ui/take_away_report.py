"""The report of a run on the Take away page: one file to read, send and print, and a model card."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.i18n import _
from core.runs.listing import Listed
from core.studies.reporting import kept_report, make_report
from core.words import bytes_text
from pages.ui import state
from pages.ui.pieces import caption
from pages.ui.study import study
from pages.web.reports import card_url, report_url


def report_part(run: Listed) -> None:
    """Explain the report of a run, offer to make it, and to read or download the one that is made."""
    st.subheader(_("The report"), anchor=False)
    st.markdown(_("All that is known of this run as one HTML file, to be read, sent and printed: plan, "
                  "photos, curves, figures, the hardest photos, heatmaps, versions and limits. What was not "
                  "looked at is said to be not available. A model card under the usual headings comes with "
                  "it."))
    made = kept_report(run.folder)
    if made is not None:
        with st.container(horizontal=True):
            st.link_button(_("Open the report"), report_url(run.id), icon=":material/open_in_new:")
            st.link_button(
                _("Download ({size})").format(size=bytes_text(made.stat().st_size)),
                report_url(run.id, download=True), icon=":material/download:")
            st.link_button(_("Model card"), card_url(run.id), icon=":material/description:")
    study(
        run.id, "report", title=_("Making the report"), icon=":material/article:",
        work=partial(make_report, state.workspace(), run.folder),
        button=_("Make the report") if made is None else _("Make it anew"),
        words=_("It measures nothing: only the heatmaps are drawn, which takes some seconds."),
    )
    if made is not None:
        caption(_("Made anew, it also says what was found out since."))
