"""Take away: the model in the form that it is needed in, the script, the report, the run itself."""

from __future__ import annotations

import streamlit as st

from core.i18n import _
from pages.ui import state
from pages.ui.locked import locked
from pages.ui.run_picker import picked_run
from pages.ui.take_away_formats import formats_part, model_part
from pages.ui.take_away_report import report_part
from pages.ui.take_away_run import run_part, take_in_part
from pages.ui.take_away_script import script_part


def main() -> None:
    journey = state.stand()
    st.title(_("Take away"), anchor=False)
    if locked(journey, "take_away"):
        take_in_part()
        return
    run = picked_run(_("Take {run} to where it is needed."))
    if run is None:
        return
    model_part(run)
    formats_part(run)
    script_part(run)
    report_part(run)
    run_part(run)
    take_in_part()


main()
