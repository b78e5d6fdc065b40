"""All runs of the workspace: open, name, delete."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from core import bin as bins
from core.disk import Disk, Taken, plan_title
from core.i18n import _
from core.runs import line
from core.runs.about import LONGEST_NAME, about_of, rename
from core.runs.folder import RunFolder
from core.runs.listing import Listed
from core.words import bytes_text
from pages.ui import state
from pages.ui.escape import plain
from pages.ui.pieces import caption
from pages.ui.run_actions import delete_run
from pages.ui.workspace_line import open_run, state_text
from pages.ui.workspace_rows import action, entry, listing, named, when_text


def all_runs(runs: list[Listed], disk: Disk) -> None:
    """Show all runs, newest first, and behind them the folders of runs that cannot be read."""
    st.subheader(_("Runs"), anchor=False)
    taken = {each.id: each for each in disk.runs}
    queue = line.waiting(state.workspace())
    readable = {run.id for run in runs}
    damaged = [each for each in disk.runs if each.id not in readable]
    if not runs and not damaged:
        caption(_("There are no runs yet. Each training is one."))

    def draw(each: Listed | Taken) -> None:
        if isinstance(each, Taken):
            _damaged(each)
        else:
            _run(each, taken, line.place_in(queue, each.id))

    everything: list[Listed | Taken] = [*runs, *damaged]
    listing(everything, draw, key="all-runs")


def _run(run: Listed, taken: Mapping[str, Taken], place: int | None) -> None:
    size = taken.get(run.id)
    facts = (
        plan_title(run.plan), when_text(run.status.created), state.who_started(run),
        "" if size is None else bytes_text(size.bytes),
    )
    with entry(f"run-{run.id}", run.title, facts, said=state_text(run, place)):
        if action(_("Open"), run.title, "open_in_full", key=f"run-open-{run.id}"):
            open_run(run.id)
        renamed = _rename(run)
        delete = _delete_button(run.id, run.title, "" if size is None else size.in_use)
    if renamed is not None:
        with state.told():
            rename(state.workspace(), run.id, renamed)
            st.rerun()
    if delete:
        delete_run(run.id, run.title, run.by)


def _rename(run: Listed) -> str | None:
    """Let a person give a run a name; return it in the one script run after it was given."""
    key = f"run-rename-{run.id}"
    field, given = f"{key}-name", f"{key}-given"

    def keep() -> None:
        # NOTE: what is shut is not drawn, so the name is handed on by itself.
        st.session_state[key] = False
        st.session_state[given] = st.session_state[field]

    opened = st.popover(
        named(_("Rename"), run.title), icon=":material/edit:", type="tertiary", key=key, on_change="rerun",
    )
    if opened.open:
        with opened, st.form(f"{key}-form", border=False):
            st.text_input(
                _("Name of this run"), run.name, max_chars=LONGEST_NAME, key=field,
                placeholder=_("Run {number}").format(number=run.number),
                help=_("Everybody who uses this workspace sees it. Without a name, a run has its number."),
            )
            st.form_submit_button(_("Keep this name"), on_click=keep)
    name = st.session_state.pop(given, None)
    return None if name is None else str(name)


def _damaged(each: Taken) -> None:
    with entry(f"run-{each.id}", each.id, (bytes_text(each.bytes),), said=_("Damaged, cannot be read")):
        delete = _delete_button(each.id, each.id, each.in_use)
    if delete:
        delete_run(each.id, each.id, about_of(RunFolder(state.workspace().runs / each.id)).by)


def _delete_button(run_id: str, title: str, in_use: str) -> bool:
    kept = _("It stays in the bin for {days} days.").format(days=bins.KEPT_DAYS)
    return action(
        _("Delete"), title, "delete", key=f"run-delete-{run_id}", help=plain(in_use) or kept,
        disabled=bool(in_use),
    )
