"""Work on a thread of its own, while the main thread tells how far it is and answers signals."""

from __future__ import annotations

import threading
from collections.abc import Callable

from core.errors import ThawError


class Work:
    """Something that is done on a thread of its own, whose error is handed over.

    NOTE: not on the main thread. Python hands a signal to that one only between two of its steps, and makes
    one of two that come within one.

    Args:
        do: What is done.
    """

    def __init__(self, do: Callable[[], object]) -> None:
        self._do = do
        self._thread = threading.Thread(target=self._carry_out, name="thaw-training", daemon=True)
        self._error: Exception | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait at most so long, and tell whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def raise_error(self) -> None:
        """Raise what it ended in, if it did: a ThawError or an OSError."""
        if self._error is not None:
            raise self._error

    def _carry_out(self) -> None:
        try:
            self._do()
        except (ThawError, OSError) as error:
            self._error = error
