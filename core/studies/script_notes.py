"""What a script cannot do as its run did, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from core.data.dataset import Dataset, Item
from core.i18n import _, ngettext
from core.runs.folder import RunFolder
from core.runs.status import State
from core.training.events import EpochRow
from core.training.plan import Plan
from core.training.stages import plan_of, stages_of

# How the modes of pictures begin whose pixels are not simply 8 bits of grey or colour.
_UNUSUAL = ("I", "F", "LAB")
_RATE_TOLERANCE = 1e-3


def notes_on(
    folder: RunFolder, plan: Plan, dataset: Dataset, history: Sequence[EpochRow], done: int | None
) -> list[str]:
    """Return whole sentences on what a script cannot do as its run did; names in them are from outside.

    Args:
        folder: The run.
        plan: Its plan.
        dataset: What it learned from, limited as the plan says.
        history: Its epochs.
        done: How many epochs the script trains, where the run was left before its end; else ``None``.
    """
    notes = []
    if done is not None:
        notes.append(ngettext(
            "The run was left after {n} of {planned} planned epochs; this trains as many.",
            "The run was left after {n} of {planned} planned epochs; this trains as many.", done,
        ).format(n=done, planned=plan.recipe.epochs))
    elif folder.status().state is not State.FINISHED and not history:
        notes.append(_("The run was left before its first epoch had ended; this trains all that were "
                       "planned."))
    if not _rates_as_planned(plan, dataset, history):
        notes.append(_("The run was given more epochs later, and its learning rate had gone another way "
                       "before: this trains all epochs in one go, so its history differs."))
    if dataset.source.startswith("sample:"):
        notes.append(_("The photos are those of a sample and lie in no folder under these names: give the "
                       "folder datasets/{dataset} of the workspace.").format(dataset=dataset.id))
    unusual = _unusual(dataset)
    if unusual:
        notes.append(ngettext(
            "{n} picture is of an unusual kind (16 bits, floating point or LAB); the run read it with more "
            "care.",
            "{n} pictures are of an unusual kind (16 bits, floating point or LAB); the run read them with "
            "more care.", unusual).format(n=unusual))
    return notes


def _unusual(dataset: Dataset) -> int:
    """Count the pictures that the script's few lines read otherwise than the run did."""
    # JPEG has neither 16 bits nor LAB.
    return sum(_is_unusual(dataset.file(item)) for item in dataset.items if not _is_jpeg(item))


def _is_jpeg(item: Item) -> bool:
    return item.path.endswith(".jpg")


def _is_unusual(file: Path) -> bool:
    from PIL import Image

    try:
        with Image.open(file) as picture:
            return picture.mode.startswith(_UNUSUAL)
    except (OSError, ValueError, SyntaxError):
        return False  # it cannot be read at all any more; whoever trains on it is told


def _rates_as_planned(plan: Plan, dataset: Dataset, history: Sequence[EpochRow]) -> bool:
    """Tell whether learning rates of a history are the plan's, whose epochs may have been fewer once."""
    steps = math.ceil(len(dataset.of_split("train")) / plan.recipe.batch_size)
    for stage in stages_of(plan):
        recipe = plan_of(plan, stage).recipe
        warmup = min(recipe.warmup, recipe.epochs) * steps
        for row in history[stage.first : stage.end]:
            taken = (row.epoch - stage.first) * steps
            share = taken / warmup if taken < warmup else 1.0
            if taken >= warmup and recipe.schedule != "constant":
                falling = max(1, recipe.epochs * steps - warmup)
                share = 0.5 * (1 + math.cos(math.pi * min(1.0, (taken - warmup) / falling)))
            if abs(row.learning_rate - share * recipe.learning_rate) > _RATE_TOLERANCE * recipe.learning_rate:
                return False
    return True
