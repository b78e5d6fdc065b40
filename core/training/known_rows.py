"""Which rows a plan needs, and how many of them are kept already; no TensorFlow is needed."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import lru_cache

from core.activations.labelled import rows_labelled, state_of
from core.activations.store import row_key
from core.data.dataset import SPLITS, Dataset
from core.files import JsonObject
from core.training import worth
from core.training.plan import Plan
from core.training.stages import plan_of, stages_of
from core.training.start import RANDOM
from core.workspace import Workspace


def cut_name(plan: Plan) -> str:
    """Return the last block below the cut, or the head's layer where all blocks are; else nothing."""
    if worth.all_frozen(plan):
        return "flatten" if plan.head.pooling == "flatten" else "pooling"
    below = worth.frozen_below(plan)
    return below[-1].name if below else ""


def key(digest: str, augment: str, seed: int, view: int) -> bytes:
    """Return the key of one view of an image, or of the image as it is where it is not augmented."""
    return row_key(digest) if augment == "none" else row_key(digest, (augment, seed, view))


def views_of(plan: Plan, split_name: str) -> tuple[str, int]:
    """Return how a split is augmented and how many views of its images are kept."""
    if split_name != "train" or plan.recipe.augment == "none":
        return "none", 1
    return plan.recipe.augment, plan.recipe.different_views or 1


def label(plan: Plan) -> JsonObject:
    """Return what tells kept rows apart without their weights, which only the built model has."""
    seed = plan.recipe.seed if plan.weights.source == RANDOM else None
    return {
        "backbone": plan.backbone, "start": asdict(plan.weights), "seed": seed, "size": plan.size,
        "cut": cut_name(plan), "pooling": plan.head.pooling if worth.all_frozen(plan) else None,
    }


def found_by_stage(workspace: Workspace, plan: Plan, dataset: Dataset) -> tuple[int, ...]:
    """Return :func:`found` for each stage of a plan."""
    return tuple(found(workspace, plan_of(plan, stage), dataset) for stage in stages_of(plan))


def found(workspace: Workspace, plan: Plan, dataset: Dataset) -> int:
    """Return how many of the rows that a plan needs seem to be kept.

    It serves a forecast: the training itself goes by the weights, and checks every row.
    """
    if worth.why_never(plan):
        return 0
    made_by, state, count = json.dumps(label(plan)), state_of(workspace), 0
    for name in SPLITS:
        digests = tuple(item.digest for item in dataset.of_split(name))
        augment, views = views_of(plan, name)
        count += sum(
            _of_view(workspace, made_by, digests, augment, plan.recipe.seed, view, state)
            for view in range(views)
        )
    return count


# A page asks at every click for several numbers of views; the answers change only with what is kept.
@lru_cache(maxsize=32)
def _of_view(
    workspace: Workspace, made_by: str, digests: tuple[str, ...], augment: str, seed: int, view: int,
    state: tuple[object, ...],
) -> int:
    kept = _labelled(workspace, made_by, state)
    return sum(key(digest, augment, seed, view) in kept for digest in digests) if kept else 0


@lru_cache(maxsize=2)
def _labelled(workspace: Workspace, made_by: str, _state: tuple[object, ...]) -> set[bytes]:
    return rows_labelled(workspace, json.loads(made_by))
