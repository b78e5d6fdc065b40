"""A training in the foreground: progress on stderr, Ctrl-C stops and keeps the best epoch."""

from __future__ import annotations

import signal
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from functools import partial
from types import FrameType

from core.cli.progress import Bar
from core.cli.signals import answered
from core.cli.work import Work
from core.data.dataset import Dataset
from core.errors import ThawError
from core.files import JsonObject
from core.i18n import _
from core.people import COMMAND_LINE
from core.runs import steer
from core.runs.folder import RunFolder
from core.runs.status import Status, phase_text
from core.runs.wishes import Leaving, Wish
from core.runs.work import carry_out, dataset_of, evaluation_of, require_usable
from core.training.plan import Plan
from core.words import about_text
from core.workspace import Workspace

LOOK_EVERY_S = 0.5


def run_in_foreground(
    workspace: Workspace, plan: Plan, dataset: Dataset, name: str = ""
) -> JsonObject:
    """Train, telling on stderr how far it is, and return what ``train --json`` prints.

    Ctrl-C, or SIGTERM, stops it after the current step and keeps the best epoch.

    Raises:
        BadInput: The dataset cannot be trained on; no run is made.
        KeyboardInterrupt: A second Ctrl-C: somebody does not want to wait for the step to end.
    """
    wanted = replace(plan, dataset=dataset.id, dataset_title=dataset.title)
    require_usable(dataset_of(workspace, wanted))
    folder = steer.create(workspace, wanted, by=COMMAND_LINE, name=name, wait=False)
    return carry_out_in_foreground(workspace, folder)


def carry_out_in_foreground(workspace: Workspace, folder: RunFolder) -> JsonObject:
    """Carry a queued run out, telling on stderr how far it is; see :func:`run_in_foreground`.

    Raises:
        Busy: Another process works on it.
        KeyboardInterrupt: A second Ctrl-C.
    """
    leaving = Leaving()
    work = Work(partial(carry_out, workspace, folder, leaving))
    with _stopped_by_signals(leaving), Bar() as bar:
        work.start()
        while not work.wait(LOOK_EVERY_S):
            _tell(bar, folder, leaving)
    work.raise_error()
    return summary(folder)


def summary(folder: RunFolder) -> JsonObject:
    """Return all that a run folder says of its outcome; ``None`` where it is not known.

    Raises:
        BadInput: A file of the run is damaged.
    """
    status = folder.status()
    report = folder.report() or {}
    history = folder.history()
    kept = folder.kept()
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
        "test": _test(folder),
        "timing": report.get("timing"),
        "cache": _cache(status, report),
        **({"error": asdict(status.error)} if status.error else {}),
    }


def _cache(status: Status, report: JsonObject) -> object:
    """Return how the cache was used: from the report, or from the status of a run that has none."""
    return report.get("cache") or (asdict(status.cache) if status.cache else None)


def _test(folder: RunFolder) -> JsonObject | None:
    found = evaluation_of(folder)
    if found is None:
        return None
    measured = found.accuracy
    return {
        "accuracy": measured.value, "low": measured.low, "high": measured.high,
        "images": measured.images,
    }


def _stopped_by_signals(leaving: Leaving) -> AbstractContextManager[None]:
    def ask(_number: int, _frame: FrameType | None) -> None:
        if leaving.event.is_set():
            raise KeyboardInterrupt
        leaving.ask(Wish.STOP)

    return answered(ask, signal.SIGINT, signal.SIGTERM)


def _tell(bar: Bar, folder: RunFolder, leaving: Leaving) -> None:
    if leaving.wish is not None:
        word = _("Pausing") if leaving.wish is Wish.PAUSE else _("Stopping")
        bar.say("leaving", _("{word} after this step; Ctrl-C leaves at once.").format(word=word))
        return
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
    if status.extracted is not None and status.to_extract:
        return _extraction_line(phase, status)
    if not status.epoch or status.phase not in ("training", "validating"):
        return phase
    line = _("{phase}, epoch {epoch} of {epochs}, step {step} of {steps}").format(
        phase=phase, epoch=status.epoch, epochs=status.epochs, step=status.step, steps=status.steps,
    )
    return line + _time_left(status)


def _extraction_line(phase: str, status: Status) -> str:
    line = _("{phase}, {done:,} of {total:,}").format(
        phase=phase, done=status.extracted, total=status.to_extract)
    if status.images_per_s is not None:
        line += _(", {rate:,.0f} a second").format(rate=status.images_per_s)
    return line + _time_left(status)


def _time_left(status: Status) -> str:
    if status.eta_s is None:
        return ""
    return _(", about {time} left").format(time=about_text(status.eta_s))
