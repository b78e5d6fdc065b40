"""Weights that are fetched in the background, each in a process of its own."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from core.backbones import catalogue
from core.backbones.stored import HostedWeights
from core.children import failure_of
from core.errors import ThawError


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
        error = failure_of(["fetch", name], stop)
        with self._lock:
            del self._stops[name]
            if error is not None:
                self._errors[name] = error


def _arrived(name: str) -> float:
    stored = catalogue.get(name).stored
    if not isinstance(stored, HostedWeights):
        return 0.0
    return max(map(stored.share_of, stored.arriving()), default=0.0)
