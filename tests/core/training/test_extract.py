from __future__ import annotations

import errno
import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from core.data.images import load_array
from core.errors import BadInput, Stopped
from core.training import extract as extracting
from core.training.augment import augmented, view_of
from core.training.events import Extraction
from core.training.extract import FIRST_BATCH, LARGEST_BATCH, LONGEST_BATCH_S, PrefixRun, Task, extract
from core.training.extract import _Pace as Pace
from tests.conftest import make_photos

SIZE = 16


@dataclass
class Clock:
    """A time that passes only as a test says."""

    now: float = 100.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(extracting, "time", SimpleNamespace(perf_counter=made.perf_counter))
    return made


@dataclass
class Written:
    """Takes what is computed, in place of a segment."""

    keys: list[bytes] = field(default_factory=list)
    values: list[np.ndarray] = field(default_factory=list)
    room: int = 10**6

    def append(self, keys: Sequence[bytes], tensors: Sequence[np.ndarray]) -> None:
        if len(self.keys) + len(keys) > self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.keys += keys
        self.values += list(tensors[0])


def as_they_are(images: np.ndarray) -> list[np.ndarray]:
    return [images.astype(np.float32)]


@pytest.fixture
def tasks(tmp_path: Path) -> list[Task]:
    files = sorted(make_photos(tmp_path / "photos", each=10).rglob("*.png"))
    return [
        Task(bytes([at]), file, "light" if at % 2 else "none", view_of(3, at, "ab" * 8))
        for at, file in enumerate(files)
    ]


def extracted(
    tasks: Sequence[Task], run: Any = as_they_are, written: Written | None = None, found: int = 0,
    stop_after: int | None = None,
) -> tuple[list[Extraction], float | None]:
    told: list[Extraction] = []
    stop = threading.Event()

    def hear(progress: Extraction) -> None:
        told.append(progress)
        if len(told) == stop_after:
            stop.set()

    writing: Any = written or Written()
    return told, extract(run, SIZE, tasks, writing, found, hear, stop)


def decoding_threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("thaw-decode")]


def test_every_image_is_put_through_once_in_order_and_as_its_view(tasks: list[Task]) -> None:
    written = Written()
    told, image_s = extracted(tasks, written=written)
    assert written.keys == [task.key for task in tasks]
    for task, value in zip(tasks, written.values, strict=True):
        expected = augmented(load_array(task.file, SIZE), task.augment, task.drawn_from)
        np.testing.assert_array_equal(value, expected)
    assert image_s is not None
    assert image_s > 0
    assert told[-1].extracted == told[-1].to_extract == len(tasks)
    assert decoding_threads() == []


def test_what_is_told_counts_what_was_found_before_and_grows_with_every_batch(tasks: list[Task]) -> None:
    told, _image_s = extracted(tasks, found=7)
    assert told[0].extracted == 7 + FIRST_BATCH
    assert {each.to_extract for each in told} == {7 + len(tasks)}
    counts = [each.extracted for each in told]
    assert counts == sorted(set(counts))
    assert (told[0].images_per_s, told[0].eta_s) == (None, None)
    assert told[-1].images_per_s
    assert told[-1].eta_s == 0


def test_without_an_image_there_is_no_speed() -> None:
    assert extracted([]) == ([], None)


def test_a_stop_acts_after_a_batch_and_what_was_computed_is_kept(tasks: list[Task]) -> None:
    written, seen = Written(), []

    def run(images: np.ndarray) -> list[np.ndarray]:
        seen.append(len(images))
        return as_they_are(images)

    with pytest.raises(Stopped, match="kept"):
        extracted(tasks, run, written, stop_after=2)
    assert len(seen) == 2
    assert written.keys == [task.key for task in tasks[: sum(seen)]]
    assert sum(seen) < len(tasks)
    assert decoding_threads() == []


def test_an_image_that_is_gone_is_named_and_those_before_it_are_kept(tasks: list[Task]) -> None:
    tasks[13].file.unlink()
    written = Written()
    with pytest.raises(BadInput) as caught:
        extracted(tasks, written=written)
    assert caught.value.given == tasks[13].file.name
    assert written.keys
    assert written.keys == [task.key for task in tasks[: len(written.keys)]]
    assert len(written.keys) <= 13
    assert decoding_threads() == []


def test_a_full_disk_is_told_as_it_is(tasks: list[Task]) -> None:
    written = Written(room=FIRST_BATCH)
    with pytest.raises(OSError, match="No space left"):
        extracted(tasks, written=written)
    assert len(written.keys) == FIRST_BATCH
    assert decoding_threads() == []


def test_batches_grow_at_most_twofold_and_never_over_the_largest(clock: Clock) -> None:
    pace = Pace(10_000, 0)
    sizes = []
    for _each in range(8):
        sizes.append(pace.batch)
        clock.now += 1e-4
        pace.done(pace.batch)
    assert sizes[0] == FIRST_BATCH
    assert all(later <= 2 * before for before, later in itertools.pairwise(sizes))
    assert sizes[-1] == max(sizes) == LARGEST_BATCH


@pytest.mark.parametrize(("fitting", "batch"), [(6.5, 6), (2.5, 2), (1.5, 1), (0.1, 1)])
def test_batches_last_no_longer_than_a_stop_may_wait(clock: Clock, fitting: float, batch: int) -> None:
    pace = Pace(10_000, 0)
    for _each in range(8):
        clock.now += LONGEST_BATCH_S / fitting * pace.batch
        pace.done(pace.batch)
    assert pace.batch == batch


def test_a_machine_that_becomes_slow_gets_smaller_batches_and_at_least_one_image(clock: Clock) -> None:
    pace = Pace(10_000, 0)
    for _each in range(8):
        clock.now += 1e-3
        pace.done(pace.batch)
    assert pace.batch == LARGEST_BATCH
    clock.now += 2 * LONGEST_BATCH_S
    pace.done(LARGEST_BATCH)
    assert pace.batch == LARGEST_BATCH // 2
    clock.now += 60
    pace.done(LARGEST_BATCH // 2)
    assert pace.batch == 1


def test_speed_and_time_left_follow_the_last_seconds(clock: Clock) -> None:
    pace = Pace(1000, 50)
    clock.now += 10.0  # the first batch says nothing: it warms up
    assert pace.done(4) == Extraction(54, 1050, None, None)
    for _each in range(10):
        clock.now += 1.0
        told = pace.done(8)
    assert told.images_per_s == pytest.approx(8)
    assert told.eta_s == pytest.approx((1000 - 84) / 8)
    assert pace.image_s == pytest.approx(20 / 84)
    for _each in range(8):
        clock.now += 1.0
        told = pace.done(2)
    assert told.images_per_s == pytest.approx(2)


def two_tensors() -> Any:
    import keras
    from keras import layers

    image = keras.Input((SIZE, SIZE, 3))
    values = layers.Conv2D(5, 3, trainable=False)(layers.Rescaling(1 / 255)(image))
    values = layers.BatchNormalization(trainable=False)(values)
    prefix = keras.Model(image, [values, layers.GlobalMaxPooling2D()(values)])
    random = np.random.default_rng(2)
    prefix.set_weights([random.uniform(0.5, 1.5, weight.shape) for weight in prefix.weights])
    return prefix


@pytest.mark.slow
@pytest.mark.parametrize("most", [0, 10**9], ids=["variables", "constants"])
def test_the_prefix_is_traced_once_for_batches_of_any_size(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extracting, "MOST_CONSTANTS", most)
    prefix = two_tensors()
    run = PrefixRun(prefix, SIZE)
    images = np.random.default_rng(1).integers(0, 256, (9, SIZE, SIZE, 3), dtype=np.uint8)
    for count in (1, 4, 8, 9, 3):
        found = run(images[:count])
        expected = prefix.predict_on_batch(images[:count])
        assert [each.dtype for each in found] == [np.float32, np.float32]
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
    assert run.function.experimental_get_tracing_count() == 1


@pytest.mark.slow
def test_a_row_does_not_depend_on_the_batch_that_it_was_computed_in() -> None:
    run = PrefixRun(two_tensors(), SIZE)
    images = np.random.default_rng(1).integers(0, 256, (8, SIZE, SIZE, 3), dtype=np.uint8)
    whole = run(images)
    for at in range(8):
        for one, other in zip(run(images[at : at + 1]), whole, strict=True):
            np.testing.assert_allclose(one[0], other[at], rtol=1e-5, atol=1e-6)
