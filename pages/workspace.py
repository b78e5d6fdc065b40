"""Workspace: what is in line, all runs, photos, caches, and the bin."""

from __future__ import annotations

import streamlit as st

from core.disk import usage
from core.i18n import _
from core.runs.listing import listed
from core.words import bytes_text
from pages.ui import state
from pages.ui.confirm import ask_on
from pages.ui.pieces import lede
from pages.ui.workspace_bin import the_bin
from pages.ui.workspace_line import in_line
from pages.ui.workspace_runs import all_runs
from pages.ui.workspace_stored import caches_and_weights, photos


def main() -> None:
    st.title(_("Workspace"), anchor=False)
    ask_on()
    disk = usage(state.workspace())
    runs = listed(state.workspace())
    lede(_("Runs, photos and caches take {size}; {free} are free.").format(
        size=bytes_text(disk.total), free=bytes_text(disk.free)))
    in_line(runs)
    all_runs(runs, disk)
    photos(disk)
    caches_and_weights(disk)
    the_bin()


main()
