"""Experiments: a batch of runs that differ in one thing, and what comes of it with its intervals."""

from __future__ import annotations

import streamlit as st

from core.experiments.experiment import listed
from core.i18n import _
from pages.ui import state
from pages.ui.confirm import ask_on
from pages.ui.escape import plain
from pages.ui.experiment_begin import begin_one
from pages.ui.experiment_going import going_on
from pages.ui.experiment_list import ended, stands
from pages.ui.pieces import lede


def main() -> None:
    ask_on()
    journey = state.stand()
    st.title(_("Experiments"), anchor=False)
    lede(_("Is that really better, or luck? An experiment trains a batch of models that differ in one thing, "
           "and shows how sure the answer is."))
    known = stands(listed(state.workspace()))
    going = [each for each, standing in known if standing.state == "running"]
    for each in going:
        st.subheader(plain(each.title), anchor=False)
        going_on(each.id)
    if going:
        # NOTE: what is shut is not drawn: it takes a forecast of each kind.
        box = st.expander(
            _("Begin another experiment"), icon=":material/add:", key="experiment-another", on_change="rerun")
        if box.open:
            with box:
                st.markdown(_("Its runs wait behind those that are in the queue."))
                begin_one(journey)
    else:
        begin_one(journey)
    ended([(each, standing) for each, standing in known if standing.state != "running"])


main()
