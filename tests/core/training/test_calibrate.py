"""A real measurement, in a process of its own as the server starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.training import speed
from core.training.counts import shortcuts
from core.training.estimate import Photos, estimate
from core.training.plan import Plan
from core.workspace import Workspace

pytestmark = pytest.mark.slow

NAME = "mobilenetv3small"
ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 300


def measure(workspace: Workspace, *options: str) -> dict[str, Any]:
    given = ["measure", NAME, "--image-size", "32", "--workspace", str(workspace.root), "--json", *options]
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "core", *given], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    ) as process:
        out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err[-2000:]
    assert out.count("\n") == 1
    return dict(json.loads(out))


@pytest.mark.zoo
def test_a_whole_measurement_is_kept_and_can_be_predicted_from(workspace: Workspace) -> None:
    found = measure(workspace)
    assert (found["backbone"], found["image_size"], found["machine"]) == (NAME, 32, speed.machine())
    for name in ("forward_s", "import_s", "build_s", "trace_s", "save_s", "base_bytes", "images_per_s"):
        assert found[name] > 0, name
    assert found["batch"] in (4, 8, 16, 32)
    assert [tuple(each["trainable"]) for each in found["anchors"]] == list(shortcuts(NAME).values())
    assert all(each["step_s"] > 0 for each in found["anchors"])
    assert all(each["peak_bytes"] >= found["base_bytes"] for each in found["anchors"])
    kept = speed.measured(workspace, NAME, 32)
    assert kept is not None
    assert (kept.forward_s, kept.at, len(kept.anchors)) == (found["forward_s"], found["at"], 3)
    predicted = estimate(Plan("", "", NAME, image_size=32), Photos(100, 10, 10, 0.001), 3, kept)
    assert predicted is not None
    assert predicted.seconds > predicted.epoch_s > 0
    assert predicted.peak_bytes > kept.base_bytes


def test_a_quick_look_has_no_steps(workspace: Workspace) -> None:
    from core.training.calibrate import calibrate

    found = calibrate(NAME, 32, quick=True)
    assert found.anchors == ()
    assert found.forward_s > 0
    found.save(workspace)
    assert speed.measured(workspace, NAME, 32) == found
