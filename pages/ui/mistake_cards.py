"""Photos as cards, each with what is said of it, what it may be compared with, and three marks to set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.data.dataset import Dataset, Item
from core.data.marks import BAD, KEEP, VERDICTS, WRONG, Mark, set_mark
from core.errors import ThawError
from core.i18n import _
from pages.ui.component import Parts, choices_seen, noted, on_choice, register
from pages.ui.escape import one_line
from pages.web.files import thumb_url
from pages.web.script_error import describe

_EDGE = 240
_LONGEST_CLASS = 40
_WENT_WRONG = "mark_went_wrong"


@dataclass(frozen=True)
class Companion:
    """A photo that stands beside another to be compared with it; it cannot be marked there.

    Attributes:
        index: Its place in the whole stored dataset.
        said: What it is, below it.
    """

    index: int
    said: Parts


@dataclass(frozen=True)
class PhotoCard:
    """One photo to judge; all texts are shown letter by letter.

    Attributes:
        index: Its place in the whole stored dataset.
        said: What is said of it, one line.
        beside: A quieter line below.
        instead: The class offered first where its label is wrong, an index into the dataset's classes and
            another than its own.
        companions: The photos to compare it with, at most two.
    """

    index: int
    said: Parts
    beside: str
    instead: int
    companions: tuple[Companion, ...] = ()


def photo_cards(
    dataset: Dataset, cards: Sequence[PhotoCard], marked: Mapping[str, Mark], *, key: str, label: str
) -> str | None:
    """Show photos of a dataset and let people mark them; a mark is kept before the script runs again.

    Args:
        dataset: The whole dataset, as it is stored, of two classes or more.
        cards: Its photos to show.
        marked: Its marks, see :func:`core.data.marks.of_items`.
        key: The component's key, unique on the page.
        label: The accessible name of the list.

    Returns:
        The path of the photo that a person asked to see whole, which may be a companion, in the one script
        run after that.
    """
    wrong = st.session_state.pop(_WENT_WRONG, None)
    if wrong:
        st.error(wrong, icon=":material/error:")
    shown = [dataset.items[card.index].path for card in cards]
    result = register("mistakes", with_files=("shelf",))(
        key=key,
        data={
            "of": dataset.id,
            "photos": [_photo(dataset, card) for card in cards],
            "classes": [one_line(name, _LONGEST_CLASS) for name in dataset.classes],
            "marks": {path: _sent(dataset, marked[path]) for path in shown if path in marked},
            "seen": choices_seen(key),
            "words": _words(label),
        },
        on_choice_change=on_choice(key, lambda told: _keep(dataset, told)), on_open_change=noted,
    )
    asked = result.get("open")
    beside = {dataset.items[each.index].path for card in cards for each in card.companions}
    return asked if asked in shown or asked in beside else None


def gone_text(dataset: Dataset, item: Item) -> str:
    """Say that a photo's file is gone; empty where it is there.

    NOTE: a small picture of it may have been kept, so what a browser can show tells nothing of the file.
    """
    return "" if dataset.file(item).is_file() else _("Its file is gone.")


def _keep(dataset: Dataset, told: Any) -> None:
    """Keep the marks that a browser tells, which may be anything."""
    rows = told.get("marks") if isinstance(told, dict) and told.get("of") == dataset.id else None
    for row in rows if isinstance(rows, list) else []:
        image, mark = row if isinstance(row, list) and len(row) == 2 else ("", None)
        try:
            set_mark(dataset, str(image), None if mark is None else _received(dataset, mark))
        except ThawError as error:
            st.session_state[_WENT_WRONG] = describe(error)


def _received(dataset: Dataset, mark: object) -> Mark:
    verdict, label = mark if isinstance(mark, list) and len(mark) == 2 else ("", -1)
    known = verdict == WRONG and isinstance(label, int) and 0 <= label < len(dataset.classes)
    return Mark(str(verdict), dataset.classes[label] if known else "")


def _sent(dataset: Dataset, mark: Mark) -> list[object]:
    return [mark.verdict, dataset.classes.index(mark.label) if mark.verdict == WRONG else -1]


def _photo(dataset: Dataset, card: PhotoCard) -> dict[str, Any]:
    item = dataset.items[card.index]
    said = "".join(piece for piece, _strong in card.said)
    return {
        "image": item.path,
        "thumb": thumb_url(dataset.id, card.index, _EDGE),
        "gone": gone_text(dataset, item),
        "said": card.said,
        "is": card.beside,
        "label": f"{said}, {card.beside}",
        "at": item.label,
        "instead": card.instead,
        "companions": [_companion(dataset, each) for each in card.companions],
    }


def _companion(dataset: Dataset, companion: Companion) -> dict[str, Any]:
    item = dataset.items[companion.index]
    return {
        "image": item.path,
        "thumb": thumb_url(dataset.id, companion.index, _EDGE),
        "gone": gone_text(dataset, item),
        "said": companion.said,
    }


def _words(label: str) -> dict[str, Any]:
    names = {
        WRONG: (_("Wrong label"), _("The photo is of another class")),
        BAD: (_("Bad"), _("The photo is of no use: leave it out")),
        KEEP: (_("Keep"), _("The photo and its label are right")),
    }
    return {
        "list": label,
        "verdicts": [[verdict, *names[verdict]] for verdict in VERDICTS],
        "truth": _("It is"),
        "choose": _("choose its class"),
        "open": _("See it whole"),
        "mark": _("Mark"),
        "beside": _("Beside"),
        "missing": _("This photo cannot be shown."),
        "keys": _("By keyboard: arrows lead from photo to photo, Enter shows one whole; W marks a wrong "
                  "label, and Tab leads to the class that it is; B marks a bad photo, K one to keep, and "
                  "the same key again takes the mark away."),
    }
