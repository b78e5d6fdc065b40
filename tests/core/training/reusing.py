"""What the tests of kept activations share: who listens, small plans, and runs of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from core.data.dataset import Dataset
from core.data.images import load_array
from core.runs.folder import RunFolder
from core.training import engine
from core.training.events import BatchRow, CacheUse, EpochRow, Extraction, Outcome, Step
from core.training.plan import Head, Plan, Recipe
from core.training.stages import Stage
from core.workspace import Workspace

EACH = 12  # photos a class: 16 to learn from, 4 to validate on, 4 to test on
TRAIN, CHECKED, ALL = 16, 20, 24
SIZE = 32
POOLED, BELOW_TOP = 4 * 1280, 4 * 320  # bytes of a row: pooled, and of 1 x 1 pixels after block 7
Hook = Callable[[str, "Heard"], None]


@dataclass
class Heard:
    """Listens to a training, and does what a test wants when something is told."""

    hook: Hook = lambda _what, _heard: None
    phases: list[str] = field(default_factory=list)
    extractions: list[Extraction] = field(default_factory=list)
    uses: list[CacheUse] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    batches: list[BatchRow] = field(default_factory=list)
    epochs: list[EpochRow] = field(default_factory=list)
    begun: list[tuple[int, float]] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)

    def phase(self, phase: str) -> None:
        self.phases.append(phase)
        self.hook(phase, self)

    def fetched(self, share: float) -> None:
        raise AssertionError(f"weights were fetched: {share}")

    def extracted(self, progress: Extraction) -> None:
        self.extractions.append(progress)
        self.hook("extracted", self)

    def cache(self, use: CacheUse) -> None:
        self.uses.append(use)
        self.hook("cache", self)

    def stage(self, stage: Stage) -> None:
        self.stages.append(stage)
        self.hook("stage", self)

    def begins_at(self, history: Sequence[EpochRow], position: float) -> None:
        self.begun.append((len(history), position))

    def parked(self) -> None:
        self.hook("parked", self)

    def step(self, step: Step) -> None:
        self.steps.append(step)
        self.hook("step", self)

    def batch(self, row: BatchRow) -> None:
        self.batches.append(row)

    def epoch(self, row: EpochRow) -> None:
        self.epochs.append(row)
        self.hook("epoch", self)


@dataclass(frozen=True)
class Ran:
    """A run that has ended."""

    outcome: Outcome
    heard: Heard
    folder: RunFolder

    @property
    def use(self) -> CacheUse:
        return self.outcome.cache

    @property
    def figures(self) -> np.ndarray:
        """Loss and accuracy of each epoch, in training and in validation."""
        return np.array([
            (row.loss, row.accuracy, row.val_loss, row.val_accuracy) for row in self.outcome.history
        ], dtype=float)


def plan_for(data: Dataset, **recipe: Any) -> Plan:
    """Return a plan that is quickly carried out and worth keeping something for."""
    given = {"epochs": 4, "batch_size": 4, "learning_rate": 1e-3, "seed": 5, **recipe}
    return Plan(
        data.id, data.title, "efficientnet-lite0", head=Head(dropout=0.2), recipe=Recipe(**given),
        image_size=SIZE,
    ).checked()


def prepare(model: Any, plan: Plan, *, steps_an_epoch: int = 1) -> None:
    """Compile a model that has no blocks."""
    from core.training.model import compile_with
    from core.training.optimizer import make_optimizer

    optimizer = make_optimizer(plan.recipe, steps_an_epoch=steps_an_epoch)
    compile_with(model, optimizer, label_smoothing=plan.recipe.label_smoothing)
    optimizer.build(model.trainable_variables)


def with_recipe(plan: Plan, **recipe: Any) -> Plan:
    return replace(plan, recipe=replace(plan.recipe, **recipe))


def run(
    plan: Plan, data: Dataset, workspace: Workspace, hook: Hook | None = None,
    stop: threading.Event | None = None,
) -> Ran:
    """Carry out a plan in a run folder of its own."""
    return go_on(RunFolder.create(workspace, plan), data, workspace, hook, stop)


def go_on(
    folder: RunFolder, data: Dataset, workspace: Workspace, hook: Hook | None = None,
    stop: threading.Event | None = None,
) -> Ran:
    """Carry out what is left of a run's plan."""
    plan = load_plan(folder)
    heard = Heard(hook) if hook else Heard()
    outcome = engine.train(
        plan.checked(), data, folder.places, heard, stop or threading.Event(), workspace=workspace
    )
    return Ran(outcome, heard, folder)


def pixels(data: Dataset, split: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the photos of a split and what they show, as arrays."""
    items = data.of_split(split)
    return (
        np.stack([load_array(data.file(item), size) for item in items]),
        np.array([item.label for item in items], dtype=np.int32),
    )


def answers(folder: RunFolder, images: np.ndarray) -> np.ndarray:
    """Return what the saved model of a run says of photos."""
    from core.training.model import load_model

    return np.asarray(load_model(folder.model)[0].predict_on_batch(images))


def assert_same(one: Ran, other: Ran, data: Dataset, close: float = 1e-6) -> None:
    """Check that two runs came to the same: every epoch, the test figures, the saved model."""
    np.testing.assert_allclose(one.figures, other.figures, rtol=close, atol=close)
    assert one.outcome.kept == other.outcome.kept
    assert one.outcome.test is not None
    assert other.outcome.test is not None
    np.testing.assert_allclose(one.outcome.test, other.outcome.test, rtol=close, atol=close)
    size = load_plan(one.folder).size
    images, _labels = pixels(data, "test", size)
    np.testing.assert_allclose(
        answers(one.folder, images), answers(other.folder, images), rtol=close, atol=close
    )


def load_plan(folder: RunFolder) -> Plan:
    return Plan.load(folder.path / "plan.json")


def assert_reused(ran: Ran, *, hit: int, computed: int) -> None:
    """Check that the cache was used, and for how many images."""
    assert ran.use.reason == ""
    assert ran.use.warning == ""
    assert (ran.use.hit_images, ran.use.computed_images) == (hit, computed)


def ways_taken(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return a list to which each run adds the way that it takes."""
    from core.training import ways

    taken: list[Any] = []
    choose = ways.choose

    def noted(*given: Any) -> Any:
        taken.append(choose(*given))
        return taken[-1]

    monkeypatch.setattr(ways, "choose", noted)
    return taken


def orders(plan: Plan, images: int, epochs: int) -> Sequence[np.ndarray]:
    """Return the order in which each epoch sees the training photos."""
    found = []
    for epoch in range(epochs):
        order = np.arange(images)
        np.random.default_rng((plan.recipe.seed, epoch)).shuffle(order)
        found.append(order)
    return found
