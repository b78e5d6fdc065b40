"""The report of a run, ``report.json``: what is known of it once it has a model."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version

from core import __version__
from core.data.dataset import SPLITS, Dataset
from core.files import JsonObject
from core.runs.folder import RunFolder
from core.training.counts import counts
from core.training.events import EpochRow
from core.training.plan import Plan
from core.training.stages import plan_of, stage_at

LIBRARIES = ("tensorflow", "keras", "numpy", "pillow")


def made_with() -> JsonObject:
    """Return the versions of what this process works with, and the machine."""
    return {
        "versions": {"thaw": __version__, **{name: version(name) for name in LIBRARIES}},
        "machine": {
            "system": platform.platform(), "cores": os.cpu_count(), "python": platform.python_version(),
        },
    }


def whole(
    plan: Plan, dataset: Dataset, history: Sequence[EpochRow], kept: EpochRow | None
) -> JsonObject:
    """Return a report of what the folder of a run tells by itself; what is not known is ``None``.

    Args:
        plan: What it carried out.
        dataset: What it learned from, limited as the plan says.
        history: The epochs that have ended.
        kept: The one whose weights its model has; ``None`` where none ended, or it is not known.
    """
    # Blocks of a later stage may learn, and never did.
    stage = stage_at(plan, len(history) - 1)
    parameters = counts(plan_of(plan, stage), len(dataset.classes))
    return {
        "version": 1,
        "classes": list(dataset.classes),
        "images": {split: len(dataset.of_split(split)) for split in SPLITS},
        "parameters": {"total": parameters.total, "trainable": parameters.learning},
        "best": None if kept is None else {"epoch": kept.epoch, "val_accuracy": kept.val_accuracy},
        "test": None, "timing": None, "cache": None, "versions": None, "machine": None,
        "plan": plan.to_json(),
    }


def completed(folder: RunFolder, dataset: Dataset) -> JsonObject:
    """Return the report of a run, and what its folder tells where it has none or lacks parts.

    NOTE: an earlier version wrote nothing but the test figures of a run that had been stopped.

    Args:
        folder: The run.
        dataset: What it learned from, limited as its plan says.
    """
    return {**whole(folder.plan(), dataset, folder.history(), folder.kept()), **(folder.report() or {})}
