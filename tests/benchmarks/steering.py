"""How soon pause, stop and the end of a server act, in each phase of a training. Prints JSON.

``python -m tests.benchmarks.steering``; takes about six minutes on a laptop.
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from core.data.samples import take_in_sample
from core.runs import steer
from core.runs.folder import RunFolder
from core.runs.status import State, Status
from core.runs.wishes import Leaving
from core.runs.work import carry_out
from core.training.plan import Plan, Recipe
from core.training.start import RANDOM, Start
from core.workspace import Workspace
from tests.serving import Server

LOOK_S = 0.005
PATIENCE_S = 300
TIMES = 3


def plans(dataset: str) -> dict[str, Plan]:
    """Return a plan for each kind of work."""
    head = Plan(dataset, "Digits", "efficientnet-lite0", recipe=Recipe(epochs=400))
    return {
        "head on kept rows": head,
        "block6, block7 and top": replace(head, trainable=("block6", "block7", "top")),
        "decoding and all blocks, plain way": replace(
            head, backbone="mobilenetv2", weights=Start(RANDOM), cache=False,
            trainable=(*(f"block{n}" for n in range(1, 17)), "top"),
            recipe=Recipe(epochs=400, batch_size=32, augment="light"),
        ),
    }


def begun(status: Status, photos: int) -> bool:
    """Tell whether the frozen part has seen some photos."""
    return status.phase == "extracting" and (status.extracted or 0) >= photos


PHASES: dict[str, Callable[[Status], bool]] = {
    "decoding and extraction": lambda status: begun(status, 60),
    "training": lambda status: status.phase == "training" and status.step > 2,
    "validation": lambda status: status.phase == "validating",
}


def wait_for(folder: RunFolder, met: Callable[[Status], bool]) -> None:
    """Wait until a run has come so far."""
    until = time.monotonic() + PATIENCE_S
    while not met(folder.status()):
        assert time.monotonic() < until, folder.status()
        assert not folder.status().state.can_go_on, folder.status()
        time.sleep(LOOK_S)


def left(workspace: Workspace, plan: Plan, phase: str, wish: Callable[[Workspace, str], None]) -> float:
    """Return the seconds from a wish in a phase to the run's new state on the disk."""
    folder = steer.create(workspace, plan, wait=False)
    work = threading.Thread(target=carry_out, args=(workspace, folder, Leaving()))
    work.start()
    wait_for(folder, PHASES[phase])
    began = time.perf_counter()
    wish(workspace, folder.id)
    while folder.status().state.active:
        time.sleep(LOOK_S)
    seconds = time.perf_counter() - began
    work.join()
    assert folder.status().state in (State.PAUSED, State.STOPPED), folder.status()
    return seconds


def closed(workspace: Workspace, plan: Plan, phase: str, number: signal.Signals) -> float:
    """Return the seconds from a signal to the end of a server that trains."""
    with Server(workspace.root) as server:
        folder = steer.create(workspace, plan, wait=True)
        wait_for(folder, PHASES[phase])
        began = time.perf_counter()
        server.process.send_signal(number)
        server.process.wait(60)
        seconds = time.perf_counter() - began
    status = folder.status()
    assert status.state is State.INTERRUPTED, status
    assert status.error is None, status  # it left by itself, with a checkpoint
    steer.stop(workspace, folder.id)
    return seconds


def main() -> None:
    """Measure, and print what was seen."""
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.open(folder)
        dataset = take_in_sample("digits", workspace, lambda *_told: None)
        for name, plan in plans(dataset.id).items():
            for phase in PHASES:
                if phase == "decoding and extraction" and not (plan.cache and plan.trainable):
                    continue  # what a head needs is kept for good by the first
                for wish in (steer.pause, steer.stop):
                    fresh = workspace
                    said = f"{wish.__name__}, {name}, {phase}"
                    seconds[said] = [left(fresh, again(plan, at), phase, wish) for at in range(TIMES)]
                    print(said, seconds[said], file=sys.stderr, flush=True)
        for number in (signal.SIGTERM, signal.SIGINT):
            for name, plan in plans(dataset.id).items():
                said = f"{number.name}, {name}, training"
                seconds[said] = [closed(workspace, plan, "training", number)]
                print(said, seconds[said], file=sys.stderr, flush=True)
    answers = [each for said, found in seconds.items() if not said.startswith("SIG") for each in found]
    ends = [each for said, found in seconds.items() if said.startswith("SIG") for each in found]
    json.dump({"seconds": seconds, "longest_s": max(answers), "longest_close_s": max(ends)}, sys.stdout)
    print()


def again(plan: Plan, at: int) -> Plan:
    """Return the plan with an image size of its own, so that nothing of it is kept yet."""
    return replace(plan, image_size=192 + 32 * (at % 2)) if plan.cache and plan.trainable else plan


if __name__ == "__main__":
    assert Path.cwd().joinpath("app.py").is_file(), "run it in the folder of app.py"
    main()
