"""Fetch ImageNet weights into Keras' cache, with progress, and whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from core.backbones.catalogue import BACKBONES, Backbone
from core.backbones.stored import ARRIVES_IN, ARRIVING, HostedWeights, keras_caches
from core.errors import Stopped, Unavailable
from core.i18n import _

LOOK_EVERY_S = 0.2
Progress = Callable[[float], None]
_locks = {name: threading.Lock() for name in BACKBONES}


def fetch(
    backbone: Backbone, progress: Progress | None = None, stop: threading.Event | None = None
) -> Path:
    """Return the weight file of a backbone of Keras', downloading it where it is not in a cache.

    Args:
        backbone: One with hosted weights.
        progress: Told the share that has arrived, 0 to 1, a few times a second.
        stop: Set it to wait no longer; what has arrived by then is dropped.

    Returns:
        Where the file is. Keras has checked its hash if it was downloaded now.

    Raises:
        Unavailable: It cannot be fetched; the error names the file and where to put it.
        Stopped: ``stop`` was set.
    """
    stored = backbone.stored
    if not isinstance(stored, HostedWeights):
        raise ValueError(f"{backbone.name} has no hosted weights")  # noqa: TRY004 - a value like any other
    with _locks[backbone.name]:
        known = stored.path()
        if known is not None:
            return known
        try:
            return _downloaded(backbone, stored, progress, stop)
        except OSError as error:  # of the cache's folder: full, or not ours to write to
            raise _not_fetched(backbone, stored, keras_caches()[0]) from error


def _downloaded(
    backbone: Backbone, stored: HostedWeights, progress: Progress | None, stop: threading.Event | None
) -> Path:
    folder = keras_caches()[0]
    folder.mkdir(parents=True, exist_ok=True)
    # NOTE: beside its place, because Keras writes to the final name as it goes, and checks no hash of
    # the MobileNets: half a file would pass for a whole one.
    arriving = Path(tempfile.mkdtemp(prefix=ARRIVING, dir=folder))
    work = _Download(stored, arriving)
    try:
        work.start()
        while work.is_alive():
            work.join(LOOK_EVERY_S)
            if stop is not None and stop.is_set():
                raise Stopped(_("Stopped before the weights had arrived."))
            if progress is not None:
                progress(stored.share_of(work.file))
        if work.error is not None:
            raise _not_fetched(backbone, stored, folder) from work.error
        work.file.replace(folder / stored.file)
    finally:
        shutil.rmtree(arriving, ignore_errors=True)
    return folder / stored.file


class _Download(threading.Thread):
    """Keras' own download, on a thread of its own because it cannot be interrupted."""

    def __init__(self, stored: HostedWeights, folder: Path) -> None:
        super().__init__(name="thaw-download", daemon=True)
        self._stored = stored
        self._folder = folder
        self.file = stored.place_in(folder)
        self.error: Exception | None = None

    def run(self) -> None:
        import keras

        # NOTE: of this thread only. Otherwise Keras draws a bar on stdout, where --json has its answer.
        keras.utils.disable_interactive_logging()
        try:
            keras.utils.get_file(
                self._stored.file, self._stored.url, cache_dir=str(self._folder),
                cache_subdir=ARRIVES_IN, file_hash=self._stored.hash,
            )
        except Exception as error:  # noqa: BLE001 - Keras raises bare Exception; handed over and told
            self.error = error


def _not_fetched(backbone: Backbone, stored: HostedWeights, folder: Path) -> Unavailable:
    return Unavailable(
        _("The ImageNet weights of {backbone} cannot be downloaded now.").format(
            backbone=backbone.title),
        given=stored.url,
        fix=_("Put the file {file} into {folder}, or choose an EfficientNet-Lite: its weights are "
              "already on this computer.").format(file=stored.file, folder=folder),
    )


def forget_leftovers(older_than_s: float = 3600.0) -> None:
    """Remove what killed downloads left behind in Keras' cache."""
    folder = keras_caches()[0]
    for arriving in folder.glob(ARRIVING + "*"):
        if time.time() - arriving.stat().st_mtime > older_than_s:
            shutil.rmtree(arriving, ignore_errors=True)
