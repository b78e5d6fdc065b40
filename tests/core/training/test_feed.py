from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import BadInput
from core.training.feed import Batches, photos_of

COUNT = 11


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Photos whose brightness is ten times their label, so that each can be told."""
    made = []
    for index in range(COUNT):
        path = tmp_path / f"{index}.png"
        Image.new("RGB", (10, 10), (index * 10,) * 3).save(path)
        made.append(path)
    return made


@pytest.fixture
def make(files: list[Path]) -> Iterator[object]:
    opened: list[Batches] = []

    def batches(**options: object) -> Batches:
        opened.append(Batches(photos_of(files, range(COUNT)), 8, 4, **options))  # type: ignore[arg-type]
        return opened[-1]

    yield batches
    for each in opened:
        each.close()


def epoch(batches: Batches, number: int) -> list[int]:
    batches.begin_epoch(number)
    labels: list[int] = []
    for index in range(len(batches)):
        images, known = batches.batch(index)
        np.testing.assert_array_equal(images[:, 0, 0, 0], known * 10)
        labels += known.tolist()
    return labels


def test_every_photo_comes_once_an_epoch_and_the_last_batch_holds_the_rest(make) -> None:  # type: ignore[no-untyped-def]
    batches = make(shuffle=True)
    assert len(batches) == 3
    assert sorted(epoch(batches, 0)) == list(range(COUNT))
    assert batches.batch(2)[0].shape == (3, 8, 8, 3)


def test_the_order_is_a_function_of_seed_and_epoch(make) -> None:  # type: ignore[no-untyped-def]
    one, other = make(shuffle=True, seed=5), make(shuffle=True, seed=5)
    assert epoch(one, 3) == epoch(other, 3)
    assert epoch(one, 4) != epoch(other, 3)
    assert epoch(make(shuffle=True, seed=6), 3) != epoch(other, 3)


def test_without_shuffling_the_order_given_is_kept(make) -> None:  # type: ignore[no-untyped-def]
    assert epoch(make(), 7) == list(range(COUNT))


def test_a_batch_may_be_asked_for_again(make) -> None:  # type: ignore[no-untyped-def]
    batches = make(shuffle=True)
    first = batches.batch(0)
    batches.batch(1)
    np.testing.assert_array_equal(first[1], batches.batch(0)[1])


def test_a_photo_that_is_gone_is_said_and_kept_for_whoever_asks(make, files: list[Path]) -> None:  # type: ignore[no-untyped-def]
    batches = make()
    batches.begin_epoch(0)
    files[9].unlink()
    with pytest.raises(BadInput):
        batches.batch(2)
    assert isinstance(batches.failure, BadInput)


def test_augmented_views_change_from_epoch_to_epoch_and_come_again(files: list[Path]) -> None:
    gradient = np.tile(np.arange(64, dtype=np.uint8)[:, None, None] * 4, (1, 64, 3))
    Image.fromarray(gradient).save(files[0])
    batches = Batches(photos_of(files[:1], [0]), 32, 1, augment="strong")
    views = []
    for number in (0, 1, 0):
        batches.begin_epoch(number)
        views.append(batches.batch(0)[0])
    batches.close()
    assert not np.array_equal(views[0], views[1])
    np.testing.assert_array_equal(views[0], views[2])
