"""What recipes reach on clothing with Lite0, over three seeds. Prints JSON.

``python -m tests.benchmarks.recipes [FOLDER]``: the head alone, and the head first and then the last blocks.
Takes a quarter of an hour on a laptop.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from typing import Any

from core.experiments.points import half_width
from tests.benchmarks.bench_intake import photos
from tests.benchmarks.experiment import BACKBONE, SEEDS, core_said

RECIPES = {"feature-extraction": "none", "lp-ft": "block6,block7,top"}
GOAL = 0.87


def main() -> None:
    """Train each recipe with each seed."""
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        for recipe, blocks in RECIPES.items():
            said = core_said(
                "train", str(photos()), "--backbone", BACKBONE, "--recipe", recipe, "--trainable", blocks,
                "--repeat", str(SEEDS), "--workspace", folder,
            )
            figures[recipe] = {
                "validation": [each["val_accuracy"] for each in said["runs"]],
                "test": [each["test"] for each in said["runs"]],
            }
    json.dump(figures, sys.stdout)
    print()


def recipe_rows(figures: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return the rows on recipes: accuracies with the 95 % interval of their mean over seeds."""
    goals = {"lp-ft": f"at least {GOAL} on validation"}
    return [
        (f"Lite0 on clothing, recipe {name}, blocks {RECIPES[name]}, {SEEDS} seeds: validation; test",
         goals.get(name, "(reported)"), f"{_text(seen['validation'])}; {_text(seen['test'])}")
        for name, seen in figures.items()
    ]


def _text(values: list[float]) -> str:
    mean = statistics.fmean(values)
    each = ", ".join(f"{value:.3f}" for value in values)
    return f"{mean:.3f} ± {half_width(values):.3f} ({each})"


if __name__ == "__main__":
    main()
