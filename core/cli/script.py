"""The command ``script``: a run as a plain Keras script."""

from __future__ import annotations

import argparse
from pathlib import Path

from core.cli import options
from core.cli.commands import workspace_of
from core.cli.options import Groups
from core.cli.progress import Bar
from core.files import JsonObject
from core.i18n import _
from core.runs.named import run_named
from core.studies import scripting
from core.words import one_line


def declare(groups: Groups) -> None:
    """Declare the command."""
    each = options.command(
        groups, "script", script, show_script,
        _("Print a run as a plain Keras script, or write it with all that it needs."))
    options.run(each)
    each.add_argument("--out", metavar="FOLDER_OR_ZIP",
                      help=_("where to write the script, its table of photos and its weights"))
    options.workspace(each)


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
