from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from core.insight.overlay import BOXES, EDGE, agreement, both_ways, cut, whole

LARGE = 240


def picture(seed: int) -> Image.Image:
    """Return a smooth picture with something in it."""
    rough = np.random.default_rng(seed).integers(0, 256, (6, 6), dtype=np.uint8)
    return Image.fromarray(rough).resize((LARGE, LARGE), Image.Resampling.BICUBIC)


def small(image: Image.Image) -> np.ndarray:
    return np.asarray(image.resize((EDGE, EDGE), Image.Resampling.BOX))


@pytest.mark.parametrize(("left", "top", "right", "bottom"), [
    (0, 0, 20, 20), (7, 12, 3, 15), (24, 10, 22, 5),
])
def test_a_picture_that_was_cut_agrees_with_the_whole(left: int, top: int, right: int, bottom: int) -> None:
    image = picture(1)
    part = image.crop((left, top, LARGE - right, LARGE - bottom))
    assert agreement(small(image), small(part)) > 0.99
    assert agreement(small(part), small(image)) > 0.99


def test_a_mirrored_darkened_and_cut_picture_agrees_with_the_whole() -> None:
    image = picture(2)
    changed = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).point(lambda value: value * 0.6)
    assert agreement(small(image), small(changed.crop((10, 0, LARGE, LARGE - 14)))) > 0.99


def test_other_pictures_do_not_agree() -> None:
    assert max(agreement(small(picture(3)), small(picture(seed))) for seed in range(4, 12)) < 0.9


def test_a_picture_of_one_grey_agrees_with_nothing() -> None:
    flat = np.full((EDGE, EDGE), 90, np.uint8)
    assert not whole(flat).any()
    assert agreement(flat, flat) == agreement(flat, small(picture(1))) == 0


def test_the_whole_picture_is_the_first_of_its_parts() -> None:
    grey = small(picture(5))
    rows = cut(grey)
    assert len(rows) == 2 * len(BOXES)
    assert (rows[0] == whole(grey)).all()
    assert (both_ways(grey) == rows[[0, len(BOXES)]]).all()
