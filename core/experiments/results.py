"""What came of an experiment so far: its plot, what the figures say, and its table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.backbones import catalogue
from core.errors import ThawError
from core.experiments import controls, members, scores, sentences
from core.experiments.beside import AS_IT_WAS
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
    DIGITS,
    MAJORITY,
    TEST,
    Measured,
    Point,
    Series,
    Split,
    evaluated,
    measured,
    point,
    test_extra,
)
from core.experiments.sentences import LeftOut
from core.experiments.standing import FINISHED, standing
from core.i18n import _
from core.runs.seen import plan_of
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
        complete: Whether every run has come to its end, and is still the one that was asked for.
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
    found = members.found(workspace, experiment)
    ended = [each for each in found if each.finished]
    alike = [each for each in ended if not members.gone_on(experiment, each)]
    split = _split(workspace, experiment, alike)
    known = [each for each in (measured(one, split) for one in alike) if each is not None]
    made = {
        DATA_SIZE: _data_size, BLOCKS: _blocks, SEEDS: _seeds, BACKBONES: _backbones, CONTROLS: _controls,
    }[experiment.kind](workspace, experiment, known, split)
    series = tuple(each for each in made if each.points)
    finished = standing(workspace, experiment).state == FINISHED
    base = controls.base_of(workspace, experiment) if experiment.kind == CONTROLS else AS_IT_WAS
    left_out = _left_out(experiment, found, finished)
    said = sentences.sentence_of(
        experiment.kind, split, series, left_out, base=base, chosen=_chosen(experiment))
    return Results(
        experiment.kind, split, series, said,
        sentences.interval_of(split, series, drawn=_drawn(experiment, known), uneven=_uneven(known)),
        _test_figures(split, series), finished and left_out == LeftOut() and base == AS_IT_WAS,
    )


def _left_out(experiment: Experiment, found: Sequence[Found], finished: bool) -> LeftOut:
    """Count the runs that are not shown, by why; the run that controls belong to is told of otherwise."""
    others = [each for each in found if each.member.run != experiment.base_run]
    there = [each for each in others if each.status is not None]
    as_begun = [each for each in there if not members.gone_on(experiment, each)]
    gone_on = len(there) - len(as_begun)
    if not finished:
        return LeftOut(gone_on=gone_on)
    failed = sum(not each.finished for each in as_begun)
    return LeftOut(failed=failed, gone=len(others) - len(there), gone_on=gone_on)


def _chosen(experiment: Experiment) -> str:
    """Return the role of the run that was chosen; empty where none was."""
    return next((each.role for each in experiment.members if each.run == experiment.chosen), "")


def _drawn(experiment: Experiment, known: Sequence[Measured]) -> bool:
    """Tell whether runs with different seeds were measured on different photos, since a limit draws them."""
    return experiment.plan.limit is not None and len({each.found.member.seed for each in known}) > 1


def _uneven(known: Sequence[Measured]) -> bool:
    """Tell whether some classes had fewer photos than a size asks of each."""
    for each in known:
        try:
            x, size = each.found.member.x, plan_of(each.found.folder).train_per_class
        except ThawError:
            continue
        if x is not None and size is not None and abs(x - size) > 0.001:
            return True
    return False


def rows(found: Results) -> list[dict[str, str | float | None]]:
    """Return the table of results, a row a point: accuracies from 0 to 1, those of the runs in one cell."""
    extras = list(dict.fromkeys(
        name for series in found.series for each in series.points for name in each.extra))
    tested = any(each.p is not None for series in found.series for each in series.points)
    return [
        {
            "series": series.title, "what": each.label, "photos_a_class": each.x, "split": found.split,
            "accuracy": each.mean, "low": each.low, "high": each.high, "runs": len(each.values),
            "values": " ".join(f"{value:.6f}" for value in each.values),
            **({"p": each.p} if tested else {}),
            **{name: each.extra.get(name) for name in extras},
        }
        for series in found.series for each in series.points
    ]


def _split(workspace: Workspace, experiment: Experiment, ended: Sequence[Found]) -> Split:
    """Return which photos are shown: validation where something is chosen, or nobody looked at the others."""
    if experiment.kind in (BLOCKS, BACKBONES):
        return ON_VALIDATION
    if experiment.kind == CONTROLS:
        return ON_TEST if controls.looked(workspace, experiment) else ON_VALIDATION
    looked = not ended or any(evaluated(each.folder) is not None for each in ended)
    # Where the plan looks at none, somebody may still have done so with a few of its runs.
    return ON_TEST if looked and experiment.plan.test_at_end else ON_VALIDATION


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
        point(_title(each.found.member), [each], role=each.found.member.role,
              extra=test_extra(each.test if each.found.member.run == experiment.chosen else None))
        for each in known if each.found.member.verifies
    ]
    verified = [each.role for each in experiment.members if each.verifies]
    yield _series(PROBE, _("Linear probe"), _best_first(probes, verified))
    yield _series(VERIFIED, _("Trained for real"), _best_first(real, [_chosen(experiment)]))


def _controls(
    workspace: Workspace, experiment: Experiment, known: Sequence[Measured], split: Split
) -> Iterable[Series]:
    yield controls.series_of(workspace, experiment, known, split)


def _title(member: Member) -> str:
    return role_title(BACKBONES, member.role)


def _best_first(points: Sequence[Point | None], chosen: Sequence[str]) -> list[Point]:
    """Sort points; of equal ones those of chosen roles are first, which were so by their loss."""
    return sorted(
        (each for each in points if each is not None),
        key=lambda each: (-round(each.mean, DIGITS), each.role not in chosen),
    )


def _series(name: str, title: str, points: Iterable[Point | None]) -> Series:
    return Series(name, title, tuple(each for each in points if each is not None))


def _test_figures(split: Split, series: Sequence[Series]) -> int:
    points = [each for one in series for each in one.points if each.role != MAJORITY]
    if split == ON_TEST:
        return sum(len(each.values) for each in points)
    return sum(each.extra.get(TEST) is not None for each in points)
