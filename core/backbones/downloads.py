"""Weights that are fetched in the background, each in a process of its own."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from core.backbones import catalogue
from core.backbones.stored import HostedWeights, keras_caches
from core.children import run_json
from core.errors import Stopped, ThawError


@dataclass(frozen=True)
class DownloadSnapshot:
    """How a download stands.

    Attributes:
        active: Whether it is going on.
        share: Which share has arrived, 0 to 1.
        error: Why it failed, or ``None``.
    """

    active: bool
    share: float
    error: ThawError | None


class Downloads:
    """Fetches ImageNet weights. TensorFlow, which Keras needs for it, stays out of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stops: dict[str, threading.Event] = {}
        self._errors: dict[str, ThawError] = {}

    def start(self, name: str) -> None:
        """Fetch a backbone's weights, unless that is going on."""
        with self._lock:
            if name in self._stops:
                return
            self._errors.pop(name, None)
            stop = self._stops[name] = threading.Event()
        threading.Thread(
            target=self._work, args=(name, stop), name="thaw-fetch", daemon=True
        ).start()

    def cancel(self, name: str | None = None) -> None:
        """Stop one, or all; what has arrived of them is dropped."""
        with self._lock:
            for each, stop in self._stops.items():
                if name in (None, each):
                    stop.set()

    def snapshot(self, name: str) -> DownloadSnapshot:
        """Return how the download of a backbone's weights stands."""
        with self._lock:
            active, error = name in self._stops, self._errors.get(name)
        return DownloadSnapshot(active, _arrived(name) if active else 0.0, error)

    def _work(self, name: str, stop: threading.Event) -> None:
        error: ThawError | None = None
        try:
            run_json(["fetch", name], stop)
        except Stopped:
            pass
        except ThawError as problem:
            error = problem
        with self._lock:
            del self._stops[name]
            if error is not None:
                self._errors[name] = error


def _arrived(name: str) -> float:
    stored = catalogue.get(name).stored
    if not isinstance(stored, HostedWeights):
        return 0.0
    paths = keras_caches()[0].glob(f".arriving-*/models/{stored.file}")
    return min(0.99, max(map(_size, paths), default=0) / stored.bytes)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # it has just arrived, or was dropped
        return 0
