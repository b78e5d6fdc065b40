"""Signals that a command answers in its own way while it works."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOPPED = 130
"""The exit status of what was stopped, 128 and the number of SIGINT: as shells say it."""


@contextmanager
def answered(answer: Callable[[int, FrameType | None], None], *numbers: int) -> Iterator[None]:
    """Answer signals in a way of one's own for a while.

    Args:
        answer: Called on the main thread with a signal's number and the frame that it came in.
        numbers: The signals. Elsewhere than on the main thread they stay as they are.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, answer) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
