"""Images to batches: decoded ahead on two threads, in an order that only (seed, epoch) decides."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.images import load_array
from core.errors import BadInput
from core.training.augment import augmented

DECODING_THREADS = 2
BATCHES_AHEAD = 3


@dataclass(frozen=True)
class Photos:
    """The files of one split and what they show.

    Attributes:
        files: Where the images are.
        labels: ``(images,)``, int32; the index of each image's class.
    """

    files: tuple[Path, ...]
    labels: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.files)


class Batches:
    """A sequence of batches ``(images uint8 (n, size, size, 3), labels int32 (n,))``.

    Args:
        photos: What to load; at least one.
        size: Edge of the square images, in pixels.
        batch_size: Images in a batch; the last may hold fewer.
        seed: Decides the order (with the epoch) and the augmentation (with epoch and image).
        shuffle: Whether each epoch has its own order; otherwise the order given is kept.
        augment: ``none``, ``light`` or ``strong``.
    """

    def __init__(
        self,
        photos: Photos,
        size: int,
        batch_size: int,
        *,
        seed: int = 0,
        shuffle: bool = False,
        augment: str = "none",
    ) -> None:
        self._photos = photos
        self._size = size
        self._batch_size = batch_size
        self._seed = seed
        self._shuffle = shuffle
        self._augment = augment
        self._pool = ThreadPoolExecutor(DECODING_THREADS, thread_name_prefix="thaw-decode")
        self._lock = threading.Lock()
        self._ahead: dict[int, list[Future[NDArray[np.uint8]]]] = {}
        self.failure: Exception | None = None
        self.begin_epoch(0)

    def __len__(self) -> int:
        return math.ceil(len(self._photos) / self._batch_size)

    def begin_epoch(self, epoch: int) -> None:
        """Set the order for ``epoch``, counted from 0; what was loaded ahead is dropped."""
        with self._lock:
            self._drop_ahead()
            self._epoch = epoch
            self._order = np.arange(len(self._photos))
            if self._shuffle:
                np.random.default_rng((self._seed, epoch)).shuffle(self._order)

    def batch(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """Return batch ``index`` of the current epoch, and start loading the next ones.

        Raises:
            BadInput: A file can no longer be read; also kept in :attr:`failure`, because
                TensorFlow hands the error on without its type.
        """
        with self._lock:
            for later in range(index, min(index + BATCHES_AHEAD, len(self))):
                if later not in self._ahead:
                    self._ahead[later] = [
                        self._pool.submit(self._load, int(at), self._epoch) for at in self._at(later)
                    ]
            waiting = self._ahead.pop(index)
            at = self._at(index)
        try:
            images = np.stack([each.result() for each in waiting])
        except Exception as error:
            self.failure = error
            raise
        return images, self._photos.labels[at]

    def close(self) -> None:
        """Stop loading; batches that were not asked for are dropped."""
        with self._lock:
            self._drop_ahead()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _at(self, index: int) -> NDArray[np.intp]:
        return self._order[index * self._batch_size : (index + 1) * self._batch_size]

    def _drop_ahead(self) -> None:
        for waiting in self._ahead.values():
            for each in waiting:
                each.cancel()
        self._ahead.clear()

    def _load(self, at: int, epoch: int) -> NDArray[np.uint8]:
        file = self._photos.files[at]
        try:
            image = load_array(file, self._size)
        except BadInput as error:
            raise BadInput(error.what, given=file.name) from error
        return augmented(image, self._augment, (self._seed, epoch, at))


def photos_of(files: Sequence[Path], labels: Sequence[int]) -> Photos:
    """Put files and labels of the same length together."""
    return Photos(tuple(files), np.asarray(labels, dtype=np.int32))


def as_keras(batches: Batches, *, labels: bool = True) -> Any:
    """Return the batches as a ``keras.utils.PyDataset`` for ``fit`` and ``predict``.

    NOTE: it keeps Keras' ``workers`` at 1. With more, Keras' own queue runs ahead over the end of an
    epoch, before the order of the next one is set.
    """
    import keras

    class Sequenced(keras.utils.PyDataset):  # type: ignore[misc]
        @property
        def num_batches(self) -> int:
            return len(batches)

        def __getitem__(self, index: int) -> tuple[NDArray[Any], ...]:
            images, known = batches.batch(index)
            return (images, known) if labels else (images,)

    return Sequenced()
