"""Who is here: the names that people typed, by the browser that they typed them in."""

from __future__ import annotations

import filelock

from core.drafts import is_browser
from core.errors import BadInput
from core.files import read_json, write_json
from core.i18n import _
from core.words import one_line
from core.workspace import Workspace

LONGEST_NAME = 40
COMMAND_LINE = "command line"
_FILE = "people.json"


def name_of(workspace: Workspace, browser: str) -> str:
    """Return the name that was typed in a browser; empty where none was."""
    return _names(workspace).get(browser, "")


def call(workspace: Workspace, browser: str, name: str) -> str:
    """Keep the name of who uses a browser; an empty one is forgotten.

    Args:
        workspace: Where it is kept.
        browser: The browser's id; one that is not of ours keeps nothing.
        name: As typed; shortened to 40 letters on one line.

    Returns:
        The name as kept.
    """
    kept = one_line(name)[:LONGEST_NAME]
    if not is_browser(browser):
        return kept
    with filelock.FileLock(workspace.root / "people.lock"):
        names = {each: called for each, called in _names(workspace).items() if each != browser}
        if kept:
            names[browser] = kept
        write_json(workspace.root / _FILE, {"names": names})
    return kept


def is_of_another(who: str, me: str) -> bool:
    """Tell whether somebody else is known to have started a run.

    Args:
        who: A browser's id, :data:`COMMAND_LINE`, or empty.
        me: The id of the browser that looks; empty for nobody in particular.
    """
    return bool(who) and bool(me) and who != me


def who_text(workspace: Workspace, who: str, me: str) -> str:
    """Return who started a run, in words; empty where that is not known.

    Args:
        workspace: Where names are kept.
        who: A browser's id, :data:`COMMAND_LINE`, or empty.
        me: The id of the browser that looks.
    """
    if not who:
        return ""
    if who == COMMAND_LINE:
        return _("the command line")
    name = name_of(workspace, who)
    if who == me:
        return _("{name} (you)").format(name=name) if name else _("you")
    return name or _("another browser")


def _names(workspace: Workspace) -> dict[str, str]:
    path = workspace.root / _FILE
    if not path.exists():
        return {}
    try:
        given = read_json(path).get("names")
    except BadInput:
        return {}
    if not isinstance(given, dict):
        return {}
    return {str(each): str(name)[:LONGEST_NAME] for each, name in given.items()}
