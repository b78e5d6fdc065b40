"""Evaluate: how the model does on photos, what it looks at, and what it mixes up."""

from __future__ import annotations

import streamlit as st

from core.i18n import _
from core.runs.listing import Listed
from pages.ui import state
from pages.ui.confirm import ask_on
from pages.ui.run_picker import run_of_page

RESULT, MISTAKES, HEATMAPS = "result", "mistakes", "heatmaps"
MOVED, ROBUST, AUDIT = "moved", "robust", "audit"


def main() -> None:
    ask_on()
    run = run_of_page(
        "evaluate", _("Evaluate"), _("How {run} does, what it mixes up, and what it looks at."))
    if run is None:
        return
    names = {
        RESULT: _("Result"), MISTAKES: _("Mistakes"), HEATMAPS: _("Heatmaps"),
        MOVED: _("What moved"), ROBUST: _("Does it hold up?"), AUDIT: _("Data audit"),
    }
    view = st.segmented_control(
        _("What to look at"), list(names), key="evaluate_view", default=RESULT, required=True,
        format_func=names.__getitem__, label_visibility="collapsed",
    )
    with state.told():
        _shown(run, view)


def _shown(run: Listed, view: str) -> None:
    """Draw one view; each is imported with what it needs only when it is looked at."""
    if view == MISTAKES:
        from pages.ui.evaluate_mistakes import mistakes

        mistakes(run)
    elif view == HEATMAPS:
        from pages.ui.evaluate_heatmaps import heatmaps

        heatmaps(run)
    elif view == MOVED:
        from pages.ui.evaluate_moved import moved

        moved(run)
    elif view == ROBUST:
        from pages.ui.evaluate_robust import robust

        robust(run)
    elif view == AUDIT:
        from pages.ui.evaluate_audit import audit

        audit(run)
    else:
        from pages.ui.evaluate_result import result

        result(run)


main()
