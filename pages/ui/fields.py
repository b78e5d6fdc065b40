"""Controls made from a plan's fields: label, bounds, steps and help come from core."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from core.i18n import _
from core.training.fields import ChoiceField, Field, NumberField, SwitchField


def begin_with(key: str, value: object) -> None:
    """Let a control that is new on the page show ``value``.

    NOTE: by the session's state alone: a button may set or forget it, and Streamlit complains of two
    sources. A default of the control's own would not be seen where the browser remembers the control.

    NOTE: set in each run, to what it is. Streamlit tells the browser of a value only in the run that sets it;
    a browser that draws the control anew, as it does on a busy machine now and then, would fall back to the
    smallest value and send that as if somebody had chosen it.
    """
    st.session_state[key] = st.session_state.get(key, value)


def number(field: NumberField, value: float, *, key: str) -> float:
    """Show a number with its bounds, and return it."""
    kind = int if field.whole else float
    begin_with(key, kind(value))
    return st.number_input(
        field.title, min_value=kind(field.low), max_value=kind(field.high),
        step=kind(field.step), help=field.help, key=key,
    )


def slider(field: NumberField, value: float, *, key: str) -> float:
    """Show a number as a slider over its bounds, and return it."""
    kind = int if field.whole else float
    begin_with(key, kind(value))
    return st.slider(
        field.title, min_value=kind(field.low), max_value=kind(field.high),
        step=kind(field.step), help=field.help, key=key,
    )


def few(field: NumberField, value: float, none: str = "", *, key: str) -> float:
    """Show a field's ready values side by side, and return the chosen one.

    Args:
        field: A field with ready values.
        value: The present value; shown as well where it is none of them.
        none: What 0 is called.
        key: The control's key.
    """
    options = sorted({*field.choices, value})
    begin_with(key, value)
    chosen = st.segmented_control(
        field.title, options, help=field.help, key=key,
        format_func=lambda each: none if each == 0 and none else rate_text(each),
    )
    return value if chosen is None else chosen


def rate(field: NumberField, value: float, *, key: str) -> float:
    """Show a learning rate as a slider over its ready values, and return it."""
    options = sorted({*field.choices, value})
    # NOTE: of a value that is no option any more, Streamlit makes the first one, as if that were chosen.
    if st.session_state.get(key) not in options:
        st.session_state.pop(key, None)
    begin_with(key, value)
    return float(st.select_slider(
        field.title, options, format_func=rate_text, help=field.help, key=key
    ))


def choice(field: ChoiceField, value: str, *, key: str) -> str:
    """Show a choice side by side, and return it."""
    begin_with(key, value)
    chosen = st.segmented_control(
        field.title, list(field.values), format_func=field.label, help=field.help,
        key=key,
    )
    return value if chosen is None else chosen


def switch(field: SwitchField, value: bool, *, key: str) -> bool:
    """Show something that is on or off, and return which."""
    begin_with(key, value)
    return st.toggle(field.title, help=field.help, key=key)


def forget(fields: Iterable[Field]) -> None:
    """Let the controls of some fields show the draft again, after something else has changed it.

    Their keys are the names of the fields.
    """
    for field in fields:
        st.session_state.pop(field.name, None)


def value_text(field: Field, value: object) -> str:
    """Return a field's value as people read it; 0 is "None" where the field can do without."""
    if isinstance(field, SwitchField):
        return _("On") if value else _("Off")
    if isinstance(field, ChoiceField):
        return field.label(str(value))
    figure = float(str(value))
    return _("None") if figure == 0 and field.low == 0 else rate_text(figure)


def rate_text(value: float) -> str:
    """Return a number such as a learning rate without an exponent: 0.0001 and not 1e-04."""
    return f"{value:.7f}".rstrip("0").rstrip(".")
