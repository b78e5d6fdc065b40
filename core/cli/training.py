"""A training in the foreground: progress on stderr, Ctrl-C stops and keeps the best epoch."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from types import FrameType

from core.cli.progress import Bar
from core.data.dataset import Dataset
from core.errors import ThawError
from core.files import JsonObject
from core.i18n import _
from core.runs.folder import RunFolder, best
from core.runs.status import Status, phase_text
from core.runs.work import carry_out, require_usable
from core.training.plan import Plan
from core.workspace import Workspace

LOOK_EVERY_S = 0.5


def run_in_foreground(workspace: Workspace, plan: Plan, dataset: Dataset) -> JsonObject:
    """Train on this thread and return what ``train --json`` prints.

    Raises:
        BadInput: The dataset cannot be trained on; no run is made.
    """
    require_usable(dataset)
    folder = RunFolder.create(
        workspace, replace(plan, dataset=dataset.id, dataset_title=dataset.title)
    )
    stop = threading.Event()
    with _stop_on_ctrl_c(stop), _told(folder):
        carry_out(workspace, folder, stop)
    return summary(folder)


def summary(folder: RunFolder) -> JsonObject:
    """Return all that a run folder says of its outcome; ``None`` where it is not known.

    Raises:
        BadInput: A file of the run is damaged.
    """
    status = folder.status()
    report = folder.report() or {}
    history = folder.history()
    kept = best(history)
    test = report.get("test")
    accuracy = test["accuracy"] if isinstance(test, dict) else None
    return {
        "run": folder.id,
        "status": status.state.value,
        "classes": report.get("classes"),
        "images": report.get("images"),
        "parameters": report.get("parameters"),
        "history": [
            {
                name: getattr(row, name)
                for name in ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds")
            }
            for row in history
        ],
        "best": {"epoch": kept.epoch, "val_accuracy": kept.val_accuracy} if kept else None,
        "test": None if accuracy is None else {
            "accuracy": accuracy["value"], "low": accuracy["low"], "high": accuracy["high"],
            "images": accuracy["images"],
        },
        "timing": report.get("timing"),
        **({"error": asdict(status.error)} if status.error else {}),
    }


@contextmanager
def _stop_on_ctrl_c(stop: threading.Event) -> Iterator[None]:
    def ask(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _told(folder: RunFolder) -> Iterator[None]:
    ended = threading.Event()

    def watch() -> None:
        with Bar() as bar:
            while not ended.wait(LOOK_EVERY_S):
                _tell(bar, folder)

    thread = threading.Thread(target=watch, name="thaw-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _tell(bar: Bar, folder: RunFolder) -> None:
    try:
        status = folder.status()
        last = folder.history()[-1:]
    except ThawError as error:
        bar.say("error", str(error))
        return
    figures = "".join(
        _(", loss {loss:.3f}, validation {val}").format(
            loss=row.loss,
            val=_("not available") if row.val_accuracy is None else f"{row.val_accuracy:.1%}",
        )
        for row in last
    )
    bar.say(f"{status.phase}{status.epoch}", _line(status) + figures)


def _line(status: Status) -> str:
    phase = phase_text(status.phase) if status.phase else status.state.value
    if status.phase not in ("training", "validating"):
        return phase
    return _("{phase}, epoch {epoch} of {epochs}, step {step} of {steps}").format(
        phase=phase, epoch=status.epoch, epochs=status.epochs, step=status.step, steps=status.steps,
    )
