"""Weight files with random numbers, made in a process of their own: TensorFlow stays out of this one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.serving import ROOT

_MAKE = (
    "import sys; from core.training.backend import load_tensorflow; load_tensorflow(); "
    "from core.backbones import build; "
    "build.build(sys.argv[1], weights='none', seed=1, image_size=int(sys.argv[3]))"
    ".save_weights(sys.argv[2])"
)


def random_weights(backbone: str, target: Path, image_size: int) -> None:
    """Write the weights of a backbone that was drawn at random, as Keras saves them."""
    words = [sys.executable, "-c", _MAKE, backbone, str(target), str(image_size)]
    subprocess.run(words, cwd=ROOT, check=True)
