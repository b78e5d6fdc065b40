"""What it costs a training when 30 browsers watch it, and how soon each sees a change. Prints JSON.

``python -m tests.benchmarks.watchers [CASE…] [--watchers N] [--rounds N] [--seconds S]``; takes about ten
minutes on a laptop. 30 real browsers would need the processor that the training has, so here they are light
ones: they speak Streamlit's protocol, ask for the fragments that they are told to ask for, as often as they
are told to, and read what comes, but draw nothing. In one and the same run they rest and watch in turn, so
that a machine that is slow for a while is slow for both.
``python -m tests.benchmarks.watchers watch …`` is the child that plays the browsers; it steps back behind
the training.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core import drafts
from core.data.intake import take_in
from core.drafts import Draft
from core.runs.folder import RunFolder, run_folders
from core.runs.status import State
from core.training.plan import Recipe
from core.workspace import Workspace
from tests.benchmarks.bench_intake import usual_photos
from tests.benchmarks.light_browser import Browser, Seen
from tests.benchmarks.speed import chosen, found
from tests.serving import ROOT, Server

WATCHERS = 30
ROUNDS = 8
SECONDS = 5.0
PHOTOS = 768
BATCH_SIZE = 16
EPOCHS = 500
EARLIER_RUNS = 20
EPOCHS_BEFORE = 3
BEHIND = 10
LOOK_EVERY_S = 0.02
SETTLE_S = 1.2
ENOUGH = 0.85
PATIENCE_S = 300
LEAST_SHARE_KEPT = 0.9
MOST_LATE_S = 2.0
CASES: dict[str, tuple[str, ...]] = {"head": (), "fine-tune": ("block7", "top")}


async def start(address: str, name: str, workspace: Workspace) -> RunFolder:
    """Press "Start training" on the Train page, and return the run that is there then."""
    browser = Browser(address, name, asyncio.Event())
    looking = asyncio.ensure_future(browser.watch())
    async with asyncio.timeout(PATIENCE_S):
        while "Start training" not in browser.buttons:
            await asyncio.sleep(LOOK_EVERY_S)
        await browser.ask(pressed=browser.buttons["Start training"])
        while not (found := run_folders(workspace)):
            await asyncio.sleep(LOOK_EVERY_S)
    looking.cancel()
    return found[0]


async def played(address: str, names: list[str]) -> dict[str, Any]:
    """Play all browsers; say when each has been shown something, then go, rest and end when told to."""
    awake = asyncio.Event()
    awake.set()
    browsers = [Browser(address, name, awake) for name in names]
    looking = [asyncio.ensure_future(each.watch()) for each in browsers]
    began = time.monotonic()
    async with asyncio.timeout(PATIENCE_S):
        while not all(each.seen for each in browsers):
            await asyncio.sleep(LOOK_EVERY_S)
    print(json.dumps({"loaded_s": time.monotonic() - began}), flush=True)
    awake.clear()
    told = {"seen": [each.seen for each in browsers]}
    counted, seconds = dict.fromkeys(_counted(browsers), 0.0), 0.0
    while (order := (await asyncio.to_thread(sys.stdin.readline)).strip()) not in ("end", ""):
        now, ended = _counted(browsers), [each for each in looking if each.done()]
        assert not ended, ended
        if order == "go":
            before, began = now, time.monotonic()
            awake.set()
        else:
            awake.clear()
            seconds += time.monotonic() - began
            counted = {name: counted[name] + now[name] - before[name] for name in now}
    for each in looking:
        each.cancel()
    return told | {f"{name}_a_second": count / seconds for name, count in counted.items()}


def _counted(browsers: list[Browser]) -> dict[str, float]:
    return {
        "ticks": sum(each.ticks for each in browsers),
        "asked": sum(each.asked for each in browsers),
        "bytes": sum(each.bytes for each in browsers),
        "own_cpu": time.process_time(),
    }


class Look:
    """Follows a run's status on the disk, in a ``with``.

    Attributes:
        seen: When which share of the run was on the disk first.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow)
        self.seen: Seen = []

    def __enter__(self) -> Look:
        self._thread.start()
        return self

    def __exit__(self, *_told: object) -> None:
        self._over.set()
        self._thread.join()

    def _follow(self) -> None:
        before = None
        while not self._over.wait(LOOK_EVERY_S):
            now = (self._folder.path / "status.json").stat().st_mtime_ns
            if now == before:
                continue
            before = now
            share = self._folder.status().progress
            if share > 0 and (not self.seen or share > self.seen[-1][1]):
                self.seen.append((time.monotonic(), share))


@dataclass(frozen=True)
class Stretch:
    """Some seconds of the training: how fast it went, and how busy the server's process was."""

    share_a_second: float
    cpu: float


def stretch(server: Server, folder: RunFolder, seconds: float) -> tuple[Stretch, Seen]:
    """Look at the training for some seconds."""
    busy, began = _cpu_seconds(server.process.pid), time.monotonic()
    with Look(folder) as look:
        time.sleep(seconds)
    cpu = (_cpu_seconds(server.process.pid) - busy) / (time.monotonic() - began)
    assert folder.status().state is State.TRAINING, "the training ended before the measurement"
    assert len(look.seen) > 1, "the training did not come on; let it take more --seconds"
    (first_at, first), (last_at, last) = look.seen[0], look.seen[-1]
    return Stretch((last - first) / (last_at - first_at), cpu), look.seen


def turns(server: Server, folder: RunFolder, names: list[str], rounds: int, seconds: float) -> dict[str, Any]:
    """Let the browsers come; then look at the training while they rest and while they watch, in turn."""
    alone, beside, changes = [], [], []
    with subprocess.Popen(
        ["nice", "-n", str(BEHIND), sys.executable, "-m", "tests.benchmarks.watchers", "watch",
         server.address, *names],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        told = json.loads(child.stdout.readline())
        for turn in range(rounds + 1):
            time.sleep(SETTLE_S)
            alone.append(stretch(server, folder, seconds)[0])
            if turn == rounds or folder.status().progress > ENOUGH:
                break
            print("go", file=child.stdin, flush=True)
            time.sleep(SETTLE_S)
            speed, written = stretch(server, folder, seconds)
            beside.append(speed)
            changes.append(written)
            time.sleep(MOST_LATE_S)  # what was written last shall have arrived
            print("rest", file=child.stdin, flush=True)
            print(turn, alone[-1], beside[-1], file=sys.stderr, flush=True)
        told |= json.loads(child.communicate("end\n")[0])
    late = [max(lateness(each, seen) for each in changes) for seen in told.pop("seen")]
    return {**told, **judged(alone, beside, late), "epochs": folder.status().epoch}


def lateness(changes: Seen, seen: Seen) -> float:
    """Return the longest time from a change on the disk until a browser was shown it, or one after it."""
    longest, at = 0.0, 0
    for when, share in changes:
        while at < len(seen) and seen[at][1] < share:
            at += 1
        longest = max(longest, (seen[at][0] if at < len(seen) else math.inf) - when)
    return longest


def measured(blocks: tuple[str, ...], count: int, rounds: int, seconds: float) -> dict[str, Any]:
    """Start one training and look at it with nobody and with ``count`` browsers in turn."""
    with tempfile.TemporaryDirectory() as temporary:
        workspace = Workspace.open(Path(temporary) / "workspace")
        draft = prepared(workspace, Path(temporary) / "photos", blocks)
        names = [secrets.token_hex(16) for _each in range(count + 1)]
        drafts.save(workspace, names[0], draft)
        with Server(workspace.root) as server:
            folder = asyncio.run(start(server.address, names[0], workspace))
            leave_earlier_runs(workspace, draft)
            for name in names:
                drafts.save(workspace, name, replace(draft, run=folder.id))
            while folder.status().epoch < EPOCHS_BEFORE:
                assert folder.status().state.active, folder.status()
                time.sleep(LOOK_EVERY_S)
            return turns(server, folder, names[1:], rounds, seconds)


def prepared(workspace: Workspace, photos: Path, blocks: tuple[str, ...]) -> Draft:
    """Take the photos in, and return what is to be trained on them."""
    for split, classes in found(usual_photos()).items():
        share = 0.8 if split == "train" else 0.2
        for name, files in chosen(classes, int(share * PHOTOS)).items():
            (photos / split / name).mkdir(parents=True)
            for path in files:
                shutil.copyfile(path, photos / split / name / path.name)
    dataset = take_in(photos, workspace)
    return Draft(
        dataset=dataset.id, dataset_title=dataset.title, model_seen=True, trainable=blocks,
        recipe=Recipe(epochs=EPOCHS, batch_size=BATCH_SIZE),
    )


def leave_earlier_runs(workspace: Workspace, draft: Draft) -> None:
    """Make runs that ended before, as there are many in a workspace with time."""
    for at in range(EARLIER_RUNS):
        folder = RunFolder.create(workspace, draft.plan())
        folder.write_status(folder.status().ending(State.STOPPED))
        os.utime(folder.path / "plan.json", (at, at))


def judged(alone: list[Stretch], beside: list[Stretch], late: list[float]) -> dict[str, Any]:
    """Hold each stretch with browsers against its two neighbours without."""
    kept = [
        each.share_a_second / statistics.mean((alone[at].share_a_second, alone[at + 1].share_a_second))
        for at, each in enumerate(beside)
    ]
    ordered = sorted(late)
    return {
        "speed_kept": statistics.median(kept), "each": kept,
        "epoch_s": 1 / EPOCHS / statistics.median(each.share_a_second for each in alone),
        "late_s": {"median": statistics.median(ordered), "p95": ordered[int(0.95 * (len(ordered) - 1))],
                   "longest": ordered[-1]},
        "server_cpu": {"alone": statistics.mean(each.cpu for each in alone),
                       "watched": statistics.mean(each.cpu for each in beside)},
    }


def _cpu_seconds(pid: int) -> float:
    """Return what a process has used of the processor; Linux only."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure, and print the figures; or be the child that plays the browsers."""
    if sys.argv[1:2] == ["watch"]:
        print(json.dumps(asyncio.run(played(sys.argv[2], sys.argv[3:]))), flush=True)
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--watchers", type=int, default=WATCHERS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    given = parser.parse_args()
    if unknown := set(given.cases) - set(CASES):
        parser.error(f"no such case: {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    seen = {
        name: measured(CASES[name], given.watchers, given.rounds, given.seconds)
        for name in given.cases or CASES
    }
    json.dump({"watchers": given.watchers, "cases": seen}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
