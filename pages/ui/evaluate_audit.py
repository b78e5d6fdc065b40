"""The data audit: near-duplicates, labels that are likely wrong, photos unlike the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import ceil
from typing import TypeVar

import streamlit as st

from core.data import dataset as datasets
from core.data import marks
from core.data.dataset import Dataset, Item
from core.data.marks import KEEP, Mark
from core.i18n import _, ngettext
from core.insight.audit import Audit, Mislabelled, Strange
from core.runs.listing import Listed
from core.studies.auditing import NAME, audit_of_run, kept_audit
from core.studies.target import own_dataset
from pages.ui import audit_words as words
from pages.ui import state
from pages.ui.audit_pairs import is_settled, pair_cards
from pages.ui.component import Parts, emphasised
from pages.ui.escape import one_line
from pages.ui.mistake_cards import Companion, PhotoCard, photo_cards
from pages.ui.mistake_version import offered_version, told_marks
from pages.ui.pieces import caption
from pages.ui.study import study

PAIRS_A_PAGE = 6
CARDS_A_PAGE = 12
_LONGEST = 24
_WHOLE_EDGE = 1200
_Finding = TypeVar("_Finding")
_Photo = TypeVar("_Photo", Mislabelled, Strange)
_Card = Callable[[_Photo, Dataset, Mapping[str, int]], PhotoCard]


def audit(run: Listed) -> None:
    """Show what is wrong with the photos of a run, let people mark them, and offer what follows from that."""
    dataset = own_dataset(state.workspace(), run.folder)
    found = kept_audit(run.folder, dataset)
    if found is None:
        _not_looked(run, dataset)
        return
    caption(words.summary_text(found, run.plan))
    names = words.kind_names(found)
    kind = st.segmented_control(
        _("What was found"), list(names), key=f"audit-kind-{run.id}", default=words.first_kind(found),
        required=True, format_func=names.__getitem__, label_visibility="collapsed",
    )
    whole = datasets.load(state.workspace().dataset_dir(dataset.id))
    marked = marks.of_items(whole)
    places = {item.path: at for at, item in enumerate(whole.items)}
    told_marks(marked)
    show = {words.TWINS: _twins, words.LABELS: _labels, words.STRANGE: _strange}[kind]
    show(found, whole, places, marked)
    offered_version(run)


def _not_looked(run: Listed, dataset: Dataset) -> None:
    count = len(dataset.items)
    st.markdown(ngettext(
        "Looks through the {n} photo of this run, training, validation and test: for near-duplicates, for "
        "labels that are likely wrong, and for photos unlike the others.",
        "Looks through all {n} photos of this run, training, validation and test: for near-duplicates, for "
        "labels that are likely wrong, and for photos unlike the others.", count).format(n=f"{count:,}"))
    caption(words.features_text(run.plan))
    study(
        run.id, NAME, title=_("Looking through the photos"), button=_("Look through the photos"),
        work=partial(audit_of_run, state.workspace(), run.folder), icon=":material/image_search:",
        primary=True,
    )


def _twins(found: Audit, whole: Dataset, places: Mapping[str, int], marked: Mapping[str, Mark]) -> None:
    st.markdown(words.twins_text(found))
    open_ones = _without_settled(found.twins, lambda pair: is_settled(pair, marked), words.TWINS)
    shown, below = _page(open_ones, PAIRS_A_PAGE, f"audit-twins-{whole.id}")
    pair_cards(whole, places, shown, marked)
    below()
    _explained(words.twins_threshold(found), found.twins_found)


def _labels(found: Audit, whole: Dataset, places: Mapping[str, int], marked: Mapping[str, Mark]) -> None:
    st.markdown(words.labels_text(found))
    _cards(found.mislabelled, _label_card, whole, places, marked, words.LABELS, _("Labels likely wrong"))
    _explained(words.labels_threshold(), found.mislabelled_found)


def _strange(found: Audit, whole: Dataset, places: Mapping[str, int], marked: Mapping[str, Mark]) -> None:
    st.markdown(words.strange_text(found))
    _cards(found.strange, _strange_card, whole, places, marked, words.STRANGE, _("Photos unlike the others"))
    _explained(words.strange_threshold(), found.strange_found)


def _explained(threshold: str, count: int) -> None:
    caption(" ".join(each for each in (threshold, words.cut_text(count)) if each))


def _cards(
    found: Sequence[_Photo], card: _Card[_Photo], whole: Dataset, places: Mapping[str, int],
    marked: Mapping[str, Mark], kind: str, label: str,
) -> None:
    def is_kept(each: _Photo) -> bool:
        return each.image in marked and marked[each.image].verdict == KEEP

    open_ones = _without_settled(found, is_kept, kind)
    shown, below = _page(open_ones, CARDS_A_PAGE, f"audit-{kind}-{whole.id}")
    if shown:
        asked = photo_cards(
            whole, [card(each, whole, places) for each in shown], marked,
            key=f"audit-{kind}-cards-{whole.id}", label=label)
        if asked is not None:
            st.dialog(_("Photo"))(_whole_photo)(whole, whole.items[places[asked]])
    below()


def _label_card(each: Mislabelled, whole: Dataset, places: Mapping[str, int]) -> PhotoCard:
    place = places[each.image]
    item = whole.items[place]
    other, own = _class(whole, each.looks_like), _class(whole, item.label)
    return PhotoCard(
        place, emphasised(_("looks like *{name}*, {sure}"), sure=f"{each.of_other:.0%}", name=other),
        _labelled(whole, item), each.looks_like,
        _companions(places, (
            (each.near_other, emphasised(_("nearest labelled *{name}*"), name=other)),
            (each.near_label, emphasised(_("nearest labelled *{name}*"), name=own)))),
    )


def _strange_card(each: Strange, whole: Dataset, places: Mapping[str, int]) -> PhotoCard:
    place = places[each.image]
    label = whole.items[place].label
    own = _class(whole, label)
    said = (
        emphasised(_("unlike *all* photos")) if each.everywhere
        else emphasised(_("unlike other *{name}*"), name=own))
    apart = _("distance {far}, usually {usual}").format(far=f"{each.distance:.2f}", usual=f"{each.usual:.2f}")
    instead = next(at for at in range(len(whole.classes)) if at != label)
    return PhotoCard(place, said, apart, instead, _companions(places, (
        (each.typical, emphasised(_("typical of *{name}*"), name=own)),
        (each.near, emphasised(_("nearest labelled *{name}*"), name=own)))))


def _companions(
    places: Mapping[str, int], found: Sequence[tuple[str | None, Parts]]
) -> tuple[Companion, ...]:
    return tuple(Companion(places[path], said) for path, said in found if path is not None)


def _class(whole: Dataset, label: int) -> str:
    return one_line(whole.classes[label], _LONGEST)


def _labelled(whole: Dataset, item: Item) -> str:
    return _("{photo}, labelled {name}").format(
        photo=words.split_photo(item.split), name=_class(whole, item.label))


def _without_settled(
    found: Sequence[_Finding], is_settled_one: Callable[[_Finding], bool], kind: str
) -> list[_Finding]:
    """Leave out what is marked to be kept, unless a person wants to see it."""
    settled = sum(map(is_settled_one, found))
    if not settled:
        return list(found)
    wanted = st.toggle(
        ngettext("Show {n} that you keep", "Show {n} that you keep", settled).format(n=f"{settled:,}"),
        key=f"audit-kept-{kind}")
    return list(found) if wanted else [each for each in found if not is_settled_one(each)]


def _page(found: Sequence[_Finding], most: int, key: str) -> tuple[Sequence[_Finding], Callable[[], None]]:
    """Return the findings of the page that is looked at, and what shows the pages below them."""
    pages = max(1, ceil(len(found) / most))
    # NOTE: a mark may take the last page away.
    wanted = int(st.session_state.get(key, 1))
    page = min(pages, max(1, wanted))
    if page != wanted:
        st.session_state[key] = page

    def below() -> None:
        if pages > 1:
            st.pagination(pages, key=key)

    return found[(page - 1) * most : page * most], below


def _whole_photo(dataset: Dataset, item: Item) -> None:
    from core.data.images import open_rgb

    with state.told():
        picture = open_rgb(dataset.file(item), at_least=_WHOLE_EDGE)
        picture.thumbnail((_WHOLE_EDGE, _WHOLE_EDGE))
        st.image(picture, width="stretch")
    caption(_("{file}, {photo}, labelled {name}").format(
        file=item.name, photo=words.split_photo(item.split), name=dataset.classes[item.label]))
