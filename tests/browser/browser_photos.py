"""Photos that the browser tests bring: small, all different, in classes with names that try things."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

# No slash can be in a folder's name; "https:example.com" is an address for a browser all the same.
HOSTILE = ("<b>bold<b>", "**stars** www.x.com", "![x](https:example.com)", "<img src=https:e.com>")
TONES = ((200, 60, 40), (50, 150, 70), (40, 70, 200), (190, 160, 40))


def patterns(folder: Path, classes: Sequence[str], each: int, edge: int = 48) -> Path:
    """Write ``each`` noisy photos a class, told apart by tone and by the width of their stripes."""
    random = np.random.default_rng(11)
    across = np.arange(edge)
    for at, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        stripes = 40 * np.sign(np.sin(across * (0.3 + 0.45 * at)))[None, :, None]
        for number in range(each):
            noise = random.integers(-50, 51, (edge, edge, 3))
            pixels = np.asarray(TONES[at % len(TONES)]) + stripes + noise
            photo = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
            photo.save(folder / name / f"{number:04}.jpg", quality=88)
    return folder


def zipped(folder: Path) -> Path:
    """Pack a folder of photos, and return the zip beside it."""
    target = folder.with_name(folder.name + ".zip")
    with zipfile.ZipFile(target, "w") as pack:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                pack.write(file, str(file.relative_to(folder.parent)))
    return target
