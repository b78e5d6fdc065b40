"""How the model sees photos before and after its training: the map, and the figure that goes with it."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.data import dataset as datasets
from core.data.dataset import Dataset
from core.i18n import _
from core.insight.metrics import Share
from core.insight.projection import NEIGHBOURS
from core.runs.listing import Listed
from core.studies.mapping import MOST_PHOTOS, NAME, Method, PhotoMap, kept_photo_map, photo_map
from core.studies.moving import kept_moving
from core.studies.target import own_dataset
from pages.ui import state
from pages.ui.embedding_map import embedding_map
from pages.ui.moved_words import photos_text
from pages.ui.pieces import caption, stats_row
from pages.ui.study import study

PCA: Method = "pca"
TSNE: Method = "tsne"


def moved_map(run: Listed) -> None:
    """Show how a run's model lays out photos before and after its training, or the button that draws it."""
    st.subheader(_("Which photos it finds alike"), anchor=False)
    dataset = own_dataset(state.workspace(), run.folder)
    found = kept_photo_map(run.folder, dataset)
    if found is None:
        _not_known(run)
        return
    _shown(run, found, dataset)


def _not_known(run: Listed) -> None:
    st.markdown(_(
        "Lay photos out as points, those that the backbone finds alike beside each other: before the "
        "training, and after it."))
    study(
        run.id, NAME, title=_("The map of photos"), button=_("Draw the map"),
        work=partial(photo_map, state.workspace(), run.folder),
        icon=":material/scatter_plot:", primary=kept_moving(run.folder) is not None,
        words=_("All photos are looked at twice, unless that was done before; at most {n} are drawn.").format(
            n=f"{MOST_PHOTOS:,}"),
    )


def _shown(run: Listed, found: PhotoMap, dataset: Dataset) -> None:
    names = {PCA: _("PCA"), TSNE: _("t-SNE")}
    method = st.segmented_control(
        _("How the photos are laid out"), list(names), key="map_method", default=TSNE, required=True,
        format_func=names.__getitem__,
        help=_("PCA shows the two directions along which photos differ most. t-SNE keeps near photos near."),
    )
    # Thumbnails are counted in the whole dataset, of which a run may have used a part.
    whole = datasets.load(state.workspace().dataset_dir(dataset.id))
    embedding_map(
        found, method, dataset.classes, dataset=dataset.id, about=run.id, key="embedding-map",
        places={item.path: place for place, item in enumerate(whole.items)},
    )
    _figures(found)
    caption(_trust(found, method))


def _figures(found: PhotoMap) -> None:
    before, after = found.own
    stats_row([
        (f"{before.value:.1%}", _("before: among their own class, {span}").format(span=_span(before))),
        (f"{after.value:.1%}", _("after: among their own class, {span}").format(span=_span(after))),
    ])
    caption(_(
        "Of how many of {photos} most of the {k} most similar others are of the photo's own class. It is "
        "measured on the features themselves and not on the map, leaving out the photo itself; in brackets "
        "95% intervals (Wilson).").format(photos=_drawn_text(found), k=NEIGHBOURS))


def _span(share: Share) -> str:
    return _("{right} of {images} ({low} to {high})").format(
        right=f"{share.right:,}", images=f"{share.images:,}",
        low=f"{share.low:.1%}", high=f"{share.high:.1%}")


def _drawn_text(found: PhotoMap) -> str:
    drawn = photos_text(len(found.images), found.unseen)
    if found.of <= len(found.images):
        return drawn
    return _("{drawn}, drawn by class from {all}").format(drawn=drawn, all=f"{found.of:,}")


def _trust(found: PhotoMap, method: Method) -> str:
    if method == PCA:
        (one, two), (three, four) = found.explained
        return _(
            "Both maps are drawn by themselves (PCA). They hold {before} of what parts the features before "
            "the training and {after} after it; what lies in other directions is not seen."
        ).format(before=f"{one + two:.0%}", after=f"{three + four:.0%}")
    return _(
        "Such a map can mislead: how large a group is and how far groups lie apart means little, and chance "
        "can look like a group (t-SNE, perplexity {perplexity}; Wattenberg et al., 2016). The map after is "
        "turned as a whole to lie as near to the one before as it can. Trust the figure above."
    ).format(perplexity=f"{found.perplexity:g}")
