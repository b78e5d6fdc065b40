"""Steering runs from the command line: resume, pause, stop, rename, delete."""

from __future__ import annotations

import argparse
import time

from core import bin as bins
from core.cli.commands import workspace_of
from core.cli.training import carry_out_in_foreground
from core.errors import NotFound
from core.files import JsonObject
from core.i18n import _
from core.people import COMMAND_LINE
from core.runs import steer
from core.runs.about import rename as rename_run
from core.runs.folder import RunFolder
from core.runs.listing import Listed, listed
from core.workspace import Workspace

LONGEST_WAIT_S = 30.0
LOOK_EVERY_S = 0.2


def run_named(workspace: Workspace, word: str) -> RunFolder:
    """Return the run of an id, a number, or a name that only one run has.

    Raises:
        NotFound: There is none, or several have this name.
    """
    runs = listed(workspace)
    for fits in (_has_id, _has_number, _has_name):
        found = [run for run in runs if fits(run, word)]
        if len(found) == 1:
            return found[0].folder
        if found:
            raise NotFound(
                _("Several runs have this name."), given=word[:80],
                fix=_("Name one by its id: {ids}.").format(ids=", ".join(run.id for run in found[:5])),
            )
    # A run that cannot be read is not in the list, and can be deleted all the same.
    return RunFolder.open(workspace, word)


def _has_id(run: Listed, word: str) -> bool:
    return run.id == word


def _has_number(run: Listed, word: str) -> bool:
    return str(run.number) == word


def _has_name(run: Listed, word: str) -> bool:
    return run.name == word


def resume(given: argparse.Namespace) -> JsonObject:
    """Go on with a run in the foreground."""
    workspace = workspace_of(given.workspace)
    folder = run_named(workspace, given.run)
    steer.resume(workspace, folder.id, more=given.epochs or 0, wait=False)
    return carry_out_in_foreground(workspace, folder)


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


def show_state(answer: JsonObject) -> str:
    """How the run stands."""
    return _("run {run}: {status}").format(**answer)


def show_rename(answer: JsonObject) -> str:
    """What it is called."""
    return _("run {run}: {name}").format(**answer)


def show_delete(answer: JsonObject) -> str:
    """Where it is."""
    return _("run {run}: in the bin for {bin_days} days").format(**answer)
