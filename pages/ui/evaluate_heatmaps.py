"""Where a run's network looks: Grad-CAM on any block, for photos whose class is known."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import streamlit as st

from core.errors import Stopped, ThawError
from core.i18n import _, ngettext
from core.insight.predictions import Predictions
from core.jobs import Jobs, Progress
from core.runs.listing import Listed
from core.studies import asking, evaluating, predicting
from core.studies.asking import look_kind
from core.studies.target import Target, chosen
from pages.ui import state
from pages.ui.escape import plain
from pages.ui.heatmap_panel import spoken
from pages.ui.heatmap_pictures import (
    DRAWS,
    explained,
    kept_explained,
    kept_unlearned,
    ramp,
    side_by_side,
    unlearned,
)
from pages.ui.heatmap_words import IS, block_box, class_box, compared, reading
from pages.ui.pieces import caption, note
from pages.ui.study import study
from pages.ui.target_picker import picked_target, said_of
from pages.web.script_error import describe

A_PAGE = 6
COLUMNS = 2
WAIT_S = 1.0
_LOOK_AGAIN_S = 0.02
HARD, EASY, IN_ORDER = "hard", "easy", "order"


@dataclass(frozen=True)
class _Photo:
    """One photo: its file and digest, its true class, and the class its map is for, both as an index."""

    file: Path
    digest: str
    label: int
    wanted: int


@dataclass(frozen=True)
class _Asked:
    """Which maps are looked at; ``draw`` makes them on a thread of its own."""

    run: Listed
    classes: tuple[str, ...]
    block: str
    photos: tuple[_Photo, ...]
    random: bool = False

    @property
    def kind(self) -> str:
        """What the study is called that draws them.

        It is this visit's own: who has chosen something else may be drawing at the same time, and what both
        want is drawn once.
        """
        visit = st.session_state.setdefault("heatmap-visit", secrets.token_hex(8))
        what = repr([visit, self.block, self.random, [(each.digest, each.wanted) for each in self.photos]])
        return f"heatmaps-{hashlib.sha256(what.encode()).hexdigest()[:16]}"

    def missing(self, failed: Mapping[str, ThawError]) -> bool:
        """Tell whether there is something to draw; photos that failed are left."""
        return any(not self._is_there(each) for each in self.photos if each.digest not in failed)

    def _is_there(self, photo: _Photo) -> bool:
        own = kept_explained(self.run, photo.digest, self.block, photo.wanted)
        if own is None or not self.random:
            return own is not None
        return kept_unlearned(self.run, photo.digest, self.block, own.chosen) is not None

    def draw(self, failed: dict[str, ThawError], progress: Progress) -> None:
        """Draw what is missing photo by photo; what cannot be drawn is set down in ``failed``."""
        for done, photo in enumerate(self.photos):
            def told(done: int = done) -> None:
                progress(_("Finding where it looks"), done, len(self.photos))

            told()
            try:
                own = explained(self.run, photo.file, photo.digest, self.block, photo.wanted)
                if self.random:
                    unlearned(self.run, photo.file, photo.digest, self.block, own, told)
            except Stopped:
                raise
            except ThawError as error:
                failed[photo.digest] = error


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
    _grid(_Asked(run, found.classes, block, tuple(
        _Photo(photos.dataset.file(photos.items[at]), photos.items[at].digest, int(found.labels[at]),
               int(found.labels[at]) if wanted == IS else wanted)
        for at in shown)))
    ramp()
    caption(reading())


def _not_known(run: Listed, target: Target) -> None:
    """Offer to find out what the model says of these photos."""
    st.markdown(_("What {run} says of these photos is not known yet.").format(run=plain(run.title)))
    study(
        run.id, look_kind(target), title=_("Looking at the photos"), button=_("Look at the photos"),
        work=partial(evaluating.looked, state.workspace(), run.folder, target),
        icon=":material/visibility:", primary=True,
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


def _grid(asked: _Asked) -> None:
    """Show the photos with the maps that are there, and draw those that are not."""
    random = st.toggle(
        _("Compare with a head that has learned nothing"), key="heatmap-random",
        help=_("A sanity check: the same photos and classes, with random numbers in place of what the head "
               "learned. A map that stays the same explains nothing."),
    )
    asked = replace(asked, random=random)
    failed = _drawn(asked)
    verdict = st.container()
    likeness: list[float] = []
    for start in range(0, len(asked.photos), COLUMNS):
        row = asked.photos[start:start + COLUMNS]
        for column, photo in zip(st.columns(COLUMNS, gap="medium"), row, strict=False):
            with column:
                likeness += _one(asked, photo, failed.get(photo.digest))
    if random and not asked.missing(failed):
        with verdict:
            strong, sentence, sign = compared(likeness, DRAWS)
            note(strong, sentence, sign=sign)


def _drawn(asked: _Asked) -> dict[str, ThawError]:
    """Begin to draw what is missing, or show how far that is; return why photos could not be drawn."""
    key = f"heatmap-failed-{asked.run.id}"
    kept: tuple[str, dict[str, ThawError]] = st.session_state.get(key, ("", {}))
    kind = asked.kind
    failed = kept[1] if kept[0] == kind else {}
    if not asked.missing(failed):
        return failed
    st.session_state[key] = kind, failed
    jobs = state.thaw().studies
    work, title = partial(asked.draw, failed), _("Finding where it looks")
    now = asking.latest(jobs, asked.run.id, kind)
    if now is None or now.state == "done":
        asking.ask(jobs, asked.run.id, kind, title, work)
        _wait_a_little(jobs, asked.run.id, kind)
        if not asked.missing(failed):
            return failed
    study(asked.run.id, kind, title=title, button=_("Find where it looks"), work=work,
          icon=":material/visibility:")
    return failed


def _wait_a_little(jobs: Jobs, run_id: str, kind: str) -> None:
    """Wait until a study has ended, at most so long that nobody needs to be told how far it is."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        now = asking.latest(jobs, run_id, kind)
        if now is None or now.state != asking.RUNNING:
            return
        time.sleep(_LOOK_AGAIN_S)


def _one(asked: _Asked, photo: _Photo, wrong: ThawError | None) -> tuple[float, ...]:
    """Show one photo; return how alike its map is to those of random heads, where that was asked."""
    if wrong is not None:
        st.error(describe(wrong), icon=":material/error:")
        return ()
    map_of = kept_explained(asked.run, photo.digest, asked.block, photo.wanted)
    if map_of is None:
        return ()
    pictures = [(map_of.photo, _("Photo")), (map_of.overlay, _("Where it looks"))]
    other = kept_unlearned(asked.run, photo.digest, asked.block, map_of.chosen) if asked.random else None
    if other is not None:
        pictures.append((other.overlay, _("Random head")))
    side_by_side(pictures, spoken(map_of, asked.classes, asked.classes[photo.label]))
    return other.likeness if other is not None else ()
