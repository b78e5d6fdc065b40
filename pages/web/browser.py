"""Which browser this is: a random cookie, so that a draft is found again after a refresh."""

from __future__ import annotations

import secrets

from core.drafts import is_browser

COOKIE = "thaw_browser"
_YEAR_SECONDS = 365 * 24 * 3600


def valid(value: str | None) -> str | None:
    """Return ``value`` when it has the form of a cookie of ours, and so is safe as a file's name."""
    return value if value is not None and is_browser(value) else None


def browser_id() -> str | None:
    """Return the id of the browser whose page is being drawn; None where cookies are refused."""
    import streamlit as st

    return valid(st.context.cookies.get(COOKIE))


def new_cookie() -> str:
    """Return the ``Set-Cookie`` value for a browser that has none yet.

    NOTE: Lax and not Strict. A Strict cookie is not sent when a link on another site opens the
    page, so the browser would look new and its draft would be replaced. The cookie grants nothing.
    """
    value = secrets.token_hex(16)
    return f"{COOKIE}={value}; Path=/; Max-Age={_YEAR_SECONDS}; HttpOnly; SameSite=Lax"
