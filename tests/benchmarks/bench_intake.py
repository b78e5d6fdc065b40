"""How long taking in photos from a zip takes, against unpacking and decoding them. Prints JSON.

Run it on a quiet machine: ``python tests/benchmarks/bench_intake.py [FOLDER]``. The goal is a ratio
of at most 2 against one thread ("ratio"); against as many threads as the intake uses, see
"ratio_same_threads".
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from PIL import Image  # noqa: E402

from core.data import intake  # noqa: E402
from core.workspace import Workspace  # noqa: E402


def photos() -> Path:
    """Return the folder of photos to measure with: the one that was named, else :func:`usual_photos`."""
    return Path(sys.argv[1]) if len(sys.argv) > 1 else usual_photos()


def usual_photos() -> Path:
    """Return the clothing photos where they are, else the packaged sample."""
    clothing = ROOT.parent / "shared" / "data" / "clothing"
    if clothing.is_dir():
        return clothing
    import conformal_clip_data

    return Path(conformal_clip_data.textile_simulated_root())


def pack(folder: Path, target: Path) -> int:
    """Zip ``folder`` as a person would; return the number of files."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, Path(folder.name) / path.relative_to(folder))
    return len(files)


def decode(path: Path) -> None:
    """Decode one image as a plain script would."""
    with Image.open(path) as image:
        image.convert("RGB")


def baseline(packed: Path, into: Path, threads: int) -> float:
    """Unpack and decode; return the seconds."""
    start = time.perf_counter()
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(into)
    files = [path for path in into.rglob("*") if path.is_file()]
    if threads == 1:
        for path in files:
            decode(path)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(decode, files))
    return time.perf_counter() - start


def main() -> None:
    """Measure three times each, in turn, and print the best of each."""
    threads = min(4, max(2, os.cpu_count() or 2))
    single, several, taken = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        images = pack(photos(), here / "photos.zip")
        for turn in range(3):
            single.append(baseline(here / "photos.zip", here / f"single{turn}", 1))
            several.append(baseline(here / "photos.zip", here / f"several{turn}", threads))
            workspace = Workspace.open(here / f"workspace{turn}")
            start = time.perf_counter()
            dataset = intake.take_in(here / "photos.zip", workspace)
            taken.append(time.perf_counter() - start)
    result = {
        "images": images,
        "taken_in": len(dataset.items),
        "unpack_decode_s": round(min(single), 2),
        "unpack_decode_threads_s": round(min(several), 2),
        "threads": threads,
        "intake_s": round(min(taken), 2),
        "ratio": round(min(taken) / min(single), 2),
        "ratio_same_threads": round(min(taken) / min(several), 2),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
