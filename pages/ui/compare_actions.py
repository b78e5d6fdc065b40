"""What can be done with a run on the Compare page: name it, delete it, and take that back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from core import bin as bins
from core import people
from core.errors import ThawError
from core.i18n import _
from core.runs.about import rename
from core.runs.listing import Listed
from pages.ui import state
from pages.ui.compare_rows import Row
from pages.ui.compare_table import FILTER
from pages.ui.confirm import ask_first
from pages.ui.escape import plain
from pages.web.script_error import describe

_UNDO = "compare_undo"
_WENT_WRONG = "compare_went_wrong"
_KEPT_OF_ID = 70


@dataclass(frozen=True)
class _Deleted:
    """A run in the bin: what the bin calls it, and what people do."""

    id: str
    title: str


def forget_after_another_page() -> None:
    """Let go of what could be taken back before another page was looked at; call it before the filters."""
    # NOTE: Streamlit forgets a control once a page is drawn without it. So the filter is not there where
    # another page was looked at meanwhile.
    if FILTER not in st.session_state:
        st.session_state.pop(_UNDO, None)


def undo() -> None:
    """Offer to bring back the run that was deleted last on this page, and say what went wrong."""
    said = st.session_state.pop(_WENT_WRONG, None)
    if said:
        st.error(said, icon=":material/error:")
    deleted: _Deleted | None = st.session_state.get(_UNDO)
    if deleted is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown(_("{run} is in the bin for {days} days.").format(
            run=plain(deleted.title), days=bins.KEPT_DAYS))
        st.button(_("Undo"), key="compare_undo_button", icon=":material/undo:", on_click=_bring_back,
                  args=(deleted,))


def _bring_back(deleted: _Deleted) -> None:
    if st.session_state.pop(_UNDO, None) is None:
        return  # pressed twice: it is back
    try:
        bins.restore(state.workspace(), bins.RUN, deleted.id)
    except ThawError as error:
        st.session_state[_WENT_WRONG] = describe(error)


def name_or_delete(rows: Sequence[Row], titles: Sequence[str]) -> None:
    """Let people name or delete one of the chosen runs."""
    by_id = {row.id: row.run for row in rows}
    named = dict(zip(by_id, titles, strict=True))
    with st.popover(_("Name or delete a run"), icon=":material/edit:"):
        chosen = next(iter(by_id))
        if len(by_id) > 1:
            chosen = st.selectbox(
                _("Which run"), list(by_id), key=f"compare_which_{'_'.join(by_id)}",
                format_func=lambda each: named[each],
            ) or chosen
        run = by_id[chosen]
        _naming(run)
        active = run.status.state.active
        # NOTE: a key a run: a second press while the first is at work would delete the next one too.
        pressed = st.button(
            _("Delete this run"), key=f"compare_delete_{run.id}", icon=":material/delete:", disabled=active,
            help=_("Stop it first.") if active else _(
                "You can take it back here, or for {days} days in the bin of the Workspace page."
            ).format(days=bins.KEPT_DAYS),
        )
    if pressed:
        _delete(run)


def _naming(run: Listed) -> None:
    # NOTE: the key changes with the name, so that a name given elsewhere is shown.
    key = f"compare_name_{run.id}_{run.name}"

    def keep() -> None:
        try:
            rename(state.workspace(), run.id, st.session_state[key])
        except ThawError as error:
            st.session_state[_WENT_WRONG] = describe(error)

    st.text_input(
        _("Name of this run"), run.name, key=key, on_change=keep,
        placeholder=_("Run {number}").format(number=run.number),
    )


def _delete(run: Listed) -> None:
    """Delete a run, the run of somebody else after a question only."""
    workspace, me = state.workspace(), state.who()

    def delete() -> None:
        bins.delete_run(workspace, run.id, by=me)
        if state.draft().run == run.id:
            state.update(run="")
        st.session_state[_UNDO] = _Deleted(_in_the_bin(run.id), run.title)

    if state.is_of_another(run):
        ask_first(
            _("Delete a run that {who} started?").format(who=plain(people.who_text(workspace, run.by, me))),
            _("{run} goes into the bin, from where it can be restored for {days} days.").format(
                run=plain(run.title), days=bins.KEPT_DAYS),
            _("Delete it"), delete,
        )
        return
    with state.told():
        delete()
        st.rerun()


def _in_the_bin(run_id: str) -> str:
    """Return what the bin calls a run that was deleted just now: it may have held one of that id before."""
    found = (each.id for each in bins.binned(state.workspace()) if each.kind == bins.RUN)
    return next((name for name in found if name.startswith(run_id[:_KEPT_OF_ID])), run_id)
