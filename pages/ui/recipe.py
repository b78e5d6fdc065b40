"""The settings of a training that everybody sets, with a preview of what augmentation does."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.data.dataset import Dataset
from core.drafts import Draft
from core.i18n import _, ngettext
from core.training import fields as bounds
from core.training.counts import block_title, gentler_rate
from core.training.plan import Plan, Recipe
from core.training.preview import augmented_views
from core.training.stages import epochs_needed, unreached
from pages.ui import fields, state
from pages.ui.pieces import caption, note, thumb_grid
from pages.ui.rate_finder import find_rate
from pages.ui.recipe_more import more_settings
from pages.ui.reuse import choose_views, view_costs
from pages.ui.stage_map import stage_table

THREE_IN_A_ROW = 120
_MOST_NAMED = 4


def recipe(draft: Draft, dataset: Dataset) -> None:
    """Show the settings and keep what is chosen."""
    given = draft.recipe
    left, right = st.columns(2, gap="large")
    with left:
        epochs = int(fields.number(bounds.EPOCHS, given.epochs, key="epochs"))
    with right:
        rate = fields.rate(bounds.LEARNING_RATE, given.learning_rate, key="learning_rate")
    # A row for each pair, so that both stand at one height, and in this order on a phone.
    left, right = st.columns(2, gap="large")
    with left:
        batch_size = int(fields.few(bounds.BATCH_SIZE, given.batch_size, key="batch_size"))
    with right:
        augment = fields.choice(bounds.AUGMENT, given.augment, key="augment")
    views = given.views
    if augment != "none":
        views = choose_views(views)
    chosen = replace(
        given, epochs=epochs, learning_rate=rate, batch_size=batch_size, augment=augment, views=views)
    if augment != "none":
        view_costs(replace(draft, recipe=chosen).plan(), dataset)
        _preview(dataset, augment, chosen.seed)
    if draft.trainable:
        chosen = _when(replace(draft, recipe=chosen).plan())
    chosen = more_settings(replace(draft, recipe=chosen).plan(), dataset)
    if chosen != given:
        draft = replace(draft, recipe=chosen)
        state.keep(draft)
    _advice(draft)
    find_rate(draft, dataset)


def _when(plan: Plan) -> Recipe:
    """Show what learns when, stage by stage, and return the recipe with what is chosen."""
    given = plan.recipe
    method = fields.choice(bounds.METHOD, given.method, key="method")
    chosen = replace(given, method=method)
    if method == "single":
        return chosen
    left, right = st.columns(2, gap="large")
    with left:
        epochs = int(fields.number(bounds.STAGE_EPOCHS, given.stage_epochs, key="stage_epochs"))
    with right:
        rate = fields.rate(bounds.HEAD_RATE, given.head_rate, key="head_rate")
    chosen = replace(chosen, stage_epochs=epochs, head_rate=rate)
    staged = replace(plan, recipe=chosen)
    stage_table(staged)
    _never(staged)
    return chosen


def _never(plan: Plan) -> None:
    """Say which blocks the epochs end before, with a way to have enough of them."""
    late = unreached(plan)
    if not late:
        return
    least = epochs_needed(plan)
    # So that the last stage is as long as the others.
    enough = min(least - 1 + plan.recipe.stage_epochs, int(bounds.EPOCHS.high))
    sentence = _("The epochs end before their stage. It takes at least {least}; with {enough} the last stage "
                 "is as long as the others.")
    note(never_text(late), sentence.format(least=least, enough=enough), sign="warning")
    if least > bounds.EPOCHS.high:
        return

    def use_enough() -> None:
        draft = state.draft()
        state.keep(replace(draft, recipe=replace(draft.recipe, epochs=enough)))
        st.session_state["epochs"] = enough

    st.button(_("Use {n} epochs").format(n=enough), on_click=use_enough)


def never_text(late: tuple[str, ...]) -> str:
    """Return which blocks would never learn; of many how many they are."""
    if len(late) > _MOST_NAMED:
        return ngettext("{n} block never learns.", "{n} blocks never learn.", len(late)).format(n=len(late))
    return ngettext("{blocks} never learns.", "{blocks} never learn.", len(late)).format(
        blocks=", ".join(block_title(name) for name in late))


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
