"""The learning-rate finder on the command line: a sweep, its curve in a few lines, and what it suggests."""

from __future__ import annotations

import argparse
import signal
import threading
from dataclasses import asdict, replace
from types import FrameType
from typing import Any

from core.cli import commands, options
from core.cli.options import Groups
from core.cli.planned import plan_of
from core.cli.progress import Bar
from core.cli.signals import answered
from core.files import JsonObject
from core.i18n import _
from core.runs.lineage import weights_file
from core.runs.work import dataset_of, require_usable
from core.training.counts import what_learns
from core.training.rate_finder import STEPS, find_rate, swept

ABOUT = _("Look for a learning rate: a hundred steps at a rising rate, and what the loss says. Takes the "
          "options of “train”; keeps no model. Ctrl-C leaves.")
_ROWS = 12


def declare(groups: Groups) -> None:
    """Declare the command."""
    each = options.command(groups, "lr-finder", lr_finder, show_lr_finder, ABOUT)
    options.training(each)
    options.workspace(each)


def lr_finder(given: argparse.Namespace) -> JsonObject:
    """Take the photos in and sweep over the learning rate; nothing is kept but frozen activations."""
    workspace = commands.workspace_of(given.workspace)
    plan = plan_of(given, workspace)
    taken = commands.taken_in(given.source, workspace)
    plan = replace(plan, dataset=taken.id, dataset_title=taken.title)
    dataset = dataset_of(workspace, plan)
    require_usable(dataset)
    start = weights_file(workspace, plan)
    stop = threading.Event()

    def leave(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():  # somebody does not want to wait for the step to end
            raise KeyboardInterrupt
        stop.set()

    with answered(leave, signal.SIGINT, signal.SIGTERM), Bar() as bar:

        def told(words: str, share: float) -> None:
            # NOTE: a phase of its own for all of them, or elsewhere than on a terminal each step is a line.
            bar.say("sweep", f"{share:4.0%} {words}")

        curve = find_rate(plan, dataset, workspace, told, stop, start)
    alone = swept(plan)
    return {
        **asdict(curve), "dataset": dataset.id, "backbone": plan.backbone, "trainable": list(alone.trainable),
        "learns": what_learns(alone),
    }


def show_lr_finder(answer: JsonObject) -> str:
    """The curve in a few lines, and what it suggests."""
    rates, losses, smooth = (_numbers(answer[name]) for name in ("rates", "losses", "smoothed"))
    lines = [f"{_('rate'):>10} {_('loss'):>9} {_('smoothed'):>9}"]
    lines += [f"{rates[at]:>10.2g} {losses[at]:>9.3f} {smooth[at]:>9.3f}" for at in _shown(len(rates))]
    lines.append(_("what learns: {blocks}").format(blocks=answer["learns"]))
    if answer["stopped_early"]:
        lines.append(_("The loss ran away after {n} of {whole} steps.").format(n=len(rates), whole=STEPS))
    if answer["suggestion"] is None:
        lines.append(_("no suggestion: {reason}").format(reason=answer["reason"]))
    else:
        lines += [
            _("The loss falls fastest at {steepest:.2g} and is lowest at {lowest:.2g}.").format(**answer),
            _("suggestion: --learning-rate {suggestion:g}").format(**answer),
        ]
    return "\n".join(lines)


def _shown(steps: int) -> list[int]:
    """Return which of the steps are shown, evenly spread, the first and the last among them."""
    rows = min(_ROWS, steps)
    return [round(at * (steps - 1) / max(1, rows - 1)) for at in range(rows)]


def _numbers(value: Any) -> list[float]:
    return list(value)
