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
            raise BadInput(error.what, given=files[at].name) from error
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
