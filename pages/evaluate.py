"""Evaluate: how the model does on photos it has never seen."""

from __future__ import annotations

import streamlit as st

from core.i18n import _
from core.insight.metrics import Evaluation
from core.runs.listing import Listed
from core.runs.work import evaluation_of, looks, measure
from pages.ui import state
from pages.ui.charts import confusion, shares
from pages.ui.confirm import ask_on
from pages.ui.escape import one_line, plain
from pages.ui.experiment_controls import controls_of
from pages.ui.locked import locked
from pages.ui.pieces import caption, headline
from pages.ui.places import PLACES
from pages.ui.run_picker import picked_run

FEW_PHOTOS = 30


def main() -> None:
    ask_on()
    journey = state.stand()
    st.title(_("Evaluate"), anchor=False)
    if locked(journey, "evaluate"):
        return
    run = picked_run(_("How {run} does on photos it has never seen."))
    if run is None:
        return
    with state.told():
        found = evaluation_of(run.folder)
        if found is None:
            _not_measured(run)
        else:
            _figures(run, found)


def _not_measured(run: Listed) -> None:
    st.markdown(_("The test photos have not been looked at for {run} yet.").format(run=plain(run.title)))
    if st.button(_("Measure on the test photos"), type="primary", icon=":material/target:"):
        with st.spinner(_("Looking at the test photos")):
            found = measure(state.workspace(), run.folder)
        if found is None:
            st.info(_("This dataset has no test photos."), icon=":material/info:")
            return
        st.rerun()


def _figures(run: Listed, found: Evaluation) -> None:
    accuracy = found.accuracy
    always = _("Always “{name}”").format(
        name=one_line(found.classes[found.majority_class], 24))
    with st.container(border=True):
        figure, axis = st.columns([1, 1], vertical_alignment="center", gap="large")
        with figure:
            headline(_("Right on the first guess"), f"{accuracy.value:.1%}",
                     _("{right} of {images} test photos").format(
                         right=f"{accuracy.right:,}", images=f"{accuracy.images:,}"))
        with axis:
            title = one_line(run.title, 24)
            shares([(title, accuracy), (always, found.majority)], key="overall", highlight=title)
            caption(_("Lines are 95% intervals (Wilson): for {run} from {low} to {high}. “Always” is "
                      "what naming the commonest class of the training photos each time would get.").format(
                run=run.title, low=f"{accuracy.low:.1%}", high=f"{accuracy.high:.1%}"))
    seen = looks(run.folder.report() or {})
    if seen > 1:
        caption(_("These photos were looked at {n} times for this run: it went on learning after they "
                  "had been seen. Choose between epochs by validation, not by these.").format(n=seen))
    mixed, each = st.columns([3, 2], gap="large")
    with mixed:
        st.subheader(_("What it mixes up"), anchor=False)
        confusion(found)
    with each:
        st.subheader(_("By class"), anchor=False)
        _by_class(found)
    controls_of(run)
    with st.container(horizontal=True):
        if st.button(_("Try it on new photos"), type="primary", icon=":material/arrow_forward:",
                     icon_position="right"):
            st.switch_page(PLACES["predict"].script)


def _by_class(found: Evaluation) -> None:
    rows = [
        (_class_label(found.classes[at], share.images if share else 0), share)
        for at, share in enumerate(found.by_class)
    ]
    rows.sort(key=lambda row: row[1].value if row[1] else -1.0, reverse=True)
    shares(rows, key="by-class")
    caption(_("Found correctly, with 95% intervals. In brackets the number of test photos; under {few} "
              "the interval is wide.").format(few=FEW_PHOTOS))


def _class_label(name: str, photos: int) -> str:
    return f"{one_line(name, 20)} ({photos:,})"


main()
