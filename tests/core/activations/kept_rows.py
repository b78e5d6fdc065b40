"""Rows of kept activations for tests: small tensors, written and found as a run does."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.activations.segment import Segment
from core.activations.store import Activations, row_key
from core.workspace import Workspace

ROOT = Path(__file__).resolve().parents[3]
RECORD_BYTES = 20
ONE = ((3,),)
TWO = ((2, 2, 1), (3,))
MADE_BY: dict[str, Any] = {
    "backbone": "efficientnet-lite0", "weights": "f00d", "cut": ["block6"], "pooling": None, "size": 64,
    "preprocessing": "none", "versions": {"keras": "3", "pillow": "12"},
}
Shapes = Sequence[tuple[int, ...]]
Tensors = tuple[NDArray[np.float32], ...]


def opened(workspace: Workspace, shapes: Shapes = ONE, **changes: object) -> Activations:
    return Activations(workspace, {**MADE_BY, **changes}, shapes)


def keys_of(images: int, start: int = 0) -> list[bytes]:
    return [row_key(f"{number:064x}") for number in range(start, start + images)]


def tensors_of(images: int, shapes: Shapes = ONE, start: int = 0) -> Tensors:
    """Make tensors whose numbers are other for every image and every tensor."""
    return tuple(
        np.stack([
            np.random.default_rng((start + image, at)).normal(size=shape).astype(np.float32)
            for image in range(images)
        ])
        for at, shape in enumerate(shapes)
    )


def write(kept: Activations, images: int, start: int = 0, shapes: Shapes = ONE) -> list[bytes]:
    """Write the rows of so many images as one segment, and return their keys."""
    keys = keys_of(images, start)
    writing = kept.writer()
    writing.append(keys, tensors_of(images, shapes, start))
    writing.close()
    return keys


def keep(workspace: Workspace, images: int = 4, start: int = 0, **changes: object) -> Segment:
    """Leave a segment behind that nobody uses."""
    before = set(segments(workspace))
    with opened(workspace, **changes) as kept:
        write(kept, images, start)
    (made,) = set(segments(workspace)) - before
    return made


def segments(workspace: Workspace) -> list[Segment]:
    return [Segment(path) for path in sorted(workspace.cache.rglob("*.index"))]


def find(kept: Activations, keys: Sequence[bytes]) -> int:
    return kept.find(keys, lambda _found: None, threading.Event())


def assert_right(kept: Activations, keys: Sequence[bytes], shapes: Shapes = ONE) -> set[int]:
    """Check that what is found of the first images is what was written; return which these are."""
    there = [at for at, key in enumerate(keys) if key in kept]
    if there:
        found = kept.gather([keys[at] for at in there])
        for tensor, expected in zip(found, tensors_of(len(keys), shapes), strict=True):
            np.testing.assert_array_equal(tensor, expected[there])
    return set(there)


HOLDING = """
import pathlib, threading
from core.activations.store import Activations
from core.workspace import Workspace
from tests.core.activations.kept_rows import MADE_BY, ONE, find, keys_of, tensors_of, write

with Activations(Workspace(pathlib.Path({root!r})), MADE_BY, ONE) as kept:
    {work}
    print("held", flush=True)
    input()
"""


@contextlib.contextmanager
def other_process(workspace: Workspace, work: str) -> Iterator[subprocess.Popen[str]]:
    """Run lines with ``kept`` in another process, which then waits; it is killed in the end."""
    code = textwrap.dedent(HOLDING).format(root=str(workspace.root), work=work)
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "held"
            yield process
        finally:
            process.kill()
            process.communicate()
