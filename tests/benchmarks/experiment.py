"""How near the forecast of a whole experiment comes to the time that it takes. Prints JSON.

``python -m tests.benchmarks.experiment [FOLDER]``: accuracy against the amount of data (five sizes, transfer
with the head alone and from scratch, three seeds) with Lite0. Takes half an hour on a laptop, most of it from
scratch.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from typing import Any

from tests.benchmarks.bench_intake import photos
from tests.serving import ROOT

BACKBONE = "efficientnet-lite0"
SEEDS = 3
SIZES, EPOCHS = "4,8,16,32,64", 6
GOAL = 0.35
"""How far the time taken may be from the one that was expected, as a share of the time taken."""


def main() -> None:
    """Measure, forecast, carry out, compare."""
    source = str(photos())
    with tempfile.TemporaryDirectory() as folder:
        core_said("measure", BACKBONE, "--workspace", folder)
        said = core_said(
            "experiment", "data-size", source, "--backbone", BACKBONE, "--seeds", str(SEEDS),
            "--sizes", SIZES, "--epochs", str(EPOCHS),
            "--workspace", folder,
        )
    figures = {
        "photos": source, "runs": len(said["runs"]), "complete": said["complete"],
        "expected_s": said["expected_s"], "took_s": said["took_s"],
        "ratio": said["expected_s"] / said["took_s"], "sentence": said["sentence"],
        "interval": said["interval"],
        "series": {
            each["name"]: [
                {name: point[name] for name in ("x", "mean", "low", "high", "values")}
                for point in each["points"]
            ]
            for each in said["series"]
        },
    }
    json.dump(figures, sys.stdout)
    print()


def experiment_rows(figures: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return the rows on an experiment: its forecast, and what came of it."""
    off = abs(figures["expected_s"] - figures["took_s"]) / figures["took_s"]
    whole = "" if figures["complete"] else ", not complete"
    rows = [(
        f"An experiment of {figures['runs']} runs (amount of data): time predicted, against what it took",
        f"within {GOAL:.0%}",
        f"{figures['expected_s']:.0f} s and {figures['took_s']:.0f} s, {off:.0%} off{whole}",
    )]
    named = {"transfer": "head only", "scratch": "from scratch"}
    for name, points in figures["series"].items():
        seen = ", ".join(
            f"{each['x']:.0f}: {each['mean']:.3f} ({each['low']:.3f} to {each['high']:.3f})"
            for each in points
        )
        what = f"Test accuracy by photos a class, {named.get(name, name)}, {SEEDS} seeds"
        rows.append((what, "(reported)", seen))
    return rows


def core_said(*words: str) -> dict[str, Any]:
    """Carry a command out and return what it says with ``--json``."""
    done = subprocess.run(
        [sys.executable, "-m", "core", *words, "--json"], cwd=ROOT, check=True, stdout=subprocess.PIPE,
        text=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


if __name__ == "__main__":
    main()
