"""What came of an experiment so far: its plot, what the figures say, and its table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.backbones import catalogue
from core.errors import ThawError
from core.experiments import members, scores, sentences
from core.experiments.design import (
    BACKBONES,
    BLOCKS,
    CONTROLS,
    DATA_SIZE,
    HEAD,
    SCRATCH,
    SEED,
    SEEDS,
    TRANSFER,
    amount_text,
    role_title,
)
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
    evaluation,
    measured,
    point,
    test_extra,
)
from core.experiments.standing import FINISHED, standing
from core.i18n import _
from core.insight.metrics import Evaluation
from core.runs.folder import RunFolder
from core.training.counts import what_learns
from core.workspace import Workspace

__all__ = ["Point", "Results", "Series", "results", "rows"]
PROBE, VERIFIED, LOGME = "probe", "verified", "logme"
ON_TEST: Split = "test"
ON_VALIDATION: Split = "validation"


@dataclass(frozen=True)
class Results:
    """What came of an experiment so far.

    Attributes:
        kind: See :class:`core.experiments.experiment.Experiment`.
        split: Which photos the accuracies are of.
        series: The points; a run that has not come to its end is not among them.
        sentence: What they say.
        interval: What the intervals are.
        test_figures: How many accuracies on test photos are shown.
        complete: Whether every run has come to its end.
    """

    kind: str
    split: Split
    series: tuple[Series, ...]
    sentence: str
    interval: str
    test_figures: int
    complete: bool


def results(workspace: Workspace, experiment: Experiment) -> Results:
    """Read what came of an experiment so far; a run whose files are damaged is passed over."""
    ended = [each for each in members.found(workspace, experiment) if each.finished]
    split = _split(workspace, experiment, ended)
    known = [each for each in (measured(one, split) for one in ended) if each is not None]
    made = {
        DATA_SIZE: _data_size, BLOCKS: _blocks, SEEDS: _seeds, BACKBONES: _backbones, CONTROLS: _controls,
    }[experiment.kind](workspace, experiment, known, split)
    series = tuple(each for each in made if each.points)
    stands = standing(workspace, experiment)
    left_out = stands.failed if stands.state == FINISHED else 0
    return Results(
        experiment.kind, split, series, sentences.sentence_of(experiment.kind, split, series, left_out),
        sentences.interval_of(split, series), _test_figures(split, series),
        stands.state == FINISHED and not stands.failed,
    )


def rows(found: Results) -> list[dict[str, str | float | None]]:
    """Return the table of results, a row a point: accuracies from 0 to 1, those of the runs in one cell."""
    extras = list(dict.fromkeys(
        name for series in found.series for each in series.points for name in each.extra))
    return [
        {
            "series": series.title, "what": each.label, "photos_a_class": each.x, "split": found.split,
            "accuracy": each.mean, "low": each.low, "high": each.high, "runs": len(each.values),
            "values": " ".join(f"{value:.6f}" for value in each.values),
            **{name: each.extra.get(name) for name in extras},
        }
        for series in found.series for each in series.points
    ]


def _split(workspace: Workspace, experiment: Experiment, ended: Sequence[Found]) -> Split:
    """Return which photos are shown: validation where something is chosen, or nobody looked at the others."""
    if experiment.kind in (BLOCKS, BACKBONES):
        return ON_VALIDATION
    if experiment.kind == CONTROLS:
        return ON_VALIDATION if _of_base(workspace, experiment) is None else ON_TEST
    looked = any(_evaluated(each.folder) is not None for each in ended)
    return ON_TEST if looked or not ended else ON_VALIDATION


def _data_size(
    _workspace: Workspace, _experiment: Experiment, known: Sequence[Measured], _split: Split
) -> Iterable[Series]:
    for role in (TRANSFER, SCRATCH):
        ours = [each for each in known if each.found.member.role == role]
        sizes = sorted({each.found.member.x for each in ours if each.found.member.x is not None})
        points = [
            point(amount_text(x), [each for each in ours if each.found.member.x == x], role=role, x=x)
            for x in sizes
        ]
        yield _series(role, role_title(DATA_SIZE, role), points)


def _blocks(
    _workspace: Workspace, experiment: Experiment, known: Sequence[Measured], _split: Split
) -> Iterable[Series]:
    points = []
    for role in (HEAD, *catalogue.get(experiment.plan.backbone).block_names):
        ours = [each for each in known if each.found.member.role == role]
        # Of the others nobody looks at what they would reach on the test photos.
        chosen = [each.test for each in ours if each.found.member.run == experiment.chosen]
        extra = test_extra(chosen[0] if chosen else None)
        points.append(point(role_title(BLOCKS, role), ours, role=role, extra=extra))
    yield _series(BLOCKS, _("Validation accuracy"), points)


def _seeds(
    _workspace: Workspace, experiment: Experiment, known: Sequence[Measured], _split: Split
) -> Iterable[Series]:
    yield _series(SEEDS, role_title(SEEDS, SEED), [point(what_learns(experiment.plan), known, role=SEED)])


def _backbones(
    workspace: Workspace, experiment: Experiment, known: Sequence[Measured], _split: Split
) -> Iterable[Series]:
    scored = scores.scores(workspace, experiment.id)
    probes = [
        point(_title(each.found.member), [each], role=each.found.member.role,
              extra={LOGME: scored.get(each.found.member.run)})
        for each in known if not each.found.member.verifies
    ]
    real = [
        point(_title(each.found.member), [each], role=each.found.member.role, extra=test_extra(each.test))
        for each in known if each.found.member.verifies
    ]
    yield _series(PROBE, _("Linear probe"), _best_first(probes))
    yield _series(VERIFIED, _("Trained for real"), _best_first(real))


def _controls(
    workspace: Workspace, experiment: Experiment, known: Sequence[Measured], split: Split
) -> Iterable[Series]:
    points: list[Point | None] = []
    base = RunFolder(workspace.runs / experiment.base_run)
    looked = _of_base(workspace, experiment)
    if split == ON_TEST and looked is not None:
        majority = looked.majority
        points.append(Point(
            None, _("Most frequent class"), majority.value, majority.low, majority.high, (majority.value,),
            role=MAJORITY,
        ))
    itself = [each.found.member.role for each in known if each.found.member.run == base.id]
    for each in known:
        member = each.found.member
        if member.run != base.id:
            points.append(point(role_title(CONTROLS, member.role), [each], role=member.role))
    label = _("This run")
    if itself:
        label = _("This run ({role})").format(role=role_title(CONTROLS, itself[0]).lower())
    own = [each for each in (_base_measured(workspace, experiment, split),) if each is not None]
    points.append(point(label, own, role=RUN))
    yield _series(CONTROLS, _("This run and its controls"), points)


def _base_measured(workspace: Workspace, experiment: Experiment, split: Split) -> Measured | None:
    member = Member(RUN, None, experiment.plan.recipe.seed, experiment.base_run, borrowed=True)
    return measured(members.found_one(workspace, member), split)


def _of_base(workspace: Workspace, experiment: Experiment) -> Evaluation | None:
    return _evaluated(RunFolder(workspace.runs / experiment.base_run)) if experiment.base_run else None


def _evaluated(folder: RunFolder) -> Evaluation | None:
    try:
        return evaluation(folder)
    except (ThawError, OSError):  # damaged: it is passed over
        return None


def _title(member: Member) -> str:
    return role_title(BACKBONES, member.role)


def _best_first(points: Sequence[Point | None]) -> list[Point]:
    return sorted((each for each in points if each is not None), key=lambda each: -each.mean)


def _series(name: str, title: str, points: Iterable[Point | None]) -> Series:
    return Series(name, title, tuple(each for each in points if each is not None))


def _test_figures(split: Split, series: Sequence[Series]) -> int:
    points = [each for one in series for each in one.points if each.role != MAJORITY]
    if split == ON_TEST:
        return sum(len(each.values) for each in points)
    return sum(each.extra.get(TEST) is not None for each in points)
