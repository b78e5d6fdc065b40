"""Bringing TensorFlow up, once, without the lines that it writes about itself."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_START_LINE = re.compile(
    rb"(WARNING: All log messages before absl|[IWE]\d{4} [\d:. ]+\d+ \w+\.cc:\d+\] |To enable the following)"
)
_one_at_a_time = threading.Lock()


def load_tensorflow() -> None:
    """Import TensorFlow and let it find its devices; a second call returns at once.

    Its lines on oneDNN, CUDA and the processor go to nobody, whatever TF_CPP_MIN_LOG_LEVEL says, since
    they come before its logging is set up. All else that is written meanwhile is written afterwards.
    """
    with _one_at_a_time:
        if "tensorflow" in sys.modules:
            return
        with _without_start_lines():
            import tensorflow as tf

            tf.config.list_logical_devices()
        tf.get_logger().setLevel("ERROR")


@contextmanager
def _without_start_lines() -> Iterator[None]:
    """Hold what is written to the process's stderr, by C code too, and let only the rest through.

    NOTE: a pipe that is full drops what comes next instead of blocking; it holds 64 kB, TensorFlow
    writes 2.
    """
    sys.stderr.flush()
    shown = os.dup(2)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    os.dup2(writing, 2)
    os.close(writing)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(shown, 2)
        os.close(shown)
        with os.fdopen(reading, "rb") as held:
            rest = [line for line in held if not _START_LINE.match(line)]
        os.write(2, b"".join(rest))
