"""How long an experiment will take, before it starts: each run's time without what they share."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from core.activations.labelled import rows_labelled, state_of
from core.data.dataset import Dataset
from core.experiments import variants
from core.experiments.design import BACKBONES, VERIFIED, Design, Planned
from core.runs.work import dataset_of
from core.training import known_rows, worth
from core.training.estimate import Photos, estimate, photos_of
from core.training.plan import Plan
from core.training.speed import Measured, measured
from core.training.stages import Stage, plan_of, stages_of
from core.workspace import Workspace


def expected_seconds(workspace: Workspace, design: Design, dataset: Dataset) -> float | None:
    """Predict how long an experiment takes from its first run's start to its last one's end.

    TensorFlow is brought up once, and what the frozen part makes of a photo is computed once for all runs
    that share it. A ranking of backbones includes the runs that it ends with: twice the mean of all that
    may be chosen.

    Args:
        workspace: Where speeds were measured and activations are kept.
        design: What is run.
        dataset: Its photos, whole.

    Returns:
        Seconds; ``None`` where a backbone was not measured here.
    """
    found = _all(workspace, design, dataset)
    if found is None:
        return None
    alone, verified = found
    if not verified:
        return sum(alone)
    return sum(alone) + min(VERIFIED, len(verified)) * sum(verified) / len(verified)


def by_member(workspace: Workspace, design: Design, dataset: Dataset) -> list[float] | None:
    """Predict how long each run of a design takes; 0 for one that is not run again.

    Returns:
        Seconds, in the order of the members; ``None`` where a backbone was not measured here.
    """
    found = _all(workspace, design, dataset)
    return None if found is None else list(found[0])


def verifying_seconds(
    workspace: Workspace, planned: Sequence[Planned], dataset: Dataset
) -> list[float | None]:
    """Predict how long runs take that verify a ranking; ``None`` for each that is not known."""
    times = _Times(workspace, dataset, _Rows(workspace), started=True)
    return [times.of(each.plan) for each in planned]


def _all(
    workspace: Workspace, design: Design, dataset: Dataset
) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    speeds = tuple(
        measured(workspace, name, size)
        for name, size in sorted({(each.plan.backbone, each.plan.size) for each in design.members})
    )
    if not all(known is not None and known.anchors for known in speeds):
        return None
    return _predicted(workspace, design, dataset.id, speeds, state_of(workspace))


# A page asks at every click, and there are many runs; the answer changes with what is measured and kept.
@lru_cache(maxsize=8)
def _predicted(
    workspace: Workspace, design: Design, _dataset_id: str, _speeds: tuple[Measured | None, ...],
    _state: tuple[object, ...],
) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    whole = dataset_of(workspace, replace(design.plan, limit=None, train_per_class=None))
    times = _Times(workspace, whole, _Rows(workspace))
    alone = [0.0 if each.run else times.of(each.plan) for each in design.members]
    verified = []
    if design.kind == BACKBONES:
        # Only two of them will be: each is looked at as if it were alone.
        for each in design.members:
            of_one = _Times(workspace, whole, times.rows.copy(), started=True)
            verified.append(of_one.of(variants.verifying(design.plan, each.role)))
    both = [each for each in (*alone, *verified) if each is not None]
    if len(both) < len(alone) + len(verified):
        return None
    return tuple(both[: len(alone)]), tuple(both[len(alone):])


class _Rows:
    """Which rows are kept, and which will be once the runs before have been carried out."""

    def __init__(self, workspace: Workspace, kept: dict[str, set[bytes]] | None = None) -> None:
        self._workspace = workspace
        self._kept = {} if kept is None else kept

    def copy(self) -> _Rows:
        return _Rows(self._workspace, {label: set(rows) for label, rows in self._kept.items()})

    def of(self, plan: Plan) -> set[bytes]:
        label = json.dumps(known_rows.label(plan), sort_keys=True)
        if label not in self._kept:
            self._kept[label] = rows_labelled(self._workspace, known_rows.label(plan))
        return self._kept[label]


class _Times:
    """Predicts runs that are carried out one after another."""

    def __init__(
        self, workspace: Workspace, dataset: Dataset, rows: _Rows, *, started: bool = False
    ) -> None:
        self._workspace = workspace
        self._dataset = dataset
        self.rows = rows
        self._started = started
        self._reading: dict[int, float] = {}

    def of(self, plan: Plan) -> float | None:
        """Predict the next run; ``None`` where its backbone was not measured."""
        known = measured(self._workspace, plan.backbone, plan.size)
        if known is None:
            return None
        dataset = dataset_of(self._workspace, plan)
        photos = replace(
            self._photos(plan.size), train=len(dataset.of_split("train")),
            validation=len(dataset.of_split("validation")), test=len(dataset.of_split("test")),
        )
        found = [
            self._found(plan_of(plan, stage), dataset, photos, known, tested=tested)
            for stage, tested in _stages(plan)
        ]
        expected = estimate(plan, photos, len(dataset.classes), known, found=found)
        if expected is None:
            return None
        seconds = expected.seconds - (known.import_s if self._started else 0.0)
        self._started = True
        return max(0.0, seconds)

    def _photos(self, size: int) -> Photos:
        if size not in self._reading:
            self._reading[size] = photos_of(self._dataset, size).decode_s
        return Photos(0, 0, 0, self._reading[size])

    def _found(
        self, plan: Plan, dataset: Dataset, photos: Photos, known: Measured, *, tested: bool
    ) -> int:
        """Return how many rows a stage finds, and keep in mind those that it leaves."""
        if worth.why_never(plan):
            return 0
        needed = _needed(plan, dataset, tested=tested)
        kept = self.rows.of(plan)
        found = len(needed & kept)
        amounts = worth.Amounts(photos.train, photos.validation, photos.test if tested else 0)
        if not worth.why_plain(plan, amounts, known, found=found):
            kept |= needed
        return found


def _stages(plan: Plan) -> Iterator[tuple[Stage, bool]]:
    """Yield the stages of a plan, and whether each looks at the test photos."""
    stages = stages_of(plan)
    for stage in stages:
        yield stage, plan.test_at_end and stage is stages[-1]


def _needed(plan: Plan, dataset: Dataset, *, tested: bool) -> set[bytes]:
    needed = set()
    for split in ("train", "validation", *(["test"] if tested else [])):
        augment, views = known_rows.views_of(plan, split)
        needed |= {
            known_rows.key(item.digest, augment, plan.recipe.seed, view)
            for item in dataset.of_split(split) for view in range(views)
        }
    return needed
