"""What augmentation makes of a few training photos, as pictures for a page."""

from __future__ import annotations

import base64
import io

from PIL import Image

from core.data.dataset import Dataset
from core.data.images import load_array
from core.training.augment import augmented, view_of

PHOTOS = 4
VIEWS = 2
EDGE = 128


def augmented_views(dataset: Dataset, augment: str, seed: int) -> list[list[str]]:
    """Return a few training photos, each with changed views after it, as JPEG data addresses.

    Args:
        dataset: Whose training photos, at most four, of different classes where there are several.
        augment: ``light`` or ``strong``.
        seed: The plan's; the views are those of the first epochs.
    """
    items = dataset.of_split("train")
    by_class = {item.label: item for item in reversed(items)}
    shown = [by_class[label] for label in sorted(by_class)][:PHOTOS]
    pictures = []
    for item in shown:
        image = load_array(dataset.file(item), EDGE)
        views = [augmented(image, augment, view_of(seed, n, item.digest)) for n in range(VIEWS)]
        pictures.append([_address(Image.fromarray(each)) for each in (image, *views)])
    return pictures


def _address(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
