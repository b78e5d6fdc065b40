"""Kills a training at random moments and resumes it. Prints JSON.

``python -m tests.benchmarks.kills``; 20 commands are killed, which takes about ten minutes on a laptop.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from core.runs.folder import RunFolder, run_folders
from core.workspace import Workspace
from tests.serving import ROOT

KILLS = 20
SEED = 7
TRAIN = [
    "train", "sample:digits", "--limit", "300", "--epochs", "40", "--trainable", "top", "--dropout", "0.3",
    "--augment", "light", "--views", "2", "--image-size", "96",
]


def command(workspace: Path, *words: str) -> subprocess.Popen[str]:
    """Start a command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "core", *words, "--workspace", str(workspace), "--json"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )


def answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for a command and return what it printed."""
    out, _nothing = process.communicate()
    assert process.returncode == 0, out
    return dict(json.loads(out))


def history(result: dict[str, Any]) -> list[list[float]]:
    """Return the figures of each epoch, all but its seconds."""
    return [[value for name, value in row.items() if name != "seconds"] for row in result["history"]]


def difference(one: list[list[float]], other: list[list[float]]) -> float:
    """Return the largest difference of any figure of any epoch."""
    assert len(one) == len(other)
    return max(abs(a - b) for left, right in zip(one, other, strict=True)
               for a, b in zip(left, right, strict=True))


def killed(workspace: Workspace, after: float) -> tuple[RunFolder, str]:
    """Start a training, kill it some seconds after its run is there; return it and its phase then."""
    before = {run.id for run in run_folders(workspace)}
    process = command(workspace.root, *TRAIN)
    new: list[RunFolder] = []
    while not new:
        time.sleep(0.01)
        new = [run for run in run_folders(workspace) if run.id not in before]
    time.sleep(after)
    process.kill()
    process.communicate()
    status = new[0].status()
    return new[0], status.phase or status.state.value


def main() -> None:
    """Kill, resume, compare, and print what was seen."""
    moments = random.Random(SEED)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.open(folder)
        began = time.perf_counter()
        whole = answer(command(workspace.root, *TRAIN))
        longest = time.perf_counter() - began
        cases = []
        while len(cases) < KILLS:
            run, phase = killed(workspace, moments.uniform(0.0, longest))
            if run.status().state.value == "finished":
                continue
            result = answer(command(workspace.root, "resume", run.id))
            off = difference(history(whole), history(result))
            same = off <= 1e-6 and result["best"] == whole["best"] and result["test"] == whole["test"]
            cases.append({"phase": phase, "difference": off, "same": same})
            print(cases[-1], file=sys.stderr, flush=True)
    figures = {
        "kills": len(cases), "same": sum(case["same"] for case in cases),
        "largest_difference": max(case["difference"] for case in cases),
        "phases": sorted(case["phase"] for case in cases),
    }
    json.dump(figures, sys.stdout)
    print()


if __name__ == "__main__":
    main()
