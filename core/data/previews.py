"""A few pictures of a sample before it has been taken in."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from core.data.images import thumbnail

_TEXTILE = ("nominal/textile_0008.jpg", "local/textile_0020.jpg", "global/textile_0008.jpg",
            "nominal/textile_0621.jpg")


def textile_preview(edge: int = 96) -> list[bytes]:
    """Return a few textile pictures as JPEG; none where the package is not installed.

    NOTE: the files are looked up without importing the package, and the digits have no preview,
    because scikit-learn takes a second to import and this is for the first page.
    """
    spec = importlib.util.find_spec("conformal_clip_data")
    if spec is None or spec.origin is None:
        return []
    root = Path(spec.origin).parent / "data" / "textile_images" / "simulated"
    return [thumbnail(root / name, edge) for name in _TEXTILE if (root / name).is_file()]
