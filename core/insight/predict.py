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
from core.errors import ThawError

USAGE = '''import json, zipfile
import keras
import numpy as np
from PIL import Image, ImageOps

model = keras.models.load_model("model.keras")
classes = json.loads(zipfile.ZipFile("model.keras").read("thaw_classes.json"))
size = model.input_shape[1]
photo = Image.open("photo.jpg")
photo.draft(None, (size, size))  # large JPEGs are decoded small, as they were in training
photo = ImageOps.exif_transpose(photo)
if photo.has_transparency_data:  # it is laid on white
    photo = photo.convert("RGBA")
    photo = Image.alpha_composite(Image.new("RGBA", photo.size, "white"), photo)
photo = photo.convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
chances = model.predict(np.asarray(photo)[None].astype("float32"))[0]
print(classes[chances.argmax()], chances.max())'''
"""How plain Keras asks a model that was taken away; of 8 bits a colour the same answer as :func:`predict`."""

MODELS_KEPT = 2
IMAGES_AT_ONCE = 32
_models: OrderedDict[tuple[Path, int], Loaded] = OrderedDict()
_lock = threading.Lock()
_loading = threading.Lock()


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

    One model is loaded at a time; those that are loaded are returned meanwhile.

    Raises:
        BadInput: The file is missing or is no model of ours.
    """
    key = (path, path.stat().st_mtime_ns if path.exists() else 0)
    if (found := _known(key)) is not None:
        return found
    with _loading:
        if (found := _known(key)) is not None:
            return found  # somebody else loaded it meanwhile
        from core.training.model import load_model

        model, classes = load_model(path)
        made = Loaded(model, classes, int(model.input_shape[1]))
        with _lock:
            _models[key] = made
            while len(_models) > MODELS_KEPT:
                _models.popitem(last=False)
        return made


def _known(key: tuple[Path, int]) -> Loaded | None:
    with _lock:
        if key in _models:
            _models.move_to_end(key)
        return _models.get(key)


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


def predict(
    model: Loaded, files: Sequence[Path | BinaryIO], top: int = 5
) -> list[list[Answer] | ThawError]:
    """Say what each image file shows.

    Args:
        model: See :func:`loaded`.
        files: Image files, or open ones.
        top: How many classes to return for each.

    Returns:
        For each file its likeliest classes, the likeliest first; for one that cannot be read as an
        image, the error that says why. The others are answered all the same.
    """
    arrays: list[NDArray[np.uint8] | ThawError] = []
    for file in files:
        try:
            arrays.append(load_array(file, model.size))
        except ThawError as error:
            arrays.append(error)
    rows = iter(probabilities(model, [each for each in arrays if not isinstance(each, ThawError)]))
    return [
        each if isinstance(each, ThawError) else likeliest(model.classes, next(rows), top) for each in arrays
    ]


def likeliest(classes: Sequence[str], chances: NDArray[np.float32], top: int) -> list[Answer]:
    """Return the classes that a model holds likeliest for one photo, the likeliest first.

    Args:
        classes: The model's class names.
        chances: ``(classes,)``, 0 to 1.
        top: How many, at least 1; fewer where there are fewer.
    """
    order = np.argsort(-chances, kind="stable")[:top]
    return [Answer(classes[at], float(chances[at])) for at in order]
