"""The photos that a run finds hardest, to be looked at and marked."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import TYPE_CHECKING

import streamlit as st

from core.data import dataset as datasets
from core.data import marks
from core.data.dataset import Dataset
from core.data.marks import Mark
from core.i18n import _, ngettext
from core.insight.hardest import hardest
from core.insight.predictions import Predictions
from core.jobs import Progress
from core.runs.listing import Listed
from core.runs.work import evaluation_of
from core.studies import evaluating
from core.studies.asking import look_kind
from core.studies.predicting import kept
from core.studies.target import Chosen, Target, chosen
from pages.ui import state
from pages.ui.component import emphasised
from pages.ui.escape import distinct, one_line, plain
from pages.ui.mistake_cards import PhotoCard, photo_cards
from pages.ui.mistake_version import offered_version, told_marks
from pages.ui.pieces import caption, share_bars
from pages.ui.study import study
from pages.ui.target_picker import picked_target

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

A_PAGE = 24
WHOLE_EDGE = 1200
LIKELIEST = 3
# NOTE: test photos come last. Who leaves those out that a model got wrong makes the next one look better.
SPLITS = ("validation", "train", "test")
ANY = -1
_LONGEST_CLASS = 40
_LONGEST_NAME = 24


def mistakes(run: Listed) -> None:
    """Show the photos that a run finds hardest, let people mark them, and offer what follows from that."""
    target = picked_target(run, splits=SPLITS, others=False, key="mistakes")
    photos = chosen(state.workspace(), run.folder, target)
    found = kept(run.folder, target, photos)
    if found is None:
        _not_looked_at(run, target, photos)
        return
    _looked_at(run, target, photos, found)
    offered_version(run)


def _not_looked_at(run: Listed, target: Target, photos: Chosen) -> None:
    workspace, folder = state.workspace(), run.folder
    first_look = target.split == "test" and evaluation_of(folder) is None

    def look(progress: Progress) -> None:
        evaluating.looked(workspace, folder, target, progress)

    count = len(photos.items)
    if first_look:
        st.markdown(_("The test photos have not been looked at for {run} yet.").format(run=plain(run.title)))
    else:
        st.markdown(ngettext(
            "{run} has to look at this {n} photo first.", "{run} has to look at these {n} photos first.",
            count,
        ).format(run=plain(run.title), n=f"{count:,}"))
    study(
        run.id, look_kind(target), title=_("Looking at the photos"), work=look, primary=True,
        button=_("Measure on the test photos") if first_look else _("Look at the photos"),
        icon=":material/target:" if first_look else ":material/visibility:",
    )


def _looked_at(run: Listed, target: Target, photos: Chosen, found: Predictions) -> None:
    st.markdown(_count_text(target, found))
    whole = datasets.load(photos.dataset.folder)
    marked = marks.of_items(whole)
    told_marks(marked)
    places, filters = _filtered(photos.dataset, found)
    if not len(places):
        st.markdown(_("There is no such photo."))
        return
    pages = ceil(len(places) / A_PAGE)
    # NOTE: the pages stand below the photos, and what they are at is needed above. The key changes with the
    # filters, so that each choice of photos begins at its first page.
    key = f"mistakes-page-{run.id}-{target.key}-{filters}"
    page = min(pages, max(1, int(st.session_state.get(key, 1))))
    shown = places[(page - 1) * A_PAGE: page * A_PAGE]
    _cards(whole, marked, found, shown)
    with st.container(horizontal=True, vertical_alignment="center"):
        if pages > 1:
            st.pagination(pages, key=key)
        first = (page - 1) * A_PAGE + 1
        caption(_("{first}–{last} of {n} photos. First come those whose label the model holds least likely "
                  "(highest cross-entropy).").format(
            first=f"{first:,}", last=f"{first + len(shown) - 1:,}", n=f"{len(places):,}"))


def _count_text(target: Target, found: Predictions) -> str:
    wrong, count = int((~found.right).sum()), len(found)
    texts = {
        "test": _("{wrong} of {n} test photos are said to be of another class than their label."),
        "validation": _("{wrong} of {n} validation photos are said to be of another class than their label."),
        "train": _("{wrong} of {n} training photos are said to be of another class than their label, though "
                   "the model has learned from them."),
    }
    return texts[target.split].format(wrong=f"**{wrong:,}**", n=f"{count:,}")


def _filtered(dataset: Dataset, found: Predictions) -> tuple[NDArray[np.intp], str]:
    """Show the filters, and return the places of the photos they leave and a name for what was chosen."""
    names = {ANY: _("any class"), **dict(enumerate(
        distinct([one_line(name, _LONGEST_CLASS) for name in found.classes])))}
    key = f"mistakes-{dataset.id}"
    columns = st.columns(3, vertical_alignment="bottom")
    with columns[0]:
        label = st.selectbox(
            _("Labelled"), list(names), key=f"{key}-label", format_func=names.__getitem__)
    with columns[1]:
        said = st.selectbox(_("Said"), list(names), key=f"{key}-said", format_func=names.__getitem__)
    with columns[2]:
        only = st.toggle(_("Only mistakes"), key="mistakes-only", value=True)
    places = hardest(
        found, only_mistakes=only, label=None if label == ANY else label, said=None if said == ANY else said)
    return places, f"{only}-{label}-{said}"


def _cards(
    whole: Dataset, marked: Mapping[str, Mark], found: Predictions, places: NDArray[np.intp]
) -> None:
    wanted = {found.images[place] for place in places}
    index = {item.path: at for at, item in enumerate(whole.items) if item.path in wanted}
    cards = [_card(found, int(place), index[found.images[place]]) for place in places]
    asked = photo_cards(
        whole, cards, marked, key=f"mistake-cards-{whole.id}", label=_("Hardest photos"))
    if asked is not None:
        place = next(int(each) for each in places if found.images[each] == asked)
        _whole_photo(whole, index[asked], found, place)


def _card(found: Predictions, place: int, index: int) -> PhotoCard:
    label, said = int(found.labels[place]), int(found.said[place])
    others = found.probabilities[place].copy()
    others[label] = -1.0
    return PhotoCard(
        index,
        emphasised(_("said *{name}*, {sure}"), name=one_line(found.classes[said], _LONGEST_NAME),
                   sure=f"{found.probabilities[place, said]:.0%}"),
        _("is {name}").format(name=one_line(found.classes[label], _LONGEST_NAME)), int(others.argmax()),
    )


def _whole_photo(dataset: Dataset, index: int, found: Predictions, place: int) -> None:
    @st.dialog(_("Photo"))
    def shown() -> None:
        _photo(dataset, index, found, place)

    shown()


def _photo(dataset: Dataset, index: int, found: Predictions, place: int) -> None:
    from core.data.images import open_rgb

    item = dataset.items[index]
    with state.told():
        picture = open_rgb(dataset.file(item), at_least=WHOLE_EDGE)
        picture.thumbnail((WHOLE_EDGE, WHOLE_EDGE))
        st.image(picture, width="stretch")
    chances, label = found.probabilities[place], int(found.labels[place])
    share_bars(
        (one_line(found.classes[at], _LONGEST_NAME), float(chances[at]), f"{chances[at]:.1%}")
        for at in _told(chances, label)
    )
    caption(_("{file}, labelled {name}, which the model holds {sure} likely (cross-entropy {loss})").format(
        file=item.name, name=found.classes[label], sure=f"{chances[label]:.1%}",
        loss=f"{found.loss[place]:.2f}"))


def _told(chances: NDArray[np.float32], label: int) -> list[int]:
    """Return the likeliest classes, and that of the label whatever its place."""
    first = [int(at) for at in chances.argsort()[::-1][:LIKELIEST]]
    return first if label in first else [*first, label]
