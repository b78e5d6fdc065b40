"""A run with all that a run can have, packed, and the workspace of another computer."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.data.dataset import Dataset
from core.insight.metrics import evaluate
from core.insight.predictions import Predictions
from core.runs import received, studied
from core.runs.about import About, write_about
from core.runs.folder import RunFolder
from core.runs.packing import pack_to
from core.runs.status import State
from core.training.events import BatchRow, EpochRow
from core.training.plan import Plan
from core.workspace import Workspace
from tests.core.runs.packed import write_model


@pytest.fixture
def anew(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """No model is built; which ones would have been is noted."""
    paths: list[Path] = []
    monkeypatch.setattr(received, "made_anew", lambda path, _plan, _inside: paths.append(path))
    return paths


@pytest.fixture
def run(workspace: Workspace, dataset: Dataset) -> RunFolder:
    """A finished run with all that a run can have."""
    made = RunFolder.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    made.write_history([EpochRow(n, "fit", 1.0 / n, 0.5, 1.2, 0.5 + n / 50, 1e-3, 2.0) for n in (1, 2)])
    made.append_batch(BatchRow(0.5, 1.0, 0.5))
    write_model(made.model)
    write_about(made, About(3, "The good one", "somebody", "an-experiment"))
    tests = dataset.of_split("test")
    labels = [item.label for item in tests]
    made.write_report({
        "version": 1, "classes": list(dataset.classes), "parameters": {"total": 10, "trainable": 5},
        "images": {"train": 12, "validation": 2, "test": len(tests)},
        "best": {"epoch": 2, "val_accuracy": 0.54},
        "test": evaluate(labels, labels, dataset.classes, 0).to_json(), "test_looks": 1,
        "timing": {"total_s": 1.5}, "versions": {"keras": "3.15.1"},
    })
    (made.path / "test.csv").write_text(
        "image,is,said,confidence,probability_of_true\n"
        + "".join(f"{item.path},0,0,1,1\n" for item in tests))
    studied.keep_predictions(made, "own-test", Predictions(
        dataset.classes, tuple(item.path for item in tests), np.asarray(labels, np.int32),
        np.full((len(tests), 2), 0.5, np.float32)))
    made.write_status(replace(
        made.status(), state=State.FINISHED, epochs=10, epoch=2, kept=2, progress=1.0, ended=2e9))
    return made


@pytest.fixture
def other(tmp_path: Path) -> Workspace:
    """The workspace of another computer."""
    return Workspace.open(tmp_path / "other")


@pytest.fixture
def pack(workspace: Workspace, run: RunFolder, tmp_path: Path, anew: list[Path]) -> Callable[..., Path]:
    """Return a function that packs the run, with entries changed, added or (``None``) left out."""
    def packing(photos: bool = True, **changes: object) -> Path:
        target = tmp_path / "run.zip"
        pack_to(workspace, run, target, photos=photos)
        with zipfile.ZipFile(target) as archive:
            entries: dict[str, Any] = {each: archive.read(each) for each in archive.namelist()}
        entries |= changes
        with zipfile.ZipFile(target, "w") as archive:
            for name, content in entries.items():
                if content is not None:
                    archive.writestr(name, content)  # type: ignore[arg-type]
        return target

    return packing
