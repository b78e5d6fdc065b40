"""Measurements that go on in the background: how far they are, and a way to stop them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.backbones import catalogue
from core.i18n import _
from core.training.calibration import Wanted
from pages.ui import state
from pages.ui.escape import plain
from pages.web.script_error import describe


def measure_button(label: str, wanted: Sequence[Wanted], *, key: str, words: str = "") -> None:
    """Show a button that measures backbones, or how far a measurement is."""
    if state.thaw().calibrations.snapshot().active is not None:
        return
    if st.button(label, key=key, icon=":material/speed:", help=words or None, disabled=not wanted):
        with state.told():
            state.thaw().measure(wanted)
            st.rerun()


def measuring(key: str) -> None:
    """Show the measurement that is going on, with a way to stop it, or why the last one failed."""
    snapshot = state.thaw().calibrations.snapshot()
    if snapshot.active is not None:
        st.fragment(_progress, run_every=1.0)(key)
    elif snapshot.error is not None:
        st.error(describe(snapshot.error), icon=":material/error:")


def _progress(key: str) -> None:
    snapshot = state.thaw().calibrations.snapshot()
    if snapshot.active is None:
        st.rerun()
        return
    title = catalogue.get(snapshot.active.backbone).title
    whole = snapshot.done + snapshot.waiting + 1
    words = (
        _("Measuring {backbone} on this computer") if whole == 1
        else _("Measuring {backbone}, {n} of {whole}")
    ).format(backbone=title, n=snapshot.done + 1, whole=whole)
    if snapshot.waits_for:
        words = _("Waiting for {what} to end").format(what=snapshot.waits_for)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(snapshot.share, text=plain(words))
        if st.button(_("Stop measuring"), key=key, icon=":material/close:"):
            state.thaw().calibrations.cancel()
            st.rerun()
