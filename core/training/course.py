"""The course of a training: its stages one after another, each on its own way."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.training import model as models
from core.training import ways
from core.training.asked import Asked
from core.training.checkpoint import Changing, Checkpoint, restore_optimizer, restore_weights
from core.training.events import CacheUse
from core.training.failures import advice
from core.training.fitting import Fitted, fit
from core.training.stages import Stage, plan_of, stage_at, stages_of
from core.training.ways import Way


@dataclass(frozen=True)
class Course:
    """What the stages came to.

    Attributes:
        way: The way of the last of them; close it in the end.
        fitted: What that came to.
        choosing_s: Seconds that it took to find the ways and to put the images through the frozen parts.
        plain_s: Seconds more than the stages took that the same would have taken the plain way, an
            estimate from measured costs; ``None`` where nothing was saved or it is not known.
        before: How the cache was used in the stages before.
    """

    way: Way
    fitted: Fitted
    choosing_s: float
    plain_s: float | None
    before: tuple[CacheUse, ...] = ()

    @property
    def use(self) -> CacheUse:
        """How the cache was used in all stages so far, the test photos included."""
        return in_all([*self.before, self.way.use])


def go_through(
    model: Any, asked: Asked, going_on: Checkpoint | None, changing: Changing
) -> Course:
    """Go through the stages of a plan that are left.

    A stage begins where the checkpoint of the one before ended, with an optimizer of its own, so that it
    comes to the same whether or not the training was left in between.

    Args:
        model: The whole model; a checkpoint has been restored into its weights.
        asked: What is asked for.
        going_on: The checkpoint, or ``None``.
        changing: What changes in the model in any stage.

    Raises:
        RunFailed: The loss ran away, memory ran out, a photo could no longer be read.
        Stopped: A stop was asked for before the first step.
        OSError: The disk is full.
    """
    left = _left(asked, going_on)
    choosing_s, plain_s = 0.0, _Sum()
    uses: list[CacheUse] = []
    for stage in left:
        began = time.perf_counter()
        with advice():
            _begin(model, asked, going_on, stage)
            way = ways.choose(
                plan_of(asked.plan, stage), asked.dataset, model, asked.workspace, asked.listener, asked.stop
            )
        choosing_s += time.perf_counter() - began
        try:
            asked.leave_if_asked()
            asked.listener.phase("building")  # the first step builds the graph
            fitted = fit(model, way, asked, going_on, stage, changing, saved_s=plain_s.value)
        except BaseException:
            way.close()
            raise
        plain_s.add(_plain_seconds(way, fitted, asked))
        if fitted.stopped or stage is left[-1]:
            return Course(way, fitted, choosing_s, plain_s.value, tuple(uses))
        uses.append(way.use)
        way.close()
        # NOTE: the model has the weights of the best epoch now; the next stage goes on from the last one.
        going_on = Checkpoint.load(asked.places.last)
        if going_on is not None:
            restore_weights(going_on, changing)
    raise AssertionError("a plan has a stage at the least")


def _left(asked: Asked, going_on: Checkpoint | None) -> tuple[Stage, ...]:
    now = stage_at(asked.plan, going_on.epochs if going_on else 0)
    return tuple(each for each in stages_of(asked.plan) if each.first >= now.first)


def _begin(model: Any, asked: Asked, going_on: Checkpoint | None, stage: Stage) -> None:
    """Compile the model for a stage; within one, the optimizer is as it was left."""
    asked.listener.stage(stage)
    plan = plan_of(asked.plan, stage)
    images = len(asked.dataset.of_split("train"))
    models.prepare(model, plan, steps_an_epoch=math.ceil(images / plan.recipe.batch_size))
    if going_on is not None and (going_on.epochs > stage.first or going_on.step):
        restore_optimizer(going_on, model)


def in_all(uses: Sequence[CacheUse]) -> CacheUse:
    """Return how the cache was used in several stages: plain is what was so in all of them.

    Args:
        uses: Of each stage, the last one last; one at least.
    """
    reused = [each for each in uses if not each.reason]
    if not reused:
        return uses[-1]
    return replace(
        reused[-1], hit_images=sum(each.hit_images for each in reused),
        computed_images=sum(each.computed_images for each in reused),
        bytes=sum(each.bytes for each in reused),
        warning=next((each.warning for each in reversed(uses) if each.warning), ""),
    )


def _plain_seconds(way: Way, fitted: Fitted, asked: Asked) -> float | None:
    use: CacheUse = way.use
    if use.reason or use.image_s is None:
        return None
    seen = fitted.epochs * sum(len(asked.dataset.of_split(name)) for name in ("train", "validation"))
    return seen * use.image_s - way.extract_s


class _Sum:
    """A sum of what is known; ``None`` while nothing is."""

    def __init__(self) -> None:
        self.value: float | None = None

    def add(self, value: float | None) -> None:
        if value is not None:
            self.value = (self.value or 0.0) + value
