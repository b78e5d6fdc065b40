"""A finished model ready to answer at once: one compiled graph, for one photo or many, from any thread."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from core.data.images import open_rgb
from core.errors import BadInput, RunFailed, ThawError, Unavailable
from core.i18n import _
from core.insight import predict
from core.insight.predict import MODELS_KEPT, Loaded
from core.jobs import Progress, no_progress
from core.training.feed import DECODING_THREADS

if TYPE_CHECKING:
    from core.training.extract import PrefixRun

BATCH = 16
PICTURE_EDGE = 96
Images = NDArray[np.uint8]
Network = Callable[[Images], Sequence[NDArray[np.float32]]]
_kept: OrderedDict[Path, Answering] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class Said:
    """What a model says of one file.

    Attributes:
        chances: ``(classes,)``, float32, 0 to 1: how likely it holds each class; ``None`` where there is no
            answer.
        problem: Why there is none.
        picture: A small square of the photo as JPEG; empty where the file is no image.
    """

    chances: NDArray[np.float32] | None
    problem: ThawError | None = None
    picture: bytes = b""


class Answering:
    """A model as one graph; hold it by :func:`answering`.

    Args:
        model: The model.

    Attributes:
        model: As given.
    """

    def __init__(self, model: Loaded) -> None:
        self.model = model
        self._network: Network | None = None
        self._making = threading.Lock()
        self._in_use = 0
        self._retired = False

    def make_ready(self) -> Network:
        """Build its graph, where that has not been done, and return it; others who ask for it wait here."""
        with self._making:
            if self._network is None:
                self._network = network(self.model)
            return self._network

    def __call__(self, images: Images) -> NDArray[np.float32]:
        """Return ``(n, classes)`` probabilities for ``(n, size, size, 3)`` in 0..255.

        Raises:
            RunFailed: The model answers with what is no number.
        """
        chances = self.make_ready()(images)[0]
        if not np.isfinite(chances).all():
            raise RunFailed(
                _("This model answers with something that is no number."),
                fix=_("Train again with a smaller learning rate, or choose another run."),
            )
        return chances

    def take(self) -> None:
        """Note that somebody uses it; call it with the lock of this module held."""
        self._in_use += 1

    def give_back(self) -> None:
        """Note that somebody has done with it; with the lock held."""
        self._in_use -= 1
        self._let_go()

    def retire(self) -> None:
        """Free its graph as soon as nobody uses it; with the lock held."""
        self._retired = True
        self._let_go()

    def _let_go(self) -> None:
        if self._retired and not self._in_use and self._network is not None:
            let_go(self._network)


@contextmanager
def answering(path: Path) -> Iterator[Answering]:
    """Hold a model that is ready to answer; the last ones stay ready, so only the first time takes seconds.

    Args:
        path: A run's model.

    Raises:
        BadInput: The file is missing or is no model of ours.
        Unavailable: TensorFlow cannot be loaded.
    """
    with _said_where_missing():
        model = predict.loaded(path)
    with _lock:
        held = _known(path, model)
        held.take()
    try:
        # NOTE: it takes seconds, so not with the lock held: models that are ready answer meanwhile.
        with _said_where_missing():
            held.make_ready()
        yield held
    finally:
        with _lock:
            held.give_back()


@contextmanager
def _said_where_missing() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise Unavailable(
            _("TensorFlow cannot be loaded, and without it no model answers."), given=str(error)[:120],
            fix=_("Install what requirements.txt lists, and start Thaw again."),
        ) from error


def _known(path: Path, model: Loaded) -> Answering:
    known = _kept.pop(path, None)
    if known is not None and known.model is not model:
        known.retire()
        known = None
    _kept[path] = known or Answering(model)
    while len(_kept) > MODELS_KEPT:
        _kept.popitem(last=False)[1].retire()
    return _kept[path]


def network(model: Loaded) -> Network:
    """Return a model as one graph that has answered once, so that the first photo need not wait for it."""
    from core.training.extract import PrefixRun

    made = PrefixRun(model.keras, model.size)
    made(np.zeros((1, model.size, model.size, 3), np.uint8))
    return made


def let_go(made: PrefixRun | Any) -> None:
    """Free the graph of :func:`network`."""
    from core.training.release import let_go_of

    let_go_of(made.function)


def say(
    ask: Answering, files: Sequence[Path | BinaryIO], take: Callable[[int, Said], None],
    progress: Progress = no_progress, phase: str = "",
) -> None:
    """Say what each file shows; the next ones are decoded meanwhile.

    Args:
        ask: See :func:`answering`.
        files: Image files, or open ones.
        take: Given the place of each file and what was said of it, in order. What it was given stays,
            also where ``progress`` stops the rest.
        progress: Told after each batch how many files are done; it may raise Stopped.
        phase: What this is called there, in words.

    Raises:
        RunFailed: The model answers with what is no number.
        Stopped: ``progress`` asked for it.
    """
    progress(phase, 0, len(files))
    with ThreadPoolExecutor(DECODING_THREADS, thread_name_prefix="thaw-look") as pool:
        try:
            ahead = [pool.submit(_seen, each, ask.model.size) for each in files[:BATCH]]
            for start in range(0, len(files), BATCH):
                seen = [each.result() for each in ahead]
                later = files[start + BATCH : start + 2 * BATCH]
                ahead = [pool.submit(_seen, each, ask.model.size) for each in later]
                images = [image for image, _picture in seen if not isinstance(image, ThawError)]
                rows = iter(ask(np.stack(images)) if images else ())
                for at, (image, picture) in enumerate(seen, start):
                    if isinstance(image, ThawError):
                        take(at, Said(None, image))
                    else:
                        take(at, Said(next(rows), None, picture))
                progress(phase, start + len(seen), len(files))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _seen(file: Path | BinaryIO, size: int) -> tuple[Images | ThawError, bytes]:
    """Decode a file once, for the network as :func:`core.data.images.load_array` does and for people."""
    try:
        photo = open_rgb(file, at_least=size)
    except BadInput as error:
        return error, b""
    image = np.asarray(photo.resize((size, size), Image.Resampling.BILINEAR), dtype=np.uint8)
    small = ImageOps.fit(photo, (PICTURE_EDGE, PICTURE_EDGE), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return image, buffer.getvalue()
