"""The settings of a training, with a preview of what augmentation does."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.data.dataset import Dataset
from core.drafts import Draft
from core.i18n import _
from core.training import fields as bounds
from core.training.counts import gentler_rate
from core.training.plan import Recipe
from core.training.preview import augmented_views
from pages.ui import fields, state
from pages.ui.pieces import caption, note, thumb_grid
from pages.ui.reuse import choose_views, view_costs

THREE_IN_A_ROW = 120


def recipe(draft: Draft, dataset: Dataset) -> None:
    """Show the settings and keep what is chosen."""
    given = draft.recipe
    left, right = st.columns(2, gap="large")
    with left:
        epochs = int(fields.number(bounds.EPOCHS, given.epochs, key="epochs"))
    with right:
        seed = int(fields.number(bounds.SEED, given.seed, key="seed"))
    # A row for each pair, so that both stand at one height, and in this order on a phone.
    left, right = st.columns(2, gap="large")
    with left:
        rate = fields.rate(bounds.LEARNING_RATE, given.learning_rate, key="learning_rate")
    with right:
        batch_size = int(fields.few(bounds.BATCH_SIZE, given.batch_size, key="batch_size"))
    left, right = st.columns(2, gap="large")
    with left:
        optimizer = fields.choice(bounds.OPTIMIZER, given.optimizer, key="optimizer")
    with right:
        augment = fields.choice(bounds.AUGMENT, given.augment, key="augment")
    views = given.views
    if augment != "none":
        views = choose_views(views)
    chosen = Recipe(epochs, batch_size, rate, optimizer, seed, augment, views)
    if chosen != given:
        draft = replace(draft, recipe=chosen)
        state.keep(draft)
    if augment != "none":
        view_costs(draft.plan(), dataset)
        _preview(dataset, augment, seed)
    _advice(draft)


def _advice(draft: Draft) -> None:
    gentle = gentler_rate(draft.plan())
    if gentle is None:
        return
    note(_("Blocks learn at a high rate."),
         _("A learning rate of {rate} keeps more of what they know.").format(
             rate=fields.rate_text(gentle)), sign="info")

    def use_gentle() -> None:
        state.keep(replace(draft, recipe=replace(draft.recipe, learning_rate=gentle)))
        st.session_state["learning_rate"] = gentle

    st.button(_("Use {rate}").format(rate=fields.rate_text(gentle)), on_click=use_gentle)


@st.cache_data(max_entries=16, show_spinner=False)
def _views(_dataset: Dataset, dataset_id: str, augment: str, seed: int) -> list[list[str]]:
    return augmented_views(_dataset, augment, seed)


def _preview(dataset: Dataset, augment: str, seed: int) -> None:
    views = _views(dataset, dataset.id, augment, seed)
    if not views:
        return
    caption(_("How some training photos will look, each as it is and in two views:"))
    half = (len(views) + 1) // 2
    columns = st.columns(2, gap="large")
    for at, photo in enumerate(views):
        with columns[at // half]:  # on a phone the second column stands below the first
            alts = [_("training photo"), *[_("augmented training photo")] * (len(photo) - 1)]
            thumb_grid(photo, alts=alts, edge=THREE_IN_A_ROW)
