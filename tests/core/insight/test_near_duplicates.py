from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from PIL import Image

from core.errors import Stopped
from core.insight.near_duplicates import SAME, near_duplicates
from core.insight.overlay import EDGE
from core.jobs import Progress, no_progress

Photos = list[np.ndarray]


def photo(seed: int, rough: int = 6) -> np.ndarray:
    pixels = np.random.default_rng(seed).integers(0, 256, (rough, rough), dtype=np.uint8)
    return np.asarray(Image.fromarray(pixels).resize((EDGE, EDGE), Image.Resampling.BICUBIC))


def copied(original: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).integers(-4, 5, original.shape)
    return np.clip(original * 0.8 + noise, 0, 255).astype(np.uint8)


def greys(photos: Photos) -> Callable[[Sequence[int], Progress], np.ndarray]:
    return lambda places, _progress: np.stack([photos[place] for place in places])


def features(count: int, alike: Sequence[tuple[int, int]] = ()) -> np.ndarray:
    """Return features that are near each other only for the pairs told."""
    rows = np.random.default_rng(3).normal(size=(count, 64))
    for one, other in alike:
        rows[other] = rows[one] + 0.3 * rows[other]
    return rows.astype(np.float32)


def test_copies_are_found_within_a_split_and_across_splits() -> None:
    photos = [photo(seed) for seed in range(12)]
    photos[7], photos[11] = copied(photos[2]), copied(photos[10])
    splits = ["train"] * 6 + ["test"] * 3 + ["validation"] * 3
    pairs, bound = near_duplicates(features(12, [(2, 7), (10, 11)]), splits, greys(photos))
    assert {(each.first, each.second) for each in pairs} == {(2, 7), (10, 11)}
    assert bound == SAME
    assert all(each.agreement >= bound and each.similarity > 0.9 for each in pairs)


def test_photos_with_the_same_features_and_other_pictures_are_not_the_same() -> None:
    photos = [photo(seed) for seed in range(6)]
    pairs, _bound = near_duplicates(np.ones((6, 4), np.float32), ["train"] * 6, greys(photos))
    assert pairs == []


def test_photos_with_the_same_picture_and_other_features_are_not_proposed() -> None:
    photos = [photo(0)] * 4
    assert near_duplicates(np.eye(4, dtype=np.float32), ["train"] * 4, greys(photos)) == ([], SAME)


def test_where_different_photos_agree_a_lot_a_pair_has_to_agree_more() -> None:
    usual = photo(0)
    noise = np.random.default_rng(5)
    photos = [
        np.clip(usual + noise.normal(0, 40, usual.shape), 0, 255).astype(np.uint8) for _each in range(10)
    ]
    photos.append(photos[0])
    pairs, bound = near_duplicates(np.ones((11, 4), np.float32), ["train"] * 11, greys(photos))
    assert bound > SAME
    assert (0, 10) in {(each.first, each.second) for each in pairs}
    assert len(pairs) < 5


def test_a_picture_cut_off_its_grid_is_fitted_until_it_agrees() -> None:
    rough = Image.fromarray(photo(4)).resize((240, 240), Image.Resampling.BICUBIC)
    part = rough.crop((9, 3, 231, 238)).resize((EDGE, EDGE), Image.Resampling.BOX)
    photos = [np.asarray(rough.resize((EDGE, EDGE), Image.Resampling.BOX)), np.asarray(part)]
    pairs, _bound = near_duplicates(np.ones((2, 4), np.float32), ["train", "test"], greys(photos))
    assert [(each.first, each.second) for each in pairs] == [(0, 1)]


def test_a_stop_leaves_in_every_phase() -> None:
    photos = [photo(0), copied(photo(0))]
    phases: list[str] = []
    near_duplicates(np.ones((2, 4), np.float32), ["train"] * 2, greys(photos),
                    lambda phase, _done, _total: phases.append(phase))
    for wanted in set(phases):
        def stop(phase: str, _done: int, _total: int | None, wanted: str = wanted) -> None:
            if phase == wanted:
                raise Stopped("It was cancelled.")

        with pytest.raises(Stopped):
            near_duplicates(np.ones((2, 4), np.float32), ["train"] * 2, greys(photos), stop)


def test_no_photos_have_no_duplicates() -> None:
    assert near_duplicates(np.ones((0, 4), np.float32), [], greys([]), no_progress) == ([], SAME)
