"""Which of two threads goes first where both want the same core."""

from __future__ import annotations

import os
import sys
import threading

_NICENESS = 5


def step_back() -> None:
    """Let the pages go before what this thread does: a training, or a search for its learning rate.

    NOTE: on Linux a thread has its own niceness, and TensorFlow's threads take that of the thread
    that first calls it. Elsewhere niceness belongs to the whole process, so nothing is done.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
