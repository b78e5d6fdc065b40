"""How near predicted time and memory come to what happens, for four backbones. Prints JSON.

``python -m tests.benchmarks.estimates [FOLDER]``; takes about ten minutes on a laptop. The weights are
random ones read from a file, because none are downloaded; speed and memory do not depend on them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from core.data import dataset as datasets
from core.training.calibrate import status_bytes
from core.training.counts import shortcuts
from core.training.estimate import estimate, photos_of
from core.training.plan import Plan, Recipe
from core.training.speed import measured
from core.training.start import FILE, Start
from core.workspace import Workspace
from tests.benchmarks.bench_intake import photos
from tests.random_weights import random_weights
from tests.serving import ROOT

BACKBONES = ("resnet50", "efficientnet-lite0", "mobilenetv2", "vgg16")
PHOTOS = {"vgg16": 120, "resnet50": 240}
MOST_PHOTOS = 480
EPOCHS = 3


def main() -> None:
    """Measure, predict, train, compare."""
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in BACKBONES:
            began = time.perf_counter()
            _core("measure", name, "--workspace", folder)
            took = time.perf_counter() - began
            weights = Path(folder) / f"{name}.weights.h5"
            random_weights(name, weights, Plan("", "", name).size)
            for choice in ("none", "last"):
                row = _compared(Path(folder), name, choice, weights)
                rows.append({**row, "calibration_s": took})
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    json.dump({"rows": rows}, sys.stdout)
    print()


def _compared(folder: Path, name: str, choice: str, weights: Path) -> dict[str, Any]:
    blocks = shortcuts(name)[choice]
    limit = PHOTOS.get(name, MOST_PHOTOS)
    run, peak = _trained(folder, name, blocks, weights, limit)
    workspace = Workspace.open(folder)
    known = measured(workspace, name, Plan("", "", name).size)
    assert known is not None
    plan = Plan(
        "", "", name, trainable=blocks, recipe=Recipe(epochs=EPOCHS),
        weights=Start(FILE, "000000000000.weights.h5"),
    ).checked()
    data = datasets.load(next(workspace.datasets.iterdir())).limited(limit, 0)
    predicted = estimate(plan, photos_of(data, plan.size), len(data.classes), known)
    assert predicted is not None
    return {
        "backbone": name, "learns": ",".join(blocks) or "head only", "photos": limit,
        "seconds": run["timing"]["total_s"], "predicted_seconds": predicted.seconds,
        "peak_bytes": peak, "predicted_peak_bytes": predicted.peak_bytes,
    }


def _trained(
    folder: Path, name: str, blocks: tuple[str, ...], weights: Path, limit: int
) -> tuple[dict[str, Any], int]:
    words = [
        "train", str(photos()), "--backbone", name, "--weights", str(weights), "--limit", str(limit),
        "--epochs", str(EPOCHS), "--trainable", ",".join(blocks) or "none", "--workspace", str(folder),
    ]
    child = subprocess.Popen(
        [sys.executable, "-m", "core", *words, "--json"], cwd=ROOT, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.DEVNULL,
    )
    peak = 0
    while child.poll() is None:
        peak = max(peak, status_bytes("VmHWM", child.pid) or 0)
        time.sleep(0.1)
    said = child.stdout.read() if child.stdout else ""
    answer: dict[str, Any] = json.loads(said)
    assert answer["status"] == "finished", answer
    return answer, peak


def _core(*words: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "core", *words, "--json"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
    )


if __name__ == "__main__":
    main()
