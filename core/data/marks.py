"""What a person says of single photos of a dataset; kept beside it, because the dataset itself never changes.

The marks of a dataset are ``datasets/<id>/marks.json``. :mod:`core.data.version` makes a new version of them.
"""

from __future__ import annotations

import errno
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core.data.dataset import Dataset, is_stored_name
from core.errors import BadInput, NotFound, Unavailable
from core.files import read_json, write_json
from core.i18n import _

FILE = "marks.json"
WRONG, BAD, KEEP = "wrong label", "bad image", "keep"
VERDICTS = (WRONG, BAD, KEEP)
_VERSION = 1
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Mark:
    """What a person says of one photo.

    Attributes:
        verdict: ``WRONG``: its class is another; ``BAD``: it is to be left out; ``KEEP``: it is as it should
            be, and not to be called in question again.
        label: The name of the class that it is in truth, for ``WRONG``; else empty. Text from outside.
    """

    verdict: str
    label: str = ""


def marks_of(folder: Path) -> Mapping[str, Mark]:
    """Return the marks of the dataset in ``folder`` by the photos' paths (``Item.path``); empty without any.

    NOTE: the names of classes are as they were marked; :func:`of_items` checks them.

    Raises:
        BadInput: The file of the marks is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return {}
    found = read_json(path)
    rows = found.get("marks")
    if found.get("version") != _VERSION or not isinstance(rows, dict):
        raise _damaged(folder)
    return {image: _mark(folder, image, row) for image, row in rows.items()}


def of_items(dataset: Dataset) -> Mapping[str, Mark]:
    """Return the marks that mean something: of photos that ``dataset`` has, and with a class that it has.

    Raises:
        BadInput: The file of the marks is damaged.
    """
    found = marks_of(dataset.folder)
    known = {item.path: dataset.classes[item.label] for item in dataset.items} if found else {}
    return {
        image: mark for image, mark in found.items()
        if image in known and (mark.verdict != WRONG or mark.label in dataset.classes)
    }


def set_mark(dataset: Dataset, image: str, mark: Mark | None) -> None:
    """Mark one photo, or take its mark away, and keep that at once.

    Args:
        dataset: The dataset that it is in.
        image: The path of the photo within the dataset, see :class:`core.data.records.Item`.
        mark: What is said of it; ``None`` for nothing.

    Raises:
        BadInput: There is no such photo, verdict or class, the class is the one that it has, or the file of
            the marks is damaged.
        NotFound: The dataset is gone.
        Unavailable: The disk is full or cannot be written; the marks are as they were.
    """
    if mark is not None:
        _check(dataset, image, mark)
    with _lock:
        marks = dict(marks_of(dataset.folder))
        marks.pop(image, None)
        if mark is not None:
            marks[image] = mark
        try:
            keep_all(dataset.folder, marks)
        except OSError as error:
            raise _not_kept(dataset, error) from error


def keep_all(folder: Path, marks: Mapping[str, Mark]) -> None:
    """Write all marks of the dataset in ``folder``, in place of those that it had.

    Raises:
        OSError: The disk is full or cannot be written; the marks are as they were.
    """
    rows = {image: [mark.verdict, mark.label] for image, mark in sorted(marks.items())}
    write_json(folder / FILE, {"version": _VERSION, "marks": rows})


def counts(marks: Mapping[str, Mark]) -> Mapping[str, int]:
    """Return how many marks there are of each of ``VERDICTS``."""
    found = Counter(mark.verdict for mark in marks.values())
    return {verdict: found[verdict] for verdict in VERDICTS}


def _check(dataset: Dataset, image: str, mark: Mark) -> None:
    item = next((each for each in dataset.items if each.path == image), None)
    if item is None:
        raise BadInput(_("There is no such photo in this dataset."), given=image[:80])
    if mark.verdict not in VERDICTS:
        raise BadInput(_("This cannot be said of a photo."), given=mark.verdict[:80])
    if mark.verdict == WRONG and mark.label not in dataset.classes:
        raise BadInput(
            _("There is no such class in this dataset."), given=mark.label[:80],
            fix=_("Choose one of the classes that it has."))
    if mark.verdict == WRONG and mark.label == dataset.classes[item.label]:
        raise BadInput(
            _("This is the class that the photo has."), given=mark.label[:80],
            fix=_("Choose another class, or “keep”."))
    if mark.verdict != WRONG and mark.label:
        raise BadInput(_("Only a wrong label has another class."), given=mark.label[:80])


def _not_kept(dataset: Dataset, error: OSError) -> NotFound | Unavailable:
    """Return what to say of a mark that could not be written."""
    if not dataset.folder.is_dir():
        return NotFound(
            _("The mark is not kept: this dataset is gone."), given=dataset.title[:80],
            fix=_("Restore it from the bin on the Workspace page."))
    if error.errno in _DISK_FULL:
        return Unavailable(
            _("The mark is not kept: the disk is full."),
            fix=_("Make room, on the Workspace page for example, then mark the photo again."))
    return Unavailable(
        _("The mark is not kept: its file could not be written."), given=error.strerror or "",
        fix=_("Check that the workspace can be written, then mark the photo again."))


def _mark(folder: Path, image: str, row: object) -> Mark:
    if not is_stored_name(image) or not isinstance(row, list) or len(row) != 2:
        raise _damaged(folder)
    verdict, label = row
    if verdict not in VERDICTS or not isinstance(label, str):
        raise _damaged(folder)
    return Mark(verdict, label)


def _damaged(folder: Path) -> BadInput:
    return BadInput(
        _("The marks of this dataset are damaged and cannot be read."), given=f"{folder.name}/{FILE}",
        fix=_("Remove that file to begin anew; the photos are not touched."),
    )
