"""What people call a run, and who started it: beside its status, which the training writes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from core.errors import BadInput
from core.files import read_json, write_json
from core.i18n import _
from core.runs.folder import RunFolder, run_folders
from core.words import one_line
from core.workspace import Workspace, is_id

FILE = "about.json"
_NUMBERS = "numbers.json"
LONGEST_NAME = 60


@dataclass(frozen=True)
class About:
    """What a run is called.

    Attributes:
        number: Its number for good, from 1; ``None`` for a run of an earlier version.
        name: What people call it; text from outside, empty where they call it nothing.
        by: Who started it: a browser's id, ``core.people.COMMAND_LINE``, or empty where not known.
        experiment: The id of the experiment that it belongs to; empty for a run of its own.
    """

    number: int | None = None
    name: str = ""
    by: str = ""
    experiment: str = ""

    @property
    def title(self) -> str:
        """Its name, else its number in words; empty where neither is known."""
        return self.name or ("" if self.number is None else _("Run {number}").format(number=self.number))


def about_of(folder: RunFolder) -> About:
    """Return what a run is called; nothing is known of one whose file is missing or damaged."""
    path = folder.path / FILE
    if not path.exists():
        return About()
    try:
        given = read_json(path)
    except BadInput:
        return About()
    number = given.get("number")
    whole = number if isinstance(number, int) and not isinstance(number, bool) and number > 0 else None
    belongs_to = given.get("experiment")
    experiment = belongs_to if isinstance(belongs_to, str) and is_id(belongs_to) else ""
    return About(whole, _text(given.get("name")), _text(given.get("by")), experiment)


def _text(given: object) -> str:
    return one_line(given)[:LONGEST_NAME] if isinstance(given, str) else ""


def write_about(folder: RunFolder, about: About) -> None:
    """Replace what a run is called."""
    write_json(folder.path / FILE, asdict(about))


def rename(workspace: Workspace, run_id: str, name: str) -> str:
    """Call a run by a name from now on; an empty one gives it its number back.

    Returns:
        The name as kept.

    Raises:
        NotFound: There is no such run.
        BadInput: The name is too long.
    """
    kept = name_checked(name)
    folder = RunFolder.open(workspace, run_id)
    write_about(folder, replace(about_of(folder), name=kept))
    return kept


def name_checked(name: str) -> str:
    """Return a name on one line; raises BadInput where it is too long."""
    kept = one_line(name)
    if len(kept) > LONGEST_NAME:
        raise BadInput(
            _("This name is too long."), given=kept[:LONGEST_NAME] + "…",
            fix=_("Use at most {n} letters.").format(n=LONGEST_NAME),
        )
    return kept


def next_number(workspace: Workspace) -> int:
    """Return the number of the next run, and remember it: none is given twice. Hold the line.

    In a workspace of an earlier version, whose runs have none, it goes on after them.
    """
    path = workspace.root / _NUMBERS
    try:
        last = read_json(path).get("last") if path.exists() else None
    except BadInput:
        last = None
    if not isinstance(last, int):
        folders = run_folders(workspace)
        last = max([len(folders), *(about_of(each).number or 0 for each in folders)])
    write_json(path, {"last": last + 1})
    return last + 1
