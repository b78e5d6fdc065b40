"""Progress on stderr: a line that is rewritten on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import TextIO

from core.data.gather import phase_text

EVERY_S = {True: 0.1, False: 5.0}


class Bar:
    """Shows how far a piece of work is; call it as ``bar(phase, done, total)`` for an intake."""

    def __init__(self) -> None:
        self._stream = _own_stderr()
        self._terminal = self._stream.isatty()
        self._shown = 0.0
        self._phase = ""

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._terminal and self._phase:
            self._stream.write("\n")
        if self._stream is not sys.stderr:
            self._stream.close()

    def __call__(self, phase: str, done: int, total: int | None) -> None:
        """Show that ``done`` of ``total`` is done; ``total`` is ``None`` where it is not known."""
        share = f" {done:,}" if total is None else f" {done:,}/{total:,}"
        self.say(phase, f"{phase_text(phase)}{share}", at_once=done == total)

    def say(self, phase: str, text: str, *, at_once: bool = False) -> None:
        """Show a text; the same phase is shown again only after a while, or ``at_once``."""
        now = time.monotonic()
        if phase == self._phase and not at_once and now - self._shown < EVERY_S[self._terminal]:
            return
        self._stream.write(f"\r\x1b[K{text}" if self._terminal else f"{text}\n")
        self._stream.flush()
        self._shown, self._phase = now, phase


def _own_stderr() -> TextIO:
    """Return stderr by a way of its own, which stays open while core.training.backend holds the usual one."""
    try:
        own = os.dup(sys.stderr.fileno())
    except (OSError, ValueError):  # replaced by something that is no file
        return sys.stderr
    return open(own, "w", encoding=sys.stderr.encoding, errors="backslashreplace")
