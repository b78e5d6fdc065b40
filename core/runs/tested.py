"""What a look at a run's test photos comes to: its figures, and every answer kept beside them."""

from __future__ import annotations

import csv
import io
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from core.data.dataset import Dataset
from core.files import JsonObject, write_text
from core.insight.metrics import evaluate
from core.insight.predictions import Predictions
from core.runs.folder import RunFolder
from core.runs.studied import keep_predictions


def kept_test(folder: RunFolder, dataset: Dataset, chances: NDArray[np.floating]) -> JsonObject:
    """Keep what a run's model says of its test photos, and return the figures for its report.

    Args:
        folder: The run; its lock is held by whoever calls this.
        dataset: What it learned from, with at least one test photo.
        chances: ``(test photos, classes)``, finite: what the model says of them, in the dataset's order.
    """
    items = dataset.of_split("test")
    said = chances.argmax(axis=1)
    # One row an image, so that later looks (which ones were wrong, how sure) need no second read.
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image", "is", "said", "confidence", "probability_of_true"])
    for item, answer, row in zip(items, said, chances, strict=True):
        writer.writerow(
            [item.path, item.label, int(answer), f"{row[answer]:.6f}", f"{row[item.label]:.6f}"]
        )
    write_text(folder.path / "test.csv", text.getvalue())
    labels = np.asarray([item.label for item in items], dtype=np.int32)
    if folder.model.is_file():
        keep_predictions(folder, "own-test", Predictions(
            dataset.classes, tuple(item.path for item in items), labels, chances.astype(np.float32)))
    counted = Counter(item.label for item in dataset.of_split("train"))
    tested = Counter(item.label for item in items)
    # Of classes that are equally frequent the one that is the harder to beat.
    majority = max(counted, key=lambda label: (counted[label], tested[label]), default=0)
    truth = [item.label for item in items]
    return evaluate(truth, [int(n) for n in said], dataset.classes, majority).to_json()
