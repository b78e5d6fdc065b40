"""What a page shows in place of a trace when its script fails."""

from __future__ import annotations

from core.errors import ThawError
from core.i18n import _
from pages.ui.escape import plain
from pages.web.answers import note_unexpected


def show_error(error: Exception) -> bool:
    """Show a calm error on the page; the trace goes to the server's log.

    Args:
        error: What the page's script raised.

    Returns:
        True, so that Streamlit shows nothing of its own.
    """
    import streamlit as st

    st.error(describe(error), icon=":material/error:")
    return True


def describe(error: Exception) -> str:
    """Put an error into words: what happened, what is safe, what to do; as safe Markdown."""
    if isinstance(error, ThawError):
        given = f" ({plain(error.given)})" if error.given else ""
        fix = f"\n\n{plain(error.fix, 600)}" if error.fix else ""
        return f"**{plain(error.what, 600)}**{given}{fix}"
    reference = note_unexpected(error)
    return "\n\n".join((
        "**" + _("This page could not be drawn.") + "**",
        _("Your photos, your runs and a training in progress are not affected."),
        _("Reload the page. If it happens again, look for {reference} in the server's log.").format(
            reference=reference),
    ))
