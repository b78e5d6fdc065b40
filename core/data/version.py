"""A new version of a dataset, made of what a person marked; the one that it is made of stays as it is."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from core.data import checks, marks
from core.data import dataset as datasets
from core.data.checks import Findings
from core.data.dataset import Dataset, Problem, Revision
from core.data.gather import SAVING
from core.data.intake import scratch
from core.data.marks import BAD, KEEP, WRONG, Mark
from core.data.records import Change
from core.errors import BadInput
from core.folders import renamed
from core.i18n import _
from core.jobs import Progress, no_progress
from core.workspace import Workspace, new_dir

SOURCE = "version"
_log = logging.getLogger(__name__)
_LONGEST_TITLE = 60
_NAMED = 5
_EVERY = 100


def changes_of(dataset: Dataset, marked: Mapping[str, Mark]) -> tuple[Change, ...]:
    """Return what marks change of a dataset, in the order of its images.

    Args:
        dataset: The whole dataset, as it is stored.
        marked: Marks by the paths of its images; those of others, and those to keep, change nothing.
    """
    found = []
    for item in dataset.items if marked else ():
        mark, was = marked.get(item.path), dataset.classes[item.label]
        if mark is None or mark.verdict == KEEP:
            continue
        now = mark.label if mark.verdict == WRONG else ""
        if now != was and (mark.verdict == BAD or now in dataset.classes):
            found.append(Change(item.path, item.name, was, now))
    return tuple(found)


def version_of(workspace: Workspace, dataset: Dataset, changes: Sequence[Change]) -> Dataset | None:
    """Return the version that was made of just these changes of a dataset before, or ``None``.

    A version that cannot be read any more is passed over: nobody asked for that one.
    """
    left = len(dataset.items) - sum(not change.now for change in changes)
    for each in datasets.summaries(workspace):
        if (each.source, each.images) != (SOURCE, left):
            continue
        try:
            known = datasets.load(workspace.dataset_dir(each.id))
        except BadInput as error:
            _log.warning("a version of dataset %s is passed over: %s", dataset.id, error)
            continue
        made = known.revision
        if made is not None and (made.of, made.changes) == (dataset.id, tuple(changes)):
            return known
    return None


def new_version(
    workspace: Workspace, dataset: Dataset, marked: Mapping[str, Mark], progress: Progress = no_progress
) -> Dataset:
    """Make a new version of a dataset: bad images left out, labels put right, every split as it was.

    The photos are those of the dataset that it is made of: linked, or copied where that cannot be. Those that
    were looked at and are right now are marked to be kept.

    Args:
        workspace: Where the dataset is, and where the new one goes.
        dataset: Any part of a stored dataset; the version is made of the whole.
        marked: Marks by the paths of its images, see :func:`core.data.marks.of_items`.
        progress: Told how far it is; may raise Stopped to cancel.

    Returns:
        The new version, or the one that was made of the same marks before.

    Raises:
        BadInput: The marks change nothing, or too little would be left to train on.
        NotFound: The dataset is gone.
        Unavailable: The disk is full or cannot be written, or a photo is gone.
        Stopped: ``progress`` asked for it.

    After any error nothing is left behind.
    """
    whole = datasets.load(workspace.dataset_dir(dataset.id))
    changes = changes_of(whole, marked)
    if not changes:
        raise BadInput(
            _("These marks change nothing of the dataset."), given=whole.title[:80],
            fix=_("Mark a photo as wrongly labelled or as bad first."))
    known = version_of(workspace, whole, changes)
    if known is not None:
        return known
    changed = _changed(workspace, whole, changes)
    with scratch(workspace) as folder:
        made = new_dir(folder / "made", changed.title)
        _link_all(whole, changed, made, progress)
        judged = _judged(changed, marked)
        if judged:
            marks.keep_all(made, judged)
        datasets.save(replace(changed, id=made.name, folder=made), made)
        return datasets.load(_appeared(made, workspace))


def _changed(workspace: Workspace, whole: Dataset, changes: Sequence[Change]) -> Dataset:
    """Return the dataset as it will be, not stored yet; raises BadInput where it could not be trained on."""
    now = {change.path: change.now for change in changes}
    classes_now = [now.get(item.path, whole.classes[item.label]) for item in whole.items]
    left = set(classes_now)
    classes = tuple(name for name in whole.classes if name in left)
    label_of = {name: label for label, name in enumerate(classes)}
    items = tuple(
        replace(item, label=label_of[name])
        for item, name in zip(whole.items, classes_now, strict=True) if name
    )
    revision = _revision(workspace, whole, changes)
    made = replace(
        whole, source=SOURCE, classes=classes, items=items, revision=revision,
        title=_title(revision.title, revision.number),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    made = replace(made, problems=_problems(whole, made))
    wrong = next((each for each in made.problems if each.level == "error"), None)
    if wrong is not None:
        raise BadInput(
            _("With these marks too little would be left to train on: {problem}.").format(
                problem=wrong.title),
            given=whole.title[:80], fix=_("Take some of the marks back."),
        )
    return made


def _revision(workspace: Workspace, whole: Dataset, changes: Sequence[Change]) -> Revision:
    before = whole.revision
    title = before.title if before else whole.title[:_LONGEST_TITLE].rstrip()
    taken = {each.title for each in datasets.summaries(workspace)}
    first = before.number + 1 if before else 2
    number = next(each for each in count(first) if _title(title, each) not in taken)
    return Revision(whole.id, title, number, tuple(changes))


def _title(title: str, number: int) -> str:
    return _("{title} (version {number})").format(title=title, number=number)


def _problems(whole: Dataset, made: Dataset) -> tuple[Problem, ...]:
    """Return what to know before training on a version: what the intake of the first one saw is still so."""
    seen_anew = {each.title for each in checks.problems(whole, Findings())}
    of_intake = [each for each in whole.problems if each.level != "error" and each.title not in seen_anew]
    found = [*checks.problems(made, Findings()), *_emptied(whole, made)]
    titles = {each.title for each in found}
    return (*found, *(each for each in of_intake if each.title not in titles))


def _emptied(whole: Dataset, made: Dataset) -> list[Problem]:
    """Tell of classes that the marks left without a photo, in a split or in all of them."""
    gone = _cells(whole) - _cells(made)
    found = []
    without = [name for name in whole.classes if name not in made.classes]
    if without:
        found.append(Problem("warning", _("Classes that are left out"), _(
            "Every photo of these classes was marked as bad or as of another class: {names}. The model will "
            "not know them."
        ).format(names=_listed(without))))
    titles = {"validation": _("No photos left for validation"), "test": _("No photos left for the test")}
    for split, title in titles.items():
        emptied = [name for name in made.classes if (name, split) in gone]
        if emptied and not made.own_split:  # else the checks tell
            found.append(Problem("warning", title, _(
                "The marks left these classes without any there, so nothing can be said about them: {names}."
            ).format(names=_listed(emptied))))
    return found


def _cells(dataset: Dataset) -> set[tuple[str, str]]:
    return {(dataset.classes[item.label], item.split) for item in dataset.items}


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    shown = ", ".join(names[:_NAMED])
    return shown if more <= 0 else _("{names} and {n} more").format(names=shown, n=more)


def _link_all(whole: Dataset, changed: Dataset, made: Path, progress: Progress) -> None:
    """Give a version its photos; they take no room of their own where the file system can do that."""
    (made / datasets.IMAGES).mkdir()
    for done, item in enumerate(changed.items):
        if done % _EVERY == 0:
            progress(SAVING, done, len(changed.items))
        _link(whole.file(item), made / item.path)
    # The last moment at which it can be cancelled.
    progress(SAVING, len(changed.items), len(changed.items))


def _link(source: Path, target: Path) -> None:
    # NOTE: both names are of one file. It may be removed under either, and never be changed in place.
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:  # FAT and some network drives cannot
        shutil.copyfile(source, target)


def _judged(changed: Dataset, marked: Mapping[str, Mark]) -> dict[str, Mark]:
    """Return the marks of a version: whoever looked at a photo and put it right wants it kept so."""
    return {
        item.path: Mark(KEEP) for item in changed.items
        if item.path in marked and marked[item.path].verdict in (KEEP, WRONG)
    }


def _appeared(made: Path, workspace: Workspace) -> Path:
    for number in count(1):
        final = workspace.datasets / (made.name if number == 1 else f"{made.name}-{number}")
        if renamed(made, final):
            return final
    raise AssertionError("numbers do not end")
