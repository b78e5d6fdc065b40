"""``python -m core``: the same core, without a browser."""

from __future__ import annotations

import os
import signal
import sys

STOPPED = 130
"""As core.cli.signals says it, which is not loaded yet where loading is what was stopped."""


def _leave(status: int) -> None:
    """End the process; all is done and said, and Ctrl-C changes nothing any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if status == STOPPED:
        # NOTE: a thread may still be in TensorFlow, and where Python takes its leave meanwhile it aborts.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


if __name__ == "__main__":
    try:
        from core.cli.main import main

        _leave(main(sys.argv[1:]))
    except KeyboardInterrupt:  # while the program itself is still being loaded
        from core.i18n import _

        print(_("Stopped."), file=sys.stderr)
        _leave(STOPPED)
