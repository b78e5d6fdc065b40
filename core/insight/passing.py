"""Putting photos through a network batch by batch, with progress, and a stop between any two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.images import load_array
from core.errors import BadInput
from core.i18n import _
from core.insight.projection import require_finite
from core.jobs import Progress, no_progress
from core.training.feed import DECODING_THREADS

BATCH = 16
Images = NDArray[np.uint8]


def passed(
    network: Callable[[Images], Sequence[NDArray[Any]]], files: Sequence[Path], size: int,
    progress: Progress = no_progress, phase: str = "", *,
    change: Callable[[Images, int], Images] | None = None,
) -> list[NDArray[Any]]:
    """Put photos through a network; the next batch is decoded meanwhile.

    Args:
        network: Takes ``(n, size, size, 3)`` uint8 and returns one array or more, each ``(n, …)``.
        files: The photos; at least one.
        size: Edge of the images, in pixels.
        progress: Told after each batch how many photos are done; it may raise Stopped.
        phase: What this is called there, in words.
        change: Changes an image ``(size, size, 3)`` before the network sees it; told which it is.

    Returns:
        The arrays of all photos, in order.

    Raises:
        BadInput: A photo can no longer be read.
        Stopped: ``progress`` asked for it.
    """
    def load(at: int) -> Images:
        try:
            image = load_array(files[at], size)
        except BadInput as error:
            raise BadInput(
                error.what, given=_("photo {n} of {all}, {file}").format(
                    n=f"{at + 1:,}", all=f"{len(files):,}", file=files[at].name),
                fix=_("A photo of this dataset was removed or changed in the workspace's folder. Take the "
                      "photos in again."),
            ) from error
        return image if change is None else change(image, at)

    found: list[list[NDArray[Any]]] = []
    progress(phase, 0, len(files))
    with ThreadPoolExecutor(DECODING_THREADS, thread_name_prefix="thaw-look") as pool:
        try:
            starts = range(0, len(files), BATCH)
            ahead = [pool.submit(load, at) for at in range(min(BATCH, len(files)))]
            for start in starts:
                images = np.stack([each.result() for each in ahead])
                later = range(start + BATCH, min(start + 2 * BATCH, len(files)))
                ahead = [pool.submit(load, at) for at in later]
                found.append([np.asarray(each) for each in network(images)])
                progress(phase, min(start + BATCH, len(files)), len(files))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return [np.concatenate(parts) for parts in zip(*found, strict=True)]


def answers(model: Path, files: Sequence[Path], progress: Progress = no_progress) -> NDArray[np.float32]:
    """Return what a model says of photos.

    Args:
        model: Its file.
        files: The photos; at least one.
        progress: Told how far it is; it may raise Stopped.

    Returns:
        ``(files, classes)``, 0 to 1: how likely it holds each class.

    Raises:
        BadInput: The model cannot be read or answers with what is no number, or a photo can no longer be
            read.
        Stopped: ``progress`` asked for it.
    """
    from core.insight.predict import loaded

    progress(_("Loading the model"), 0, None)
    ready = loaded(model)
    (chances,) = passed(
        lambda images: [ready.keras.predict_on_batch(images)], files, ready.size, progress,
        _("Looking at the photos"))
    require_finite(chances)
    return chances
