"""The photos of a run that came from elsewhere: looked at as if they were taken in here."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from core.data import checks
from core.data import dataset as datasets
from core.data.checks import Findings
from core.data.dataset import IMAGES, Dataset, Duplicate, Ignored, Problem, Refused, Revision
from core.data.layout import DEEPEST, LONGEST_PART, FoundFile, Place, clean_class, clean_name
from core.data.look import look_at_all
from core.data.records import Change, Item
from core.errors import BadInput
from core.i18n import _
from core.jobs import Progress
from core.runs.received_model import are_classes
from core.words import one_line

LONGEST_TITLE = 80
_LONGEST_REASON = 600
_LONGEST_NAME = DEEPEST * (LONGEST_PART + 1)


def checked_photos(folder: Path, progress: Progress) -> Dataset:
    """Read a dataset that came along, look at every photo of it, and write it anew.

    Args:
        folder: A folder in which nothing has been checked.
        progress: Told how many photos are looked at; it may raise Stopped.

    Raises:
        BadInput: It is damaged, or a photo is missing, another one, there twice or none.
    """
    came = datasets.load(folder)
    paths, digests = {item.path for item in came.items}, {item.digest for item in came.items}
    each_once = len(paths) == len(digests) == len(came.items) > 0
    if not each_once or not are_classes(came.classes):
        raise _damaged(came)
    for path in (folder / IMAGES).iterdir():
        if f"{IMAGES}/{path.name}" not in paths:
            path.unlink()
    dataset = _plain(replace(came, items=_looked_at(came, progress)))
    datasets.save(dataset, folder)
    return dataset


def _looked_at(came: Dataset, progress: Progress) -> tuple[Item, ...]:
    """Return the items with what was found of their photos."""
    files = [FoundFile(item.path, came.file(item)) for item in came.items]
    places = {item.path: Place(came.classes[item.label], item.split) for item in came.items}
    found = []
    for item, looked in zip(came.items, look_at_all(files, places, None, progress), strict=True):
        if looked.facts is None and came.file(item).is_file():
            raise BadInput(looked.reason, given=item.path)
        if looked.facts is None or looked.digest != item.digest:
            raise BadInput(_("A photo is missing in the zip, or is another one."), given=item.path)
        if not item.path.endswith(f".{looked.facts.extension}"):
            raise BadInput(_("A photo is of another kind than its name says."), given=item.path)
        name = clean_name(item.name)[:_LONGEST_NAME]
        found.append(replace(item, name=name, width=looked.facts.width, height=looked.facts.height))
    return tuple(found)


def _plain(came: Dataset) -> Dataset:
    """Return a dataset whose texts are each on one line and none too long, and whose problems were found."""
    try:
        created = datetime.fromisoformat(came.created).isoformat(timespec="seconds")
    except ValueError as error:
        raise _damaged(came) from error
    made = replace(
        came, title=one_line(came.title)[:LONGEST_TITLE] or _("Images"), created=created,
        source=one_line(came.source)[:LONGEST_TITLE],
        refused=tuple(Refused(_name(each.file), _reason(each.reason)) for each in came.refused),
        duplicates=tuple(Duplicate(_name(each.file), _name(each.same_as)) for each in came.duplicates),
        ignored=tuple(Ignored(_name(each.file), _reason(each.reason)) for each in came.ignored),
        revision=_revision(came.revision) if came.revision is not None else None,
    )
    now = checks.problems(made, Findings())
    seen_anew = {each.title for each in now}
    # What only the intake saw; errors are all found anew.
    before = [
        Problem(each.level, _reason(each.title), _reason(each.message)) for each in came.problems
        if each.level == "warning" and each.title not in seen_anew
    ]
    return replace(made, problems=(*now, *before))


def _revision(came: Revision) -> Revision:
    changes = tuple(
        Change(each.path, _name(each.name), clean_class(each.was)[:LONGEST_PART],
               clean_class(each.now)[:LONGEST_PART])
        for each in came.changes if datasets.is_stored_name(each.path)
    )
    return replace(came, title=one_line(came.title)[:LONGEST_TITLE], changes=changes)


def _name(text: str) -> str:
    return clean_name(text)[:_LONGEST_NAME]


def _reason(text: str) -> str:
    return one_line(text)[:_LONGEST_REASON]


def _damaged(came: Dataset) -> BadInput:
    return BadInput(
        _("The dataset is damaged and cannot be read."), given=one_line(came.title)[:LONGEST_TITLE])
