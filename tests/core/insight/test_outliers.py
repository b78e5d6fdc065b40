from __future__ import annotations

import numpy as np

from core.insight.outliers import LEAST_PHOTOS, outliers


def groups(each: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(4)
    labels = np.repeat(np.arange(2), each)
    centres = np.zeros((2, 16))
    centres[0, 0] = centres[1, 1] = 8
    return (centres[labels] + 0.5 * random.normal(size=(len(labels), 16))).astype(np.float32), labels


def test_a_photo_unlike_all_comes_first_and_one_in_the_wrong_class_is_unlike_its_class() -> None:
    features, labels = groups(30)
    features[5] = 0
    features[5, 9] = 8
    features[40] = features[3]  # labelled 1, among those labelled 0
    found = outliers(features, labels.tolist())
    told = {each.at: each for each in found}
    assert {5, 40} <= set(told)
    assert len(found) < 8
    assert not told[40].everywhere
    assert all(each.distance > each.usual for each in found)
    assert [each.beyond for each in found] == sorted((each.beyond for each in found), reverse=True)


def test_too_few_photos_say_nothing() -> None:
    features, labels = groups(LEAST_PHOTOS // 2 - 1)
    assert outliers(features, labels.tolist()) == []


def test_photos_that_are_all_the_same_are_no_outliers() -> None:
    assert outliers(np.ones((20, 4), np.float32), [0] * 20) == []
