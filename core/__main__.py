"""``python -m core``: the same core, without a browser."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    try:
        from core.cli.main import main

        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:  # Ctrl-C while the program itself is still being loaded
        sys.exit(1)
