from __future__ import annotations

import numpy as np
import pytest

from core.training.augment import augmented, view_of

PHOTO = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)


def test_none_gives_the_photo_itself() -> None:
    assert augmented(PHOTO, "none", (1, 2, 3)) is PHOTO


@pytest.mark.parametrize("strength", ["light", "strong"])
def test_a_view_has_the_photos_shape_and_depends_on_its_seed_alone(strength: str) -> None:
    view = augmented(PHOTO, strength, (0, 1, 2))
    assert view.shape == PHOTO.shape
    assert view.dtype == np.uint8
    np.testing.assert_array_equal(view, augmented(PHOTO, strength, (0, 1, 2)))
    assert not np.array_equal(view, augmented(PHOTO, strength, (0, 2, 2)))


def test_a_view_differs_by_seed_number_and_photo() -> None:
    given = [(0, 0, "a" * 64), (1, 0, "a" * 64), (0, 1, "a" * 64), (0, 0, "b" * 64), (0, 0, "ab" * 32)]
    drawn_from = [view_of(*each) for each in given]
    assert len(set(drawn_from)) == len(given)
    assert [view_of(*each) for each in given] == drawn_from
    views = [augmented(PHOTO, "strong", each).tobytes() for each in drawn_from]
    assert len(set(views)) == len(given)


def test_about_half_of_the_views_are_mirrored() -> None:
    left_dark = np.full((32, 32, 3), 255, dtype=np.uint8)
    left_dark[:, :16] = 0
    mirrored = sum(
        augmented(left_dark, "light", (0, 0, index))[:, :8].mean() > 128 for index in range(200)
    )
    assert 70 < mirrored < 130


def test_what_a_turn_uncovers_is_filled_from_the_photo() -> None:
    grey = np.full((32, 32, 3), 120, dtype=np.uint8)
    for index in range(20):
        view = augmented(grey, "strong", (0, 0, index))
        assert view.min() >= 119
        assert view.max() <= 121


def test_a_strong_view_is_turned_further_than_a_light_one() -> None:
    def change(strength: str) -> float:
        smooth = np.linspace(0, 255, 64, dtype=np.uint8)[:, None, None] * np.ones((1, 64, 3), np.uint8)
        views = [augmented(smooth, strength, (0, 0, index)) for index in range(40)]
        return float(np.mean([np.abs(view.astype(int) - smooth).mean() for view in views]))

    assert change("strong") > 1.5 * change("light")
