"""How time and memory grow with the photos: a head trained on 500, 5,000 and 50,000. Prints JSON.

``python -m tests.benchmarks.scale``; takes about half an hour on a laptop. The photos are small and made
for the purpose. ``python -m tests.benchmarks.scale SIZE WORKSPACE`` is the child that trains once, in a
service as a server's process has it, so that its largest memory is the server's. ``--sizes 40,80,160``
makes a race of a minute or two, whose figures say nothing.
"""

from __future__ import annotations

import argparse
import colorsys
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.data import dataset as datasets
from core.data.intake import FoundFile, take_in_files
from core.runs.folder import RunFolder
from core.runs.status import State
from core.service import Service
from core.training.calibrate import status_bytes
from core.training.plan import Plan, Recipe
from core.workspace import Workspace
from tests.serving import ROOT

SIZES = (500, 5_000, 50_000)
TURNS = 2
CLASSES = 10
EDGE = 96
EPOCHS = 5
WORKERS = 4
NOISE = 60
LOOK_EVERY_S = 0.1
BACKBONE = "efficientnet-lite0"
MOST_BYTES = 3_000_000_000
MOST_OFF = 0.15


def name_of(number: int) -> str:
    """Return the name of a photo; any first so many hold as many of each class."""
    return f"class {number % CLASSES}/{number:06}.jpg"


def make_photos(folder: Path, count: int) -> float:
    """Write ``count`` noisy JPEGs, all different, each class of its own colour; return the seconds."""
    began = time.perf_counter()
    for label in range(CLASSES):
        (folder / f"class {label}").mkdir(parents=True)
    with ProcessPoolExecutor(WORKERS) as pool:
        list(pool.map(partial(_make_photo, folder), range(count), chunksize=250))
    return time.perf_counter() - began


def _make_photo(folder: Path, number: int) -> None:
    random = np.random.default_rng(number)
    colour = np.array(colorsys.hsv_to_rgb(number % CLASSES / CLASSES, 0.6, 0.7)) * 255
    noise = random.integers(-NOISE, NOISE + 1, (EDGE, EDGE, 3), dtype=np.int16)
    pixels = np.clip(colour.astype(np.int16) + noise, 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(folder / name_of(number), quality=80)


def take_in(folder: Path, size: int, workspace: Path) -> float:
    """Take the first ``size`` photos into a workspace; return the seconds."""
    began = time.perf_counter()
    files = [FoundFile(name_of(number), folder / name_of(number)) for number in range(size)]
    taken = take_in_files(files, Workspace.open(workspace), title=f"{size} photos")
    assert len(taken.items) == size, taken.refused[:3]
    return time.perf_counter() - began


def trained(size: int, root: Path) -> dict[str, Any]:
    """Train a head on the only dataset of a workspace, in a service, and return the figures."""
    workspace = Workspace.open(root)
    (known,) = datasets.summaries(workspace)
    assert known.images == size, known
    service = Service(workspace)
    service.start()
    plan = Plan(known.id, known.title, BACKBONE, recipe=Recipe(epochs=EPOCHS), image_size=EDGE)
    before = status_bytes("VmHWM")
    began = time.perf_counter()
    run = RunFolder.open(workspace, service.submit(plan))
    while (now := service.runner.snapshot()).active is not None or now.queue:
        time.sleep(LOOK_EVERY_S)
    seconds = time.perf_counter() - began
    peak, after = status_bytes("VmHWM"), status_bytes("VmRSS")
    service.close()
    status = run.status()
    assert status.state is State.FINISHED, status
    report: dict[str, Any] = run.report() or {}
    return {
        "photos": size, "learned_from": report["images"]["train"] + report["images"]["validation"],
        "seconds": seconds, **report["timing"], "val_accuracy": report["best"]["val_accuracy"],
        "before_bytes": before, "peak_bytes": peak, "after_bytes": after, "cache": report.get("cache"),
    }


def in_child(size: int, workspace: Path) -> dict[str, Any]:
    """Train in a process of its own, on a workspace that has kept nothing of earlier runs."""
    shutil.rmtree(workspace / "cache", ignore_errors=True)
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.scale", str(size), str(workspace)],
        cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True,
    )
    figures: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return figures


def growth(rows: list[dict[str, Any]], sizes: tuple[int, ...]) -> dict[str, Any]:
    """Return the seconds that one more photo takes between neighbouring sizes, and which goals are reached.

    Differences leave out what each run takes whatever its size. Of a size's turns the quickest counts:
    noise only ever adds.
    """
    work: dict[int, float] = {}
    images: dict[int, int] = {}
    for row in rows:
        size, took = row["photos"], row["extract_s"] + row["fit_s"]
        work[size], images[size] = min(took, work.get(size, took)), row["learned_from"]
    each = [
        (work[more] - work[few]) / (images[more] - images[few]) for few, more in itertools.pairwise(sizes)
    ]
    ratio = each[-1] / each[0]
    peak = max((row["peak_bytes"] or 0 for row in rows), default=0)
    return {
        "seconds_an_image": each, "ratio": ratio, "even": abs(ratio - 1) <= MOST_OFF,
        "peak_bytes": peak, "small": 0 < peak < MOST_BYTES,
    }


def measured(sizes: tuple[int, ...]) -> dict[str, Any]:
    """Make the photos, take them in, train on each size in turn, and return what was seen."""
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as temporary:
        here = Path(temporary)
        made_s = make_photos(here / "photos", max(sizes))
        _tell(f"{max(sizes):,} photos made in {made_s:.0f} s")
        intake_s = {size: take_in(here / "photos", size, here / f"workspace{size}") for size in sizes}
        _tell(f"taken in: {', '.join(f'{size:,} in {took:.1f} s' for size, took in intake_s.items())}")
        turns = itertools.product(range(1, TURNS + 1), sizes)
        # Noise is small beside what the largest takes: one turn of it is enough.
        for turn, size in [each for each in turns if each != (TURNS, max(sizes))]:
            rows.append({"turn": turn, **in_child(size, here / f"workspace{size}")})
            _tell(json.dumps(rows[-1]))
    return {"epochs": EPOCHS, "edge": EDGE, "made_s": made_s, "intake_s": intake_s, "rows": rows,
            **growth(rows, sizes)}


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Measure all sizes, or be the child that trains on one; print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("child", nargs="*", metavar="SIZE WORKSPACE")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    given = parser.parse_args()
    if given.child:
        size, workspace = given.child
        found = trained(int(size), Path(workspace))
    else:
        found = measured(tuple(int(size) for size in given.sizes.split(",")))
    json.dump(found, sys.stdout)
    print()


if __name__ == "__main__":
    main()
