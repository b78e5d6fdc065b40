"""Reuse of the frozen part while a run is set up: what each choice costs, what will happen, what is kept."""

from __future__ import annotations

import streamlit as st

from core.activations import budget
from core.activations.budget import LARGEST_BUDGET, Usage
from core.data.dataset import Dataset
from core.drafts import Draft
from core.i18n import _
from core.training import fields as bounds
from core.training import known_rows
from core.training.plan import Plan
from core.training.speed import Measured, measured
from core.training.stages import last_of
from core.training.worth import (
    Amounts,
    ViewsCost,
    all_frozen,
    amounts_of,
    cut_text,
    frozen_below,
    keeping,
    views_costs,
    why_plain,
)
from core.words import about_text, bytes_text
from pages.ui import fields, state
from pages.ui.pieces import caption, choice_table, note
from pages.ui.reuse_words import plain_words
from pages.ui.run_words import photos_text

_GIGABYTE = 1e9
_BUDGET, _CACHE, _FREED = "kept_budget", "cache", "kept_freed"


def views_text(views: int) -> str:
    """Return what a number of views is called: ``"4"``, ``"Fresh every epoch"`` for 0."""
    return f"{views}" if views else _("Fresh every epoch")


def choose_views(views: int) -> int:
    """Show how many views of a photo are made, and return the number that is chosen."""
    return int(fields.few(bounds.VIEWS, views, views_text(0), key="views"))


def view_costs(plan: Plan, dataset: Dataset) -> None:
    """Show what each number of views costs, where some part can be reused at all."""
    plan = last_of(plan)
    if not (plan.cache and frozen_below(plan)):
        return
    found = views_costs(
        plan, amounts_of(dataset), _measured(plan),
        lambda choice: known_rows.found(state.workspace(), choice, dataset),
    )
    choice_table(
        _("What each number of views costs the frozen part"),
        (_("Views"), _("Photos it sees"), _("Its time"), _("Disk")),
        [
            (views_text(each.views), f"{each.passes:,}", _time_text(each),
             bytes_text(each.bytes) if each.bytes else _("none"))
            for each in found
        ],
        chosen=next(at for at, each in enumerate(found) if each.views == plan.recipe.views),
    )
    caption(_("A fresh view in every epoch is the textbook way: the frozen part sees every photo in every "
              "epoch. Otherwise it sees each view once, and the epochs take turns with them. What it has "
              "seen in earlier runs is not counted again."))


def _time_text(cost: ViewsCost) -> str:
    if not cost.passes:
        return _("none")
    return _("not measured") if cost.seconds is None else f"≈ {about_text(cost.seconds)}"


def forecast(plan: Plan, dataset: Dataset) -> None:
    """Say in one line what will happen with the frozen part, in the last stage where there are more."""
    plan = last_of(plan)
    amounts, known = amounts_of(dataset), _measured(plan)
    there = known_rows.found(state.workspace(), plan, dataset)
    reason = why_plain(plan, amounts, known, found=there)
    if reason:
        note(*plain_words(reason), sign="info")
        return
    strong, sentence = forecast_words(plan, amounts, known, there)
    most = budget.budget_of(state.workspace())
    if keeping(plan, amounts, known).bytes <= most:
        note(strong, sentence, sign="ice")
        return
    more = _("That is more than the {size} that may be kept; you can allow more above.").format(
        size=bytes_text(most))
    note(strong, f"{sentence} {more}", sign="warning")


def forecast_words(
    plan: Plan, amounts: Amounts, known: Measured | None, there: int = 0
) -> tuple[str, str]:
    """Return how far the network stays frozen, and what it takes to see each photo once.

    Args:
        plan: The plan.
        amounts: How many photos there are.
        known: What was measured of the backbone here, or ``None``.
        there: How many photos, or views of them, it has seen in earlier runs.
    """
    takes = keeping(plan, amounts, known, found=there)
    views = plan.recipe.different_views or 1
    strong = (
        _("The network stays frozen up to {block}.").format(block=cut_text(plan)) if not all_frozen(plan)
        else _("The whole backbone stays frozen.")
    )
    if there >= takes.images:
        return strong, _("It has seen all of these photos in earlier runs, so only what learns is computed.")
    sentence = (
        _("Each photo passes the frozen part once: {photos}, about {size} on disk, {time}.") if views == 1
        else _("Each training photo passes the frozen part in {views} views, each once: {photos}, about "
               "{size} on disk, {time}.")
    )
    time = (
        _("time not measured on this computer") if takes.seconds is None
        else _("about {time}").format(time=about_text(takes.seconds))
    )
    photos = photos_text(takes.images, views=views > 1)
    said = sentence.format(views=views, photos=photos, size=bytes_text(takes.bytes), time=time)
    if there:
        said += " " + _("{seen} of them are there from earlier runs.").format(seen=f"{there:,}")
    return strong, said


def reuse(draft: Draft) -> None:
    """Show, folded, whether the frozen part is reused, how much is kept, and a way to remove it."""
    with st.expander(_("Reuse of the frozen part"), icon=":material/ac_unit:"):
        st.markdown(_(
            "What the frozen part makes of each photo is kept on this computer, so later epochs and later "
            "runs train only the part above it. Removing it costs only time: it is computed again when it is "
            "needed."))
        st.session_state[_CACHE] = draft.cache
        st.toggle(
            _("Let each photo pass the frozen part once"), key=_CACHE, on_change=_switch,
            help=_("The activations at the last frozen layer are cached as 32-bit numbers. It changes how "
                   "long a training takes and nothing else."))
        _kept(budget.usage(state.workspace()))


def _switch() -> None:
    # NOTE: before the page is drawn, because what each choice costs stands above the switch.
    state.update(cache=st.session_state[_CACHE])


def _kept(known: Usage) -> None:
    def allow() -> None:
        with state.told():
            freed = budget.set_budget(state.workspace(), round(st.session_state[_BUDGET] * _GIGABYTE))
            if freed:
                st.session_state[_FREED] = freed

    def remove() -> None:
        with state.told():
            st.session_state[_FREED] = budget.clear(state.workspace())

    # The control follows the workspace: another tab may have allowed more meanwhile.
    st.session_state[_BUDGET] = known.budget / _GIGABYTE
    left, right = st.columns(2, gap="large", vertical_alignment="bottom")
    left.number_input(
        _("May take on disk, in GB"), min_value=0.0, max_value=LARGEST_BUDGET / _GIGABYTE, step=1.0,
        format="%g", key=_BUDGET, on_change=allow,
        help=_("When it would be more, the oldest goes first, never a part that a run uses just now. 0 "
               "keeps nothing."))
    right.button(
        _("Remove what is kept"), key="kept_remove", icon=":material/delete:", on_click=remove,
        disabled=known.bytes <= known.in_use)
    caption(kept_text(known))
    freed = st.session_state.pop(_FREED, None)
    if freed is not None:
        note(_("Removed."), _("{size} are free again.").format(size=bytes_text(freed)), sign="good")


def kept_text(known: Usage) -> str:
    """Say how much is kept of how much may be, and how much of it a run uses."""
    if not known.bytes:
        return _("Nothing is kept yet. Up to {budget} may be.").format(budget=bytes_text(known.budget))
    said = _("Kept: {size} of {budget}.").format(
        size=bytes_text(known.bytes), budget=bytes_text(known.budget))
    if not known.in_use:
        return said
    used = _("A run uses {size} of it just now; that part stays.").format(size=bytes_text(known.in_use))
    return f"{said} {used}"


def _measured(plan: Plan) -> Measured | None:
    return measured(state.workspace(), plan.backbone, plan.size)
