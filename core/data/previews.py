"""A few pictures of a sample before it has been taken in."""

from __future__ import annotations

import gzip
import importlib.util
import io
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from core.data.images import thumbnail

PICTURES = 4
_TEXTILE = ("nominal/textile_0008.jpg", "local/textile_0020.jpg", "global/textile_0008.jpg",
            "nominal/textile_0621.jpg")
_DIGITS_SKIPPED = 2
_DIGIT_EDGE, _DIGIT_BRIGHTEST = 8, 16


@lru_cache(maxsize=8)
def preview(sample: str, edge: int = 96) -> list[bytes]:
    """Return a few pictures of a sample as JPEG; none where its package is not installed.

    NOTE: this is for the first page, so packages are looked up and not imported: importing
    scikit-learn alone takes a second.

    Args:
        sample: ``digits`` or ``textile``; others have no preview.
        edge: Edge of the square pictures, in pixels.
    """
    makers = {"digits": _digits, "textile": _textile}
    return makers[sample](edge) if sample in makers else []


def _package(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec is not None and spec.origin else None


def _textile(edge: int) -> list[bytes]:
    package = _package("conformal_clip_data")
    if package is None:
        return []
    root = package / "data" / "textile_images" / "simulated"
    return [thumbnail(root / name, edge) for name in _TEXTILE if (root / name).is_file()]


def _digits(edge: int) -> list[bytes]:
    package = _package("sklearn")
    table = package / "datasets" / "data" / "digits.csv.gz" if package else None
    if table is None or not table.is_file():
        return []
    with gzip.open(table, "rt", encoding="ascii") as lines:
        rows = [line.split(",") for line in islice(lines, _DIGITS_SKIPPED, _DIGITS_SKIPPED + PICTURES)]
    return [_digit(row[: _DIGIT_EDGE * _DIGIT_EDGE], edge) for row in rows]


def _digit(cells: list[str], edge: int) -> bytes:
    grey = np.array([float(cell) for cell in cells]) * (255 / _DIGIT_BRIGHTEST)
    pixels = grey.round().astype(np.uint8).reshape(_DIGIT_EDGE, _DIGIT_EDGE)
    buffer = io.BytesIO()
    picture = Image.fromarray(pixels).resize((edge, edge), Image.Resampling.BICUBIC)
    picture.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
