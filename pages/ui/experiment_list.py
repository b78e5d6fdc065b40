"""The experiments that have ended, each of which opens to its figures."""

from __future__ import annotations

import streamlit as st

from core.errors import ThawError
from core.experiments.experiment import Experiment
from core.experiments.standing import Standing, standing
from core.i18n import _
from core.people import is_of_another, who_text
from pages.ui import state
from pages.ui.escape import plain
from pages.ui.experiment_shown import opened
from pages.ui.experiment_words import state_text
from pages.ui.pieces import caption
from pages.ui.workspace_rows import SHOWN, when_text

_ALL = "experiments-all"
Known = tuple[Experiment, Standing]


def stands(experiments: list[Experiment]) -> list[Known]:
    """Return how each experiment stands; one of which that cannot be read is passed over."""
    found = []
    for each in experiments:
        try:
            found.append((each, standing(state.workspace(), each)))
        except ThawError:
            continue  # deleted by somebody else between the two readings
    return found


def ended(known: list[Known]) -> None:
    """Show the experiments that have ended, newest first; the newest is open."""
    st.subheader(_("Finished experiments"), anchor=False)
    if not known:
        caption(_("None has ended yet. Each stays here with its plot, figures and runs."))
        return
    newest = known[0][0].id
    everything = len(known) <= SHOWN or st.session_state.get(_ALL, False)
    for experiment, stands_now in known if everything else known[:SHOWN]:
        _one(experiment, stands_now, first=experiment.id == newest)
    label = _("Show all {n}").format(n=f"{len(known):,}")
    if not everything and st.button(label, key="experiments-all-button", icon=":material/expand_more:"):
        st.session_state[_ALL] = True
        st.rerun()


def _one(experiment: Experiment, standing: Standing, *, first: bool) -> None:
    facts = [state_text(standing), when_text(experiment.created)]
    if is_of_another(experiment.by, state.who()):
        facts.append(who_text(state.workspace(), experiment.by, state.who()))
    label = f"**{plain(experiment.title, 60)}** :gray[{plain(' · '.join(facts), 160)}]"
    # NOTE: what is shut is not drawn: a hundred plots would be.
    box = st.expander(label, expanded=first, key=f"experiment-{experiment.id}", on_change="rerun")
    if box.open:
        with box:
            opened(experiment, standing)
