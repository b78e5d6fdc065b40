"""Components of our own: registered once, each from its files in ``assets/components``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

COMPONENTS = Path(__file__).resolve().parent.parent.parent / "assets" / "components"

Parts = tuple[tuple[str, bool], ...]


def _read(file: str) -> str:
    path = COMPONENTS / file
    return path.read_text(encoding="utf-8") if path.exists() else ""


@cache
def register(
    name: str, *, with_files: tuple[str, ...] = (), isolate_styles: bool = True
) -> ComponentRenderer:
    """Register the component whose files are ``assets/components/<name>.{html,css,js}``.

    The palette (``tokens.css``) and the small helpers (``dom.js``) come before its own files. The
    files are read once a process.

    Args:
        name: The component's name, ours, never outside text.
        with_files: Names of further files that come before its own, for what two components share.
        isolate_styles: Whether it lives in a shadow root of its own.

    Returns:
        The function that mounts the component.
    """
    files = (*with_files, name)
    return st.components.v2.component(
        f"thaw_{name}",
        html=_read(f"{name}.html") or None,
        css="".join(_read(f"{file}.css") for file in ("tokens", *files)),
        js="".join(_read(f"{file}.js") for file in ("dom", *files)),
        isolate_styles=isolate_styles,
    )


def emphasised(sentence: str, **values: object) -> Parts:
    """Split a sentence at its ``*emphasis*`` marks, then put the values in.

    The marks are looked for before the values come in, so a value may hold any character.

    Args:
        sentence: A translated sentence such as ``"*Epoch {epoch}* of {epochs}"``.
        **values: What its placeholders stand for.

    Returns:
        Pairs of text and whether it is emphasised.
    """
    pieces = enumerate(sentence.split("*"))
    return tuple((piece.format(**values), place % 2 == 1) for place, piece in pieces if piece)


@dataclass(frozen=True)
class Choice:
    """What a person last chose in a component, and how many choices were made so far."""

    value: Any
    count: int


def last_choice(key: str) -> Choice | None:
    """Return what the component mounted under ``key`` last reported, None before any choice."""
    state = st.session_state.get(key)
    said = state.get("choice") if state else None
    if not isinstance(said, dict) or not isinstance(said.get("count"), int):
        return None
    return Choice(said.get("value"), said["count"])


def unseen_choice(key: str) -> Choice | None:
    """Return the last choice if it has not been taken up yet, and mark it as taken up.

    Numbering the choices is what lets both sides set the value: a choice counts once, later
    values from Python win over it, and an answer to an old click never undoes a newer one.
    """
    choice = last_choice(key)
    if choice is None or choice.count <= choices_seen(key):
        return None
    st.session_state[_seen_key(key)] = choice.count
    return choice


def choices_seen(key: str) -> int:
    """Return the number of the last choice that was taken up for the component ``key``."""
    return int(st.session_state.get(_seen_key(key), 0))


def on_choice(key: str, tell: Callable[[Any], None] | None) -> Callable[[], None]:
    """Return the callback of a component that reports choices; it tells ``tell`` each new one."""

    def heard() -> None:
        if tell is None:
            return
        choice = unseen_choice(key)
        if choice is not None:
            tell(choice.value)

    return heard


def noted() -> None:
    """Do nothing: Streamlit reports a trigger or a state only where it has a callback."""


def _seen_key(key: str) -> str:
    return f"{key}:seen"
