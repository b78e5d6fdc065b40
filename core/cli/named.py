"""The run that a word of the command line means."""

from __future__ import annotations

from core.errors import NotFound
from core.i18n import _
from core.runs.folder import RunFolder
from core.runs.listing import Listed, listed
from core.workspace import Workspace


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
    return bool(word) and run.name == word
