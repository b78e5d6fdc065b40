"""The command ``script``: a run as a plain Keras script."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.cli.commands import workspace_of
from core.cli.progress import Bar
from core.files import JsonObject
from core.i18n import _
from core.runs.named import run_named
from core.studies import scripting
from core.words import one_line

Add = Callable[..., argparse.ArgumentParser]


def declare(groups: Any, add: Add, workspace: Callable[[argparse.ArgumentParser], None]) -> None:
    """Declare the command.

    Args:
        groups: The commands.
        add: Adds one to a group: group, name, what it does, how it is shown, about what it is.
        workspace: Adds ``--workspace``.
    """
    each = add(groups, "script", script, show_script,
               _("Print a run as a plain Keras script, or write it with all that it needs."))
    each.add_argument("run", metavar="RUN", help=_("a run's id, number or name"))
    each.add_argument("--out", metavar="FOLDER_OR_ZIP",
                      help=_("where to write the script, its table of photos and its weights"))
    workspace(each)


def script(given: argparse.Namespace) -> JsonObject:
    """Write a run as a script.

    Raises:
        BadInput: The run has no model, or the folder has something in it already.
        NotFound: There is no such run, or its dataset is gone.
    """
    workspace = workspace_of(given.workspace)
    folder = run_named(workspace, given.run)
    if given.out is not None:
        scripting.check_place(Path(given.out))
    with Bar() as bar:
        made = scripting.script(workspace, folder, bar)
    if given.out is not None:
        scripting.save(made, Path(given.out))
    return {
        "run": folder.id, "out": given.out, "files": list(made.files), "notes": list(made.notes),
        "script": made.text,
    }


def show_script(answer: JsonObject) -> str:
    """The script itself, or where it is now."""
    if answer["out"] is None:
        return str(answer["script"]).rstrip("\n")
    notes = answer["notes"] if isinstance(answer["notes"], list) else []
    return "\n".join([
        _("run {run}: written to {out}").format(run=answer["run"], out=answer["out"]),
        *(one_line(str(each)) for each in notes)])
