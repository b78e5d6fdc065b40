"""Steering runs: into the line, out of it, pause, stop, resume, more epochs; from every process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.errors import BadInput, Busy, NotFound
from core.i18n import _
from core.runs import line, wishes
from core.runs.about import About, next_number, write_about
from core.runs.folder import RunFolder
from core.runs.lineage import weights_file
from core.runs.recovery import end
from core.runs.status import State
from core.runs.wishes import Wish
from core.training import fields
from core.training.events import EpochRow, over
from core.training.plan import Plan
from core.training.stages import stages_of
from core.workspace import Workspace

MORE_EPOCHS = 5
"""How many more epochs are offered for a run that has finished."""


def create(workspace: Workspace, plan: Plan, *, by: str = "", name: str = "", wait: bool) -> RunFolder:
    """Make a run.

    Args:
        workspace: Where it is made.
        plan: What it is to carry out.
        by: Who starts it, see :class:`core.runs.about.About`.
        name: What it is called.
        wait: Whether it goes into the line; otherwise the caller carries it out.

    Raises:
        BadInput: The plan is outside its bounds.
        OSError: The disk is full.
    """
    with line.held_line(workspace):
        number = next_number(workspace)
        folder = RunFolder.create(workspace, plan)
        write_about(folder, About(number, name, by))
        if wait:
            line.join(workspace, folder.id)
    return folder


def stop(workspace: Workspace, run_id: str) -> None:
    """Stop a run: one that is worked on keeps its best epoch, one that waits leaves the line.

    One that is paused or was interrupted stays as it is and is not offered any more for resuming.

    Raises:
        NotFound: There is no such run.
        BadInput: It has ended.
    """
    _leave(workspace, run_id, Wish.STOP, State.STOPPED, also=(State.PAUSED, State.INTERRUPTED))


def pause(workspace: Workspace, run_id: str) -> None:
    """Pause a run: one that is worked on leaves with all that it needs to go on, one that waits the line.

    Raises:
        NotFound: There is no such run.
        BadInput: It is neither worked on nor waits.
    """
    _leave(workspace, run_id, Wish.PAUSE, State.PAUSED)


def _leave(
    workspace: Workspace, run_id: str, wish: Wish, left_as: State, *, also: tuple[State, ...] = ()
) -> None:
    """Ask a run's worker to leave; where nobody works on it, write at once how it was left.

    Args:
        workspace: Where it is.
        run_id: The run.
        wish: What its worker is asked for.
        left_as: What its state is then.
        also: Which states, of those in which nobody works on it, give way to that one too.
    """
    folder = RunFolder.open(workspace, run_id)
    with line.held_line(workspace):
        state = folder.status().state
        if state in also or (state is State.QUEUED and line.leave(workspace, run_id)):
            # It may have been resumed, and then has an epoch to keep.
            end(folder, left_as)
            return
    if not state.active:
        raise _not_going_on(folder, state)
    wishes.ask(folder, wish)


def resume(workspace: Workspace, run_id: str, *, more: int = 0, wait: bool = True) -> RunFolder:
    """Let a run go on where it was left, or one that has finished for more epochs.

    Args:
        workspace: Where it is.
        run_id: The run.
        more: How many epochs more than were planned, from 0; at least 1 for one that has finished.
        wait: Whether it goes into the line, one that was interrupted to its head; otherwise the caller
            carries it out, one that waits too.

    Returns:
        The run's folder; its state is queued.

    Raises:
        NotFound: The run, its dataset, or what it started from is gone.
        BadInput: It has finished and no more epochs are asked for, or more than there may be; or it has no
            checkpoint to go on from.
        Busy: It is being worked on, or waits already.
    """
    if more < 0:
        raise BadInput(
            _("A run cannot be made shorter."), given=str(more), fix=_("Say how many more epochs it gets."))
    folder = RunFolder.open(workspace, run_id)
    with line.held_line(workspace):
        status, plan = folder.status(), folder.plan()
        waits = status.state is State.QUEUED and not wait
        if status.state.active and not waits:
            raise Busy(_("This run goes on already, or waits for its turn."), given=folder.id)
        _require_going_on(folder, status.state, more)
        _require_photos(workspace, plan)
        weights_file(workspace, plan)
        if more:
            ended = as_it_ended(plan, folder.history())
            status = replace(status, epochs=ended.recipe.epochs)
            recipe = replace(ended.recipe, epochs=ended.recipe.epochs + more)
            plan = replace(plan, recipe=recipe).checked()
            folder.replace_plan(plan)
        wishes.forget(folder)
        folder.write_status(
            replace(status, epochs=plan.recipe.epochs) if waits else status.waiting_again(plan.recipe.epochs))
        if wait:
            # Whose turn was cut short has not had it.
            line.join(workspace, run_id, first=status.state is State.INTERRUPTED)
        else:
            line.leave(workspace, run_id)
    return folder


def can_resume(folder: RunFolder) -> bool:
    """Tell whether a run was left before its end and has what it needs to go on."""
    return folder.status().state.can_go_on and not lacks_checkpoint(folder)


def lacks_checkpoint(folder: RunFolder) -> bool:
    """Tell whether a run has learned something and nothing to go on from, as one that came from elsewhere.

    One without a model has lost nothing: it begins anew.
    """
    learned = folder.model.is_file() or folder.status().state is State.FINISHED
    return learned and not folder.places.last.is_file()


def as_it_ended(plan: Plan, history: Sequence[EpochRow]) -> Plan:
    """Return the plan that a run came to: where it ended early, of the epochs that it took, to their end."""
    recipe = plan.recipe
    if not over(history, recipe.early_stopping, stages_of(plan)[-1].first):
        return plan
    return replace(plan, recipe=replace(recipe, epochs=len(history), early_stopping=0))


def most_more(plan: Plan, history: Sequence[EpochRow] = ()) -> int:
    """Return how many more epochs a run may be given whose epochs so far are these."""
    return int(fields.EPOCHS.high) - as_it_ended(plan, history).recipe.epochs


def _require_going_on(folder: RunFolder, state: State, more: int) -> None:
    """Raise BadInput where a run has nothing left to do, or nothing to go on from."""
    if state is State.FINISHED and more < 1:
        raise BadInput(
            _("This run has finished."), given=folder.id,
            fix=_("Say for how many more epochs it should go on."),
        )
    if lacks_checkpoint(folder):
        raise BadInput(
            _("This run has no checkpoint to go on from."), given=folder.id,
            fix=_("Set up a new run that starts from it on the Model page."),
        )


def _require_photos(workspace: Workspace, plan: Plan) -> None:
    try:
        workspace.dataset_dir(plan.dataset)
    except NotFound as error:
        raise NotFound(
            _("The photos of this run are no longer in the workspace."), given=plan.dataset_title[:80],
            fix=_("Restore them from the bin on the Workspace page, then resume."),
        ) from error


def _not_going_on(folder: RunFolder, state: State) -> BadInput:
    return BadInput(
        _("This run is not going on."), given=f"{folder.id}: {state.value}",
        fix=_("Only a run that goes on, or waits for its turn, can be stopped or paused."),
    )
