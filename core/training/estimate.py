"""How long a training will take and how much memory, before it starts: from what was measured here."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from core.backbones import catalogue
from core.data.dataset import Dataset, Item
from core.data.images import load_array
from core.errors import ThawError
from core.training import worth
from core.training.cost import backward, backward_of
from core.training.counts import counts, head_parameters, learning_in
from core.training.events import WRITE_EVERY_S
from core.training.extract import MOST_CONSTANTS
from core.training.feed import BATCHES_AHEAD
from core.training.plan import Plan
from core.training.speed import Anchor, Measured
from core.training.stages import plan_of, stages_of

# What steps of a real training take more than bare ones: photos are fed, curves and progress written.
# Seen on 2 cores: 1.15 to 1.3 for VGG16, MobileNetV2 and ResNet50 (tests/benchmarks/estimates.py).
FED = 1.2
# What Keras takes for a step beside the network: seen with a head alone on kept activations.
STEP_S = 0.0025
# How many copies of a weight TensorFlow holds while it folds BatchNorm into what comes before it: seen
# with ResNet50, MobileNetV2 and Lite0 (tests/benchmarks/estimates.py).
_COPIES_FOLDED = 8
_BYTES = 4
_ADAM_SLOTS = 2
_SLOTS = {"adam": _ADAM_SLOTS, "adamw": _ADAM_SLOTS, "sgd": 1, "rmsprop": 1}
_PHOTOS_TIMED = 12


@dataclass(frozen=True)
class Photos:
    """How many images of each split there are, and what reading one costs.

    Attributes:
        train: To learn from.
        validation: To validate on.
        test: To test on in the end.
        decode_s: Seconds of one core to read and resize one.
    """

    train: int
    validation: int
    test: int
    decode_s: float


@dataclass(frozen=True)
class Estimate:
    """What is expected of a training.

    Attributes:
        seconds: From start to finish.
        epoch_s: One epoch of the last stage, validation included.
        peak_bytes: The largest memory of a process that does nothing else.
    """

    seconds: float
    epoch_s: float
    peak_bytes: int


def photos_of(dataset: Dataset, image_size: int) -> Photos:
    """Count a dataset's photos, and time reading a few of them; no TensorFlow is needed."""
    train, validation, test = (dataset.of_split(split) for split in ("train", "validation", "test"))
    return Photos(
        len(train), len(validation), len(test), _decode_seconds(dataset, train, image_size)
    )


def _decode_seconds(dataset: Dataset, items: Sequence[Item], image_size: int) -> float:
    chosen = items[:: max(1, len(items) // _PHOTOS_TIMED)][:_PHOTOS_TIMED]
    began, read = time.perf_counter(), 0
    for item in chosen:
        try:
            load_array(dataset.file(item), image_size)
        except ThawError:
            continue  # the training will say so
        read += 1
    return (time.perf_counter() - began) / read if read else 0.0


def estimate(
    plan: Plan, photos: Photos, classes: int, measured: Measured, *, found: Sequence[int] = ()
) -> Estimate | None:
    """Predict time and memory of a plan; where it may end early, of one that does not.

    Args:
        plan: A checked plan.
        photos: See :func:`photos_of`.
        classes: How many classes there are.
        measured: A calibration of the plan's backbone at its image size.
        found: How many images the frozen part of each stage has seen already, see
            :func:`core.training.known_rows.found_by_stage`; none unless told.

    Returns:
        The prediction, or ``None`` where only a quick look was taken.
    """
    if not measured.anchors:
        return None
    stages = stages_of(plan)
    there = [*found, *[0] * (len(stages) - len(found))]
    tested = photos.test if plan.test_at_end else 0
    parts = []
    for stage, known in zip(stages, there, strict=True):
        # NOTE: only the last stage is tested with, but test images that are kept already are known in each.
        of_stage = replace(photos, test=tested if stage is stages[-1] else 0)
        parts.append(_stage(plan_of(plan, stage), of_stage, classes, measured, known))
    start = measured.import_s + measured.build_s
    return Estimate(
        start + sum(each.seconds for each in parts), parts[-1].epoch_s,
        max(each.peak_bytes for each in parts),
    )


def _stage(plan: Plan, photos: Photos, classes: int, measured: Measured, found: int) -> Estimate:
    """Predict a stage, from its first step on."""
    reading = photos.decode_s / (os.cpu_count() or 1)
    step = _between(plan, measured, lambda anchor: anchor.step_s)
    a_pass = measured.forward_s
    amounts = worth.Amounts(photos.train, photos.validation, photos.test)
    once, folding = 0.0, 0
    if not worth.why_plain(plan, amounts, measured, found=found):
        frozen = worth.image_seconds(plan, measured)
        once = worth.keeping(plan, amounts, measured, found=found, decode_s=reading).seconds or 0.0
        folding = _folding_bytes(plan)
        step, a_pass, reading = max(0.0, step - frozen), max(0.0, a_pass - frozen), 0.0
    saving = _saving_seconds(plan, classes, measured)
    fed = FED * (photos.train * step + photos.validation * a_pass)
    passes = photos.train + photos.validation
    batches = math.ceil(photos.train / plan.recipe.batch_size)
    epoch = fed + passes * reading + batches * STEP_S
    # The first step of training, of validation and of testing each builds its graph.
    first_step = _between(plan, measured, lambda anchor: anchor.trace_s)
    start = first_step + (2 if photos.test else 1) * measured.trace_s
    testing = photos.test * (FED * a_pass + reading)
    fit = plan.recipe.epochs * epoch
    writing = saving * min(plan.recipe.epochs, 1 + fit / WRITE_EVERY_S)
    peak = _peak_bytes(plan, classes, measured) + folding
    return Estimate(start + once + fit + writing + testing, epoch, peak)


def _between(plan: Plan, measured: Measured, value: Callable[[Anchor], float]) -> float:
    """Read off between the measured steps, by the multiply-adds of the gradients."""
    points = sorted((backward_of(plan, each.trainable), value(each)) for each in measured.anchors)
    at = backward(plan)
    for (low, first), (high, second) in pairwise(points):
        if at <= high:
            return first + (second - first) * (at - low) / max(1, high - low)
    return points[-1][1]


def _saving_seconds(plan: Plan, classes: int, measured: Measured) -> float:
    """Return what an epoch's two files take: the model, and the weights with the optimizer's state."""
    found = counts(plan, classes)
    slots = _SLOTS[plan.recipe.optimizer]
    written = 2 * found.total + slots * found.learning
    return measured.save_s * written / catalogue.get(plan.backbone).parameters


def _peak_bytes(plan: Plan, classes: int, measured: Measured) -> int:
    """Return the base, what the learning weights need beside them, and the activations of a batch."""
    scale = plan.recipe.batch_size / measured.batch
    activations = _between(plan, measured, lambda anchor: _activations(plan, anchor, measured))
    learning = counts(plan, classes).learning
    head = head_parameters(plan, classes)
    slots = 1 + _SLOTS[plan.recipe.optimizer]
    photos = (BATCHES_AHEAD + 1) * plan.recipe.batch_size * plan.size**2 * 3
    return int(
        measured.base_bytes + _BYTES * (slots * learning + head) + max(0.0, activations) * scale + photos
    )


def _folding_bytes(plan: Plan) -> int:
    """Return what the frozen part's graph takes once, see :class:`core.training.extract.PrefixRun`."""
    frozen = worth.frozen_below(plan)
    if _BYTES * sum(block.parameters for block in frozen) > MOST_CONSTANTS:
        return 0
    return _COPIES_FOLDED * _BYTES * sum(block.parameters for block in frozen if block.norm_parameters)


def _activations(plan: Plan, anchor: Anchor, measured: Measured) -> float:
    """Return the part of a measured peak that grows with the batch."""
    blocks = [
        block for block in catalogue.get(plan.backbone).blocks if block.name in anchor.trainable
    ]
    learning = learning_in(blocks, norms=False)
    return anchor.peak_bytes - measured.base_bytes - _BYTES * (1 + _ADAM_SLOTS) * learning
