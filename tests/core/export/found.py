"""What is known of a run that never was, for the tests of its report and its card."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
from PIL import Image

from core.data.dataset import Dataset
from core.export.findings import Findings, Moved, Photo
from core.insight.confidence import calibration
from core.insight.metrics import Share, share
from core.insight.predictions import Predictions
from core.insight.rates import rates
from core.training.events import EpochRow
from core.training.plan import Plan

HOSTILE = '<img src=x onerror=alert(1)> ![a](http://evil.test/t.png) "quoted" & {x}'


def jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 6), (90, 20, 20)).save(buffer, "JPEG")
    return buffer.getvalue()


def sure_share(right: int, images: int) -> Share:
    found = share(right, images)
    assert found is not None
    return found


def predictions(classes: tuple[str, ...], images: int = 60) -> Predictions:
    random = np.random.default_rng(3)
    labels = np.arange(images, dtype=np.int32) % len(classes)
    chances = random.dirichlet(np.ones(len(classes)), images)
    chances[np.arange(images), labels] += 1
    return Predictions(
        classes, tuple(f"images/{at:06}.png" for at in range(images)), labels,
        (chances / chances.sum(axis=1, keepdims=True)).astype(np.float32))


def bare(dataset: Dataset | None = None, title: str = "Run 1") -> Findings:
    """Return what is known of a run that has only a model."""
    name = "colours" if dataset is None else dataset.title
    return Findings(
        title=title, state="stopped before its end", made="2026-01-31", usage="import keras",
        plan=Plan("20260101-000000-colours", name, "efficientnet-lite0"),
        unseen="its photos are no longer in the workspace.")


def full(dataset: Dataset, title: str = "Run 1") -> Findings:
    """Return what is known of a run of which everything is."""
    said = predictions(dataset.classes)
    confusion = np.zeros((len(dataset.classes),) * 2, int)
    np.add.at(confusion, (said.labels, said.said), 1)
    photo = Photo(jpeg(), dataset.classes[0], dataset.classes[1], 0.91)
    rows = [
        EpochRow(at, "fit", 1.0 / at, 0.5 + at / 20, 1.1 / at, 0.45 + at / 20, 1e-3, 2.0) for at in (1, 2, 3)
    ]
    return replace(
        bare(dataset, title), unseen="", trained="2025-12-24", holding_on="test photos", state="finished",
        dataset=dataset, history=rows, kept=3,
        stages=[(1, "head only"), (3, "all that may learn")], parameters=(3_400_000, 12_000), seconds=90.0,
        saved_s=240.0, versions={"keras": "3.15.1"}, machine={"system": "Linux"}, looks=2,
        measured=rates(dataset.classes, confusion.tolist()), learned_before=0,
        majority=(dataset.classes[1], sure_share(30, 60)), calibration=calibration(said), temperature=1.4,
        hardest=[photo] * 3, heatmaps=[replace(photo, heatmap=jpeg())], heatmap_block="block7",
        moved=[Moved("stem", 0.0, 1.0), Moved("block7", 0.03, 0.88)], clean=sure_share(50, 60),
        holding=[("Blurred", [sure_share(n, 60) for n in (48, 40, 22)])],
        audit=[("near-duplicates across splits", 3)],
    )
