"""Waiting for what other threads do."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_S = 60


def until(true: Callable[[], bool]) -> None:
    """Return once ``true`` says so; fail where it does not in a minute."""
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)
