"""How long a program waits for an answer over HTTP, against the bare call of the model. Prints JSON.

``python -m tests.benchmarks.predict_latency [--calls N] [--run FOLDER]``; about a minute. A server of its
own answers; the bare calls are made in this process, in turn with the requests, so that what slows the
machine down slows all of them.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from PIL import Image, ImageFilter

from core.data.images import load_array
from core.insight.predict import Loaded, loaded
from core.runs.folder import RunFolder
from core.training.backend import load_tensorflow
from core.training.plan import Plan
from core.workspace import Workspace
from pages.web.predict_api import predict_url
from tests.serving import Server

CALLS = 200
WARM_UP = 10
GOAL = 1.3
CLASSES = 10
PHOTO_BYTES = 100_000
PHOTO_PX = (900, 675)


def photo(size: int = PHOTO_BYTES) -> bytes:
    """Return a JPEG of about so many bytes, as detailed as a photo is."""
    noise = np.random.default_rng(3).integers(0, 256, (*PHOTO_PX[::-1], 3), dtype=np.uint8)
    picture = Image.fromarray(noise).filter(ImageFilter.GaussianBlur(1.5))
    sizes = []
    for quality in range(20, 96):
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality)
        sizes.append(buffer.getvalue())
    return min(sizes, key=lambda each: abs(len(each) - size))


def run_in(workspace: Workspace, given: Path | None) -> RunFolder:
    """Put a run into a workspace: a copy of one, else EfficientNet-Lite0 with an untrained head."""
    if given is not None:
        return RunFolder(Path(shutil.copytree(given, workspace.runs / given.name)))
    from core.training.model import assemble, save_model

    plan = Plan("photos", "photos", "efficientnet-lite0")
    folder = RunFolder.create(workspace, plan)
    save_model(assemble(plan, CLASSES), [f"class {n}" for n in range(CLASSES)], folder.model)
    return folder


class Client:
    """One connection that is kept, as programs with many photos have it.

    Args:
        server: The server's address.
        run: The run's id.
    """

    def __init__(self, server: str, run: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(server).netloc, timeout=120)
        self._address = predict_url(run)

    def __call__(self, image: bytes) -> Any:
        """Return the answer to a photo."""
        self._connection.request("POST", self._address, image, {"Content-Type": "image/jpeg"})
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {body[:500]!r}")
        return json.loads(body)


def timed(call: Callable[[], object]) -> float:
    """Return how many seconds a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def compared(client: Client, model: Loaded, image: bytes, calls: int) -> dict[str, Any]:
    """Time all contenders in turn, and return their figures in milliseconds and as ratios."""
    array = load_array(io.BytesIO(image), model.size)[None]
    ways: dict[str, Callable[[], object]] = {
        "request": lambda: client(image),
        "bare": lambda: model.keras.predict_on_batch(array),
        "decode_and_bare": lambda: model.keras.predict_on_batch(
            load_array(io.BytesIO(image), model.size)[None]),
    }
    seen: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(WARM_UP + calls):
        for name, way in ways.items():
            seconds = timed(way)
            if turn >= WARM_UP:
                seen[name].append(seconds)
    medians = {name: statistics.median(each) for name, each in seen.items()}
    ratio = medians["request"] / medians["bare"]
    return {
        "calls": calls,
        "photo_bytes": len(image),
        "median_ms": {name: round(1000 * each, 2) for name, each in medians.items()},
        "p95_ms": {name: round(1000 * _p95(each), 2) for name, each in seen.items()},
        "ratio_to_bare": round(ratio, 3),
        "ratio_to_decode_and_bare": round(medians["request"] / medians["decode_and_bare"], 3),
        "goal": GOAL,
        "reached": ratio <= GOAL,
    }


def _p95(seconds: list[float]) -> float:
    return sorted(seconds)[int(0.95 * (len(seconds) - 1))]


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--run", type=Path, default=None, help="a run's folder")
    given = parser.parse_args()
    image = photo()
    load_tensorflow()
    with tempfile.TemporaryDirectory() as temporary:
        workspace = Workspace.open(Path(temporary) / "workspace")
        run = run_in(workspace, given.run)
        model = loaded(run.model)
        with Server(workspace.root) as server:
            client = Client(server.address, run.id)
            first = timed(lambda: client(image))
            result = compared(client, model, image, given.calls)
    json.dump({"backbone": run_name(given.run), "first_answer_s": round(first, 2), **result}, sys.stdout)
    print()


def run_name(given: Path | None) -> str:
    """Return what was asked, in a word."""
    return "efficientnet-lite0, untrained head" if given is None else given.name


if __name__ == "__main__":
    main()
