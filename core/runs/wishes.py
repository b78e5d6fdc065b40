"""Asking a training to leave, from whatever process: through a file in its run folder."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from core.errors import BadInput
from core.files import read_json, write_json
from core.runs.folder import RunFolder

FILE = "asked.json"
LOOK_EVERY_S = 0.1


class Wish(StrEnum):
    """Why a training is to leave."""

    PAUSE = "pause"
    STOP = "stop"
    CLOSE = "close"


# A later one takes the place of an earlier one.
_WEIGHT = (Wish.CLOSE, Wish.PAUSE, Wish.STOP)


class Leaving:
    """Tells a training to leave, and why; shared by the threads of its process.

    Attributes:
        event: Set once it is to leave.
    """

    def __init__(self) -> None:
        self.event = threading.Event()
        self._lock = threading.Lock()
        self._wish: Wish | None = None

    @property
    def wish(self) -> Wish | None:
        """Why it is to leave, or ``None``."""
        with self._lock:
            return self._wish

    def ask(self, wish: Wish) -> None:
        """Ask it to leave. What a person asked for is not taken back by a close, nor a stop by a pause."""
        with self._lock:
            if self._wish is None or _WEIGHT.index(wish) > _WEIGHT.index(self._wish):
                self._wish = wish
        self.event.set()


def ask(folder: RunFolder, wish: Wish) -> None:
    """Ask for a pause or a stop of a run that is being worked on, here or in another process."""
    write_json(folder.path / FILE, {"wish": wish.value}, durable=False)


def asked(folder: RunFolder) -> Wish | None:
    """Return what is asked of a run, or ``None``."""
    path = folder.path / FILE
    if not path.exists():
        return None
    try:
        given = read_json(path).get("wish")
    except BadInput:
        return None
    return next((wish for wish in (Wish.PAUSE, Wish.STOP) if wish.value == given), None)


def forget(folder: RunFolder) -> None:
    """Forget what was asked."""
    (folder.path / FILE).unlink(missing_ok=True)


@contextmanager
def heard(folder: RunFolder, leaving: Leaving) -> Iterator[None]:
    """Look for what is asked of a run while it is worked on, and hand it on."""
    done = threading.Event()

    def look() -> None:
        while not done.wait(LOOK_EVERY_S):
            wish = asked(folder)
            if wish is not None:
                leaving.ask(wish)

    listener = threading.Thread(target=look, name="thaw-wishes", daemon=True)
    listener.start()
    try:
        yield
    finally:
        done.set()
        listener.join()
        forget(folder)
