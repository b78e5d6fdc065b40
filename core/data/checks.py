"""What to know about a dataset before training on it, each with what to do; and the report."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from core.data.dataset import SPLITS, ClassCount, Dataset, Problem
from core.data.split import FEWEST_TO_SPLIT
from core.files import JsonObject
from core.i18n import _, ngettext

FEWEST_CLASSES = 2
FEW_IN_CLASS = 5
GOOD_IN_CLASS = 30
FEW_IN_TOTAL = 50
IMBALANCE = 5.0
"""The largest class is called much larger from this many times the smallest."""

MANY_REFUSED = 0.1
"""The share of files that could not be used from which something is wrong with the whole."""

MANY_REFUSED_AT_LEAST = 3

_NAMES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Findings:
    """What only the intake sees, and the checks tell.

    Attributes:
        across_splits: Duplicates that were removed, whose other copy is in another split.
        across_classes: Duplicates that were removed, whose other copy is in another class.
        carved: Splits that the files did not come with, and that were taken from training.
        only_train: Whether the files came as training images only, and were divided here.
        emptied: Class folders with files of which none can be used.
    """

    across_splits: int = 0
    across_classes: int = 0
    carved: tuple[str, ...] = ()
    only_train: bool = False
    emptied: tuple[str, ...] = ()


def problems(dataset: Dataset, findings: Findings) -> tuple[Problem, ...]:
    """Return what to know before training on ``dataset``, errors first."""
    counts = dataset.counts()
    found = [
        *_classes(counts, dataset.own_split),
        *_empty_splits(counts, dataset.own_split),
        *_sizes(counts),
        *_names(dataset.classes, findings.emptied),
        *_files(dataset),
        *_duplicates(findings),
        *_division(findings),
    ]
    return tuple(sorted(found, key=lambda problem: problem.level != "error"))


def report(dataset: Dataset) -> JsonObject:
    """Return what ``check --json`` prints; every file found is in exactly one of its four parts."""
    return {
        "classes": [
            {
                "name": count.name,
                "train": count.train,
                "validation": count.validation,
                "test": count.test,
            }
            for count in dataset.counts()
        ],
        "images": len(dataset.items),
        "refused": [{"file": entry.file, "reason": entry.reason} for entry in dataset.refused],
        "duplicates": [
            {"file": entry.file, "same_as": entry.same_as} for entry in dataset.duplicates
        ],
        "ignored": [{"file": entry.file, "reason": entry.reason} for entry in dataset.ignored],
        "problems": [
            {"level": entry.level, "title": entry.title, "message": entry.message}
            for entry in dataset.problems
        ],
    }


def _classes(counts: Sequence[ClassCount], own_split: bool) -> list[Problem]:
    found = []
    if len(counts) < FEWEST_CLASSES:
        found.append(
            _error(
                _("Fewer than two classes"),
                _(
                    "There is one class only, and a classifier needs at least two. "
                    "Put the images of each class into a folder of its own."
                ),
            )
        )
    untrainable = [
        count.name
        for count in counts
        if not count.train or (not own_split and count.total < FEWEST_TO_SPLIT)
    ]
    if untrainable and own_split:
        message = _("These classes have no image for training: {names}.")
    else:
        message = _(
            "These classes have fewer than {fewest} images and cannot be divided into training, "
            "validation and test: {names}."
        )
    if untrainable:
        message = message.format(fewest=FEWEST_TO_SPLIT, names=_listed(untrainable))
        message += " " + _("Add images to them, or leave their folders out.")
        found.append(_error(_("Too few images to train on"), message))
    return found


def _empty_splits(counts: Sequence[ClassCount], own_split: bool) -> list[Problem]:
    found = []
    titles = {
        "train": _("No images for training"),
        "validation": _("No images for validation"),
        "test": _("No images for the test"),
    }
    for split in SPLITS:
        empty = [count.name for count in counts if not getattr(count, split) and count.train]
        if not any(getattr(count, split) for count in counts):
            message = _("Without them a result cannot be measured. Add more images.")
            found.append(_error(titles[split], message))
        elif empty and own_split and split != "train":
            message = _(
                "These classes have none there, so nothing can be said about them: {names}. "
                "Add images of them to that folder."
            ).format(names=_listed(empty))
            found.append(_warning(titles[split], message))
    return found


def _sizes(counts: Sequence[ClassCount]) -> list[Problem]:
    found = []
    few = [count.name for count in counts if count.total < FEW_IN_CLASS]
    if few:
        message = _(
            "These classes have fewer than {fewest} images: {names}. What is learned and measured "
            "about them is little more than chance. Add images; {good} in a class are a good start."
        ).format(fewest=FEW_IN_CLASS, names=_listed(few), good=GOOD_IN_CLASS)
        found.append(_warning(_("Classes with very few images"), message))
    total = sum(count.total for count in counts)
    if total < FEW_IN_TOTAL:
        message = ngettext(
            "There is {total} image in total. Add images: results will vary much between runs.",
            "There are {total} images in total. Add images: results will vary much between runs.",
            total,
        ).format(total=total)
        found.append(_warning(_("Very few images"), message))
    smallest = min(counts, key=lambda count: count.total, default=None)
    largest = max(counts, key=lambda count: count.total, default=None)
    if smallest and largest and largest.total >= IMBALANCE * smallest.total:
        message = _(
            "The largest class, {largest}, has {most} images and the smallest, {smallest}, has "
            "{least}. A model leans towards large classes. Add images of the small ones, and read "
            "the accuracy by class."
        ).format(
            largest=largest.name, most=largest.total, smallest=smallest.name, least=smallest.total
        )
        found.append(_warning(_("Classes of very different size"), message))
    return found


def _names(classes: Sequence[str], emptied: Sequence[str]) -> list[Problem]:
    found = []
    if emptied:
        message = _(
            "No file in these class folders can be used, so the classes are left out: {names}. "
            "The list of refused files says why."
        ).format(names=_listed(emptied))
        found.append(_warning(_("Classes without a usable image"), message))
    by_fold: dict[str, list[str]] = {}
    for name in classes:
        by_fold.setdefault(unicodedata.normalize("NFKC", name).casefold(), []).append(name)
    alike = [name for names in by_fold.values() if len(names) > 1 for name in names]
    if alike:
        message = _(
            "These class names differ in little more than upper and lower case: {names}. "
            "If they mean the same, put their images into one folder."
        ).format(names=_listed(alike))
        found.append(_warning(_("Class names that look alike"), message))
    return found


def _files(dataset: Dataset) -> list[Problem]:
    refused = len(dataset.refused)
    found = refused + len(dataset.duplicates) + len(dataset.items)
    if refused < max(MANY_REFUSED * found, MANY_REFUSED_AT_LEAST):
        return []
    message = _(
        "{refused} of {found} files cannot be used. Look at the reasons in the list of refused "
        "files before you trust the rest."
    ).format(refused=refused, found=found)
    return [_warning(_("Many files cannot be used"), message)]


def _duplicates(findings: Findings) -> list[Problem]:
    found = []
    if findings.across_splits:
        message = ngettext(
            "{n} image was in more than one of training, validation and test. The copy in the test "
            "set was kept first, then the one for validation, so that results stay honest.",
            "{n} images were in more than one of training, validation and test. The copies in the "
            "test set were kept first, then those for validation, so that results stay honest.",
            findings.across_splits,
        ).format(n=findings.across_splits)
        found.append(_warning(_("Same images on both sides of the split"), message))
    if findings.across_classes:
        message = ngettext(
            "{n} file has the same bytes as an image of another class; one copy was kept. "
            "The list of duplicates names it: check which class is right.",
            "{n} files have the same bytes as an image of another class; one copy was kept of "
            "each. The list of duplicates names them: check which class is right.",
            findings.across_classes,
        ).format(n=findings.across_classes)
        found.append(_warning(_("Same images in two classes"), message))
    return found


def _division(findings: Findings) -> list[Problem]:
    if findings.only_train:
        message = _(
            "The images came as training images only. They were divided: 70% for training, 15% for "
            "validation, 15% for the test."
        )
        return [_warning(_("No validation and test set came with the images"), message)]
    messages = {
        "validation": _(
            "No validation set came with the images; 15% of the training images were taken for it."
        ),
        "test": _(
            "No test set came with the images; 15% of the training images were taken for it."
        ),
    }
    titles = {"validation": _("Validation set made here"), "test": _("Test set made here")}
    advice = _("Nothing is to be done, unless you have one: then add its folder.")
    return [_warning(titles[split], f"{messages[split]} {advice}") for split in findings.carved]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMES_SHOWN])
    more = len(names) - _NAMES_SHOWN
    if more <= 0:
        return shown
    return ngettext("{names} and {n} more", "{names} and {n} more", more).format(
        names=shown, n=more
    )


def _error(title: str, message: str) -> Problem:
    return Problem("error", title, message)


def _warning(title: str, message: str) -> Problem:
    return Problem("warning", title, message)
