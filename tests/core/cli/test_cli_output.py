"""Where output goes wrong: a terminal without a letter, a full disk, a reader that has gone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import make_photos
from tests.serving import ROOT


def run(place: Path, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    # Buffered, as for most people: what is written at the program's end can fail as well.
    usual = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    env = {**usual, "THAW_HOME": str(place / "workspace"), "PYTHONPATH": str(ROOT)}
    env |= options.pop("env", {})  # type: ignore[arg-type]
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [sys.executable, "-m", "core", *arguments], cwd=place, text=True, check=False,
        stderr=subprocess.PIPE, env=env, **({"stdout": subprocess.PIPE} | options),
    )


def test_a_name_that_a_terminal_cannot_show_is_shown_by_its_codes(tmp_path: Path) -> None:
    photos = make_photos(tmp_path / "photos")
    (photos / "red").rename(photos / "sk\u00f3ra \u732b")
    done = run(tmp_path, "check", str(photos), env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert "sk\\xf3ra \\u732b" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
def test_a_full_disk_behind_stdout_is_said_in_one_line(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = run(tmp_path, "samples", "--json", stdout=full)
    assert done.returncode == 1
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_has_gone_is_no_error_worth_a_trace(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as gone:
        done = run(tmp_path, "samples", stdout=gone)
    assert done.returncode == 1
    assert done.stderr == ""
