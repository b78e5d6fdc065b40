"""Whether two small grey pictures show the same: laid over each other, also where one is cut or mirrored."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

EDGE = 48
MIRROR = Image.Transpose.FLIP_LEFT_RIGHT
Grey = NDArray[np.uint8]
Rows = NDArray[np.float32]
Box = tuple[float, float, float, float]

_GRID = 20
_SCALES = (1.0, 0.95, 0.9, 0.85)
_LEAST = 0.8
_STEPS = (2.0, 1.0, 0.5)
_MOST_ROUNDS = 6
_FLAT = 1e-6


def _boxes() -> tuple[Box, ...]:
    """Return the parts of a picture that another may show: whole, or with a margin cut off."""
    found = []
    for scale in _SCALES:
        room = EDGE * (1 - scale)
        places = (0.0,) if scale == 1 else (0.0, 0.5, 1.0)
        found += [
            (room * x, room * y, room * x + EDGE * scale, room * y + EDGE * scale)
            for x in places for y in places
        ]
    return tuple(found)


BOXES = _boxes()


def whole(grey: Grey) -> Rows:
    """Return a picture ``(EDGE, EDGE)`` as one row to be compared, zeros where it is all of one grey."""
    return _row(Image.fromarray(grey), BOXES[0])


def both_ways(grey: Grey) -> Rows:
    """Return the whole picture as it is, and mirrored."""
    picture = Image.fromarray(grey)
    return np.stack([_row(each, BOXES[0]) for each in (picture, picture.transpose(MIRROR))])


def cut(grey: Grey) -> Rows:
    """Return the picture with all margins of ``BOXES`` cut off, as it is and then mirrored."""
    picture = Image.fromarray(grey)
    return np.stack([_row(each, box) for each in (picture, picture.transpose(MIRROR)) for box in BOXES])


def agreement(one: Grey, other: Grey) -> float:
    """Return how far two pictures agree where they are laid over each other as well as can be.

    Args:
        one: ``(EDGE, EDGE)`` grey, the photo squeezed to a square.
        other: Likewise.

    Returns:
        The correlation of their pixels, -1 to 1; up to a fifth of each edge may be missing in one of them,
        and one may be mirrored.
    """
    return max(_fitted(one, whole(other)), _fitted(other, whole(one)))


def _fitted(grey: Grey, target: Rows) -> float:
    """Move the edges of what is cut out of a picture until it agrees best with a row."""
    scores = cut(grey) @ target
    best = int(scores.argmax())
    picture = Image.fromarray(grey)
    if best >= len(BOXES):
        picture = picture.transpose(MIRROR)
    score, box = float(scores[best]), BOXES[best % len(BOXES)]
    for step in _STEPS:
        for _round in range(_MOST_ROUNDS):
            tried = [(float(_row(picture, each) @ target), each) for each in _moved(box, step)]
            better = max(tried, default=(score, box))
            if better[0] <= score:
                break
            score, box = better
    return score


def _moved(box: Box, step: float) -> list[Box]:
    found = []
    for side in range(4):
        for by in (-step, step):
            left, top, right, bottom = (edge + by * (at == side) for at, edge in enumerate(box))
            inside = min(left, top) >= 0 and max(right, bottom) <= EDGE
            if inside and min(right - left, bottom - top) >= _LEAST * EDGE:
                found.append((left, top, right, bottom))
    return found


def _row(picture: Image.Image, box: Box) -> Rows:
    small = picture.resize((_GRID, _GRID), Image.Resampling.BILINEAR, box=box)
    row = np.asarray(small, dtype=np.float32).ravel()
    row = row - row.mean()
    length = float(np.linalg.norm(row))
    return row / length if length > _FLAT else np.zeros_like(row)
