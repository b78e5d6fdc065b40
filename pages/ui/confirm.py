"""The dialog that asks first: what happens to whose work, and two buttons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from core.i18n import _
from pages.ui import state

_ASKED = "asked_first"


@dataclass(frozen=True)
class _Question:
    title: str
    sentence: str
    button: str
    action: Callable[[], object]
    page: str | None


def ask_first(title: str, sentence: str, button: str, action: Callable[[], object]) -> None:
    """Ask in a dialog before something is done; the page is drawn anew once it is.

    Call it outside of what ticks, once in a script run: a dialog goes with the next tick. Within, call
    :func:`ask_soon`.

    Args:
        title: The question, as Markdown: what comes from outside has to be escaped.
        sentence: What happens and what can be done about it later, as Markdown too.
        button: What is done, on the button that does it.
        action: Does it. A ThawError is shown in the dialog, which stays then.
    """
    _show(_noted(title, sentence, button, action))


def ask_soon(title: str, sentence: str, button: str, action: Callable[[], object]) -> None:
    """Do as :func:`ask_first` from within what ticks; the page has to call :func:`ask_on` first."""
    _noted(title, sentence, button, action)
    st.rerun()


def _noted(title: str, sentence: str, button: str, action: Callable[[], object]) -> _Question:
    question = _Question(title, sentence, button, action, st.context.url)
    st.session_state[_ASKED] = question
    return question


def ask_on() -> None:
    """Show what was asked and is not answered yet; call it first on a page that is drawn anew by itself.

    NOTE: a dialog is gone after a script run that does not show it. What was asked on another page,
    which was left meanwhile, is forgotten.
    """
    question = st.session_state.get(_ASKED)
    if question is None:
        return
    if question.page == st.context.url:
        _show(question)
    else:
        _forget()


def _show(question: _Question) -> None:
    @st.dialog(question.title, on_dismiss=_forget)
    def dialog() -> None:
        st.markdown(question.sentence)
        with st.container(horizontal=True):
            agreed = st.button(question.button, key="confirm_yes", type="primary")
            if st.button(_("Leave it as it is"), key="confirm_no"):
                _forget()
                st.rerun()
        if agreed:
            with state.told():
                question.action()
                _forget()
                st.rerun()

    dialog()


def _forget() -> None:
    st.session_state.pop(_ASKED, None)
