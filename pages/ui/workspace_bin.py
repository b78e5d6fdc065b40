"""The bin: what was deleted, and the way back."""

from __future__ import annotations

import streamlit as st

from core import bin as bins
from core import people
from core.bin import Binned, binned
from core.i18n import _, ngettext
from core.words import bytes_text
from pages.ui import state
from pages.ui.confirm import ask_first
from pages.ui.escape import plain
from pages.ui.pieces import caption
from pages.ui.workspace_rows import action, entry, listing


def the_bin() -> None:
    """Show what was deleted, what was deleted last first."""
    st.subheader(_("Bin"), anchor=False)
    found = binned(state.workspace())
    if not found:
        caption(_("The bin is empty. What you delete stays here for {days} days.").format(
            days=bins.KEPT_DAYS))
        return
    listing(found, _binned, key="all-binned")
    if st.button(_("Empty the bin"), key="bin-empty", icon=":material/delete_forever:"):
        _ask(found)


def _binned(each: Binned) -> None:
    key = f"bin-{each.kind}-{each.id}"
    left = ngettext("{n} day left", "{n} days left", each.days_left).format(n=each.days_left)
    who = people.who_text(state.workspace(), each.by, state.who())
    facts = (
        _("run") if each.kind == bins.RUN else _("photos"),
        _("deleted by {who}").format(who=who) if who else "", bytes_text(each.bytes),
    )
    with entry(key, each.title, facts, said=left):
        restore = action(_("Restore"), each.title, "restore_from_trash", key=f"{key}-restore")
    if restore:
        with state.told():
            bins.restore(state.workspace(), each.kind, each.id)
            state.say_next(_("{what} is back.").format(what=plain(each.title)))
            st.rerun()


def _ask(found: list[Binned]) -> None:
    runs = sum(each.kind == bins.RUN for each in found)
    said = [
        ngettext("{n} run", "{n} runs", runs).format(n=f"{runs:,}"),
        ngettext("{n} set of photos", "{n} sets of photos", len(found) - runs).format(
            n=f"{len(found) - runs:,}"),
    ]
    ask_first(
        _("Empty the bin?"),
        _("{runs} and {datasets}, {size} in all, are removed for good. What others deleted goes too.").format(
            runs=said[0], datasets=said[1], size=bytes_text(sum(each.bytes for each in found))),
        _("Empty the bin"), _empty,
    )


def _empty() -> None:
    state.say_next(_("{size} are free again.").format(size=bytes_text(bins.empty(state.workspace()))))
