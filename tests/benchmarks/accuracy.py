"""What the head alone reaches on photos: Lite0 frozen, 10 epochs, their own split. Prints JSON.

``python -m tests.benchmarks.accuracy [FOLDER]``; takes several minutes on a laptop.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile

from tests.benchmarks.bench_intake import photos
from tests.serving import ROOT


def main() -> None:
    """Train on the command line, as a person would, and print what came of it."""
    with tempfile.TemporaryDirectory() as workspace:
        done = subprocess.run(
            [sys.executable, "-m", "core", "train", str(photos()), "--backbone", "efficientnet-lite0",
             "--trainable", "none", "--epochs", "10", "--workspace", workspace, "--json"],
            cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True,
        )
    found = json.loads(done.stdout)
    kept = ("images", "best", "test", "timing")
    json.dump({"photos": photos().name, **{name: found[name] for name in kept}}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
