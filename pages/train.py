"""Train: set the recipe, start, and watch; the training goes on without the page."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core import drafts
from core.backbones import catalogue
from core.errors import ThawError
from core.i18n import _
from core.journey import Journey, chosen_dataset
from core.runs import line
from core.runs.listing import Listed, listed
from core.runs.seen import history_of
from core.runs.status import State
from core.training.counts import listed_blocks, shortcuts
from core.training.plan import Plan
from core.training.start import PRETRAINED
from core.training.transfer import origin_text
from pages.ui import state
from pages.ui.confirm import ask_on
from pages.ui.escape import plain
from pages.ui.expected import expected, expected_text
from pages.ui.live import ANYWAY_EVERY_S, curves_of, live_url, phases_of, shown_figures, turn_of
from pages.ui.live_curves import live_curves
from pages.ui.locked import locked
from pages.ui.pieces import caption, lede, note
from pages.ui.places import PLACES
from pages.ui.recipe import recipe
from pages.ui.reuse import forecast, reuse
from pages.ui.reuse_words import reused
from pages.ui.run_actions import (
    break_text,
    more_epochs,
    name_and_bin,
    resuming,
    say_what_went_wrong,
    steering,
    why_it_stays,
)
from pages.ui.run_figures import kept_text
from pages.ui.run_picker import run_box
from pages.ui.run_progress import run_progress
from pages.ui.run_settings import run_settings
from pages.ui.stage_map import stage_map
from pages.ui.trend import early_end, trend
from pages.web.script_error import describe


def main() -> None:
    ask_on()
    journey = state.stand()
    st.title(_("Train"), anchor=False)
    if locked(journey, "train"):
        return
    runs = listed(state.workspace())
    chosen = next((run for run in runs if journey.run is not None and run.id == journey.run.id), None)
    if chosen is None or _setting_up(journey, chosen):
        st.session_state[state.SHOWN_RUN] = None
        # NOTE: kept, or the first run that somebody else starts would take the place of what is set up,
        # and with it the press of the button.
        state.set_up()
        _new(journey, chosen)
        return
    st.session_state[state.SHOWN_RUN] = chosen.id
    lede(_described(chosen.plan))
    run_box({run.id: run for run in runs}, chosen.id)
    active = chosen.status.state.active
    # NOTE: its parts say when it has to run again, see pages/ui/live.py; this is for where they cannot.
    st.fragment(_live, run_every=ANYWAY_EVERY_S)(chosen.id, active)
    _below(journey, chosen)


def _setting_up(journey: Journey, run: Listed) -> bool:
    """Tell whether a new run is being set up: asked for, other photos were chosen, or it is not one's own."""
    if journey.dataset is None:
        return False
    chosen = state.draft().run == run.id
    elsewhere = run.plan.dataset != journey.dataset.id and not run.status.state.active
    return bool(st.session_state.get(
        state.SETTING_UP, not chosen and (elsewhere or state.is_of_another(run))))


def _described(plan: Plan) -> str:
    usual = shortcuts(plan.backbone)
    if plan.trainable == usual["none"]:
        sentence = _("{backbone} on “{photos}”. Only the head learns.")
    elif plan.trainable == usual["all"]:
        sentence = _("{backbone} on “{photos}”. Every block learns, and the head.")
    else:
        sentence = _("{backbone} on “{photos}”. What learns: the head and {blocks}.")
    title = catalogue.get(plan.backbone).title
    if plan.weights.source != PRETRAINED:
        title = _("{backbone} ({origin})").format(
            backbone=title, origin=origin_text(plan.weights.source))
    if plan.image_size is not None:
        title = _("{backbone} at {edge} px").format(backbone=title, edge=plan.image_size)
    return sentence.format(
        backbone=title,
        photos=plan.dataset_title,
        blocks=listed_blocks(plan),
    )


def _new(journey: Journey, last: Listed | None) -> None:
    if journey.dataset is None or not journey.dataset.usable:
        lede(_("Choose photos first, then come back to train."))
        if st.button(_("Go to {page}").format(page=PLACES["data"].title), type="primary"):
            st.switch_page(PLACES["data"].script)
        return
    draft = state.draft()
    lede(_described(draft.plan()))
    recipe(draft, journey.dataset)
    reuse(state.draft())
    plan = state.draft().plan()
    forecast(plan, journey.dataset)
    guess = expected(plan, journey.dataset)
    if guess is not None:
        caption(expected_text(guess, plan))
    busy = state.thaw().runner.snapshot().active is not None
    label = _("Add to the queue") if busy else _("Start training")
    with st.container(horizontal=True, vertical_alignment="center"):
        # NOTE: a key, because the words may change under a press: then Streamlit would take it for another.
        started = st.button(label, key="start", type="primary", icon=":material/play_arrow:")
        back = "" if last is None else _("Back to {run}").format(run=plain(last.title, 40))
        if last is not None and st.button(back, type="tertiary"):
            state.look_at(last.id)
            st.rerun()
    if started:
        with state.told():
            run = state.thaw().submit(state.draft().plan(), by=state.who())
            state.look_at(run)
            st.rerun()


def _live(run_id: str, was_active: bool) -> None:
    run = next((each for each in listed(state.workspace()) if each.id == run_id), None)
    if run is None or run.status.state.active != was_active:
        st.rerun()
    # The parts that move every second ask for what they draw; this fragment draws the words anew.
    address, queue = live_url(run_id), line.waiting(state.workspace())
    run_progress(shown_figures(run, queue), key="progress", live=address, turn=turn_of(run, queue))
    if was_active:
        steering(run)
    elif text := break_text(run):
        caption(text)
    if run.status.error is not None:
        error = run.status.error
        st.error(describe(ThawError(error.what, given=error.given, fix=error.fix)),
                 icon=":material/error:")
    stage_map(run, _classes(run))
    reused(run)
    series = curves_of(run.folder)
    if series is None:
        return
    live_curves(
        run_id, series, epochs=run.plan.recipe.epochs, key="curves", phases=phases_of(run, series),
        live=address,
    )
    rows = history_of(run.folder)
    said = early_end(rows, run) or trend(rows, going_on=was_active)
    if said is not None:
        note(said.strong, said.sentence, sign=said.sign)


def _classes(run: Listed) -> int | None:
    """Return how many classes a run's head tells apart; ``None`` where its photos are gone."""
    photos = chosen_dataset(state.workspace(), drafts.of_plan(run.plan))
    return None if photos is None else len(photos.classes)


def _below(journey: Journey, run: Listed) -> None:
    say_what_went_wrong()
    done = run.status.state
    if done.has_model and run.folder.model.is_file():
        with st.container(horizontal=True, vertical_alignment="center"):
            left = done in (State.PAUSED, State.INTERRUPTED)
            if left:
                resuming(run, primary=True)
            if st.button(_("See how well it does"), type="secondary" if left else "primary",
                         icon=":material/arrow_forward:", icon_position="right"):
                st.switch_page(PLACES["evaluate"].script)
            if not left:
                resuming(run, primary=False)
            more_epochs(run)
            _again()
        st.markdown(f":gray[{kept_text(run)}]")
        if why := why_it_stays(run):
            caption(why)
    elif not done.active:
        with st.container(horizontal=True, vertical_alignment="center"):
            resuming(run, primary=True)
            _the_same_again(run)
            _again()
    elif journey.dataset is not None:
        with st.expander(_("Queue another run"), icon=":material/add:"):
            st.markdown(_("It starts when this one has ended."))
            _again()
    with st.expander(_("Settings of this run"), icon=":material/lock:"):
        run_settings(run)
    name_and_bin(run)


def _again() -> None:
    if st.button(_("Set up a new run"), icon=":material/replay:"):
        state.set_up()
        st.rerun()


def _the_same_again(run: Listed) -> None:
    """Offer the plan of a run that came to nothing, where its photos are still there."""
    same = drafts.of_plan(run.plan)
    if chosen_dataset(state.workspace(), same) is None:
        return
    if st.button(_("Set up the same again"), icon=":material/replay:"):
        state.keep(replace(same, model_seen=True))
        state.set_up()
        st.rerun()


main()
