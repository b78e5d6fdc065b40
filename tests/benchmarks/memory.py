"""How much memory 20 runs in one process leave behind. Prints JSON; takes several minutes.

Backbones and blocks change from run to run, as they do in a class; the heaviest kinds come first, so
that what is seen after the third is what stays behind and not a larger run.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
from pathlib import Path

import psutil

from core.data.samples import take_in_sample
from core.runs.folder import RunFolder
from core.runs.wishes import Leaving
from core.runs.work import carry_out
from core.training.counts import shortcuts
from core.training.plan import Plan, Recipe
from core.training.start import RANDOM, Start
from core.workspace import Workspace

RUNS = 20
LEVEL_AFTER = 3
BACKBONES = ("efficientnet-lite0", "mobilenetv2", "resnet50")


def main() -> None:
    """Carry the runs out one after another and look at the memory after each."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.open(folder)
        dataset = take_in_sample("digits", workspace, lambda *_told: None)
        after = []
        choices = itertools.cycle(itertools.product(("last", "none"), BACKBONES))
        for number, (choice, name) in zip(range(RUNS), choices, strict=False):
            plan = Plan(
                dataset.id, dataset.title, name, trainable=shortcuts(name)[choice],
                recipe=Recipe(epochs=1, seed=number), limit=120, image_size=96, weights=Start(RANDOM),
            )
            run = RunFolder.create(workspace, plan)
            status = carry_out(workspace, run, Leaving())
            assert status.state.value == "finished", status
            after.append(psutil.Process().memory_info().rss / 1e6)
            print(f"{number + 1} {name} {choice}: {after[-1]:.0f} MB", file=sys.stderr, flush=True)
    growth = max(after[LEVEL_AFTER:]) - after[LEVEL_AFTER - 1]
    json.dump({"after_mb": after, "growth_mb": growth, "runs": RUNS}, sys.stdout)
    print()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    main()
