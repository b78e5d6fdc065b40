from __future__ import annotations

import numpy as np
import pytest

from core.insight.corruptions import CORRUPTIONS, STRENGTHS, corrupted

ONE, OTHER = "a1" * 32, "0f" * 32


def photo(size: int = 48) -> np.ndarray:
    """A face of soft colours with a hard edge, so that every change shows."""
    y, x = np.mgrid[0:size, 0:size] / size
    pixels = np.stack([60 + 150 * x, 60 + 150 * y, 120 + 0 * x], axis=-1)
    pixels[size // 4:size // 2, size // 8:size // 2] = (230, 40, 40)
    return pixels.astype(np.uint8)


def distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_photo_keeps_its_shape_and_is_further_away_the_stronger_it_is(name: str) -> None:
    image = photo()
    before = image.copy()
    away = []
    for strength in STRENGTHS:
        changed = corrupted(image, name, strength, ONE)
        assert (changed.shape, changed.dtype) == (image.shape, np.uint8)
        away.append(distance(changed, image))
    assert 0.05 < away[0] < away[1] < away[2]
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_same_photo_is_changed_in_the_same_way_each_time(name: str) -> None:
    np.testing.assert_array_equal(
        corrupted(photo(), name, 2, ONE), corrupted(photo(), name, 2, ONE))


def test_photos_have_noise_of_their_own_and_turn_to_either_side() -> None:
    assert distance(corrupted(photo(), "noise", 1, ONE), corrupted(photo(), "noise", 1, OTHER)) > 5
    sides = {
        corrupted(photo(), "turn", 2, f"{n:02x}" * 32).tobytes() for n in range(20)
    }
    assert len(sides) == 2


def test_the_same_noise_grows_with_the_strength() -> None:
    image = np.full((32, 32, 3), 128, np.uint8)
    weak, strong = (corrupted(image, "noise", n, ONE).astype(int) - 128 for n in (1, 2))
    assert np.corrcoef(weak.ravel(), strong.ravel())[0, 1] > 0.95
    assert weak.std() == pytest.approx(0.08 * 255, rel=0.1)


def test_blur_is_a_share_of_the_edge_so_that_it_means_the_same_at_every_size() -> None:
    from PIL import Image

    small, large = photo(64), photo(256)
    shrunk = Image.fromarray(corrupted(large, "blur", 3, ONE)).resize((64, 64), Image.Resampling.BOX)
    assert distance(np.asarray(shrunk), corrupted(small, "blur", 3, ONE)) < 3


def test_darkening_leaves_a_share_of_every_pixel() -> None:
    np.testing.assert_allclose(corrupted(photo(), "dark", 1, ONE), photo() * 0.6, atol=0.5)


def test_a_turned_photo_shows_its_mirrored_edge_in_the_corners_and_nothing_black() -> None:
    image = np.full((40, 40, 3), 200, np.uint8)
    for strength in STRENGTHS:
        assert corrupted(image, "turn", strength, ONE).min() >= 198


@pytest.mark.parametrize("size", [2, 3, 32, 331])
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_every_size_can_be_changed(name: str, size: int) -> None:
    assert corrupted(photo(size), name, 3, ONE).shape == (size, size, 3)
