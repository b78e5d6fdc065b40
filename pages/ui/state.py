"""What a page knows: the service, this browser's draft, how the journey stands."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import streamlit as st

from core import drafts, people, service
from core.drafts import Draft
from core.errors import ThawError
from core.journey import Journey, journey
from core.runs.listing import Listed
from core.service import Service
from core.workspace import Workspace
from pages.web.browser import browser_id
from pages.web.script_error import describe

_FALLBACK = "_browser_without_cookies"
_TO_SAY = "to_say"
SETTING_UP = "setting_up"
SHOWN_RUN = "shown_run"
OPEN_RUN = "open_run"
CHOOSING = "choosing_photos"


def thaw() -> Service:
    """Return the service of this server."""
    return service.current()


def workspace() -> Workspace:
    """Return the workspace of this server."""
    return service.current().workspace


def draft() -> Draft:
    """Return what this browser has chosen so far."""
    return drafts.load(workspace(), _browser())


def update(**changes: Any) -> Draft:
    """Keep a change of the choices, and return them all."""
    changed = replace(draft(), **changes)
    drafts.save(workspace(), _browser(), changed)
    return changed


def keep(changed: Draft) -> None:
    """Keep choices as they are."""
    drafts.save(workspace(), _browser(), changed)


def who() -> str:
    """Return the id of this browser, under which runs are started."""
    return _browser()


def who_started(run: Listed) -> str:
    """Return who started a run, in words that may hold a name from outside; empty where not known."""
    return people.who_text(workspace(), run.by, who())


def is_of_another(run: Listed) -> bool:
    """Tell whether somebody else is known to have started a run."""
    return people.is_of_another(run.by, who())


def say_next(words: str) -> None:
    """Say something briefly once the page is drawn anew; ``words`` are Markdown."""
    st.session_state[_TO_SAY] = words


def say_now() -> None:
    """Say what was to be said."""
    words = st.session_state.pop(_TO_SAY, None)
    if words:
        st.toast(words)


def look_at(run: str) -> None:
    """Look at a run from now on, on every page."""
    update(run=run)
    st.session_state[SETTING_UP] = False


def set_up() -> None:
    """Set a new run up on the Train page."""
    st.session_state[SETTING_UP] = True


def follow(job: str) -> None:
    """Wait for an intake; what comes of it is the dataset from then on."""
    update(job=job, dataset="", dataset_title="", run="")
    _chosen()


def use(dataset: str, title: str) -> None:
    """Choose a dataset that is in the workspace."""
    update(job="", dataset=dataset, dataset_title=title, run="")
    _chosen()


def _chosen() -> None:
    for flag in (SETTING_UP, CHOOSING):
        st.session_state.pop(flag, None)


def stand() -> Journey:
    """Return how the journey stands."""
    return journey(workspace(), draft(), who())


@contextmanager
def told() -> Iterator[None]:
    """Show an error that is meant for people in place, so that the rest of the page stays."""
    try:
        yield
    except ThawError as error:
        st.error(describe(error), icon=":material/error:")


def _browser() -> str:
    """Return this browser's id; where cookies are refused, one that lasts as long as the tab."""
    known = browser_id()
    if known is not None:
        return known
    if _FALLBACK not in st.session_state:
        st.session_state[_FALLBACK] = secrets.token_hex(16)
    return str(st.session_state[_FALLBACK])
