from __future__ import annotations

import base64
import io
from dataclasses import replace

import numpy as np
from PIL import Image

from core.data.dataset import Dataset
from core.training.augment import augmented, view_of
from core.training.preview import EDGE, VIEWS, augmented_views


def pixels(address: str) -> np.ndarray:
    head, content = address.split(",", 1)
    assert head == "data:image/jpeg;base64"
    picture = Image.open(io.BytesIO(base64.b64decode(content)))
    assert picture.format == "JPEG"
    return np.asarray(picture).astype(int)


def test_one_photo_of_each_class_is_followed_by_its_views(dataset: Dataset) -> None:
    found = [[pixels(each) for each in photo] for photo in augmented_views(dataset, "strong", 0)]
    assert [len(photo) for photo in found] == [1 + VIEWS, 1 + VIEWS]
    assert {each.shape for photo in found for each in photo} == {(EDGE, EDGE, 3)}
    blue, red = found[0][0], found[1][0]
    assert blue[..., 2].mean() > blue[..., 0].mean()
    assert red[..., 0].mean() > red[..., 2].mean()
    assert not np.array_equal(found[0][1], found[0][2])


def test_the_views_are_those_that_the_training_will_see(dataset: Dataset) -> None:
    from core.data.images import load_array

    found = augmented_views(dataset, "light", 7)
    items = dataset.of_split("train")
    blue = next(item for item in items if item.label == 0)
    expected = augmented(load_array(dataset.file(blue), EDGE), "light", view_of(7, 1, blue.digest))
    assert np.abs(pixels(found[0][2]) - expected).mean() < 6


def test_the_same_seed_gives_the_same_views_and_another_seed_others(dataset: Dataset) -> None:
    assert augmented_views(dataset, "strong", 1) == augmented_views(dataset, "strong", 1)
    assert augmented_views(dataset, "strong", 1) != augmented_views(dataset, "strong", 2)


def test_without_training_photos_there_is_no_view(dataset: Dataset) -> None:
    none = replace(dataset, items=dataset.of_split("test"))
    assert augmented_views(none, "light", 0) == []
