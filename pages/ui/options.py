"""A choice of one that also follows what is set elsewhere on the page, and never undoes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pages.ui.component import choices_seen, on_choice, register, unseen_choice


@dataclass(frozen=True)
class Option:
    """One of the options; texts are shown letter by letter.

    Attributes:
        name: What it is called in code.
        title: What people read.
        detail: A few quiet words below; where none of them has any, they stand in one row.
    """

    name: str
    title: str
    detail: str = ""


def options(
    choices: Sequence[Option], chosen: str, *, key: str, label: str, on_change: Callable[[str], None]
) -> None:
    """Show the options, the chosen one marked; arrows lead from one to the next, Space chooses.

    NOTE: not Streamlit's own control. Where another part of the page changes what is chosen, that one sends
    its old value with the next press, as if somebody had chosen it; here choices are numbered, see
    :func:`pages.ui.component.unseen_choice`.

    Args:
        choices: The options, in order.
        chosen: The name of the one that holds now; empty where none does.
        key: The component's key, unique on the page.
        label: What is chosen, for those who do not see it.
        on_change: Called with the name of another option before the script runs again.
    """
    names = {option.name for option in choices}

    def tell(name: Any) -> None:
        if name in names:
            on_change(name)

    heard = on_choice(key, tell)
    choice = unseen_choice(key)
    if choice is not None and choice.value in names:
        tell(choice.value)
        chosen = choice.value
    register("options", with_files=("radio_cards",))(
        key=key,
        data={
            "options": [asdict(option) for option in choices], "chosen": chosen,
            "seen": choices_seen(key), "label": label,
        },
        on_choice_change=heard,
    )
