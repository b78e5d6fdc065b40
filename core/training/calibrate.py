"""Measure a backbone on this machine: a few steps on noise, in a process of its own.

NOTE: run it by :mod:`core.training.calibration` or ``python -m core measure``, never inside the server:
the largest memory of a process says something of the model only where nothing else runs in it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from core.backbones import catalogue
from core.training import speed
from core.training.backend import load_tensorflow
from core.training.counts import shortcuts
from core.training.plan import Head, Plan
from core.training.speed import Anchor, Measured
from core.training.start import RANDOM, Start

CLASSES = 10
BATCHES = (32, 16, 8, 4)
LONGEST_STEP_S = 1.2
ENOUGH_S = 1.5
MOST_STEPS = 6


def calibrate(name: str, image_size: int | None = None, *, quick: bool = False) -> Measured:
    """Measure one backbone, with random weights: speed and memory do not depend on them.

    Args:
        name: The backbone.
        image_size: Edge of the images, in pixels; its own unless told.
        quick: Measure a pass without learning only.

    Returns:
        See :class:`core.training.speed.Measured`.
    """
    began = time.perf_counter()
    load_tensorflow()
    import_s = time.perf_counter() - began
    from core.training import model as models

    backbone = catalogue.get(name)
    plan = Plan(
        "", "", backbone.name, head=Head(dropout=0.0), weights=Start(RANDOM), image_size=image_size
    )
    began = time.perf_counter()
    model = models.assemble(plan, CLASSES)
    build_s = time.perf_counter() - began
    base = _memory("VmRSS")
    batch, trace_s, forward_s = _pass_without_learning(model, plan.size)
    work = _Work(model, plan, batch)
    save_s = _save_seconds(model)
    anchors = [] if quick else [
        work.anchor(blocks) for blocks in dict.fromkeys(shortcuts(plan.backbone).values())
    ]
    return Measured(
        backbone=backbone.name, image_size=plan.size, batch=batch, forward_s=forward_s,
        import_s=import_s, build_s=build_s, trace_s=trace_s, save_s=save_s,
        base_bytes=base, anchors=tuple(anchors), machine=speed.machine(), at=time.time(),
    )


def _pass_without_learning(model: Any, size: int) -> tuple[int, float, float]:
    """Return a batch whose pass is quick enough, the time to trace, and the time of a pass an image."""
    probe = _noise(BATCHES[-1], size)
    first = _timed(lambda: model.predict_on_batch(probe))
    later = _timed(lambda: model.predict_on_batch(probe))
    batch = next(
        (each for each in BATCHES if each * later / len(probe) <= LONGEST_STEP_S), BATCHES[-1]
    )
    photos = _noise(batch, size)
    model.predict_on_batch(photos)
    seconds = _steady(lambda: model.predict_on_batch(photos))
    return batch, max(0.0, first - later), seconds / batch


class _Work:
    """Training steps on noise with one model after another."""

    def __init__(self, model: Any, plan: Plan, batch: int) -> None:
        self._model = model
        self._plan = plan
        self._photos = _noise(batch, plan.size)
        self._labels = np.arange(batch, dtype=np.int32) % CLASSES

    def anchor(self, trainable: tuple[str, ...]) -> Anchor:
        import keras

        from core.training import model as models

        # NOTE: as for pretrained weights, which is what is asked for most: BatchNorm stays frozen.
        models.set_trainable(
            models.body_of(self._model), replace(self._plan, trainable=trainable, weights=Start())
        )
        models.compile_with(self._model, keras.optimizers.Adam(1e-5))
        # As :func:`core.training.model.assemble` does; built in the first step, that is traced twice.
        self._model.optimizer.build(self._model.trainable_variables)
        _forget_peak()
        first_s = _timed(self._step)
        step_s = _steady(self._step)
        return Anchor(
            trainable, step_s / len(self._photos), _memory("VmHWM"), max(0.0, first_s - step_s)
        )

    def _step(self) -> None:
        self._model.train_on_batch(self._photos, self._labels)


def _noise(batch: int, size: int) -> Any:
    return np.random.default_rng(0).integers(0, 256, (batch, size, size, 3), dtype=np.uint8)


def _timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _steady(work: Callable[[], Any]) -> float:
    """Return the median time of a few calls; slow ones are steady enough by themselves."""
    seconds: list[float] = []
    while len(seconds) < MOST_STEPS and sum(seconds) < ENOUGH_S:
        seconds.append(_timed(work))
    return float(np.median(seconds))


def _save_seconds(model: Any) -> float:
    with tempfile.TemporaryDirectory() as folder:
        return _timed(lambda: model.save_weights(Path(folder) / "probe.weights.h5"))


def _memory(field: str) -> int:
    """Return a figure of this process's memory in bytes: ``VmRSS`` now, ``VmHWM`` at most."""
    found = status_bytes(field)
    if found is not None:
        return found
    import resource
    import sys

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def status_bytes(field: str, process: int | str = "self") -> int | None:
    """Return what Linux says of a process's memory; ``None`` elsewhere, or where it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:")), None)


def _forget_peak() -> None:
    """Let the largest memory be counted from now on, where the system allows it."""
    # Elsewhere it holds for all so far, and steps grow from anchor to anchor anyway.
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
