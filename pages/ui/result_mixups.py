"""What a model mixes up: the matrix, and the photos of the cell that was chosen."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.data import dataset as datasets
from core.i18n import _, ngettext
from core.insight.metrics import Evaluation
from core.insight.predictions import Predictions
from core.studies.target import Chosen
from pages.ui import state
from pages.ui.confusion_matrix import MOST_CLASSES, confusion_matrix
from pages.ui.escape import one_line, plain
from pages.ui.pieces import caption, thumb_grid
from pages.web.files import thumb_url

COUNTS, SHARES = "counts", "shares"
PAGE = 24
EDGE_PX = 160
LEAST_PX = 76


def mixups(
    found: Evaluation, said: Predictions | None, photos: Chosen | None, key: str
) -> None:
    """Show what is mixed up, and the photos of a chosen cell.

    Args:
        found: The counts.
        said: What was said of each photo; ``None`` where it was not kept.
        photos: Where these photos are; ``None`` likewise.
        key: What tells these photos of this run from any others.
    """
    names = {COUNTS: _("Counts"), SHARES: _("Shares")}
    form = st.segmented_control(
        _("Counts or shares"), list(names), default=COUNTS, required=True, key="mixups-form",
        format_func=names.__getitem__, label_visibility="collapsed",
    )
    chosen = confusion_matrix(
        found.classes, found.confusion, key=f"matrix-{key}", of_shares=form == SHARES)
    if len(found.classes) > MOST_CLASSES:
        caption(_("Only the {n} classes with the most mistakes of {all} are shown.").format(
            n=MOST_CLASSES, all=f"{len(found.classes):,}"))
    if chosen is None:
        return
    if photos is None:
        st.markdown(_("The photos are not in the workspace any more."))
        return
    if said is None:
        st.markdown(_("Which photos these are was not kept. Looking at them again, below, finds it out."))
        return
    _photos(said, photos, chosen, f"{key}-{chosen[0]}-{chosen[1]}")


def _photos(said: Predictions, photos: Chosen, cell: tuple[int, int], key: str) -> None:
    is_it, answer = cell
    inside = np.flatnonzero((said.labels == is_it) & (said.said == answer))
    sure = said.probabilities[inside, answer]
    # Mistakes it was sure of come first; of what it said right, what it was least sure of.
    inside = inside[np.argsort(sure if is_it == answer else -sure, kind="stable")]
    st.markdown("**" + ngettext(
        "Is {true}, said {said}: {n} photo", "Is {true}, said {said}: {n} photos", len(inside),
    ).format(true=plain(said.classes[is_it], 40), said=plain(said.classes[answer], 40),
             n=f"{len(inside):,}") + "**")
    if len(inside) > 1:
        caption(_("Least sure first.") if is_it == answer else _("Surest first."))
    shown = st.session_state.get("mixups-shown", {}).get(key, PAGE)
    places = _places(photos)
    rows = [(places[said.images[at]], at) for at in inside[:shown] if said.images[at] in places]
    thumb_grid(
        [thumb_url(photos.dataset.id, place, EDGE_PX) for place, _at in rows],
        [_("{sure} sure").format(sure=f"{said.probabilities[at, answer]:.0%}") for _place, at in rows],
        alts=[_alt(said, at) for _place, at in rows], edge=LEAST_PX,
    )
    if len(inside) > shown:
        st.button(
            _("Show more"), key=f"more-{key}", icon=":material/expand_more:", type="tertiary",
            on_click=_show_more, args=(key, shown + PAGE))


def _show_more(key: str, shown: int) -> None:
    st.session_state["mixups-shown"] = {key: shown}


def _alt(said: Predictions, at: int) -> str:
    answer = int(said.said[at])
    return _("is {true}, said {said}, {sure} sure").format(
        true=one_line(said.classes[int(said.labels[at])], 40), said=one_line(said.classes[answer], 40),
        sure=f"{said.probabilities[at, answer]:.0%}")


def _places(photos: Chosen) -> dict[str, int]:
    """Return the place of each photo in the whole dataset as it is stored, which thumbnails count in."""
    whole = datasets.load(state.workspace().dataset_dir(photos.dataset.id))
    return {item.path: at for at, item in enumerate(whole.items)}
