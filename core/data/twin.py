"""Finding out that the same photos were taken in before, so that a workspace keeps them once."""

from __future__ import annotations

import hashlib
import json

from core.data import dataset
from core.data.dataset import Dataset
from core.workspace import Workspace


def fingerprint(made: Dataset) -> str:
    """Return what two datasets share only when nothing but id and time tells them apart."""
    told = {
        "title": made.title,
        "source": made.source,
        "seed": made.seed,
        "classes": made.classes,
        "items": [(item.name, item.label, item.split, item.digest) for item in made.items],
        "left_out": [[entry.file for entry in entries]
                     for entries in (made.refused, made.duplicates, made.ignored)],
    }
    return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")).hexdigest()


def twin(made: Dataset, workspace: Workspace) -> Dataset | None:
    """Return the dataset of the workspace that ``made`` would only repeat, or ``None``."""
    alike = [
        each.id for each in dataset.summaries(workspace)
        if (each.title, each.source, each.images) == (made.title, made.source, len(made.items))
    ]
    wanted = fingerprint(made)
    for dataset_id in alike:
        known = dataset.load(workspace.dataset_dir(dataset_id))
        if fingerprint(known) == wanted:
            return known
    return None
