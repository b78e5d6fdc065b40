"""The command ``cache``: how much is kept of what frozen parts made of photos, and removing it."""

from __future__ import annotations

import argparse

from core.activations import budget
from core.cli import options
from core.cli.commands import workspace_of
from core.cli.options import Groups
from core.files import JsonObject
from core.i18n import _
from core.words import bytes_text

_GIGABYTE = 10**9


def declare(groups: Groups) -> None:
    """Declare the command."""
    each = options.command(groups, "cache", cache, show_cache,
                           _("Say how much is kept of what frozen parts made of photos, or remove it."))
    each.add_argument("--clear", action="store_true", help=_("remove all that no run uses just now"))
    each.add_argument(
        "--budget", type=float, metavar="GB", help=_("how much may be kept, from now on; 10 unless told")
    )
    options.workspace(each)


def cache(given: argparse.Namespace) -> JsonObject:
    """Say how much is kept and may be kept; before that, change or clear it where that is asked for.

    Raises:
        BadInput: The size is out of range.
    """
    workspace = workspace_of(given.workspace)
    freed = 0 if given.budget is None else budget.set_budget(workspace, given.budget * _GIGABYTE)
    freed += budget.clear(workspace) if given.clear else 0
    found = budget.usage(workspace)
    return {
        "bytes": found.bytes, "in_use_bytes": found.in_use, "budget_bytes": found.budget,
        "freed_bytes": freed, "folder": str(budget.root_of(workspace)),
    }


def show_cache(answer: JsonObject) -> str:
    """One or two lines."""
    sizes = {name: bytes_text(int(str(answer[f"{name}_bytes"]))) for name in ("freed", "budget")}
    kept = _("{kept} of {budget} are kept in {folder}.").format(
        kept=bytes_text(int(str(answer["bytes"]))), folder=answer["folder"], **sizes)
    if not answer["freed_bytes"]:
        return kept
    return _("{freed} were removed.").format(**sizes) + "\n" + kept
