"""Taking in a run that was packed into one file, without trusting it.

Only files with names of ours are unpacked, each below a size of its own; what is unpacked is counted,
whatever the zip says. Each is then read by its reader and written anew; the run appears whole or not at all.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import IO

from core.data import dataset as datasets
from core.data.archive import MAX_RATIO, MAX_UNPACKED_BYTES, RATIO_FREE_BYTES
from core.data.dataset import IMAGES, MANIFEST, Dataset
from core.data.gather import MAX_FILES
from core.data.images import MAX_FILE_BYTES
from core.data.intake import scratch
from core.errors import BadInput, NotFound, Unavailable
from core.files import JsonObject, slug
from core.folders import renamed
from core.i18n import _
from core.jobs import Progress, no_progress
from core.runs import line, studied
from core.runs.about import About, about_of, next_number, write_about
from core.runs.folder import RunFolder
from core.runs.packing import (
    DATASET_PART,
    FORMAT_VERSION,
    HEAD,
    PREDICTIONS,
    RUN_FILES,
    RUN_PART,
    fingerprint,
)
from core.runs.received import checked_run
from core.runs.received_model import BROKEN
from core.runs.received_photos import checked_photos
from core.runs.studied import STUDIES
from core.workspace import Workspace, is_id

_TEXT_BYTES = {".json": 8 * 2**20, ".csv": 32 * 2**20}
_MODEL_BYTES = 4 * 2**30
_PREDICTIONS_BYTES = 256 * 2**20
# That of 200,000 photos has 40 MB.
_MANIFEST_BYTES = 96 * 2**20
_CHUNK = 2**20
_ENCRYPTED = 0x1


@dataclass(frozen=True)
class TakenIn:
    """What came of a packed run.

    Attributes:
        run: Its id here.
        number: Its number here.
        dataset: The id of its dataset here; empty where its photos are not in this workspace.
        photos: Whether photos came along and were new.
    """

    run: str
    number: int
    dataset: str
    photos: bool


def unpack(
    workspace: Workspace, source: Path, *, by: str = "", progress: Progress = no_progress,
    last_call: Callable[[], None] = lambda: None,
) -> TakenIn:
    """Take in a packed run.

    Args:
        workspace: Where it goes.
        source: The zip, see :mod:`core.runs.packing`; it stays as it is.
        by: Who takes it in, see :class:`core.runs.about.About`.
        progress: Told how far it is; it may raise Stopped.
        last_call: Called once, before anything of it appears; it may raise Stopped, for the last time.

    Returns:
        What it is called here. Its dataset is the one of the same photos that is here already, or the one
        that came along; where there is neither, the run is without photos.

    Raises:
        NotFound: There is no such file.
        BadInput: It is no packed run, is damaged, was written by a newer version, is over a limit, or is here
            already with all that it would bring.
        Unavailable: The disk is full.
        Stopped: ``progress`` or ``last_call`` asked for it.

    After any error nothing of it is left behind.
    """
    if not source.is_file():
        raise NotFound(
            _("There is no such file."), given=str(source)[:200],
            fix=_("Check the path; it is one on the machine where Thaw runs."))
    with scratch(workspace) as inside:
        head = _unpacked(source, inside, progress)
        given = RunFolder(inside / "run")
        progress(_("Checking the run"), 0, None)
        name, classes = checked_run(given)
        progress(_("Checking the photos"), 0, None)
        here, came = _dataset(workspace, inside / "dataset", head, progress)
        if came is None:
            _require_new(workspace, given, head)
        dataset = here or came
        if dataset is not None and classes is not None and classes != dataset.classes:
            raise BadInput(_("The model's classes are not those of the photos."), given=dataset.title[:80])
        last_call()
        with _appeared(workspace, came, given.plan().dataset) as new:
            dataset_id = here.id if here else new or _free(workspace.datasets, given.plan().dataset)
            given.replace_plan(replace(given.plan(), dataset=dataset_id))
            run, number = _settled(workspace, given, name, by, head)
        return TakenIn(run, number, dataset_id if dataset else "", photos=came is not None)


class _Meter:
    """Counts unpacked bytes and stops a zip that unpacks to too much."""

    def __init__(self, packed: int) -> None:
        self._most = min(MAX_UNPACKED_BYTES, max(RATIO_FREE_BYTES, MAX_RATIO * packed))
        self._unpacked = 0

    def add(self, count: int) -> None:
        self._unpacked += count
        if self._unpacked > self._most:
            raise BadInput(_("The zip unpacks to far more than a run takes."))


def _unpacked(source: Path, inside: Path, progress: Progress) -> JsonObject:
    """Unpack what has a name of ours, and return the head."""
    (inside / "run" / STUDIES).mkdir(parents=True)
    (inside / "dataset" / IMAGES).mkdir(parents=True)
    try:
        archive = zipfile.ZipFile(source)
    except BROKEN as error:
        raise _no_run(source) from error
    with archive:
        entries = archive.infolist()
        if len(entries) > 2 * MAX_FILES or any(each.flag_bits & _ENCRYPTED for each in entries):
            raise _no_run(source)
        head = _head(archive, source)
        meter, seen = _Meter(source.stat().st_size), set()
        for number, entry in enumerate(entries):
            progress(_("Unpacking"), number, len(entries))
            place = _place(entry.filename)
            if place is None or place[0] in seen:
                continue  # not of ours, or a second one of the same name
            seen.add(place[0])
            try:
                with archive.open(entry) as stream:
                    _copy(stream, inside / place[0], place[1], meter)
            except BROKEN as error:
                if isinstance(error, OSError) and error.errno is not None:
                    raise  # the disk
                raise _no_run(source) from error
    return head


def _place(name: str) -> tuple[str, int] | None:
    """Return where an entry goes and the most bytes that it may have; ``None`` for what is passed over."""
    if name.startswith(RUN_PART):
        rest = name.removeprefix(RUN_PART)
        if rest in RUN_FILES:
            return f"run/{rest}", _TEXT_BYTES.get(Path(rest).suffix, _MODEL_BYTES)
        study = rest.removeprefix(f"{STUDIES}/")
        if study != rest and PREDICTIONS.fullmatch(study):
            return f"run/{STUDIES}/{study}", _PREDICTIONS_BYTES
    if name == DATASET_PART + MANIFEST:
        return f"dataset/{MANIFEST}", _MANIFEST_BYTES
    image = name.removeprefix(DATASET_PART)
    if image != name and datasets.is_stored_name(image):
        return f"dataset/{image}", MAX_FILE_BYTES
    return None


def _copy(stream: IO[bytes], target: Path, most: int, meter: _Meter) -> None:
    size = 0
    with target.open("wb") as handle:
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            meter.add(len(chunk))
            if size > most:
                raise BadInput(_("A file of the zip is too large."), given=target.name)
            handle.write(chunk)


def _head(archive: zipfile.ZipFile, source: Path) -> JsonObject:
    try:
        with archive.open(HEAD) as stream:
            head = json.loads(stream.read(_CHUNK))
    except (*BROKEN, RecursionError) as error:
        raise _no_run(source) from error
    version = head.get("format") if isinstance(head, dict) else None
    if type(version) is not int or version < 1:
        raise _no_run(source)
    if version > FORMAT_VERSION:
        raise BadInput(
            _("This run was written by a newer version of Thaw."), given=source.name,
            fix=_("Bring Thaw here up to date, then take it in."))
    return dict(head)


def _no_run(source: Path) -> BadInput:
    return BadInput(
        _("This is no run of Thaw, or it is damaged."), given=source.name,
        fix=_("Use a zip that “The run as one file” or “export --format run” has made."))


def _dataset(
    workspace: Workspace, folder: Path, head: JsonObject, progress: Progress
) -> tuple[Dataset | None, Dataset | None]:
    """Return the dataset of the same photos that is here, and the one that came along where it is new."""
    came = checked_photos(folder, progress) if (folder / MANIFEST).is_file() else None
    wanted = fingerprint(came) if came is not None else head.get("fingerprint")
    for each in datasets.summaries(workspace):
        if came is not None and each.images != len(came.items):
            continue
        try:
            known = datasets.load(workspace.dataset_dir(each.id))
        except BadInput:  # a damaged one is not the one
            continue
        if fingerprint(known) == wanted:
            return known, None
    return None, came


def _require_new(workspace: Workspace, given: RunFolder, head: JsonObject) -> None:
    """Raise BadInput where the same run is here already; one that was trained further is another."""
    said = head.get("run")
    if not isinstance(said, str) or not is_id(said) or not (workspace.runs / said).is_dir():
        return
    known = RunFolder.open(workspace, said)
    try:
        same = known.model.is_file() and given.model.is_file() and known.history() == given.history() \
            and studied.model_mark(known) == studied.model_mark(given)
    except BadInput:  # a damaged one is not the one
        return
    if same:
        raise BadInput(_("This run is here already."), given=about_of(known).title or said,
                       fix=_("Delete it first to take it in anew."))


@contextmanager
def _appeared(workspace: Workspace, came: Dataset | None, wanted: str) -> Iterator[str]:
    """Let a dataset that came along appear, and take it back where its run does not follow; give its id."""
    if came is None:
        yield ""
        return
    shown = _renamed_into(workspace.datasets, came.folder, wanted)
    try:
        yield shown
    except BaseException:
        (workspace.datasets / shown).rename(came.folder)
        raise


def _settled(
    workspace: Workspace, given: RunFolder, name: str, by: str, head: JsonObject
) -> tuple[str, int]:
    """Let a run appear under its id, or a new one where that is taken, with a number of this workspace."""
    said = head.get("run")
    plan = given.plan()
    wanted = said if isinstance(said, str) and is_id(said) else f"run-{slug(plan.backbone)}"
    (given.path / "checkpoint").mkdir()
    with line.held_line(workspace):
        number = next_number(workspace)
        write_about(given, About(number, name, by))
        # The age of its plan is its place among the others.
        (given.path / "plan.json").touch()
        return _renamed_into(workspace.runs, given.path, wanted), number


def _renamed_into(parent: Path, path: Path, wanted: str) -> str:
    """Rename a folder into ``parent`` under an id that is free, and return that."""
    for _attempt in range(1000):
        free = _free(parent, wanted)
        if renamed(path, parent / free):
            return free
    raise Unavailable(_("No free name was found for a new folder."), given=wanted)


def _free(parent: Path, wanted: str) -> str:
    """Return an id, as wanted where nothing has it; a number is put behind it otherwise.

    Raises:
        BadInput: What is wanted is no id, and so not safe as a folder's name.
    """
    if not is_id(wanted):
        raise BadInput(_("The plan cannot be read."), given=repr(wanted)[:80])
    names = (wanted if number == 1 else f"{wanted[:70]}-{number}" for number in count(1))
    return next(name for name in names if not (parent / name).exists())
