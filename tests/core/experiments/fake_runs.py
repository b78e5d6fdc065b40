"""Runs that have ended without a training: the files that a real one leaves."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

from core.experiments.experiment import Experiment, load
from core.files import write_text
from core.insight.metrics import evaluate
from core.runs import line, steer
from core.runs.folder import RunFolder
from core.runs.status import State
from core.training.events import EpochRow
from core.workspace import Workspace

CLASSES = ("blue", "red")
VALIDATION = 100


def leave_line(workspace: Workspace, run: str) -> RunFolder:
    with line.held_line(workspace):
        line.leave(workspace, run)
    return RunFolder.open(workspace, run)


def finish(
    workspace: Workspace, run: str, *, validation: float = 0.5, right: int | None = None, images: int = 100,
    seconds: float = 10.0, val_loss: float = 0.5,
) -> RunFolder:
    """End a run as a training does; ``right`` of ``images`` test photos, or no look at them."""
    folder = leave_line(workspace, run)
    folder.write_history([
        EpochRow(1, "fit", 0.9, 0.4, 0.9, validation / 2, 1e-3, 1.0),
        EpochRow(2, "fit", 0.5, 0.8, val_loss, validation, 1e-3, 1.0),
    ])
    test = None
    if right is not None:
        truth = [at % 2 for at in range(images)]
        said = [each if at < right else 1 - each for at, each in enumerate(truth)]
        test = evaluate(truth, said, CLASSES, 0).to_json()
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["image", "is", "said", "confidence", "probability_of_true"])
        writer.writerows([f"images/{at:06}.png", is_, say, "0.9", "0.9"] for at, (is_, say) in
                         enumerate(zip(truth, said, strict=True)))
        write_text(folder.path / "test.csv", text.getvalue())
    folder.write_report({
        "version": 1, "classes": list(CLASSES), "test": test, "test_looks": int(test is not None),
        "images": {"train": 100, "validation": VALIDATION, "test": images},
        "best": {"epoch": 2, "val_accuracy": validation}, "plan": folder.plan().to_json(),
    })
    folder.model.write_bytes(b"model")
    status = folder.status()
    folder.write_status(replace(
        status.ending(State.FINISHED, kept=2, progress=1.0), started=1000.0, ended=1000.0 + seconds))
    return folder


def end(workspace: Workspace, run: str, state: State) -> RunFolder:
    """Let a run end, or stand, in some other way."""
    folder = leave_line(workspace, run)
    folder.write_status(replace(folder.status(), state=state, started=1000.0, ended=1005.0))
    return folder


def now(workspace: Workspace, experiment: Experiment) -> Experiment:
    return load(workspace, experiment.id)


def go_on(workspace: Workspace, run: RunFolder, right: int | None) -> None:
    """Give a finished run five more epochs, and end it again."""
    run.places.last.write_bytes(b"checkpoint")
    steer.resume(workspace, run.id, more=5)
    finish(workspace, run.id, right=right)
