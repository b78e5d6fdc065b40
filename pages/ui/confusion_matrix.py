"""What a model mixes up, as a grid of cells; a click or Enter on one chooses it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.i18n import _
from pages.ui.component import choices_seen, noted, register, unseen_choice
from pages.ui.escape import one_line

MOST_CLASSES = 40
_CHOSEN = "chosen-cell"
_NAME_SIGNS = 40


def confusion_matrix(
    classes: Sequence[str], confusion: Sequence[Sequence[int]], *, key: str, of_shares: bool
) -> tuple[int, int] | None:
    """Show which classes are taken for which; arrow keys lead from cell to cell.

    Where there are more than :data:`MOST_CLASSES` classes, those with the most mistakes are shown.

    Args:
        classes: The class names; text from outside.
        confusion: ``confusion[i][j]`` photos are of class ``i`` and were said to be ``j``.
        key: The component's key, unique on the page, and another one for other photos.
        of_shares: Whether cells show the share of their row, instead of counts.

    Returns:
        The chosen cell: what it is, and what was said; ``None`` before any choice.
    """
    shown = shown_classes(confusion)
    chosen: tuple[int, int] | None = st.session_state.get(f"{key}-{_CHOSEN}")
    said = unseen_choice(key)
    if said is not None:
        chosen = _cell(said.value, shown)
        st.session_state[f"{key}-{_CHOSEN}"] = chosen

    if chosen is not None and not (set(chosen) <= set(shown) and confusion[chosen[0]][chosen[1]]):
        chosen = None
    register("confusion_matrix")(
        key=key,
        data={
            "names": [one_line(classes[at], _NAME_SIGNS) for at in shown],
            "cells": _cells(classes, confusion, shown, of_shares=of_shares),
            "chosen": [shown.index(at) for at in chosen] if chosen else [],
            "seen": choices_seen(key),
            "words": {
                "table": _("What it mixes up: rows are what it is, columns what the network said"),
                "is": _("What it is"),
                "said": _("What the network said"),
                "none": _("is {true}, said {said}: none"),
                "hint": _("Choose a cell to see its photos."),
            },
        },
        on_choice_change=noted,
    )
    return chosen


def shown_classes(confusion: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Return the classes that are shown, in the model's order: all, or those with the most mistakes."""
    count = len(confusion)
    if count <= MOST_CLASSES:
        return tuple(range(count))
    mistakes = [
        sum(confusion[at]) + sum(row[at] for row in confusion) - 2 * confusion[at][at] for at in range(count)
    ]
    worst = sorted(range(count), key=lambda at: (-mistakes[at], at))[:MOST_CLASSES]
    return tuple(sorted(worst))


def _cell(value: Any, shown: Sequence[int]) -> tuple[int, int] | None:
    """Read a cell from the browser; whatever is none counts as no choice."""
    if not isinstance(value, list) or len(value) != 2:
        return None
    row, column = value
    if not all(isinstance(at, int) and 0 <= at < len(shown) for at in (row, column)):
        return None
    return shown[row], shown[column]


def _cells(
    classes: Sequence[str], confusion: Sequence[Sequence[int]], shown: Sequence[int], *, of_shares: bool
) -> list[dict[str, Any]]:
    found = []
    for row, is_it in enumerate(shown):
        images = sum(confusion[is_it])
        for column, said in enumerate(shown):
            photos = confusion[is_it][said]
            if not photos:
                continue
            share = photos / images
            label = _("is {true}, said {said}: {n} of {images}, {share}").format(
                true=one_line(classes[is_it], _NAME_SIGNS), said=one_line(classes[said], _NAME_SIGNS),
                n=f"{photos:,}", images=f"{images:,}", share=f"{share:.1%}")
            found.append({
                "row": row, "column": column, "text": f"{share:.0%}" if of_shares else f"{photos:,}",
                "shade": round(share, 4), "label": label,
            })
    return found
