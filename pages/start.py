"""Start: three ways to begin."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import streamlit as st

from core.data.begin import begin_sample
from core.data.checks import GOOD_IN_CLASS
from core.data.previews import preview
from core.data.samples import SAMPLES
from core.i18n import _
from core.runs import steer
from core.runs.listing import Listed, listed
from core.runs.status import State
from core.training.counts import what_learns
from pages.ui import state
from pages.ui.escape import plain
from pages.ui.pieces import caption, lede, picture_row, thaw_row
from pages.ui.places import PLACES
from pages.ui.run_actions import break_text

FIRST_SAMPLE = "digits"
OTHER_SAMPLE = "textile"
MOST_OFFERED = 3


def main() -> None:
    st.title(_("Teach a network to see your things"), anchor=False)
    lede(_("Begin with one that has already looked at a million photos. Freeze what it knows, "
           "thaw the part that should learn, and watch."))
    st.space("small")
    thaw_row()
    st.space("small")
    runs = listed(state.workspace())
    _interrupted(runs)
    first, second, third = st.columns(3, gap="medium")
    with first.container(border=True, height="stretch"):
        _first_card()
    with second.container(border=True, height="stretch"):
        _own_card()
    with third.container(border=True, height="stretch"):
        if runs:
            _continue_card(next((run for run in runs if not state.is_of_another(run)), runs[0]))
        else:
            _other_card()
    caption(_("Your photos stay on this computer."))


def _interrupted(runs: Sequence[Listed]) -> None:
    """Offer to resume what the end of the program interrupted and can go on, the newest first."""
    left = [run for run in runs if run.status.state is State.INTERRUPTED and steer.can_resume(run.folder)]
    for run in sorted(left, key=state.is_of_another)[:MOST_OFFERED]:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            with st.container(width="stretch"):
                st.markdown(_("**{run}** was interrupted. {how_far}").format(
                    run=plain(run.title, 60), how_far=break_text(run)))
                if state.is_of_another(run):
                    caption(_("Started by {who}.").format(who=state.who_started(run)))
            pressed = st.button(
                _("Resume {run}").format(run=plain(run.title, 24)), key=f"resume_{run.id}",
                icon=":material/play_arrow:")
            left_alone = not state.is_of_another(run) and st.button(
                _("Leave it"), key=f"leave_{run.id}", type="tertiary",
                help=_("It stays in the list of runs, where it can be resumed at any time."))
        if left_alone:
            with state.told():
                steer.stop(state.workspace(), run.id)
                st.rerun()
        if pressed:
            with state.told():
                state.thaw().resume(run.id)
                state.look_at(run.id)
                st.switch_page(PLACES["train"].script)


def _first_card() -> None:
    _sample_card(
        FIRST_SAMPLE, _("Try handwritten digits"),
        _("{photos} scans in {classes} classes. Ready at once, nothing to prepare."), _("Use the sample"),
        primary=True)


def _own_card() -> None:
    picture_row([], words=_("one folder per class"))
    st.subheader(_("Bring your own photos"), anchor=False)
    st.markdown(_("A folder or a zip. {n} photos per class are a good start.").format(n=GOOD_IN_CLASS))
    if _foot_button(_("Choose photos"), "upload"):
        st.session_state[state.CHOOSING] = True
        st.switch_page(PLACES["data"].script)


def _other_card() -> None:
    _sample_card(
        OTHER_SAMPLE, _("Or find flaws in fabric"),
        _("{photos} pictures of fabric in {classes} classes, ready as well."), _("Use the fabric"))


def _sample_card(name: str, title: str, sentence: str, button: str, *, primary: bool = False) -> None:
    picture_row([
        "data:image/jpeg;base64," + base64.b64encode(each).decode() for each in preview(name)
    ])
    sample = SAMPLES[name]
    st.subheader(title, anchor=False)
    st.markdown(sentence.format(photos=f"{sample.images:,}", classes=sample.classes))
    if _foot_button(button, "play_arrow", primary=primary):
        _begin(name)


def _continue_card(run: Listed) -> None:
    picture_row([], words=run.title, icon="fire")
    another = state.is_of_another(run)
    st.subheader(_("Look at the last run") if another else _("Go back to your last run"), anchor=False)
    st.markdown(
        _("{what} on {photos}, {epochs} epochs planned.").format(
            what=plain(what_learns(run.plan)), photos=plain(run.plan.dataset_title, 40),
            epochs=run.plan.recipe.epochs,
        )
    )
    if _foot_button(_("Open {run}").format(run=plain(run.title, 40)), "arrow_forward"):
        state.look_at(run.id)
        st.switch_page(PLACES["train"].script)


def _foot_button(label: str, icon: str, *, primary: bool = False) -> bool:
    return st.button(
        label, icon=f":material/{icon}:", type="primary" if primary else "secondary", width="stretch"
    )


def _begin(sample: str) -> None:
    service = state.thaw()
    with state.told():
        state.follow(begin_sample(service.jobs, service.workspace, sample))
        st.switch_page(PLACES["data"].script)


main()
