"""An experiment on the disk: which runs belong to it and what each is there for."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import filelock

from core.backbones import catalogue
from core.errors import BadInput, Busy, NotFound, ThawError
from core.experiments.design import (
    ALL,
    BACKBONES,
    HEAD,
    KINDS,
    MOST_RUNS,
    SCRATCH,
    SEED,
    TRANSFER,
    VERIFIED,
)
from core.files import JsonObject, read_json, write_json
from core.i18n import _
from core.runs.seen import once
from core.training.plan import Plan
from core.words import one_line
from core.workspace import Workspace, is_id

FILE = "experiment.json"
FORM = 1
LONGEST_TITLE = 200
_LONGEST_WAIT_S = 30.0
_OWN_ROLES = (TRANSFER, SCRATCH, HEAD, ALL, SEED)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Member:
    """A run of an experiment.

    Attributes:
        role: See :class:`core.experiments.design.Planned`.
        x: Likewise.
        seed: Its seed.
        run: Its id; the run may have been deleted since.
        borrowed: Whether it was there before: it stays when the experiment is cancelled or deleted.
        verifies: Whether it trains one of the best backbones of a ranking for real.
        expected_s: Seconds that it was expected to take; ``None`` where that was not known.
    """

    role: str
    x: float | None
    seed: int
    run: str
    borrowed: bool = False
    verifies: bool = False
    expected_s: float | None = None


@dataclass(frozen=True)
class Experiment:
    """A batch of runs with one question.

    Attributes:
        id: The name of its folder.
        kind: One of :data:`core.experiments.design.KINDS`.
        title: What it is called; it may hold text from outside.
        plan: What it was made of.
        members: Its runs.
        created: When it was begun, in seconds since 1970.
        by: Who began it, see :class:`core.runs.about.About`.
        expected_s: Seconds that all of it was expected to take; ``None`` where that was not known.
        base_run: The run that controls are made for; else empty.
        cancelled: Whether somebody cancelled it.
        chosen: The run that was chosen on validation; empty before, and where nothing is chosen.
        resumed: Interrupted runs that were put in line again after their process had died, with how many
            epochs each had done by then.
    """

    id: str
    kind: str
    title: str
    plan: Plan
    members: tuple[Member, ...]
    created: float
    by: str
    expected_s: float | None
    base_run: str = ""
    cancelled: bool = False
    chosen: str = ""
    resumed: tuple[tuple[str, int], ...] = ()

    def to_json(self) -> JsonObject:
        """Return it as a JSON object; :meth:`from_json` reads it back."""
        return {"form": FORM, **asdict(self)}

    @classmethod
    def from_json(cls, given: JsonObject, experiment_id: str) -> Experiment:
        """Read what :meth:`to_json` wrote; raises BadInput where it is damaged."""
        try:
            members = tuple(_member(_object(each), str(given["kind"])) for each in _list(given["members"]))
            chosen = _run(given["chosen"])
            if len(members) > MOST_RUNS + VERIFIED or chosen not in ("", *(each.run for each in members)):
                raise ValueError("too many members, or chosen is none")
            return cls(
                id=experiment_id, kind=_one_of(given["kind"], KINDS),
                title=one_line(_text(given["title"]))[:LONGEST_TITLE],
                plan=Plan.from_json(_object(given["plan"])),
                members=members,
                created=_number(given["created"]), by=_text(given["by"])[:LONGEST_TITLE],
                expected_s=_maybe(given["expected_s"]), base_run=_run(given["base_run"]),
                cancelled=given["cancelled"] is True, chosen=chosen,
                resumed=tuple(_resumed(each) for each in _list(given["resumed"])),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(
                _("The experiment is damaged and cannot be read."), given=experiment_id,
                fix=_("Its runs are whole: they are among all others."),
            ) from error


def load(workspace: Workspace, experiment_id: str) -> Experiment:
    """Read an experiment.

    Raises:
        NotFound: There is no such experiment.
        BadInput: It is damaged, or was written by another version.
    """
    path = workspace.experiment_dir(experiment_id) / FILE
    if not path.is_file():
        raise NotFound(
            _("There is no such experiment."), given=experiment_id[:80],
            fix=_("Choose one of those that are listed."),
        )
    return once(path, lambda: _read(path))


def listed(workspace: Workspace) -> list[Experiment]:
    """Return all experiments that can be read, newest first."""
    found = []
    for folder in workspace.experiments.iterdir() if workspace.experiments.is_dir() else ():
        if not is_id(folder.name) or not (folder / FILE).is_file():
            continue
        try:
            found.append(load(workspace, folder.name))
        except ThawError as error:
            _log.warning("experiment %s is passed over: %s", folder.name, error)
    return sorted(found, key=lambda each: (each.created, each.id), reverse=True)


def save(workspace: Workspace, experiment: Experiment) -> None:
    """Write an experiment, whole; its folder is there. Hold it, see :func:`held`."""
    write_json(workspace.experiments / experiment.id / FILE, experiment.to_json())


@contextmanager
def held(workspace: Workspace, experiment_id: str) -> Iterator[Experiment]:
    """Hold an experiment, so that nobody else changes it, and hand out how it is now; for moments only.

    Raises:
        NotFound: There is no such experiment.
        BadInput: It is damaged.
        Busy: Another process has held it for long.
    """
    folder = workspace.experiment_dir(experiment_id)
    try:
        with filelock.FileLock(folder / "lock", timeout=_LONGEST_WAIT_S):
            load(workspace, experiment_id)  # which says that it was deleted meanwhile
            yield _read(folder / FILE)
    except filelock.Timeout as error:
        raise Busy(_("Another program holds this experiment."), given=experiment_id) from error


def changed(workspace: Workspace, experiment_id: str, **changes: object) -> Experiment:
    """Change something of an experiment, and return it; see :func:`held` for what it raises."""
    with held(workspace, experiment_id) as experiment:
        new = replace(experiment, **changes)  # type: ignore[arg-type]
        save(workspace, new)
        return new


def _read(path: Path) -> Experiment:
    given = read_json(path)
    if given.get("form") != FORM:
        raise BadInput(
            _("This experiment was written by another version."), given=path.parent.name,
            fix=_("Its runs are whole: they are among all others."),
        )
    return Experiment.from_json(given, path.parent.name)


def _member(given: JsonObject, kind: str) -> Member:
    if set(given) != {each.name for each in fields(Member)}:
        raise ValueError("not a member")
    run = _run(given["run"])
    if not run:
        raise ValueError("no run")
    x = _maybe(given["x"])
    if x is not None and x <= 0:
        raise ValueError("not an amount")
    return Member(
        role=_role(given["role"], kind), x=x, seed=_whole(given["seed"]), run=run,
        borrowed=given["borrowed"] is True, verifies=given["verifies"] is True,
        expected_s=_maybe(given["expected_s"]),
    )


def _role(given: object, kind: str) -> str:
    role = _text(given)
    if kind == BACKBONES:
        return catalogue.get(role).name
    if role not in _OWN_ROLES and not is_id(role.replace("_", "-")):
        raise ValueError("not a role")
    return role


def _run(given: object) -> str:
    run = _text(given)
    if run and not is_id(run):
        raise ValueError("not a run")
    return run


def _resumed(given: object) -> tuple[str, int]:
    if isinstance(given, str):  # by an earlier version, which had one try for each
        return _run(given), 0
    run, epochs = _list(given)
    return _run(run), _whole(epochs)


def _one_of(given: object, known: tuple[str, ...]) -> str:
    if given not in known:
        raise ValueError("not known")
    return str(given)


def _text(given: object) -> str:
    if not isinstance(given, str):
        raise TypeError("not a text")
    return given


def _object(given: object) -> JsonObject:
    if not isinstance(given, dict):
        raise TypeError("not an object")
    return given


def _list(given: object) -> list[object]:
    if not isinstance(given, list):
        raise TypeError("not a list")
    return given


def _whole(given: object) -> int:
    if not isinstance(given, int) or isinstance(given, bool):
        raise TypeError("not a whole number")
    return given


def _number(given: object) -> float:
    if not isinstance(given, int | float) or isinstance(given, bool) or not 0 <= given < 1e15:
        raise TypeError("not a number")
    return float(given)


def _maybe(given: object) -> float | None:
    return None if given is None else _number(given)
