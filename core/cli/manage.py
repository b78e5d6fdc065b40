"""Steering runs from the command line: resume, pause, stop, rename, delete."""

from __future__ import annotations

import argparse
import time

from core import bin as bins
from core.cli import options
from core.cli.commands import show_train, workspace_of
from core.cli.options import Groups
from core.cli.training import carry_out_in_foreground, summary
from core.experiments import steering
from core.files import JsonObject
from core.i18n import _
from core.people import COMMAND_LINE
from core.runs import steer
from core.runs.about import rename as rename_run
from core.runs.folder import RunFolder
from core.runs.named import run_named

LONGEST_WAIT_S = 30.0
LOOK_EVERY_S = 0.2


def declare(groups: Groups) -> None:
    """Declare the commands."""
    each = options.command(
        groups, "resume", resume, show_train,
        _("Go on with a run that was paused, stopped or interrupted, or has finished."))
    options.run(each)
    each.add_argument(
        "--epochs", type=int, metavar="N", help=_("how many epochs more than were planned")
    )
    options.workspace(each)
    for name, carry_out, about in (
        ("stop", stop, _("Stop a run, also one of another process; its best epoch is kept.")),
        ("pause", pause, _("Pause a run, also one of another process, to resume it later.")),
    ):
        each = options.command(groups, name, carry_out, show_state, about)
        options.run(each)
        options.workspace(each)
    each = options.command(groups, "rename", rename, show_rename, _("Call a run by a name."))
    options.run(each)
    each.add_argument("name", metavar="NAME", help=_("the name; an empty one is forgotten"))
    options.workspace(each)
    each = options.command(groups, "delete", delete, show_delete,
                           _("Put a run into the bin, where it stays for 30 days."))
    options.run(each)
    options.workspace(each)
    each = options.command(groups, "restore", restore, show_restore, _("Bring a run back from the bin."))
    each.add_argument("run", metavar="RUN", help=_("the run's id"))
    options.workspace(each)


def resume(given: argparse.Namespace) -> JsonObject:
    """Go on with a run in the foreground."""
    workspace = workspace_of(given.workspace)
    folder = run_named(workspace, given.run)
    steer.resume(workspace, folder.id, more=given.epochs or 0, wait=False)
    carry_out_in_foreground(workspace, folder)
    steering.advance(workspace, folder.id)
    return summary(folder)


def stop(given: argparse.Namespace) -> JsonObject:
    """Stop a run, whatever process works on it."""
    workspace = workspace_of(given.workspace)
    folder = run_named(workspace, given.run)
    steer.stop(workspace, folder.id)
    return _once_left(folder)


def pause(given: argparse.Namespace) -> JsonObject:
    """Pause a run, whatever process works on it."""
    workspace = workspace_of(given.workspace)
    folder = run_named(workspace, given.run)
    steer.pause(workspace, folder.id)
    return _once_left(folder)


def _once_left(folder: RunFolder) -> JsonObject:
    """Wait until a run has left, for a while."""
    until = time.monotonic() + LONGEST_WAIT_S
    while folder.status().state.active and time.monotonic() < until:
        time.sleep(LOOK_EVERY_S)
    return {"run": folder.id, "status": folder.status().state.value}


def rename(given: argparse.Namespace) -> JsonObject:
    """Call a run by a name."""
    workspace = workspace_of(given.workspace)
    folder = run_named(workspace, given.run)
    return {"run": folder.id, "name": rename_run(workspace, folder.id, given.name)}


def delete(given: argparse.Namespace) -> JsonObject:
    """Put a run into the bin."""
    workspace = workspace_of(given.workspace)
    folder = run_named(workspace, given.run)
    bins.delete_run(workspace, folder.id, by=COMMAND_LINE)
    return {"run": folder.id, "bin_days": bins.KEPT_DAYS}


def restore(given: argparse.Namespace) -> JsonObject:
    """Bring a run back from the bin."""
    workspace = workspace_of(given.workspace)
    return {"run": bins.restore(workspace, bins.RUN, given.run)}


def show_restore(answer: JsonObject) -> str:
    """What is back."""
    return _("run {run}: brought back").format(**answer)


def show_state(answer: JsonObject) -> str:
    """How the run stands."""
    return _("run {run}: {status}").format(**answer)


def show_rename(answer: JsonObject) -> str:
    """What it is called."""
    return _("run {run}: {name}").format(**answer)


def show_delete(answer: JsonObject) -> str:
    """Where it is."""
    return _("run {run}: in the bin for {bin_days} days").format(**answer)
