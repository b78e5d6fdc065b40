from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.data.images import load_array
from core.errors import BadInput
from core.training.augment import augmented, view_of
from core.training.feed import Batches, Inputs, PhotoSource, as_keras, lost_photo, photos_of

COUNT = 11
Make = Callable[..., Batches]


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
def make(files: list[Path]) -> Iterator[Make]:
    opened: list[Batches] = []

    def batches(**options: object) -> Batches:
        photos = photos_of(files, range(COUNT))
        opened.append(Batches(PhotoSource(photos, 8), photos.labels, 4, **options))  # type: ignore[arg-type]
        return opened[-1]

    yield batches
    for each in opened:
        each.close()


def epoch(batches: Batches, number: int) -> list[int]:
    batches.begin_epoch(number)
    labels: list[int] = []
    for index in range(len(batches)):
        (images,), known = batches.batch(index)
        np.testing.assert_array_equal(images[:, 0, 0, 0], known * 10)
        labels += known.tolist()
    return labels


def test_every_photo_comes_once_an_epoch_and_the_last_batch_holds_the_rest(make: Make) -> None:
    batches = make(shuffle=True)
    assert len(batches) == 3
    assert sorted(epoch(batches, 0)) == list(range(COUNT))
    assert [each.shape for each in batches.batch(2)[0]] == [(3, 8, 8, 3)]


def test_the_order_is_a_function_of_seed_and_epoch(make: Make) -> None:
    one, other = make(shuffle=True, seed=5), make(shuffle=True, seed=5)
    assert epoch(one, 3) == epoch(other, 3)
    assert epoch(one, 4) != epoch(other, 3)
    assert epoch(make(shuffle=True, seed=6), 3) != epoch(other, 3)


def test_without_shuffling_the_order_given_is_kept(make: Make) -> None:
    assert epoch(make(), 7) == list(range(COUNT))


def test_a_batch_may_be_asked_for_again(make: Make) -> None:
    batches = make(shuffle=True)
    first = batches.batch(0)
    batches.batch(1)
    np.testing.assert_array_equal(first[1], batches.batch(0)[1])


def test_a_photo_that_is_gone_is_said_and_kept_for_whoever_asks(
    make: Make, files: list[Path]
) -> None:
    batches = make()
    batches.begin_epoch(0)
    files[9].unlink()
    with pytest.raises(BadInput):
        batches.batch(2)
    assert isinstance(batches.failure, BadInput)


@pytest.fixture
def gradients(files: list[Path]) -> list[Path]:
    """Three photos that are the same and of which every change can be seen."""
    gradient = np.tile(np.arange(64, dtype=np.uint8)[:, None, None] * 4, (1, 64, 3))
    for path in files[:3]:
        Image.fromarray(gradient).save(path)
    return files[:3]


def seen(source: PhotoSource, at: int, epoch: int) -> NDArray[np.uint8]:
    with ThreadPoolExecutor(1) as pool:
        (images,) = source.begin(pool, np.array([at]), epoch).result()
    return np.asarray(images[0])


def test_augmented_views_change_from_epoch_to_epoch_and_come_again(gradients: list[Path]) -> None:
    photos = photos_of(gradients[:1], [0])
    batches = Batches(PhotoSource(photos, 32, augment="strong"), photos.labels, 1)
    views = []
    for number in (0, 1, 0):
        batches.begin_epoch(number)
        (images,), _labels = batches.batch(0)
        views.append(images)
    batches.close()
    assert not np.array_equal(views[0], views[1])
    np.testing.assert_array_equal(views[0], views[2])


def test_a_view_is_drawn_from_seed_number_and_the_photos_bytes(gradients: list[Path]) -> None:
    digests = ["a" * 64, "b" * 64, "a" * 64]
    source = PhotoSource(photos_of(gradients, [0, 1, 2], digests), 32, augment="strong", seed=5)
    plain = load_array(gradients[0], 32)
    np.testing.assert_array_equal(seen(source, 0, 3), augmented(plain, "strong", view_of(5, 3, "a" * 64)))
    np.testing.assert_array_equal(seen(source, 1, 3), augmented(plain, "strong", view_of(5, 3, "b" * 64)))
    # The same photo at another place is seen the same; another one is not.
    np.testing.assert_array_equal(seen(source, 2, 3), seen(source, 0, 3))
    assert not np.array_equal(seen(source, 1, 3), seen(source, 0, 3))
    other = PhotoSource(photos_of(gradients, [0, 1, 2], digests), 32, augment="strong", seed=6)
    assert not np.array_equal(seen(other, 0, 3), seen(source, 0, 3))


def test_an_epoch_sees_the_view_that_it_is_told_to(gradients: list[Path]) -> None:
    photos = photos_of(gradients, [0, 1, 2])
    every = PhotoSource(photos, 32, augment="strong")
    in_turn = PhotoSource(photos, 32, augment="strong", view=lambda epoch: epoch % 2)
    for epoch_number in range(4):
        np.testing.assert_array_equal(seen(in_turn, 0, epoch_number), seen(every, 0, epoch_number % 2))
    assert not np.array_equal(seen(every, 0, 2), seen(every, 0, 0))


class Rows:
    """A source of two tensors an image."""

    def __len__(self) -> int:
        return 5

    def begin(self, pool: Executor, at: NDArray[np.intp], epoch: int) -> Future[Inputs]:
        return pool.submit(lambda: (at.astype(np.float32), np.full((len(at), 2), epoch, np.float32)))


@pytest.fixture
def rows() -> Iterator[Batches]:
    batches = Batches(Rows(), np.arange(5, dtype=np.int32), 2, seed=1, shuffle=True)
    yield batches
    batches.close()


def test_batches_are_made_of_whatever_a_source_hands_out(rows: Batches) -> None:
    assert (rows.images, len(rows)) == (5, 3)
    rows.begin_epoch(7)
    found = [rows.batch(index) for index in range(3)]
    for (places, epochs), labels in found:
        np.testing.assert_array_equal(places, labels)
        np.testing.assert_array_equal(epochs, np.full((len(labels), 2), 7.0))
    assert sorted(np.concatenate([labels for _inputs, labels in found]).tolist()) == [0, 1, 2, 3, 4]


@pytest.mark.slow
def test_keras_is_given_one_input_alone_and_several_as_a_tuple(rows: Batches, make: Make) -> None:
    inputs, labels = as_keras(rows)[0]
    assert isinstance(inputs, tuple)
    assert [each.shape for each in inputs] == [(2,), (2, 2)]
    assert labels.shape == (2,)
    (only,) = as_keras(rows, labels=False)[1]
    assert [each.shape for each in only] == [(2,), (2, 2)]
    image, _labels = as_keras(make())[0]
    assert image.shape == (4, 8, 8, 3)


def test_a_failure_of_any_kind_is_kept_for_whoever_asks(
    rows: Batches, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_self: Rows, pool: Executor, _at: NDArray[np.intp], _epoch: int) -> Future[Inputs]:
        return pool.submit(lambda: (np.array([1 // 0]),))

    monkeypatch.setattr(Rows, "begin", broken)
    rows.begin_epoch(1)
    with pytest.raises(ZeroDivisionError):
        rows.batch(0)
    assert isinstance(rows.failure, ZeroDivisionError)


def test_without_digests_all_photos_count_as_the_same(files: list[Path]) -> None:
    assert photos_of(files, range(COUNT)).digests == ("0" * 64,) * COUNT
    assert photos_of(files[:2], [0, 1], ["a", "b"]).digests == ("a", "b")


def test_a_lost_photo_is_named_with_advice() -> None:
    error = lost_photo(BadInput("It is gone.", given="rose.jpg"))
    assert "rose.jpg" in error.given
    assert "Data page" in error.fix
