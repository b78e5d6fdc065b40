"""What can be done with a run: pause, stop, resume, more epochs, its name, the bin."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core import bin as bins
from core import people
from core.errors import ThawError
from core.i18n import _, ngettext
from core.runs import line, steer, wishes
from core.runs.about import rename
from core.runs.listing import Listed
from core.runs.seen import history_of
from core.runs.status import State
from pages.ui import state
from pages.ui.confirm import ask_first, ask_soon
from pages.ui.escape import plain
from pages.ui.pieces import caption
from pages.web.script_error import describe

_WENT_WRONG = "action_went_wrong"


def steering(run: Listed) -> None:
    """Show the buttons of a run that goes on or waits. Call it within what ticks."""
    wish = wishes.asked(run.folder)
    waiting = run.status.state is State.QUEUED
    with st.container(horizontal=True, vertical_alignment="center"):
        if waiting:
            _places(run)
        else:
            pause = st.button(
                _("Pausing…") if wish is wishes.Wish.PAUSE else _("Pause"), key="pause",
                icon=":material/pause:", disabled=wish is not None, help=_pause_help(run),
                on_click=None if state.is_of_another(run) else _pause, args=(run.id,),
            )
            if pause and state.is_of_another(run):
                _ask(run, wishes.Wish.PAUSE)
        stopping = wish is wishes.Wish.STOP
        label = _("Leave the queue") if waiting else _("Stop training")
        stop = st.button(
            _("Stopping…") if stopping else label, key="stop", icon=":material/stop:",
            disabled=wish is not None, help=None if waiting else _stop_help(run),
            on_click=None if state.is_of_another(run) else _stop, args=(run.id,),
        )
        if stop and state.is_of_another(run):
            _ask(run, wishes.Wish.STOP)
        caption(_waiting_text() if waiting else _("You can leave this page. Training goes on."))
    say_what_went_wrong()


def _ask(run: Listed, wish: wishes.Wish) -> None:
    """Ask first about a run that somebody else started."""
    who, title = plain(state.who_started(run)), plain(run.title)
    if wish is wishes.Wish.PAUSE:
        ask_soon(
            _("Pause a run that {who} started?").format(who=who),
            _("{run} keeps everything. Resumed, it waits at the end of the queue.").format(run=title),
            _("Pause it"), lambda: steer.pause(state.workspace(), run.id),
        )
    ask_soon(
        _("Stop a run that {who} started?").format(who=who),
        _("{run} keeps its best epoch, and it can be resumed.").format(run=title),
        _("Stop it"), lambda: steer.stop(state.workspace(), run.id),
    )


def _pause(run_id: str) -> None:
    _tried(lambda: steer.pause(state.workspace(), run_id))


def _stop(run_id: str) -> None:
    _tried(lambda: steer.stop(state.workspace(), run_id))


def _waiting_text() -> str:
    return _("It starts by itself when its turn comes. You can leave this page.")


def _places(run: Listed) -> None:
    queue = line.waiting(state.workspace())
    place = line.place_in(queue, run.id)
    if place is None or len(queue) < 2:
        return
    ways = ((_("Earlier"), "arrow_upward", place - 1), (_("Later"), "arrow_downward", place + 1))
    for label, icon, to in ways:
        st.button(
            label, key=f"place_{icon}", icon=f":material/{icon}:", disabled=not 1 <= to <= len(queue),
            on_click=_tried, args=(lambda to=to: line.move(state.workspace(), run.id, to),),
        )


def _tried(action: Callable[[], object]) -> None:
    """Do something before the page is drawn anew; what goes wrong is said where the buttons are."""
    try:
        action()
    except ThawError as error:
        st.session_state[_WENT_WRONG] = describe(error)


def say_what_went_wrong() -> None:
    """Show why the last press came to nothing, if it did."""
    said = st.session_state.pop(_WENT_WRONG, None)
    if said:
        st.error(said, icon=":material/error:")


def _pause_help(run: Listed) -> str:
    if run.status.phase == "extracting":
        return _("Leaves after the photos under way; what was computed is kept. Others can train meanwhile.")
    return _("Leaves after the current step and keeps everything. Others can train meanwhile.")


def _stop_help(run: Listed) -> str:
    if run.status.phase == "extracting" and not run.status.epoch:
        return _("Ends after the photos under way. No epoch has begun yet; what was computed is kept.")
    return _("Ends after the current step and keeps the best epoch so far.")


def resuming(run: Listed, *, primary: bool) -> None:
    """Offer to go on with a run that was left."""
    if not steer.can_resume(run.folder):
        return
    st.button(
        _("Resume"), key="resume", icon=":material/play_arrow:", type="primary" if primary else "secondary",
        help=_("Goes on with the very next step. The result is the one it would have had without the break."),
        on_click=_tried, args=(lambda: state.thaw().resume(run.id),),
    )


def more_epochs(run: Listed) -> None:
    """Offer a run that has finished some more epochs, where it can have them."""
    more = min(steer.MORE_EPOCHS, steer.most_more(run.plan, history_of(run.folder)))
    if run.status.state is not State.FINISHED or more < 1 or steer.lacks_checkpoint(run.folder):
        return
    label = ngettext("Train {n} more epoch", "Train {n} more epochs", more).format(n=more)
    st.button(
        label, key="more", icon=":material/add:",
        help=_more_help(run),
        on_click=_tried, args=(lambda: state.thaw().resume(run.id, more),),
    )


def _more_help(run: Listed) -> str:
    again = _("The test photos are looked at once more in the end.")
    recipe = run.plan.recipe
    if recipe.schedule != "constant":
        return _("Goes on where it ended; the learning rate rises again to what a longer training has "
                 "there.") + " " + again
    if recipe.early_stopping:
        return _("Goes on where it ended, to the last of these epochs.") + " " + again
    return _("Goes on where it ended, as if so many epochs had been planned.") + " " + again


def why_it_stays(run: Listed) -> str:
    """Say why a run that has ended can have no more epochs, where that is for its checkpoint; else empty."""
    if run.status.state.active or not steer.lacks_checkpoint(run.folder):
        return ""
    return _("It cannot be trained further: it has no checkpoint here, which going on needs (a run that is "
             "taken in comes without one). A new run can start from it on the Model page.")


def name_and_bin(run: Listed) -> None:
    """Show who started a run, and let people give it a name or delete it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.popover(_("Name or delete"), icon=":material/edit:"):
            _naming(run)
            _deleting(run)
        who = state.who_started(run)
        if who:
            caption(_("Started by {who}.").format(who=who))


def _naming(run: Listed) -> None:
    # NOTE: the key changes with the name, so that a name given elsewhere is shown.
    key = f"name_{run.id}_{run.name}"

    def keep() -> None:
        _tried(lambda: rename(state.workspace(), run.id, st.session_state[key]))

    st.text_input(
        _("Name of this run"), run.name, key=key, on_change=keep,
        placeholder=_("Run {number}").format(number=run.number),
    )
    say_what_went_wrong()


def _deleting(run: Listed) -> None:
    active = run.status.state.active
    pressed = st.button(
        _("Delete this run"), key="delete", icon=":material/delete:", disabled=active,
        help=_("Stop it first.") if active else _("It stays in the bin of the Workspace page for {days} "
                                                  "days.").format(days=bins.KEPT_DAYS),
    )
    if pressed:
        delete_run(run.id, run.title, run.by)


def delete_run(run_id: str, title: str, by: str) -> None:
    """Delete a run, the run of somebody else after a question only."""
    workspace, me = state.workspace(), state.who()

    def delete() -> None:
        bins.delete_run(workspace, run_id, by=me)
        if state.draft().run == run_id:
            state.update(run="")
        state.say_next(_("{run} is in the bin for {days} days.").format(
            run=plain(title), days=bins.KEPT_DAYS))

    if by and by != me:
        ask_first(
            _("Delete a run that {who} started?").format(who=plain(people.who_text(workspace, by, me))),
            _("{run} goes into the bin, from where it can be restored for {days} days.").format(
                run=plain(title), days=bins.KEPT_DAYS),
            _("Delete it"), delete,
        )
        return
    with state.told():
        delete()
        st.rerun()


def break_text(run: Listed) -> str:
    """Say how far a run had come that was left; empty for one that was not."""
    status = run.status
    if not status.state.can_go_on:
        return ""
    done = len(run.folder.history())
    if steer.lacks_checkpoint(run.folder):
        return ngettext(
            "{n} of {all} epochs has ended and is kept.", "{n} of {all} epochs have ended and are kept.",
            done).format(n=done, all=status.epochs)
    if not done:
        return _("No epoch has ended yet. Resumed, it begins with what was kept of the photos.")
    return ngettext(
        "{n} of {all} epochs has ended and is kept. Resumed, it goes on from there.",
        "{n} of {all} epochs have ended and are kept. Resumed, it goes on from there.", done,
    ).format(n=done, all=status.epochs)


def your_name() -> None:
    """Let whoever uses this browser say a name, which stands beside the runs started here."""
    known = people.name_of(state.workspace(), state.who())
    key = f"your_name_{known}"

    def keep() -> None:
        people.call(state.workspace(), state.who(), st.session_state[key])

    with st.popover(
        plain(known, people.LONGEST_NAME) or _("Say your name"), icon=":material/person:", width="stretch",
        type="tertiary",
    ):
        st.text_input(
            _("Your name"), known, key=key, on_change=keep,
            help=_("Shown beside the runs that you start, to everybody who uses this workspace."),
        )
