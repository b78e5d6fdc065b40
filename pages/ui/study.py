"""A study of a model that goes on in the background: a button for it, how far it is, a way to cancel it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.data.gather import phase_text
from core.i18n import _
from core.jobs import JobSnapshot, Progress
from core.studies import asking
from core.studies.asking import RUNNING
from core.words import about_text
from pages.ui import state
from pages.ui.escape import one_line, plain
from pages.web.script_error import describe


def study(
    about: str, kind: str, *, title: str, button: str, work: Callable[[Progress], object],
    icon: str = ":material/play_arrow:", words: str = "", primary: bool = False,
) -> bool:
    """Show how a study stands: a button that begins it, its progress while it goes on, or why it failed.

    Once it has ended, the whole page is drawn anew: whatever it has kept is found then.

    Args:
        about: The id of the run, or of what else it is about.
        kind: What is found out, a name of ours; also the key of what is shown.
        title: What it is called while it goes on.
        button: What the button says.
        work: Does it, on a thread of its own, see :func:`core.studies.asking.ask`; it must use nothing of
            the page.
        icon: The button's icon.
        words: The button's help.
        primary: Whether the button is the one of the page.

    Returns:
        Whether it is going on.
    """
    now = asking.latest(state.thaw().studies, about, kind)
    if now is not None and now.state == RUNNING:
        _going_on(about, kind, title)
        return True
    if now is not None:
        told_failure(now)
    asked = st.button(
        button, key=f"study-{kind}-{about}", icon=icon, help=words or None,
        type="primary" if primary else "secondary",
    )
    if asked:
        asking.ask(state.thaw().studies, about, kind, title, work)
        st.rerun()
    return False


def told_failure(job: JobSnapshot) -> None:
    """Show why a job has failed, if it has, until whoever looks has closed that."""
    closed: set[str] = st.session_state.setdefault("failures-closed", set())
    if job.error is None or job.id in closed:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.error(describe(job.error), icon=":material/error:")
        st.button(_("Close"), key=f"close-{job.id}", icon=":material/close:", type="tertiary",
                  on_click=closed.add, args=(job.id,))


def _going_on(about: str, kind: str, title: str) -> None:
    st.fragment(_progress, run_every=0.5)(about, kind, title)


def _progress(about: str, kind: str, title: str) -> None:
    studies = state.thaw().studies
    now = asking.latest(studies, about, kind)
    if now is None or now.state != RUNNING:
        st.rerun()
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(min(1.0, now.done / now.total) if now.total else 0.0, text=plain(_amount(title, now)))
        if st.button(_("Cancel"), key=f"cancel-{kind}", icon=":material/close:"):
            studies.cancel(now.id)


def _amount(title: str, now: JobSnapshot) -> str:
    phase = phase_text(now.phase) or title
    if now.waits_for:
        return _("{phase}, after: {other}").format(phase=phase, other=one_line(now.waits_for, 60))
    if now.total is None:
        return phase
    said = _("{phase}: {done} of {total}").format(
        phase=phase, done=f"{now.done:,}", total=f"{now.total:,}")
    if now.seconds_left is None:
        return said
    return _("{amount}, about {time} left").format(amount=said, time=about_text(now.seconds_left))
