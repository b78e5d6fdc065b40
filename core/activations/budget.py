"""How much the kept activations take, how much they may take, and what goes first."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import filelock

from core.activations.segment import INDEX, ROWS, USE, Segment, any_alive
from core.errors import BadInput, Busy
from core.files import JsonObject, read_json, write_json
from core.i18n import _
from core.workspace import Workspace

DEFAULT_BUDGET = 10 * 10**9
LARGEST_BUDGET = 10_000 * 10**9
_LONGEST_WAIT_S = 30.0
SETTINGS = "settings.json"
_SETTING = "activations_budget"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Usage:
    """What is kept.

    Attributes:
        bytes: What it takes on disk.
        in_use: The part of it that runs use just now.
        budget: What it may take.
    """

    bytes: int
    in_use: int
    budget: int


def root_of(workspace: Workspace) -> Path:
    """Return the folder of all kept activations."""
    return workspace.cache / "activations"


@contextmanager
def locked(workspace: Workspace) -> Iterator[None]:
    """Hold the lock under which segments are marked as used and removed; hold it for moments only.

    Raises:
        Busy: Another process has held it for long.
    """
    root = root_of(workspace)
    root.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(root / "lock", timeout=_LONGEST_WAIT_S):
            yield
    except filelock.Timeout as error:
        raise Busy(_("Another program holds the cache."), given=str(root)) from error


def usage(workspace: Workspace) -> Usage:
    """Return how much is kept and how much may be."""
    sizes = {each: each.size for each in segments(workspace)}
    in_use = sum(size for each, size in sizes.items() if each.in_use())
    return Usage(sum(sizes.values()), in_use, budget_of(workspace))


def budget_of(workspace: Workspace) -> int:
    """Return how many bytes the kept activations may take."""
    given = _settings(workspace).get(_SETTING)
    if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given <= LARGEST_BUDGET:
        return DEFAULT_BUDGET
    return given


def set_budget(workspace: Workspace, budget: float) -> int:
    """Let the kept activations take at most so many bytes; what is too much goes at once.

    Returns:
        How many bytes were removed.

    Raises:
        BadInput: It is below 0 or above :data:`LARGEST_BUDGET`.
    """
    if not 0 <= budget <= LARGEST_BUDGET:  # which "nan" is not either
        raise BadInput(
            _("The size of the cache cannot be used."), given=f"{budget / 1e9:g} GB"[:80],
            fix=_("Choose from 0 to {most} GB.").format(most=f"{LARGEST_BUDGET / 1e9:,.0f}"),
        )
    write_json(workspace.root / SETTINGS, {**_settings(workspace), _SETTING: int(budget)})
    _has_room, freed = _make_room(workspace, 0)
    return freed


def clear(workspace: Workspace) -> int:
    """Remove all that no run uses just now, and return how many bytes that was."""
    with locked(workspace):
        before = [each for each in segments(workspace) if not each.in_use()]
        freed = sum(each.size for each in before)
        for each in before:
            each.remove()
        _tidy(workspace)
    return freed


def free_for(workspace: Workspace, needed: int) -> bool:
    """Remove what was not used for the longest time until so many bytes more keep within the budget.

    What is in use stays. Nothing is removed where that would not be enough.

    Returns:
        Whether there is room now.
    """
    has_room, _freed = _make_room(workspace, needed)
    return has_room


def _make_room(workspace: Workspace, needed: int) -> tuple[bool, int]:
    """Do as :func:`free_for`; say whether there is room now, and how many bytes were removed for it."""
    with locked(workspace):
        found = sorted(segments(workspace), key=lambda each: each.used)
        sizes = {each: each.size for each in found}
        too_much = sum(sizes.values()) + needed - budget_of(workspace)
        leaving, freed = [], 0
        for each in found:
            if freed >= too_much:
                break
            if not each.in_use():
                leaving.append(each)
                freed += sizes[each]
        if freed < too_much and needed:
            return False, 0
        for each in leaving:
            _log.info("kept activations of %s are removed", each.index.stem)
            each.remove()
        _tidy(workspace)
        return freed >= too_much, freed


def segments(workspace: Workspace) -> list[Segment]:
    """Return all segments of a workspace, in the order of their paths."""
    return [Segment(path) for path in sorted(root_of(workspace).glob(f"*/*{INDEX}"))]


def _tidy(workspace: Workspace) -> None:
    """Remove rows that no index leads to, and folders that hold no segment."""
    for folder in root_of(workspace).iterdir():
        if not folder.is_dir():
            continue
        for rows in folder.glob(f"*{ROWS}"):
            alone = Segment(rows.with_suffix(INDEX))
            if not alone.index.exists() and not alone.in_use():
                rows.unlink(missing_ok=True)
        if not any(folder.glob(f"*{INDEX}")) and not any_alive(folder.glob(f"*{USE}")):
            shutil.rmtree(folder, ignore_errors=True)


def _settings(workspace: Workspace) -> JsonObject:
    try:
        return read_json(workspace.root / SETTINGS)
    except BadInput:  # nothing was ever set, or the file is damaged
        return {}
