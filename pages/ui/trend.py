"""One sentence on how a training goes, from its finished epochs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.i18n import _, ngettext
from core.runs.listing import Listed
from core.runs.status import State
from core.training.events import EpochRow

NO_GAP = 0.05
FLAT_POINTS = 0.5
FLAT_EPOCHS = 3


@dataclass(frozen=True)
class Trend:
    """A judgement: its gist, the figures behind it, and the sign that goes with it."""

    strong: str
    sentence: str
    sign: str


def trend(rows: Sequence[EpochRow], *, going_on: bool) -> Trend | None:
    """Return what the validation accuracy of the last epochs says; ``None`` before two epochs.

    Args:
        rows: The finished epochs.
        going_on: Whether more are to come in this run.
    """
    known = [row.val_accuracy for row in rows if row.val_accuracy is not None]
    if len(known) < 2:
        return None
    # What is level before more blocks join says nothing of what comes after.
    stage = [
        row.val_accuracy for row in rows if row.phase == rows[-1].phase and row.val_accuracy is not None
    ]
    step = round(100 * (known[-1] - known[-2]), 1) or 0.0  # and never "-0.0"
    gap = 100 * (rows[-1].accuracy - known[-1])
    behind = _behind(gap)
    if len(stage) > FLAT_EPOCHS and 100 * (max(stage) - max(stage[:-FLAT_EPOCHS])) < FLAT_POINTS:
        return Trend(
            _("Level."),
            _("Validation has not risen by half a point in {n} epochs.").format(n=FLAT_EPOCHS)
            + " " + behind,
            "info",
        )
    if step > 0:
        return Trend(
            _("Still improving.") if going_on else _("Was still improving: more epochs may help."),
            _("Validation rose {step:.1f} points in the last epoch.").format(step=step) + " " + behind,
            "rising",
        )
    return Trend(
        _("No rise in the last epoch."),
        _("Validation changed by {step:.1f} points.").format(step=step) + " " + behind,
        "info",
    )


def early_end(rows: Sequence[EpochRow], run: Listed) -> Trend | None:
    """Return that a run has ended by itself before its last epoch; ``None`` where it has not."""
    recipe, done = run.plan.recipe, len(rows)
    if run.status.state is not State.FINISHED or not recipe.early_stopping or not 0 < done < recipe.epochs:
        return None
    n = recipe.early_stopping
    return Trend(
        _("It ended early."),
        ngettext(
            "{n} epoch brought nothing better on the validation photos, so the {left} left were not needed.",
            "{n} epochs brought nothing better on the validation photos, so the {left} left were not needed.",
            n,
        ).format(n=n, left=recipe.epochs - done),
        "good",
    )


def _behind(gap: float) -> str:
    """Say by how many points training is ahead of validation, or behind it."""
    if abs(gap) < NO_GAP:
        return _("Training and validation are level.")
    if gap > 0:
        return _("Training is {gap:.1f} points ahead of validation.").format(gap=gap)
    return _("Validation is {gap:.1f} points ahead of training.").format(gap=-gap)
