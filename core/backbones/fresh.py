"""Building Keras models whose automatic layer names do not depend on what was built before."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

_Made = TypeVar("_Made")


def with_fresh_names(make: Callable[[], _Made]) -> _Made:
    """Call ``make`` on a thread of its own and return what it returns, or raise what it raises.

    NOTE: Keras numbers layers without a name (``conv2d``, ``conv2d_1`` …) by a count that belongs to
    the thread. A new thread counts from the start, so that a backbone has the same names each time,
    and what Keras keeps for the thread goes with it.
    """
    made: list[_Made] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            made.append(make())
        except BaseException as error:  # noqa: BLE001 - handed over and raised on the caller's thread
            failed.append(error)

    thread = threading.Thread(target=work, name="thaw-build", daemon=True)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return made[0]
