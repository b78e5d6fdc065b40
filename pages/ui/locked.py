"""What a page shows while it is not open yet: one sentence and one way to get there."""

from __future__ import annotations

import streamlit as st

from core.i18n import _
from core.journey import Journey, Progress
from pages.ui.escape import plain
from pages.ui.places import PLACES


def locked(journey: Journey, name: str) -> bool:
    """Show what is missing and return True where the page is not open yet."""
    step = journey.steps[name]
    if step.progress is not Progress.LOCKED:
        return False
    st.markdown(plain(step.missing))
    target = PLACES[step.at]
    if st.button(
        _("Go to {page}").format(page=target.title), type="primary",
        icon=":material/arrow_forward:", icon_position="right",
    ):
        st.switch_page(target.script)
    return True
