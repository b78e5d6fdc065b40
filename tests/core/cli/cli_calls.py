"""Commands called in this process, with what they print."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.cli.main import main
from core.data.dataset import Dataset
from core.training.events import CacheUse, EpochRow, Listener, Outcome, Places, Timing
from core.training.plan import Plan
from core.workspace import Workspace

USE = CacheUse("block7", 3, 13, 4096, image_s=0.02, compared_s=9.5)
Capture = pytest.CaptureFixture[str]


class Engine:
    """Stands in for the training, and keeps what it was given."""

    def __init__(self) -> None:
        self.plan: Plan | None = None
        self.weights_file: Path | None = None
        self.error: Exception | None = None

    def __call__(
        self, plan: Plan, dataset: Dataset, places: Places, listener: Listener, _stop: threading.Event,
        weights_file: Path | None = None, _workspace: Workspace | None = None, **_named: object,
    ) -> Outcome:
        self.plan, self.weights_file = plan, weights_file
        if self.error is not None:
            raise self.error
        row = EpochRow(1, "fit", 0.7, 0.5, None, None, 1e-3, 2.0)
        listener.epoch(row)
        places.model.write_bytes(b"model")
        chances = np.tile(np.array([0.75, 0.25], np.float32), (len(dataset.of_split("test")), 1))
        timing = Timing(1.0, 0.25, 2.0, 0.5, 3.75)
        return Outcome(False, 1, (row,), 100, 10, chances, timing, USE)


def asked(capsys: Capture, *arguments: str, status: int = 0) -> dict[str, Any]:
    """Carry a command out with --json and return the one object it printed."""
    assert main([*arguments, "--json"]) == status
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    found = json.loads(out)
    assert isinstance(found, dict)
    return found


def refused(capsys: Capture, *arguments: str, status: int = 2) -> dict[str, Any]:
    """Carry out a command that must fail; return what it says, and check that people are told too."""
    error = asked(capsys, *arguments, status=status)["error"]
    assert main(list(arguments)) == status
    plain = capsys.readouterr()
    assert plain.out == ""
    assert error["what"] in plain.err
    assert "Traceback" not in plain.err
    return dict(error)
