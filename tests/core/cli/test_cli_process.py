"""The command line as a person starts it: a process of its own, a real training."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.insight import predict as insight
from core.runs.folder import RunFolder, run_folders
from core.runs.status import State
from core.workspace import Workspace

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 300
TRAINING = ("--batch-size", "4", "--hidden", "8", "--seed", "5", "--augment", "light")


class Elsewhere:
    """A home and a working folder of their own, and the workspace beside them."""

    def __init__(self, root: Path) -> None:
        self.home, self.cwd, self.workspace = root / "home", root / "cwd", root / "workspace"
        self.home.mkdir()
        self.cwd.mkdir()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        # The process is the console's foreground, so that it gets Ctrl-C alone: no shell between.
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "core", *arguments],
            cwd=self.cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={
                **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
                "HOME": str(self.home), "THAW_HOME": str(self.workspace), "PYTHONPATH": str(ROOT),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
        )

    def written(self) -> list[str]:
        return sorted(str(path) for folder in (self.home, self.cwd) for path in folder.rglob("*"))


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Elsewhere:
    return Elsewhere(tmp_path_factory.mktemp("elsewhere"))


@pytest.fixture(scope="module")
def finished(trained: Any, elsewhere: Elsewhere) -> tuple[dict[str, Any], str]:
    """What a whole training printed, and what it said meanwhile."""
    with elsewhere.start("train", str(trained.photos), "--epochs", "2", *TRAINING, "--json") as process:
        out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err[-2000:]
    assert out.count("\n") == 1
    return json.loads(out), err


def test_train_prints_one_object_with_all_that_came_of_it(finished: Any) -> None:
    found, _err = finished
    assert list(found) == [
        "run", "status", "classes", "images", "parameters", "history", "best", "test", "timing", "cache",
    ]
    assert found["status"] == "finished"
    assert found["images"] == {"train": 16, "validation": 4, "test": 4}
    assert [row["epoch"] for row in found["history"]] == [1, 2]
    assert found["test"]["images"] == 4
    assert 0 <= found["test"]["low"] <= found["test"]["accuracy"] <= found["test"]["high"] <= 1


def test_progress_is_told_on_stderr_in_plain_lines(finished: Any) -> None:
    _found, err = finished
    assert "epoch" in err or "Looking at the test photos" in err
    assert not re.search(r"^(starting|building|training|validating|testing|checking)", err, re.MULTILINE)
    assert "\r" not in err
    assert "\x1b" not in err
    assert "Traceback" not in err
    assert "oneDNN" not in err
    assert "cuda" not in err.lower()


def test_the_same_seed_gives_the_same_history_in_another_process(finished: Any, trained: Any) -> None:
    found, _err = finished
    for row, other in zip(found["history"], trained.run.history(), strict=True):
        for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
            assert row[name] == pytest.approx(getattr(other, name), rel=1e-4), name


def test_a_photo_is_answered_by_its_run(finished: Any, elsewhere: Elsewhere, trained: Any) -> None:
    run = finished[0]["run"]
    photo = trained.photos / "red" / "red000.png"
    with elsewhere.start("predict", run, str(photo), "--json") as process:
        out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err[-2000:]
    found = json.loads(out)["predictions"][0]
    model = insight.loaded(RunFolder.open(Workspace.open(elsewhere.workspace), run).model)
    expected = insight.predict(model, [photo])[0]
    assert isinstance(expected, list)
    assert [each["class"] for each in found["top"]] == [each.name for each in expected]
    np.testing.assert_allclose(
        [each["probability"] for each in found["top"]], [each.probability for each in expected], atol=1e-5
    )


@pytest.mark.usefixtures("finished")
def test_nothing_is_written_outside_the_workspace(elsewhere: Elsewhere) -> None:
    assert elsewhere.written() == []


@pytest.mark.usefixtures("finished")
def test_nothing_but_keras_own_settings_is_written_outside_the_workspace(elsewhere: Elsewhere) -> None:
    keras = {str(elsewhere.home / ".keras"), str(elsewhere.home / ".keras" / "keras.json")}
    assert set(elsewhere.written()) <= keras


def at_work(run: RunFolder) -> bool:
    return run.status().state is State.TRAINING and run.status().step > 0


def test_ctrl_c_in_a_training_stops_it_and_keeps_a_model(trained: Any, tmp_path: Path) -> None:
    place = Elsewhere(tmp_path)
    workspace = Workspace.open(place.workspace)
    with place.start("train", str(trained.photos), "--epochs", "500", *TRAINING, "--json") as process:
        for _each in range(PATIENCE_S * 10):
            if any(map(at_work, run_folders(workspace))):
                break
            assert process.poll() is None, process.communicate()[1][-2000:]
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err[-2000:]
    assert "Traceback" not in err
    found = json.loads(out)
    assert found["status"] == "stopped"
    assert found["test"] is None
    assert len(found["history"]) < 500
    run = RunFolder.open(workspace, found["run"])
    assert run.status().state is State.STOPPED
    assert run.model.is_file()
