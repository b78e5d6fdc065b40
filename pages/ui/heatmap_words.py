"""What the heatmap views have in common: choosing a block and a class, and what a comparison says."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import streamlit as st

from core.backbones import catalogue
from core.i18n import _, ngettext
from core.runs.listing import Listed
from core.training.counts import block_title
from pages.ui.block_map import shape_text
from pages.ui.escape import distinct, one_line

IS = -2
"""Stands in for the class that a photo is of."""

_LIKE, _HALF_LIKE = 0.8, 0.5


def block_box(run: Listed, key: str) -> str:
    """Show the blocks of a run's backbone, the last one chosen at first, and return the chosen name."""
    blocks = {each.name: each for each in catalogue.get(run.plan.backbone).blocks_at(run.plan.size)}

    def label(name: str) -> str:
        return f"{block_title(name)} · {shape_text(blocks[name].output_shape[:2])}"

    return st.selectbox(
        _("Block"), list(blocks), index=len(blocks) - 1, format_func=label,
        key=f"{key}-block-{run.plan.backbone}",
        help=_("Grad-CAM reads what this block hands on. The last one knows the most of what is seen, on a "
               "coarse grid; an early one has a fine grid and knows edges and textures."),
    )


def class_box(run: Listed, classes: Sequence[str], key: str, *, told: bool) -> int:
    """Show for which class a heatmap can be, and return the chosen one as an index.

    Args:
        run: The run.
        classes: The model's classes; text from outside.
        key: The control's key.
        told: Whether it is known what the photos are of.

    Returns:
        An index, :data:`core.insight.heatmap.SAID` or :data:`IS`.
    """
    from core.insight.heatmap import SAID

    first = {SAID: _("What it says"), IS: _("What it is")} if told else {SAID: _("What it says")}
    names = [*first.values(), *(one_line(each, 60) for each in classes)]
    labels = dict(zip([*first, *range(len(classes))], distinct(names), strict=True))
    chosen = st.selectbox(
        _("For which class"), list(labels), format_func=labels.__getitem__, key=f"{key}-class-{run.id}",
        help=_("What in the photo speaks for this class. For a mistake, compare what it says with what it "
               "is."),
    )
    return int(chosen)


def percent(share: float) -> str:
    """Return a probability as people read it."""
    return f"{share:.0%}"


def reading() -> str:
    """Return how a heatmap is to be read."""
    return _(
        "Bright places speak for the class, as seen by the chosen block (Grad-CAM, Selvaraju et al. 2017). "
        "The network sees the whole photo pressed to a square, so the map is stretched over the whole photo. "
        "Early blocks see edges and colours, the last ones what a thing is. Each map is scaled to its own "
        "brightest place: maps of two photos cannot be compared in strength, and a map does not tell whether "
        "the answer is right."
    )


def compared(likeness: Sequence[float], draws: int) -> tuple[str, str, str]:
    """Return what a comparison with heads of random weights says.

    Args:
        likeness: Spearman's rank correlations, of all photos and draws.
        draws: How many random heads were drawn a photo.

    Returns:
        The gist, the figures behind it, and the sign that goes with it.
    """
    if not likeness:
        return _("Nothing to compare."), _("One of the maps is the same everywhere."), "info"
    middle = median(likeness)
    figures = ngettext(
        "Rank correlation with {n} random head a photo: {middle} in the middle, from {low} to {high} (1 is "
        "the same map). After Adebayo et al. 2018.",
        "Rank correlation with {n} random heads a photo: {middle} in the middle, from {low} to {high} (1 is "
        "the same map). After Adebayo et al. 2018.", draws,
    ).format(n=draws, middle=f"{middle:.2f}", low=f"{min(likeness):.2f}", high=f"{max(likeness):.2f}")
    if middle > _LIKE:
        gist = _("The maps hardly change when the head has learned nothing: they show where the photo has "
                 "much to see, not what the model learned from it. Do not explain an answer by them.")
        return gist, figures, "warning"
    if max(likeness) > _LIKE >= _HALF_LIKE >= middle:
        gist = _("Most maps change when the head has learned nothing, and some hardly do: read each with "
                 "care.")
        return gist, figures, "info"
    if middle > _HALF_LIKE:
        gist = _("The maps change in part when the head has learned nothing: read them with care.")
        return gist, figures, "info"
    gist = _("The maps change when the head has learned nothing: what it learned is in them.")
    return gist, figures, "good"
