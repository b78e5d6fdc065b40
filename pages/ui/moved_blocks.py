"""How far each block moved: on the block map, and as a table."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.backbones import catalogue
from core.i18n import _
from core.runs.listing import Listed
from core.studies.moving import MOST_PHOTOS, NAME, Moving, kept_moving, moving
from core.training.counts import block_title, head_parameters
from core.training.start import RANDOM
from pages.ui import state
from pages.ui.block_map import Told, block_map
from pages.ui.moved_words import alike_text, exact_moved, photos_text, tile_words, verdict, warmth_of
from pages.ui.pieces import caption, choice_table, note
from pages.ui.study import study


def moved_blocks(run: Listed) -> None:
    """Show how far each block of a run's backbone moved, or the button that finds it out."""
    st.subheader(_("How far each block moved"), anchor=False)
    found = kept_moving(run.folder)
    if found is None:
        _not_known(run)
        return
    _shown(run, found)


def _not_known(run: Listed) -> None:
    st.markdown(_(
        "Compare every block with what it was before the training: its weights, and what it makes of "
        "photos."))
    study(
        run.id, NAME, title=_("What moved"), button=_("Find out what moved"),
        work=partial(moving, state.workspace(), run.folder), icon=":material/compare_arrows:", primary=True,
        words=_("At most {n} photos are looked at twice: as before the training, and as after it.").format(
            n=MOST_PHOTOS),
    )


def _shown(run: Listed, found: Moving) -> None:
    plan = run.plan
    note(*verdict(found))
    words = tile_words(found)
    block_map(
        catalogue.get(plan.backbone).blocks_at(plan.size), plan.trainable,
        head_parameters=_head(run), key="moved-map", from_scratch=plan.weights.source == RANDOM,
        told=Told(
            rates=words, joins=words, warmth=warmth_of(found),
            labels={"group": _("Blocks of the backbone: how far each has moved"),
                    "learning": _("learned from your photos: the warmer, the further it moved")},
        ),
    )
    with st.expander(_("The exact figures")):
        choice_table(
            _("How far each block moved"), (_("Block"), _("Weights moved"), _("CKA"), _("In training")),
            [
                (block_title(block.block), exact_moved(block.weights),
                 alike_text(None) if block.cka is None else f"{block.cka:.4f}",
                 _("learned") if block.block in plan.trainable else _("frozen"))
                for block in found.blocks
            ], chosen=-1,
        )
    _explained(run, found)


def _head(run: Listed) -> int | None:
    """Return the head's parameters; ``None`` where the report does not say how many classes it has."""
    classes = (run.folder.report() or {}).get("classes")
    return head_parameters(run.plan, len(classes)) if isinstance(classes, list) and classes else None


def _explained(run: Listed, found: Moving) -> None:
    began = (
        _("the random weights that it began with") if run.plan.weights.source == RANDOM
        else _("the weights that it began with")
    )
    caption(_(
        "Weights moved: the length of the change of a block's weights, as a share of the length of {began} "
        "(Neyshabur et al., 2020). A frozen block stays at 0%. BatchNorm's running mean and variance are "
        "not in it.").format(began=began))
    caption(_(
        "CKA: how alike a block's features are before and after, on {photos}; 1 is the same, 0 is nothing "
        "in common (Kornblith et al., 2019; debiased as in Nguyen et al., 2021). A frozen block above one "
        "that learned is given other features, so it can be below 1 as well.").format(
        photos=photos_text(found.photos, found.unseen)))
