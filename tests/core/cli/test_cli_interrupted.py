"""Ctrl-C in a command as a person starts it: one status and one line, whatever it was at."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from test_cli_process import PATIENCE_S, ROOT, Elsewhere

from core.cli.signals import STOPPED
from core.data.dataset import Dataset
from core.runs import steer, wishes
from core.runs.folder import run_folders
from core.runs.status import State
from core.runs.work import held
from core.training.plan import Plan
from core.workspace import Workspace
from tests.waiting import until


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Elsewhere]:
    # NOTE: tests that run in the background ignore Ctrl-C, and what they start would inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield Elsewhere(tmp_path)
    signal.signal(signal.SIGINT, before)


def pressed(process: subprocess.Popen[str], *, told: str = "") -> tuple[str, str]:
    """Press Ctrl-C once something is told, and return what is said from there on."""
    assert process.stderr is not None
    if told:
        assert any(told in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    return process.communicate(timeout=PATIENCE_S)


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_waiting_for_a_run_to_leave_is_ended_by_one_line(
    place: Elsewhere, dataset: Dataset, workspace: Workspace
) -> None:
    run = steer.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"), wait=False)
    run.write_status(replace(run.status(), state=State.TRAINING))
    with held(run), place.start("stop", run.id, "--workspace", str(workspace.root)) as process:
        until(lambda: wishes.asked(run) is not None or process.poll() is not None)
        out, err = pressed(process)
    assert (process.returncode, out, err) == (STOPPED, "", "Stopped.\n")
    assert run.status().state is State.TRAINING


def test_of_photos_that_are_half_taken_in_nothing_is_left(place: Elsewhere) -> None:
    with place.start("train", "sample:textile", "--json") as process:
        out, err = pressed(process, told="Checking images")
    assert process.returncode == STOPPED, err
    assert json.loads(out) == {"error": {"what": "Stopped.", "given": "", "fix": ""}}
    assert err.splitlines()[-1] == "Stopped."
    assert "Traceback" not in err
    workspace = Workspace.open(place.workspace)
    assert files_in(workspace.datasets) == files_in(workspace.incoming) == files_in(workspace.runs) == []


LOADING = """
class Pressed:
    def find_spec(self, name, *_others):
        if name == "{module}":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Pressed())
"""
# A step that never ends; and a Python that takes its leave meanwhile is aborted, as by TensorFlow.
TRAINING = """
from core.training import engine

engine.train = lambda *_given, **_named: time.sleep(600)
atexit.register(os.abort)
"""


def changed(place: Elsewhere, before: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a command in a process of its own, in which something is done before."""
    code = (
        f"import atexit, os, runpy, signal, sys, time\n{before}\n"
        f"sys.argv = {['core', *arguments]!r}\nrunpy.run_module('core', run_name='__main__')\n")
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "THAW_HOME": str(place.workspace)})


@pytest.mark.parametrize("module", ["core.cli", "core.cli.audit", "core.cli.signals"])
def test_while_the_program_itself_is_loaded_it_is_ended_the_same_way(place: Elsewhere, module: str) -> None:
    with changed(place, LOADING.format(module=module), "samples") as process:
        out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out, err) == (STOPPED, "", "Stopped.\n")


def test_a_second_ctrl_c_leaves_a_training_whose_step_does_not_end(place: Elsewhere, photos: Path) -> None:
    workspace = Workspace.open(place.workspace)
    with changed(place, TRAINING, "train", str(photos)) as process:
        until(lambda: any(run.status().state.at_work for run in run_folders(workspace)))
        process.send_signal(signal.SIGINT)
        out, err = pressed(process, told="Ctrl-C leaves at once")
    assert (process.returncode, out, err) == (STOPPED, "", "Stopped.\n")


@pytest.mark.slow
def test_a_look_at_photos_with_a_network_is_ended_as_everything_is(place: Elsewhere) -> None:
    with place.start("audit", "sample:digits") as process:
        out, err = pressed(process, told="Looking at the photos")
    assert (process.returncode, out) == (STOPPED, ""), err
    assert err.splitlines()[-1] == "Stopped."
    assert "Traceback" not in err
