"""Photos that are nearly the same, side by side, and what is to become of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from core.data.dataset import Dataset, Item
from core.data.marks import BAD, KEEP, WRONG, Mark, of_items, set_mark
from core.errors import ThawError
from core.i18n import _
from core.insight.audit import Twins
from pages.ui.audit_words import split_photo
from pages.ui.component import Parts, emphasised
from pages.ui.escape import one_line, plain
from pages.ui.mistake_cards import gone_text
from pages.ui.pieces import caption, thumb_grid
from pages.web.files import thumb_url
from pages.web.script_error import describe

FIRST_OUT, SECOND_OUT, BOTH, FIRST_WRONG, SECOND_WRONG = "first", "second", "both", "first-is", "second-is"
WENT_WRONG = "audit_went_wrong"
_EDGE = 240
_SHOWN = 156
_LONGEST = 24

Marks = Mapping[str, Mark]
Decided = tuple[Mark | None, Mark | None]


def is_settled(pair: Twins, marked: Marks) -> bool:
    """Tell whether both photos of a pair are marked to be kept."""
    return all(path in marked and marked[path].verdict == KEEP for path in (pair.first, pair.second))


def pair_cards(
    dataset: Dataset, places: Mapping[str, int], pairs: Sequence[Twins], marked: Marks
) -> None:
    """Show pairs of photos and let people say what is to become of them; that is kept at once.

    Args:
        dataset: The whole dataset, as it is stored.
        places: Where the photos are among its items, by their paths.
        pairs: The pairs to show.
        marked: Its marks, see :func:`core.data.marks.of_items`.
    """
    wrong = st.session_state.pop(WENT_WRONG, None)
    if wrong:
        st.error(wrong, icon=":material/error:")
    for start in range(0, len(pairs), 2):
        columns = st.columns(2)
        for column, pair in zip(columns, pairs[start : start + 2], strict=False):
            with column, st.container(border=True):
                _pair(dataset, places, pair, marked)


def _pair(dataset: Dataset, places: Mapping[str, int], pair: Twins, marked: Marks) -> None:
    at = places[pair.first], places[pair.second]
    items = dataset.items[at[0]], dataset.items[at[1]]
    thumb_grid(
        [thumb_url(dataset.id, place, _EDGE) for place in at], [_words(dataset, item) for item in items],
        edge=_SHOWN,
    )
    choices = _choices(dataset, items)
    key = f"pair-{dataset.id}-{pair.first}-{pair.second}"
    st.session_state[key] = _chosen(pair, marked, choices)
    st.segmented_control(
        _("What is to become of them"), list(choices), key=key, label_visibility="collapsed",
        format_func=lambda choice: choices[choice][0], on_change=partial(_keep, dataset, pair, key, choices),
    )
    said = _("{first} and {second}: the pictures agree to {agreement}, their features to {similarity}.")
    caption(said.format(
        first=_file(items[0]), second=_file(items[1]), agreement=f"{pair.agreement:.3f}",
        similarity=f"{pair.similarity:.2f}"))


def _words(dataset: Dataset, item: Item) -> Parts:
    gone = gone_text(dataset, item)
    said = _("*{photo}*, labelled {name}. {gone}") if gone else _("*{photo}*, labelled {name}")
    return emphasised(
        said, photo=split_photo(item.split), name=one_line(dataset.classes[item.label], _LONGEST), gone=gone)


def _file(item: Item) -> str:
    return one_line(item.name.rsplit("/", 1)[-1], _LONGEST)


def _choices(dataset: Dataset, items: tuple[Item, Item]) -> dict[str, tuple[str, Decided]]:
    """Return what can be said of a pair: words, and the mark of each photo then."""
    bad, keep = Mark(BAD), Mark(KEEP)
    found: dict[str, tuple[str, Decided]] = {
        FIRST_OUT: (_("Leave out left"), (bad, None)), SECOND_OUT: (_("Leave out right"), (None, bad)),
        BOTH: (_("Keep both"), (keep, keep)),
    }
    if items[0].label != items[1].label:
        left, right = (dataset.classes[item.label] for item in items)
        found[FIRST_WRONG] = (
            _("Left is {name}").format(name=plain(right, _LONGEST)), (Mark(WRONG, right), None))
        found[SECOND_WRONG] = (
            _("Right is {name}").format(name=plain(left, _LONGEST)), (None, Mark(WRONG, left)))
    return found


def _chosen(pair: Twins, marked: Marks, choices: Mapping[str, tuple[str, Decided]]) -> str | None:
    now = marked.get(pair.first), marked.get(pair.second)
    return next((
        choice for choice, (_text, decided) in choices.items()
        if all(wanted in (None, mark) for wanted, mark in zip(decided, now, strict=True))
    ), None)


def _keep(dataset: Dataset, pair: Twins, key: str, choices: Mapping[str, tuple[str, Decided]]) -> None:
    """Keep what was chosen; what was said of a photo elsewhere stays where the choice says nothing of it."""
    nothing: Decided = (None, None)
    try:
        before = _chosen(pair, of_items(dataset), choices)
        was = nothing if before is None else choices[before][1]
        chosen = choices.get(st.session_state[key])
        now = nothing if chosen is None else chosen[1]
        for path, old, new in zip((pair.first, pair.second), was, now, strict=True):
            if old is not None or new is not None:
                set_mark(dataset, path, new)
    except ThawError as error:
        st.session_state[WENT_WRONG] = describe(error)
