"""Rows of the Workspace page: what something is at the left, what can be done with it at the right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

import streamlit as st

from core.i18n import _
from pages.ui.escape import one_line, plain
from pages.ui.pieces import text

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

SHOWN = 20
NAME_SHOWN = 60
_Item = TypeVar("_Item")


def rows() -> DeltaGenerator:
    """Return what rows are made in: they are parted by their lines alone."""
    return st.container(gap=None)


@contextmanager
def entry(
    key: str, title: str, facts: Sequence[str], *, said: str = "", mark: str = "", alive: bool = False
) -> Iterator[None]:
    """Show a row; its buttons are made within.

    Args:
        key: Unique on the page; of ours, or an id.
        title: What it is called; may come from outside.
        facts: Small facts below the title, which may come from outside; empty ones are left out, one is
            there always.
        said: How it stands, behind the title.
        mark: What stands before the title: a place in the line.
        alive: Whether it is worked on; the mark is a dot then.
    """
    before = ""
    if alive:
        before = '<i class="mark" aria-hidden="true"><i class="dot"></i></i>'
    elif mark:
        before = f'<i class="mark">{text(mark)}</i>'
    behind = f" <span>{text(said)}</span>" if said else ""
    known = [text(one_line(each, 160)) for each in facts if each]
    # The dot stays at the end of a line, not at the head of the next one.
    below = " ".join(f"<span>{each} ·</span>" for each in known[:-1]) + f" <span>{known[-1]}</span>"
    with st.container(
        key=f"entry-{key}", horizontal=True, vertical_alignment="center", gap="small",
        horizontal_alignment="distribute",
    ):
        st.html(
            f'<div class="thaw-entry">{before}<div><p><b>{text(one_line(title, NAME_SHOWN))}</b>{behind}</p>'
            f'<p class="facts">{below}</p></div></div>'
        )
        with st.container(
            key=f"entry-buttons-{key}", horizontal=True, width="content", gap="small",
        ):
            yield


def named(label: str, name: str) -> str:
    """Return a button's label, with a name that is heard and not seen: there is one such button a row."""
    return f"{label} :gray[{plain(name, NAME_SHOWN)}]"


def action(
    label: str, name: str, icon: str, *, key: str, help: str | None = None, disabled: bool = False
) -> bool:
    """Show a button of a row and return whether it was pressed.

    Args:
        label: What it does.
        name: What it does that with; may come from outside.
        icon: A Material symbol.
        key: Unique on the page.
        help: What else to know, or why it cannot be pressed.
        disabled: Whether it cannot be pressed.
    """
    return st.button(
        named(label, name), key=key, icon=f":material/{icon}:", type="tertiary", help=help or None,
        disabled=disabled,
    )


def listing(items: Sequence[_Item], draw: Callable[[_Item], None], *, key: str) -> None:
    """Draw the first items, and a button that shows the rest where there are more."""
    everything = len(items) <= SHOWN or st.session_state.get(key, False)
    with rows():
        for each in items if everything else items[:SHOWN]:
            draw(each)
    label = _("Show all {n}").format(n=f"{len(items):,}")
    if not everything and st.button(label, key=f"{key}-button", icon=":material/expand_more:"):
        st.session_state[key] = True
        st.rerun()


def when_text(seconds: float) -> str:
    """Return a time on the clock of who looks: ``"2026-11-26 10:21"``; empty where it is none."""
    try:
        return datetime.fromtimestamp(seconds, _zone()).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return ""


def _zone() -> ZoneInfo | None:
    name = st.context.timezone
    try:
        return ZoneInfo(name) if isinstance(name, str) and name else None
    except (ValueError, OSError):  # a name that this computer does not know; its own clock is used
        return None
