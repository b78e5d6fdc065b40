"""A turn: of kinds of work that would disturb each other one goes on at a time, in the order asked."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from core.errors import Stopped
from core.i18n import _

_LOOK_EVERY_S = 0.2


class Turn:
    """What kinds of work in this process share, so that they wait for each other."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._line: deque[tuple[str, object]] = deque()

    @contextmanager
    def taken(
        self, what: str, stop: threading.Event, waits_for: Callable[[str], None] = lambda _what: None
    ) -> Iterator[None]:
        """Wait for the turn, and hold it.

        Args:
            what: What is going to be done, in words.
            stop: Set it to leave while it waits.
            waits_for: Told what is being done meanwhile, where that has to be waited for; must be quick.

        Raises:
            Stopped: ``stop`` was set before its turn came.
        """
        mine = (what, object())
        with self._changed:
            self._line.append(mine)
        try:
            with self._changed:
                while self._line[0] is not mine:
                    if stop.is_set():
                        raise Stopped(_("Stopped while it waited for its turn."))
                    waits_for(self._line[0][0])
                    self._changed.wait(_LOOK_EVERY_S)
            yield
        finally:
            with self._changed:
                self._line.remove(mine)
                self._changed.notify_all()
