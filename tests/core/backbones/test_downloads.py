"""Downloads in the background, with a stand-in for the process that fetches."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from core import children as children_of_ours
from core.backbones.catalogue import get
from core.backbones.downloads import Downloads, DownloadSnapshot
from core.errors import Stopped, Unavailable
from tests.waiting import until

PATIENCE_S = 60
ROOT = Path(__file__).resolve().parents[3]
STORED = get("vgg16").stored


class Children:
    """Stands in for the processes: each ends when it is let go."""

    def __init__(self) -> None:
        self.began: list[list[str]] = []
        self.go = threading.Event()
        self.error: Exception | None = None

    def __call__(self, words: Sequence[str], stop: threading.Event) -> dict[str, object]:
        self.began.append(list(words))
        end = time.monotonic() + PATIENCE_S
        while not self.go.wait(0.01):
            assert time.monotonic() < end
            if stop.is_set():
                raise Stopped("Stopped before it was done.")
        if self.error is not None:
            raise self.error
        return {}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras" / "models"


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> Children:
    made = Children()
    monkeypatch.setattr(children_of_ours, "run_json", made)
    return made


@pytest.fixture
def downloads(children: Children) -> Iterator[Downloads]:
    made = Downloads()
    yield made
    made.cancel()


def ended(downloads: Downloads, name: str = "vgg16") -> Callable[[], bool]:
    return lambda: not downloads.snapshot(name).active


def arriving(cache: Path, size: int, folder: str = ".arriving-1", file: str = STORED.file) -> Path:
    path = cache / folder / "models" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as handle:
        handle.truncate(size)
    return path


def test_before_a_start_nothing_goes_on(downloads: Downloads) -> None:
    assert downloads.snapshot("vgg16") == DownloadSnapshot(False, 0.0, None)
    assert downloads.snapshot("efficientnet-lite0") == DownloadSnapshot(False, 0.0, None)
    downloads.cancel("vgg16")


def test_a_download_is_a_process_and_ends_without_an_error(
    downloads: Downloads, children: Children
) -> None:
    downloads.start("vgg16")
    assert downloads.snapshot("vgg16") == DownloadSnapshot(True, 0.0, None)
    assert downloads.snapshot("vgg19").active is False
    children.go.set()
    until(ended(downloads))
    assert downloads.snapshot("vgg16") == DownloadSnapshot(False, 0.0, None)
    assert children.began == [["fetch", "vgg16"]]


def test_a_second_start_while_it_goes_on_does_nothing(downloads: Downloads, children: Children) -> None:
    for _each in range(3):
        downloads.start("vgg16")
    until(lambda: len(children.began) == 1)
    downloads.start("vgg19")
    until(lambda: len(children.began) == 2)
    downloads.start("vgg16")
    children.go.set()
    until(ended(downloads))
    until(ended(downloads, "vgg19"))
    assert children.began == [["fetch", "vgg16"], ["fetch", "vgg19"]]


def test_the_share_is_of_what_arrives_of_this_file(
    downloads: Downloads, cache: Path
) -> None:
    downloads.start("vgg16")
    arriving(cache, STORED.bytes, ".arriving-0", "another.h5")
    assert downloads.snapshot("vgg16").share == 0
    arriving(cache, STORED.bytes // 4)
    assert downloads.snapshot("vgg16").share == pytest.approx(0.25, abs=0.01)
    arriving(cache, STORED.bytes * 2)
    assert downloads.snapshot("vgg16").share == 0.99
    downloads.cancel()
    until(ended(downloads))
    assert downloads.snapshot("vgg16").share == 0


def test_a_file_that_arrives_while_it_is_looked_at_is_no_error(
    downloads: Downloads, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = arriving(cache, 100)
    downloads.start("vgg16")
    original = Path.glob

    def gone_at_once(self: Path, pattern: str) -> list[Path]:
        found = list(original(self, pattern))
        path.unlink()
        return found

    monkeypatch.setattr(Path, "glob", gone_at_once)
    assert downloads.snapshot("vgg16") == DownloadSnapshot(True, 0.0, None)


def test_a_cancel_of_one_leaves_the_others(downloads: Downloads, children: Children) -> None:
    downloads.start("vgg16")
    downloads.start("vgg19")
    downloads.cancel("vgg16")
    until(ended(downloads))
    assert downloads.snapshot("vgg16") == DownloadSnapshot(False, 0.0, None)
    assert downloads.snapshot("vgg19").active is True
    downloads.cancel()
    until(ended(downloads, "vgg19"))
    assert downloads.snapshot("vgg19").error is None


def test_an_error_stays_until_the_next_try(downloads: Downloads, children: Children) -> None:
    children.error = Unavailable("It cannot be downloaded now.", given="https://x", fix="Put the file there.")
    children.go.set()
    downloads.start("vgg16")
    until(ended(downloads))
    assert downloads.snapshot("vgg16").error is children.error
    assert downloads.snapshot("vgg19").error is None
    children.go.clear()
    downloads.start("vgg16")
    assert downloads.snapshot("vgg16") == DownloadSnapshot(True, 0.0, None)
    children.error = None
    children.go.set()
    until(ended(downloads))
    assert downloads.snapshot("vgg16").error is None


# A fetch whose bytes never end, in place of Keras' download; the rest is ours.
ENDLESS = """
import sys, time, threading
from pathlib import Path
from core.backbones import download
from core.cli import models
from core.cli.main import main

class Endless(download._Download):
    def run(self):
        path = self._folder / "models" / self._stored.file
        path.parent.mkdir(parents=True)
        with path.open("wb") as handle:
            while True:
                handle.write(b"x" * 1000)
                handle.flush()
                time.sleep(0.01)

download._Download = Endless
sys.modules["core.training.backend"] = type(sys)("backend")
sys.modules["core.training.backend"].load_tensorflow = lambda: None
sys.exit(main(["fetch", "vgg16", "--json", "--workspace", sys.argv[1]]))
"""


def test_a_process_that_is_asked_to_end_leaves_nothing_of_what_arrived(tmp_path: Path, cache: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ENDLESS, str(tmp_path / "workspace")], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        until(lambda: process.poll() is not None or any(cache.glob(f".arriving-*/models/{STORED.file}")))
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, err
    assert "Stopped" in out
    assert "Traceback" not in err
    assert list(cache.iterdir()) == []
