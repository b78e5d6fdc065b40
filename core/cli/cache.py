"""The command ``cache``: how much is kept of what frozen parts made of photos, and removing it."""

from __future__ import annotations

import argparse

from core.activations import budget
from core.cli.commands import workspace_of
from core.files import JsonObject
from core.i18n import _
from core.words import bytes_text

_GIGABYTE = 10**9


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
