"""Where a run's network looks: Grad-CAM on any block, for photos whose class is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from core.errors import ThawError
from core.i18n import _, ngettext
from core.insight.predictions import Predictions
from core.jobs import Progress
from core.runs.listing import Listed
from core.runs.work import evaluation_of, measure
from core.studies import predicting
from core.studies.target import Chosen, Target, chosen
from pages.ui import state
from pages.ui.escape import plain
from pages.ui.heatmap_panel import spoken
from pages.ui.heatmap_pictures import DRAWS, explained, ramp, side_by_side, unlearned
from pages.ui.heatmap_words import IS, block_box, class_box, compared, reading
from pages.ui.pieces import caption, note
from pages.ui.study import study
from pages.ui.target_picker import picked_target, said_of
from pages.web.script_error import describe

A_PAGE = 6
COLUMNS = 2
HARD, EASY, IN_ORDER = "hard", "easy", "order"


def heatmaps(run: Listed) -> None:
    """Show where a run's network looks in photos, the hardest ones first."""
    target = picked_target(run, key="heatmaps")
    if target is None:
        return
    photos = chosen(state.workspace(), run.folder, target)
    for sentence in said_of(photos):
        caption(sentence)
    found = predicting.kept(run.folder, target, photos)
    if found is None:
        _not_known(run, target)
        return
    places, block, wanted = _controls(run, found)
    shown = _page(run, target, places)
    _grid(run, photos, found, shown, block, wanted)
    ramp()
    caption(reading())


def _not_known(run: Listed, target: Target) -> None:
    """Offer to find out what the model says of these photos."""
    workspace, folder = state.workspace(), run.folder
    own_test = target == Target("", "test")

    def work(progress: Progress) -> None:
        if own_test and evaluation_of(folder) is None:
            progress(_("Looking at the test photos"), 0, None)
            measure(workspace, folder)
        predicting.predictions(workspace, folder, target, progress)

    st.markdown(_("What {run} says of these photos is not known yet.").format(run=plain(run.title)))
    study(
        run.id, f"predictions-{target.key}", title=_("Looking at the photos"), button=_("Look at the photos"),
        work=work, icon=":material/visibility:", primary=True,
    )


def _controls(run: Listed, found: Predictions) -> tuple[list[int], str, int]:
    """Show which photos, which block and which class; return places, block and class."""
    order_box, for_class, of_block = st.columns(3)
    names = {HARD: _("Hardest first"), EASY: _("Surest and right first"), IN_ORDER: _("As they come")}
    with order_box:
        order = st.selectbox(
            _("Order"), list(names), format_func=names.__getitem__, key="heatmap-order",
            help=_("Hardest: the photos whose true class the model held the least likely."))
    with for_class:
        wanted = class_box(run, found.classes, "heatmap", told=True)
    with of_block:
        block = block_box(run, "heatmap")
    places = np.arange(len(found))
    if order != IN_ORDER:
        places = np.argsort(found.loss if order == EASY else -found.loss, kind="stable")
    return [int(at) for at in places], block, wanted


def _page(run: Listed, target: Target, places: list[int]) -> list[int]:
    """Show which of the photos are shown, with a way to the next ones; return their places."""
    kept = f"heatmap-first-{run.id}-{target.key}"
    last = (len(places) - 1) // A_PAGE * A_PAGE
    first = min(st.session_state.get(kept, 0), last)

    def go(to: int) -> Callable[[], None]:
        return lambda: st.session_state.update({kept: to})

    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(_("Earlier"), key="heatmap-earlier", icon=":material/chevron_left:", disabled=first == 0,
                  on_click=go(max(0, first - A_PAGE)))
        st.button(_("Next"), key="heatmap-next", icon=":material/chevron_right:", icon_position="right",
                  disabled=first == last, on_click=go(min(last, first + A_PAGE)))
        caption(ngettext(
            "{first} to {last} of {n} photo", "{first} to {last} of {n} photos", len(places)
        ).format(first=first + 1, last=min(first + A_PAGE, len(places)), n=f"{len(places):,}"))
    return places[first:first + A_PAGE]


def _grid(
    run: Listed, photos: Chosen, found: Predictions, shown: list[int], block: str, wanted: int
) -> None:
    """Show the photos, each as soon as its map is there; leaving the page stops with the next one."""
    random = st.toggle(
        _("Compare with a head that has learned nothing"), key="heatmap-random",
        help=_("A sanity check: the same photos and classes, with random numbers in place of what the head "
               "learned. A map that stays the same explains nothing."),
    )
    verdict = st.container()
    likeness: list[float] = []
    with st.spinner(_("Finding where it looks")):
        for start in range(0, len(shown), COLUMNS):
            for column, at in zip(st.columns(COLUMNS, gap="medium"), shown[start:start + COLUMNS],
                                  strict=False):
                with column:
                    likeness += _one(run, photos, found, at, block, wanted, random=random)
    if random:
        with verdict:
            strong, sentence, sign = compared(likeness, DRAWS)
            note(strong, sentence, sign=sign)


def _one(
    run: Listed, photos: Chosen, found: Predictions, at: int, block: str, wanted: int, *, random: bool
) -> tuple[float, ...]:
    """Show one photo; return how alike its map is to those of random heads, where that was asked."""
    item, label = photos.items[at], int(found.labels[at])
    file = photos.dataset.file(item)
    index = label if wanted == IS else wanted
    try:
        map_of = explained(run, file, item.digest, block, index)
        other = unlearned(run, file, item.digest, block, map_of.chosen) if random else None
    except ThawError as error:
        st.error(describe(error), icon=":material/error:")
        return ()
    pictures = [(map_of.photo, _("Photo")), (map_of.overlay, _("Where it looks"))]
    if other is not None:
        pictures.append((other.overlay, _("Random head")))
    side_by_side(pictures, spoken(map_of, found.classes, found.classes[label]))
    return other.likeness if other is not None else ()
