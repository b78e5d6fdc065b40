"""What a finished model says of new photos."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from core.data.images import load_array

MODELS_KEPT = 2
IMAGES_AT_ONCE = 32
_models: OrderedDict[tuple[Path, int], Loaded] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class Loaded:
    """A model that is ready to answer.

    Attributes:
        keras: The Keras model: ``(n, size, size, 3)`` raw RGB in, ``(n, classes)`` out.
        classes: Its class names.
        size: Edge of the images it takes, in pixels.
    """

    keras: Any
    classes: tuple[str, ...]
    size: int


@dataclass(frozen=True)
class Answer:
    """One class and how likely the model holds it, 0 to 1."""

    name: str
    probability: float


def loaded(path: Path) -> Loaded:
    """Load a model, or return it where it is loaded already; the last two stay.

    Raises:
        BadInput: The file is missing or is no model of ours.
    """
    with _lock:
        key = (path, path.stat().st_mtime_ns if path.exists() else 0)
        if key not in _models:
            from core.training.model import load_model

            model, classes = load_model(path)
            _models[key] = Loaded(model, classes, int(model.input_shape[1]))
        _models.move_to_end(key)
        while len(_models) > MODELS_KEPT:
            _models.popitem(last=False)
        return _models[key]


def probabilities(model: Loaded, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Return ``(images, classes)`` probabilities for arrays ``(size, size, 3)`` in 0..255."""
    if not images:
        return np.empty((0, len(model.classes)), dtype=np.float32)
    return np.concatenate(
        [
            # NOTE: predict_on_batch, because predict sets up a data pipeline at each call.
            model.keras.predict_on_batch(np.stack(images[start : start + IMAGES_AT_ONCE]))
            for start in range(0, len(images), IMAGES_AT_ONCE)
        ]
    )


def predict(model: Loaded, files: Sequence[Path | BinaryIO], top: int = 5) -> list[list[Answer]]:
    """Return the ``top`` most likely classes for each image file, the likeliest first.

    Raises:
        BadInput: A file cannot be read as an image.
    """
    chances = probabilities(model, [load_array(each, model.size) for each in files])
    return [
        [Answer(model.classes[at], float(row[at])) for at in np.argsort(-row, kind="stable")[:top]]
        for row in chances
    ]
