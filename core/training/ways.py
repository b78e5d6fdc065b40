"""The way a training goes: the whole model on images, or its tail on what the prefix made of them once."""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

from core.activations.store import NoRoom
from core.data.dataset import Dataset
from core.errors import Busy
from core.i18n import _
from core.training import worth
from core.training.cut import split
from core.training.events import CacheUse, Listener
from core.training.feed import Batches, Photos, PhotoSource, Source, photos_of
from core.training.plan import Plan
from core.training.reuse import Reuse
from core.training.speed import measured
from core.workspace import Workspace

if TYPE_CHECKING:
    import keras

# Not the recipe's: a stop acts between batches, and no figure depends on their size.
PREDICTION_BATCH = 32
_log = logging.getLogger(__name__)


def photos(dataset: Dataset, split_name: str) -> Photos:
    """Return files, labels and digests of one split, in the dataset's order."""
    items = dataset.of_split(split_name)
    return photos_of(
        [dataset.file(item) for item in items], [item.label for item in items],
        [item.digest for item in items],
    )


class Way(Protocol):
    """What is fitted, on what; close it in the end.

    Attributes:
        learner: A compiled model that shares its layers with the whole one: that itself, or its tail.
        use: How the cache is used so far.
        extract_s: Seconds that the prefix took so far.
    """

    learner: keras.Model
    use: CacheUse
    extract_s: float

    def source(self, split_name: str) -> Source:
        """Return what the batches of a split are made of; the training split sees each epoch's view."""

    def close(self) -> None:
        """Let go of what is kept."""


def train_batches(way: Way, plan: Plan, dataset: Dataset) -> Batches:
    """Return the batches that are learned from, in the order of the plan's seed."""
    recipe = plan.recipe
    labels = photos(dataset, "train").labels
    return Batches(way.source("train"), labels, recipe.batch_size, seed=recipe.seed, shuffle=True)


def checking_batches(way: Way, dataset: Dataset, split_name: str) -> Batches:
    """Return the batches of a split that is only looked at."""
    return Batches(way.source(split_name), photos(dataset, split_name).labels, PREDICTION_BATCH)


class PlainWay:
    """The whole model on images, every one decoded and put through all of it in every epoch."""

    extract_s = 0.0

    def __init__(self, plan: Plan, dataset: Dataset, model: keras.Model, use: CacheUse) -> None:
        self._plan = plan
        self._dataset = dataset
        self.learner = model
        self.use = use

    def source(self, split_name: str) -> Source:
        """Return the images of a split, those to learn from augmented."""
        recipe = self._plan.recipe
        given = photos(self._dataset, split_name)
        if split_name != "train":
            return PhotoSource(given, self._plan.size)
        return PhotoSource(
            given, self._plan.size, augment=recipe.augment, seed=recipe.seed, view=recipe.view
        )

    def close(self) -> None:
        """Nothing is kept."""


def choose(
    plan: Plan, dataset: Dataset, model: keras.Model, workspace: Workspace | None, listener: Listener,
    stop: threading.Event,
) -> Way:
    """Cut the model and compute what its frozen part makes of the images, where that pays.

    Args:
        plan: A checked plan.
        dataset: What it is carried out on.
        model: Its model, compiled.
        workspace: Where activations are kept; ``None`` keeps none.
        listener: Told how it is decided and how far the computing is.
        stop: Set it to leave.

    Returns:
        The way to go, ready to be fitted: training and validation images have been seen by the prefix.

    Raises:
        Stopped: ``stop`` was set; what was computed is kept.
        RunFailed: A photo can no longer be read.
    """
    try:
        way = _reused(plan, dataset, model, workspace, listener, stop)
    except _Plain as plain:
        way = PlainWay(plan, dataset, model, CacheUse(None, reason=plain.reason, warning=plain.warning))
    listener.cache(way.use)
    return way


class _Plain(Exception):
    """The plain way is to be taken."""

    def __init__(self, reason: str, warning: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.warning = warning


def _reused(
    plan: Plan, dataset: Dataset, model: keras.Model, workspace: Workspace | None, listener: Listener,
    stop: threading.Event,
) -> Way:
    amounts = worth.amounts_of(dataset)
    known = None if workspace is None else measured(workspace, plan.backbone, plan.size)
    never = worth.why_never(plan)
    if not never and workspace is None:
        never = _("There is nowhere to keep what the frozen part makes of the photos.")
    if never or workspace is None:
        raise _Plain(never)
    halves = split(model)
    if halves is None:
        raise _Plain(_("No part of the network stays the same for the same photo."))
    reuse = Reuse(plan, dataset, model, halves, workspace, listener, stop)
    with ExitStack() as leaving:
        leaving.callback(reuse.close)
        try:
            found = reuse.find()
            reason = worth.why_plain(plan, amounts, known, found=found, row=reuse.row_bytes)
            if reason:
                raise _Plain(reason)
            reuse.make_room()
            reuse.compute("train", "validation")
        except NoRoom as error:
            raise _Plain(error.reason) from error
        except (OSError, Busy) as error:
            _log.exception("the cache of frozen activations cannot be used")
            raise _Plain(
                _("What the frozen part makes of the photos could not be kept."), warning=_trouble(error)
            ) from error
        leaving.pop_all()
    return reuse


def _trouble(error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return _("The cache could not be written ({reason}).").format(reason=reason or type(error).__name__)
