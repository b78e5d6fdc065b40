"""The photos that a model is looked at on: a split of its own dataset, or another dataset by class name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.data import dataset as datasets
from core.data.dataset import SPLITS, Dataset, Item
from core.errors import BadInput
from core.i18n import _
from core.runs.folder import RunFolder
from core.runs.work import dataset_of
from core.training.feed import Photos, photos_of
from core.training.plan import Plan
from core.training.start import RUN
from core.workspace import Workspace, is_id

ALL = "all"
OWN = "own"


@dataclass(frozen=True)
class Target:
    """What photos a model is looked at on.

    Attributes:
        dataset: The id of another dataset of the workspace; empty for the run's own.
        split: ``train``, ``validation``, ``test`` or ``all``.
    """

    dataset: str = ""
    split: str = "test"

    @property
    def key(self) -> str:
        """What names files of it; only letters, digits and hyphens."""
        return f"{self.dataset or OWN}-{self.split}"

    def checked(self) -> Target:
        """Return it; raises BadInput where it names nothing that can be."""
        if self.split not in (*SPLITS, ALL) or (self.dataset and not is_id(self.dataset)):
            raise BadInput(
                _("These are no photos of this workspace."), given=f"{self.dataset} {self.split}"[:80])
        return self


@dataclass(frozen=True)
class Chosen:
    """The photos of a target.

    Attributes:
        dataset: The dataset that they are in.
        classes: The class names in the model's order, which ``labels`` count in.
        items: The photos, in the dataset's order.
        labels: ``(items,)``, int32.
        unknown: Classes of the dataset that the model does not know; their photos are left out.
        left_out: How many photos that is.
        learned_from: How many of the photos of another dataset the run has learned from, byte by byte, itself
            or in a run that it goes on from; they are left out too.
        learned_among: How many of ``items`` it has learned from in the same way: photos of its own dataset
            are not left out.
        unknown_before: Titles of the datasets that it learned from in runs that it goes on from and that are
            gone: whether photos of these are among ``items`` is not known. Text from outside.
    """

    dataset: Dataset
    classes: tuple[str, ...]
    items: tuple[Item, ...]
    labels: NDArray[np.int32]
    unknown: tuple[str, ...] = ()
    left_out: int = 0
    learned_from: int = 0
    learned_among: int = 0
    unknown_before: tuple[str, ...] = ()

    @property
    def photos(self) -> Photos:
        """Files, labels and digests, as a network is fed with them."""
        return photos_of(
            [self.dataset.file(item) for item in self.items], [int(each) for each in self.labels],
            [item.digest for item in self.items],
        )


def own_dataset(workspace: Workspace, folder: RunFolder) -> Dataset:
    """Return the dataset that a run learned from, limited as its plan says.

    Raises:
        NotFound: It is gone.
    """
    return dataset_of(workspace, folder.plan())


@dataclass(frozen=True)
class Learned:
    """The photos that a run has learned from, itself or in a run that it goes on from.

    Attributes:
        digests: What tells them from others, see :class:`core.data.records.Item`.
        unknown: Titles of the datasets of earlier runs that are gone, with their photos; text from outside.
    """

    digests: frozenset[str]
    unknown: tuple[str, ...]


def learned_by(workspace: Workspace, folder: RunFolder) -> Learned:
    """Return the photos that a run has learned from, as far as they are known.

    Raises:
        NotFound: Its own dataset is gone.
    """
    plan = folder.plan()
    digests = _trained_on(dataset_of(workspace, plan))
    unknown = {}
    for run, title in _before(plan).items():
        try:
            digests |= _trained_on(dataset_of(workspace, RunFolder.open(workspace, run).plan()))
        except BadInput:  # the run or its dataset is gone, or damaged
            unknown[title] = run
    return Learned(frozenset(digests), tuple(unknown))


def _before(plan: Plan) -> dict[str, str]:
    """Return the runs that a plan goes on from, by their ids with the titles of their datasets."""
    if plan.weights.source != RUN:
        return {}
    return {plan.weights.name: plan.weights.name, **{each.run: each.dataset_title for each in plan.history}}


def _trained_on(dataset: Dataset) -> set[str]:
    return {item.digest for item in dataset.of_split("train")}


def chosen(workspace: Workspace, folder: RunFolder, target: Target) -> Chosen:
    """Return the photos of a target.

    Raises:
        BadInput: There is no such photo, or no class that the model knows.
        NotFound: The dataset is gone.
    """
    target = target.checked()
    own, learned = own_dataset(workspace, folder), learned_by(workspace, folder)
    if not target.dataset or target.dataset == own.id:
        items = own.items if target.split == ALL else own.of_split(target.split)
        if not items:
            raise BadInput(_("This dataset has no such photos."), given=target.split)
        return Chosen(
            own, own.classes, items, _labels([item.label for item in items]),
            learned_among=sum(item.digest in learned.digests for item in items),
            unknown_before=learned.unknown,
        )
    return _of_another(own, learned, datasets.load(workspace.dataset_dir(target.dataset)), target)


def _of_another(own: Dataset, learned: Learned, other: Dataset, target: Target) -> Chosen:
    at = {name: label for label, name in enumerate(own.classes)}
    all_items = other.items if target.split == ALL else other.of_split(target.split)
    known = [item for item in all_items if other.classes[item.label] in at]
    items = tuple(item for item in known if item.digest not in learned.digests)
    if not items:
        raise BadInput(
            _("There is no photo here that this model can be measured on."), given=other.title[:80],
            fix=_("Name the class folders as the model's classes are named, and use photos that it has "
                  "not learned from."),
        )
    return Chosen(
        other, own.classes, items, _labels([at[other.classes[item.label]] for item in items]),
        unknown=tuple(name for name in other.classes if name not in at),
        left_out=len(all_items) - len(known), learned_from=len(known) - len(items),
        unknown_before=learned.unknown,
    )


def _labels(labels: list[int]) -> NDArray[np.int32]:
    return np.asarray(labels, dtype=np.int32)
