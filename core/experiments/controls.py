"""The controls of a run as points, beside the run as long as it is what it was when they began."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.errors import ThawError
from core.experiments import members
from core.experiments.beside import AS_IT_WAS, GONE, GONE_ON, Base
from core.experiments.design import CONTROLS, role_title
from core.experiments.experiment import Experiment, Member
from core.experiments.members import Found
from core.experiments.points import (
    MAJORITY,
    RUN,
    TEST,
    Measured,
    Point,
    Series,
    Split,
    evaluated,
    measured,
    point,
)
from core.i18n import _
from core.insight.comparison import Answers, against
from core.runs.listing import Listed
from core.runs.results import answers_of
from core.runs.seen import plan_of
from core.workspace import Workspace


def base_of(workspace: Workspace, experiment: Experiment) -> Base:
    """Tell whether the run that controls belong to is the one that it was when they began."""
    base = _base(workspace, experiment)
    if base.status is None:
        return GONE
    return GONE_ON if members.gone_on(experiment, base) else AS_IT_WAS


def looked(workspace: Workspace, experiment: Experiment) -> bool:
    """Tell whether controls were planned to look at their test photos, which the run had done before."""
    for each in members.found(workspace, experiment):
        if not each.member.borrowed:
            try:
                return plan_of(each.folder).test_at_end
            except ThawError:
                continue  # deleted or damaged: the next one was planned alike
    return experiment.plan.test_at_end


def series_of(
    workspace: Workspace, experiment: Experiment, known: Sequence[Measured], split: Split
) -> Series:
    """Return the most frequent class, the controls and the run as points.

    The run is among them as long as it is what it was when they began.

    Args:
        workspace: Where the runs are.
        experiment: The controls.
        known: What has finished.
        split: Which photos are shown.
    """
    controls = [each for each in known if each.found.member.run != experiment.base_run]
    itself = [each.member.role for each in members.found(workspace, experiment)
              if each.member.run == experiment.base_run]
    own = None
    if base_of(workspace, experiment) == AS_IT_WAS:
        own = measured(_base(workspace, experiment), split)
    points = _majority([*([own] if own else []), *controls]) if split == TEST else []
    chances = _chances(own, controls) if own and split == TEST else [None] * len(controls)
    for each, p in zip(controls, chances, strict=True):
        role = each.found.member.role
        made = point(role_title(CONTROLS, role), [each], role=role)
        if made is not None:
            points.append(replace(made, p=p))
    label = _("This run")
    if itself:
        label = _("This run ({role})").format(role=role_title(CONTROLS, itself[0]).lower())
    run = point(label, [own] if own else [], role=RUN)
    return Series(CONTROLS, _("This run and its controls"), (*points, *([run] if run else [])))


def _base(workspace: Workspace, experiment: Experiment) -> Found:
    member = Member(RUN, None, experiment.plan.recipe.seed, experiment.base_run, borrowed=True)
    return members.found_one(workspace, member)


def _majority(known: Sequence[Measured]) -> list[Point]:
    """Return what the most frequent class would reach, as the first run says: the photos are the same."""
    for each in known:
        found = evaluated(each.found.folder)
        if found is not None:
            share = found.majority
            return [Point(None, _("Most frequent class"), share.value, share.low, share.high,
                          (share.value,), role=MAJORITY)]
    return []


def _chances(own: Measured, controls: Sequence[Measured]) -> list[float | None]:
    """Return how likely chance alone would part each control from the run; ``None`` where not known."""
    said = _answers(own)
    return [each.p for each in against(("", said), [("", _answers(each)) for each in controls])]


def _answers(each: Measured) -> Answers | None:
    folder, status = each.found.folder, each.found.status
    if status is None:
        return None
    try:
        return answers_of(Listed(0, folder, plan_of(folder), status), evaluated(folder))
    except ThawError:
        return None
