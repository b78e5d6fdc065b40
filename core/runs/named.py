"""The run that a word means: its id, its number or its name."""

from __future__ import annotations

from core.errors import NotFound
from core.i18n import _
from core.runs.folder import RunFolder
from core.runs.listing import Listed, listed
from core.workspace import Workspace, is_id


def run_named(workspace: Workspace, word: str) -> RunFolder:
    """Return the run of an id, a number, or a name that only one run has.

    Raises:
        NotFound: There is none, or several have this name.
    """
    # Also a run that cannot be read, which is not in the list: it can be deleted all the same.
    if is_id(word) and (workspace.runs / word).is_dir():
        return RunFolder.open(workspace, word)
    runs = listed(workspace)
    for fits in (_has_number, _has_name):
        found = [run for run in runs if fits(run, word)]
        if len(found) == 1:
            return found[0].folder
        if found:
            raise NotFound(
                _("Several runs have this name."), given=word[:80],
                fix=_("Name one by its id: {ids}.").format(ids=", ".join(run.id for run in found[:5])),
            )
    return RunFolder.open(workspace, word)


def _has_number(run: Listed, word: str) -> bool:
    return str(run.number) == word


def _has_name(run: Listed, word: str) -> bool:
    return bool(word) and run.name == word
