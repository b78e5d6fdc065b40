"""Experiments as trainings would have left them, without a training: their runs are written by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from core.experiments import members, variants
from core.experiments.design import Design, Planned
from core.experiments.experiment import Experiment, save
from core.files import write_json
from core.insight.metrics import evaluate
from core.runs.folder import RunFolder
from core.runs.status import State
from core.training.events import EpochRow
from core.workspace import Workspace, new_dir

TESTED = 200
Outcome = float | State
"""The accuracy of a run that has finished, from 0 to 1; else how it stands."""


def faked(
    workspace: Workspace, design: Design, outcome: Callable[[Planned], Outcome], *, by: str = "",
    title: str = "", created: float = 1_700_000_000.0, chosen: str = "", cancelled: bool = False,
    in_full: Callable[[str], float] | None = None,
) -> Experiment:
    """Write an experiment whose runs came out as told.

    Args:
        workspace: Where.
        design: What was run.
        outcome: How each run came out.
        by: Who began it.
        title: What it is called; the design's own unless told.
        created: When it was begun.
        chosen: The role whose run was chosen.
        cancelled: Whether it was cancelled.
        in_full: Of a ranking, what the best two backbones reach in the end.
    """
    folder = new_dir(workspace.experiments, design.kind)
    experiment = Experiment(
        folder.name, design.kind, title or design.title, design.plan, (), created, by, 600.0, design.base_run,
        cancelled,
    )
    made = members.make(workspace, experiment, design.members, [20.0] * len(design.members))
    pairs = list(zip(design.members, made, strict=True))
    for planned, member in pairs:
        if not member.borrowed:
            ended(RunFolder.open(workspace, member.run), outcome(planned), tested=planned.plan.test_at_end)
    if in_full is not None:
        ranked = sorted((p for p, _m in pairs), key=lambda each: -float(outcome(each)))[:2]
        real = [replace(each, plan=variants.verifying(design.plan, each.role)) for each in ranked]
        more = members.make(workspace, experiment, real, [None] * len(real), verify=True)
        for each in more:
            ended(RunFolder.open(workspace, each.run), in_full(each.role), tested=True)
        made += more
        write_json(folder / "logme.json", {
            member.run: 1.0 + at / 10 for at, (_planned, member) in enumerate(pairs) if at != 1})
    run = next((each.run for each in reversed(made) if each.role == chosen), "")
    if run:
        ended(RunFolder.open(workspace, run), outcome(design.members[0]), tested=True)
    experiment = replace(experiment, members=made, chosen=run)
    save(workspace, experiment)
    return experiment


def ended(run: RunFolder, came: Outcome, *, tested: bool = True) -> None:
    """Write a run's files as it would have left them."""
    status = replace(run.status(), started=run.status().created)
    if isinstance(came, State):
        run.write_status(replace(
            status, state=came, phase="training" if came is State.TRAINING else "", epoch=3, progress=0.3,
            eta_s=40.0 if came is State.TRAINING else None,
        ))
        return
    run.write_history([EpochRow(1, "fit", 1.0, came, 1.0, came, 1e-3, 2.0)])
    run.write_status(replace(status.ending(State.FINISHED, kept=1), epoch=1, started=status.created - 20))
    run.write_report({
        "version": 1, "images": {"validation": TESTED, "test": TESTED},
        "test": figures(came) if tested else None,
    })


def figures(accuracy: float) -> dict[str, object]:
    """Return test figures of 200 photos of two classes."""
    right = round(TESTED * accuracy)
    truth = [at % 2 for at in range(TESTED)]
    said = [label if at < right else 1 - label for at, label in enumerate(truth)]
    return evaluate(truth, said, ("blue", "red"), 0).to_json()

