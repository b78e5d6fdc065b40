"""Small changes to a training photo: mirrored, turned, zoomed; a function of a seed alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Strength:
    """How far a change may go: degrees either way, and zoom as a share either way."""

    degrees: float
    zoom: float


STRENGTHS = {"light": Strength(10.0, 0.1), "strong": Strength(25.0, 0.25)}


def view_of(seed: int, number: int, digest: str) -> tuple[int, ...]:
    """Return what a view of a photo is drawn from, for :func:`augmented`.

    Args:
        seed: The plan's.
        number: Which view, from 0.
        digest: SHA-256 of the photo's bytes, in hex: the view does not depend on the photo's place.
    """
    return seed, number, int(digest[:16], 16)


def augmented(image: Pixels, augment: str, seed: tuple[int, ...]) -> Pixels:
    """Return one changed view of a photo.

    Args:
        image: ``(size, size, 3)``, uint8.
        augment: ``none`` (the photo itself comes back), ``light`` or ``strong``.
        seed: What the change depends on, see :func:`view_of`; the same numbers give the
            same view.

    Returns:
        ``(size, size, 3)``, uint8; what a turn uncovers is filled with the photo's mirrored edge.
    """
    if augment == "none":
        return image
    strength = STRENGTHS[augment]
    random = np.random.default_rng(seed)
    flip = bool(random.integers(2))
    angle = math.radians(random.uniform(-strength.degrees, strength.degrees))
    scale = 1.0 + random.uniform(-strength.zoom, strength.zoom)
    size = image.shape[0]
    border = size // 2
    padded = np.pad(image, ((border, border), (border, border), (0, 0)), mode="reflect")
    centre = border + (size - 1) / 2
    cosine, sine = math.cos(angle) * scale, math.sin(angle) * scale
    mirror = -1.0 if flip else 1.0
    # Maps a pixel of the result to a pixel of the padded photo, about the middle of both.
    middle = (size - 1) / 2
    matrix = (
        cosine * mirror, -sine, centre - (cosine * mirror - sine) * middle,
        sine * mirror, cosine, centre - (sine * mirror + cosine) * middle,
    )
    view = Image.fromarray(padded).transform(
        (size, size), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR
    )
    return np.asarray(view)
