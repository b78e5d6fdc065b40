"""A real server and a real browser, for browser tests and benchmarks."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parent.parent
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_S = 90


def chromium() -> str:
    """Return the browser to drive.

    Raises:
        RuntimeError: None is installed; the message names what to install.
    """
    for name in (os.environ.get("THAW_CHROMIUM"), *NAMES):
        found = shutil.which(name) if name else None
        if found:
            return found
    raise RuntimeError(
        "The browser tests need Chromium or Chrome, and none was found. Install one (Debian, Ubuntu: "
        "apt-get install chromium) or name it: THAW_CHROMIUM=/path/to/chrome"
    )


class Server:
    """The dashboard on a free port, with a workspace of its own; use it in a ``with``.

    Args:
        workspace: Where it keeps everything; its log is written beside it.
    """

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace
        self.log = workspace.with_name(workspace.name + ".log")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Server:
        with self.log.open("w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(self.port),
                 "--", "--workspace", str(self.workspace)],
                cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            )
        until = time.monotonic() + PATIENCE_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > until:
                self.process.kill()
                raise RuntimeError("The server did not start:\n" + self.log.read_text()[-4000:])
            time.sleep(0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.address, timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False
