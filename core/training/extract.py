"""Running the prefix once an image: decoding and the network side by side, kept as it is computed."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.activations.store import Writing
from core.errors import Stopped
from core.i18n import _
from core.training.events import Extraction
from core.training.feed import DECODING_THREADS, load_view

if TYPE_CHECKING:
    import keras

LARGEST_BATCH = 32
FIRST_BATCH = 1
# A stop acts between two batches.
LONGEST_BATCH_S = 0.3
_IMAGES_AHEAD = 3 * LARGEST_BATCH
# Above this the weights stay variables: folding constants holds several copies of them for a moment.
MOST_CONSTANTS = 120 * 10**6
_SPEED_WINDOW_S = 5.0


@dataclass(frozen=True)
class Task:
    """An image, or a view of it, that the prefix has to see.

    Attributes:
        key: Under which its row is kept.
        file: The image.
        augment: ``none``, ``light`` or ``strong``.
        drawn_from: What the view is drawn from, see :func:`core.training.augment.view_of`.
    """

    key: bytes
    file: Path
    augment: str
    drawn_from: tuple[int, ...]


class PrefixRun:
    """A prefix as one graph for batches of any size, in inference mode.

    NOTE: the weights are constants of the graph. TensorFlow then folds BatchNorm into the convolutions
    before it, which a graph that reads variables does not allow: 1.3 times as fast for EfficientNet-Lite0
    on 2 cores, and the same within the rounding of float32.

    Args:
        prefix: A Keras model from raw RGB ``(n, size, size, 3)`` to one tensor or a list of them.
        size: Edge of the images, in pixels.
    """

    def __init__(self, prefix: keras.Model, size: int) -> None:
        import tensorflow as tf

        learnt = [variable.numpy() for variable in prefix.trainable_variables]
        fixed = [variable.numpy() for variable in prefix.non_trainable_variables]

        def with_constants(images: Any) -> Any:
            values = [tf.constant(each) for each in learnt], [tf.constant(each) for each in fixed]
            return prefix.stateless_call(*values, images, training=False)[0]

        def with_variables(images: Any) -> Any:
            return prefix(images, training=False)

        small = sum(each.nbytes for each in (*learnt, *fixed)) <= MOST_CONSTANTS
        self.function = tf.function(
            with_constants if small else with_variables,
            input_signature=[tf.TensorSpec((None, size, size, 3), tf.uint8)],
        )

    def __call__(self, images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """Return the tensors ``(n, *shape)`` that cross the cut."""
        found = self.function(images)
        return [each.numpy() for each in (found if isinstance(found, list | tuple) else [found])]


def extract(
    run: PrefixRun, size: int, tasks: Sequence[Task], writing: Writing, found: int,
    told: Callable[[Extraction], None], stop: threading.Event,
) -> float | None:
    """Put images through the prefix and keep what comes out.

    Args:
        run: The prefix.
        size: Edge of the images, in pixels.
        tasks: The images.
        writing: Where the rows go, in batches.
        found: How many images of the run were there before, for what is told.
        told: Told after each batch.
        stop: Set it to leave after a batch; what was computed is kept.

    Returns:
        Seconds that an image took, decoding and keeping included; ``None`` where there was none.

    Raises:
        Stopped: ``stop`` was set.
        BadInput: An image can no longer be read.
        OSError: The disk is full; what was written before is whole.
    """
    pace = _Pace(len(tasks), found)
    with _Decoding(tasks, size) as decoding:
        while batch := decoding.next(pace.batch):
            if stop.is_set():
                raise Stopped(_("Stopped before anything was learned. What was computed is kept."))
            keys, images = batch
            writing.append(keys, run(images))
            told(pace.done(len(keys)))
    return pace.image_s


class _Decoding:
    """Images decoded ahead, on threads of their own, handed out in order."""

    def __init__(self, tasks: Iterable[Task], size: int) -> None:
        self._tasks: Iterator[Task] = iter(tasks)
        self._size = size
        self._pool = ThreadPoolExecutor(DECODING_THREADS, thread_name_prefix="thaw-decode")
        self._ahead: deque[tuple[bytes, Future[NDArray[np.uint8]]]] = deque()

    def __enter__(self) -> _Decoding:
        return self

    def __exit__(self, *_error: object) -> None:
        for _key, waiting in self._ahead:
            waiting.cancel()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def next(self, most: int) -> tuple[list[bytes], NDArray[np.uint8]] | None:
        """Return the next images, at most so many; ``None`` after the last."""
        while len(self._ahead) < _IMAGES_AHEAD and (task := next(self._tasks, None)) is not None:
            image = self._pool.submit(load_view, task.file, self._size, task.augment, task.drawn_from)
            self._ahead.append((task.key, image))
        batch = [self._ahead.popleft() for _each in range(min(most, len(self._ahead)))]
        if not batch:
            return None
        return [key for key, _image in batch], np.stack([image.result() for _key, image in batch])


class _Pace:
    """How large a batch may be so that a stop acts soon, how fast it goes, how long it will take."""

    def __init__(self, total: int, found: int) -> None:
        self.batch = FIRST_BATCH
        self._total = total
        self._found = found
        self._done = 0
        self._spent_s = 0.0
        self._recent: deque[tuple[float, int]] = deque()
        self._last = time.perf_counter()

    @property
    def image_s(self) -> float | None:
        """Seconds an image, or ``None`` before the first."""
        return self._spent_s / self._done if self._done else None

    def done(self, images: int) -> Extraction:
        """Note that a batch is done."""
        now = time.perf_counter()
        took, self._last = now - self._last, now
        self._spent_s += took
        most = min(LARGEST_BATCH, max(1, math.floor(LONGEST_BATCH_S * images / took)))
        # From one to the next at most twice as large: the first ones are too short to go by.
        self.batch = min(most, 2 * self.batch)
        self._recent.append((now, images))
        self._done += images
        return Extraction(
            self._found + self._done, self._found + self._total, *self._speed_and_time_left(now)
        )

    def _speed_and_time_left(self, now: float) -> tuple[float | None, float | None]:
        while len(self._recent) > 2 and now - self._recent[0][0] > _SPEED_WINDOW_S:
            self._recent.popleft()
        if len(self._recent) < 2:
            return None, None
        images = sum(count for _at, count in self._recent) - self._recent[0][1]
        speed = images / (self._recent[-1][0] - self._recent[0][0])
        return speed, (self._total - self._done) / speed
