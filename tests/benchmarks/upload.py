"""A folder of 5,000 photos through the browser: complete, how fast, and what the server's memory does.

Prints one JSON object: ``python -m tests.benchmarks.upload``.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
from PIL import Image
from playwright.sync_api import sync_playwright

from tests.serving import FLAGS, Server, chromium

FILES = 5000
CLASSES = 5
LOOK_EVERY_S = 0.05
EDGE = 160


def make_photos(folder: Path) -> int:
    """Write noisy JPEGs, all different, in a folder a class; return their bytes together."""
    random = np.random.default_rng(5)
    for number in range(FILES):
        path = folder / f"class {number % CLASSES}" / f"{number:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (EDGE, EDGE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path, quality=85)
    return sum(path.stat().st_size for path in folder.rglob("*.jpg"))


class Memory:
    """Watches how much memory a process takes, until its ``with`` ends."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.before = self.most = self._now()

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_how: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            self.most = max(self.most, self._now())

    def _now(self) -> float:
        return float(self._process.memory_info().rss) / 1e6


def sent(folder: Path, workspace: Path) -> dict[str, object]:
    """Choose the folder in a browser; return what arrived, in which time, with how much memory."""
    with sync_playwright() as playwright, Server(workspace) as server:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{server.address}/data")
        page.locator(".pick-folder").wait_for(state="attached", timeout=60_000)
        with Memory(server.process.pid) as memory:
            began = time.perf_counter()
            page.locator(".pick-folder").set_input_files(folder)
            page.get_by_role("button", name="Continue to Model").wait_for(timeout=300_000)
            whole = time.perf_counter() - began
        browser.close()
    (made,) = workspace.glob("datasets/*/summary.json")
    arrived = json.loads(made.read_text(encoding="utf-8"))["images"]
    return {
        "files": FILES, "arrived": arrived, "seconds": whole, "memory_before_mb": memory.before,
        "memory_most_mb": memory.most,
    }


def main() -> None:
    """Measure, and print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        size = make_photos(Path(folder) / "photos")
        found = sent(Path(folder) / "photos", Path(folder) / "workspace")
    json.dump({**found, "sent_mb": size / 1e6}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
