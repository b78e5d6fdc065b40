"""Images, or what was made of them, to batches: loaded ahead, in an order that only (seed, epoch) decides."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.data.images import load_array
from core.errors import BadInput, RunFailed, ThawError
from core.i18n import _
from core.training.augment import augmented, view_of

DECODING_THREADS = 2
BATCHES_AHEAD = 3
Inputs = tuple[NDArray[Any], ...]


class Pending(Protocol):
    """The inputs of a batch that is being loaded."""

    def result(self) -> Inputs:
        """Wait for it, and return it."""

    def cancel(self) -> object:
        """Drop what has not begun yet."""


class Source(Protocol):
    """What batches are made of."""

    def __len__(self) -> int:
        """How many images there are."""

    def begin(self, pool: Executor, at: NDArray[np.intp], epoch: int) -> Pending:
        """Begin to load the images at these places, as ``epoch`` sees them."""


@dataclass(frozen=True)
class Photos:
    """The files of one split and what they show.

    Attributes:
        files: Where the images are.
        labels: ``(images,)``, int32; the index of each image's class.
        digests: SHA-256 of each file's bytes, in hex.
    """

    files: tuple[Path, ...]
    labels: NDArray[np.int32]
    digests: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.files)


def load_view(file: Path, size: int, augment: str, drawn_from: tuple[int, ...]) -> NDArray[np.uint8]:
    """Load an image as a network sees it, ``(size, size, 3)``, changed as :func:`augmented` does.

    Raises:
        BadInput: The file can no longer be read.
    """
    try:
        image = load_array(file, size)
    except BadInput as error:
        raise BadInput(error.what, given=file.name) from error
    return augmented(image, augment, drawn_from)


class PhotoSource:
    """Image files, decoded for every batch anew: ``(images uint8 (n, size, size, 3),)``.

    Args:
        photos: What to load; at least one.
        size: Edge of the square images, in pixels.
        augment: ``none``, ``light`` or ``strong``.
        seed: Decides the views, with image and view.
        view: Gives the number of the view that an epoch sees.
    """

    def __init__(
        self, photos: Photos, size: int, *, augment: str = "none", seed: int = 0,
        view: Callable[[int], int] = lambda epoch: epoch,
    ) -> None:
        self._photos = photos
        self._size = size
        self._augment = augment
        self._seed = seed
        self._view = view

    def __len__(self) -> int:
        return len(self._photos)

    def begin(self, pool: Executor, at: NDArray[np.intp], epoch: int) -> Pending:
        """Decode each image by itself, so that all threads are busy with one batch."""
        view = self._view(epoch)
        return _Stack([pool.submit(self._load, int(each), view) for each in at])

    def _load(self, at: int, view: int) -> NDArray[np.uint8]:
        photos = self._photos
        drawn_from = view_of(self._seed, view, photos.digests[at])
        return load_view(photos.files[at], self._size, self._augment, drawn_from)


class _Stack:
    def __init__(self, images: list[Future[NDArray[np.uint8]]]) -> None:
        self._images = images

    def result(self) -> Inputs:
        return (np.stack([each.result() for each in self._images]),)

    def cancel(self) -> None:
        for each in self._images:
            each.cancel()


class Batches:
    """A sequence of batches ``(inputs, labels int32 (n,))``.

    Args:
        source: What they are made of; at least one image.
        labels: ``(images,)``, int32.
        batch_size: Images in a batch; the last may hold fewer.
        seed: Decides the order, with the epoch.
        shuffle: Whether each epoch has its own order; otherwise the order given is kept.
    """

    def __init__(
        self, source: Source, labels: NDArray[np.int32], batch_size: int, *, seed: int = 0,
        shuffle: bool = False,
    ) -> None:
        self._source = source
        self._labels = labels
        self._batch_size = batch_size
        self._seed = seed
        self._shuffle = shuffle
        self._pool = ThreadPoolExecutor(DECODING_THREADS, thread_name_prefix="thaw-load")
        self._lock = threading.Lock()
        self._ahead: dict[int, Pending] = {}
        self.failure: Exception | None = None
        self.begin_epoch(0)

    @property
    def images(self) -> int:
        """How many images an epoch has."""
        return len(self._source)

    @property
    def labels(self) -> NDArray[np.int32]:
        """The class of each image, ``(images,)``, in the order of the source."""
        return self._labels

    def __len__(self) -> int:
        return math.ceil(len(self._source) / self._batch_size)

    def begin_epoch(self, epoch: int) -> None:
        """Set the order for ``epoch``, counted from 0; what was loaded ahead is dropped."""
        with self._lock:
            self._drop_ahead()
            self._epoch = epoch
            self._order = np.arange(len(self._source))
            if self._shuffle:
                np.random.default_rng((self._seed, epoch)).shuffle(self._order)

    def batch(self, index: int) -> tuple[Inputs, NDArray[np.int32]]:
        """Return batch ``index`` of the current epoch, and start loading the next ones.

        Raises:
            BadInput: A file can no longer be read; also kept in :attr:`failure`, because
                TensorFlow hands the error on without its type.
        """
        with self._lock:
            for later in range(index, min(index + BATCHES_AHEAD, len(self))):
                if later not in self._ahead:
                    self._ahead[later] = self._source.begin(self._pool, self._at(later), self._epoch)
            waiting = self._ahead.pop(index)
            at = self._at(index)
        try:
            inputs = waiting.result()
        except Exception as error:
            self.failure = error
            raise
        return inputs, self._labels[at]

    def close(self) -> None:
        """Stop loading; batches that were not asked for are dropped."""
        with self._lock:
            self._drop_ahead()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _at(self, index: int) -> NDArray[np.intp]:
        return self._order[index * self._batch_size : (index + 1) * self._batch_size]

    def _drop_ahead(self) -> None:
        for waiting in self._ahead.values():
            waiting.cancel()
        self._ahead.clear()


def lost_photo(error: ThawError) -> RunFailed:
    """Return what to say of a photo that was there when the dataset was made and cannot be read now."""
    return RunFailed(
        _("A photo of the dataset can no longer be read."),
        given=str(error),
        fix=_("Add the photos again on the Data page, and train on the new dataset."),
    )


def photos_of(
    files: Sequence[Path], labels: Sequence[int], digests: Sequence[str] | None = None
) -> Photos:
    """Put files, labels and digests of the same length together.

    Without digests, which only augmentation and what is kept need, all are the same.
    """
    known = ["0" * 64] * len(files) if digests is None else digests
    return Photos(tuple(files), np.asarray(labels, dtype=np.int32), tuple(known))


def as_keras(batches: Batches, *, labels: bool = True, skipped: int = 0) -> Any:
    """Return the batches as a ``keras.utils.PyDataset`` for ``fit`` and ``predict``.

    Args:
        batches: What it is made of.
        labels: Whether labels go with the images.
        skipped: How many batches at the begin of each epoch are left out.

    NOTE: it keeps Keras' ``workers`` at 1. With more, Keras' own queue runs ahead over the end of an
    epoch, before the order of the next one is set.
    """
    import keras

    class Sequenced(keras.utils.PyDataset):  # type: ignore[misc]
        @property
        def num_batches(self) -> int:
            return len(batches) - skipped

        def __getitem__(self, index: int) -> tuple[Any, ...]:
            inputs, known = batches.batch(skipped + index)
            given = inputs[0] if len(inputs) == 1 else inputs
            return (given, known) if labels else (given,)

    return Sequenced()
