"""How soon a stop acts while the frozen part looks at the photos. Prints JSON.

``python -m tests.benchmarks.stopping``; takes about two minutes on a laptop.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time

from core.data.samples import take_in_sample
from core.runs.folder import RunFolder
from core.runs.status import State
from core.runs.wishes import Leaving, Wish
from core.runs.work import carry_out
from core.training.plan import Plan, Recipe
from core.training.start import RANDOM, Start
from core.workspace import Workspace

CASES = (("efficientnet-lite0", ()), ("vgg16", ("block5",)), ("convnexttiny", ("norm",)))
STOPS = 3


def main() -> None:
    """Stop each backbone's look a few times, and print how long that took."""
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.open(folder)
        dataset = take_in_sample("digits", workspace, lambda *_told: None)
        for name, blocks in CASES:
            plan = Plan(dataset.id, dataset.title, name, blocks, recipe=Recipe(), weights=Start(RANDOM))
            seconds[name] = [stopped(workspace, plan, after=30 * (at + 1)) for at in range(STOPS)]
            print(name, seconds[name], file=sys.stderr, flush=True)
    json.dump({"stop_s": seconds, "longest_s": max(map(max, seconds.values()))}, sys.stdout)
    print()


def stopped(workspace: Workspace, plan: Plan, after: int) -> float:
    """Return the seconds from a stop, some photos into the look, to the run's end on the disk."""
    run = RunFolder.create(workspace, plan)
    leaving = Leaving()
    work = threading.Thread(target=carry_out, args=(workspace, run, leaving))
    work.start()
    first = None
    while first is None or (run.status().extracted or 0) - first < after:
        status = run.status()
        assert status.state in (State.QUEUED, State.PREPARING), status
        if first is None and status.phase == "extracting":
            first = status.extracted
        time.sleep(0.01)
    leaving.ask(Wish.STOP)
    began = time.perf_counter()
    work.join()
    seconds = time.perf_counter() - began
    assert run.status().state is State.STOPPED, run.status()
    return seconds


if __name__ == "__main__":
    main()
