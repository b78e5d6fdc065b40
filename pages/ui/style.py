"""The look that every page shares: style sheet, logo, and the journey's marks in the sidebar."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

import streamlit as st

from pages.ui.component import COMPONENTS, noted, register

ASSETS = COMPONENTS.parent
FAVICON = ASSETS / "favicon.png"


@lru_cache(maxsize=1)
def _sheet() -> str:
    tokens = (COMPONENTS / "tokens.css").read_text(encoding="utf-8")
    drawing = quote((ASSETS / "logo-light.svg").read_text(encoding="utf-8").strip())
    shape = f":root {{ --thaw-logo: url('data:image/svg+xml,{drawing}'); }}"
    return tokens + shape + (ASSETS / "style.css").read_text(encoding="utf-8")


def apply_style(*, done: Collection[str] = (), locked: Collection[str] = ()) -> None:
    """Put the style sheet and the logo on the page; call it once, before ``st.navigation``.

    Args:
        done: ``url_path`` of the pages whose icon is a green check; the start page's is ``""``.
        locked: ``url_path`` of the pages that are faded, because nothing is there yet.
    """
    # NOTE: dialogs and menus hang outside Streamlit's app node, which carries the colour scheme.
    scheme = f"body {{ color-scheme: {theme()}; }}"
    st.html(f"<style>{_sheet()}{scheme}{_journey(done, locked)}</style>")
    st.logo(logo(), size="large")
    with st.container(key="theme-watch"):
        # Its trigger makes Streamlit run the page again, with the theme that is shown now.
        register("theme_watch")(key="theme-watch-component", data={}, on_turned_change=noted)


def theme() -> str:
    """Return ``"light"`` or ``"dark"``: what the person's page shows now."""
    return "dark" if st.context.theme.type == "dark" else "light"


def logo() -> Path:
    """Return the logo for the theme that is shown."""
    return ASSETS / f"logo-{theme()}.svg"


def _journey(done: Collection[str], locked: Collection[str]) -> str:
    rules = [
        f"{_link(page)} [data-testid='stIconMaterial'] {{ color: var(--thaw-good); }}"
        for page in done
    ]
    rules += [
        f"{_link(page)}:not([aria-current='page']) > * {{ opacity: 0.55; }}" for page in locked
    ]
    return "".join(rules)


def _link(page: str) -> str:
    return f"[data-testid='stSidebarNavLink'][href$='/{page}']"
