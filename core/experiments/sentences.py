"""What the figures of an experiment say, in a sentence or two that they hold, whichever way it turned out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.experiments.beside import AS_IT_WAS, Base, of_controls
from core.experiments.design import BACKBONES, BLOCKS, CONTROLS, DATA_SIZE, HEAD, SCRATCH, SEEDS, TRANSFER
from core.experiments.points import DIGITS, TEST, Point, Series, Split, figure, half_width
from core.i18n import _, ngettext

_FEWEST_FOR_SPREAD = 3


@dataclass(frozen=True)
class LeftOut:
    """How many runs of an experiment are not shown.

    Attributes:
        failed: Those that have ended without coming to their end.
        gone: Those that were deleted, or cannot be read.
        gone_on: Those that were given more epochs since, so that they are not what was asked for.
    """

    failed: int = 0
    gone: int = 0
    gone_on: int = 0


def sentence_of(
    kind: str, split: Split, series: Sequence[Series], left_out: LeftOut = LeftOut(), *,
    base: Base = AS_IT_WAS, chosen: str = "",
) -> str:
    """Return what the points say.

    Args:
        kind: The experiment's kind.
        split: Which photos the accuracies are of.
        series: What is known so far.
        left_out: How many runs are not among them.
        base: Whether the run that controls belong to is what it was when they began.
        chosen: The role of the run that was chosen on validation; empty where none was.
    """
    points = {each.name: each.points for each in series}
    said = {
        DATA_SIZE: lambda: _data_size(points.get(TRANSFER, ()), points.get(SCRATCH, ())),
        BLOCKS: lambda: _blocks(points.get(BLOCKS, ()), chosen),
        SEEDS: lambda: _seeds(points.get(SEEDS, ()), split),
        BACKBONES: lambda: _backbones(points.get("probe", ()), points.get("verified", ()), chosen),
        CONTROLS: lambda: of_controls(points.get(CONTROLS, ()), split, base),
    }[kind]()
    if not said:
        said = _("Too little has been measured so far to say anything.")
    return " ".join([said, *_left_out(left_out)])


def _left_out(found: LeftOut) -> list[str]:
    counted = (
        (found.failed, ngettext(
            "{n} run did not come to its end and is left out.",
            "{n} runs did not come to their end and are left out.", found.failed)),
        (found.gone, ngettext(
            "{n} run was deleted or cannot be read, and is left out.",
            "{n} runs were deleted or cannot be read, and are left out.", found.gone)),
        (found.gone_on, ngettext(
            "{n} run was given more epochs than the others since, and is left out.",
            "{n} runs were given more epochs than the others since, and are left out.", found.gone_on)),
    )
    return [text.format(n=count) for count, text in counted if count]


def interval_of(
    split: Split, series: Sequence[Series], *, drawn: bool = False, uneven: bool = False
) -> str:
    """Return what the intervals are; empty where there is no point.

    Args:
        split: Which photos the accuracies are of.
        series: What is known so far.
        drawn: Whether runs with different seeds were measured on different photos.
        uneven: Whether classes have different numbers of training photos.
    """
    points = [each for one in series for each in one.points]
    if not points:
        return ""
    photos = _("test photos") if split == TEST else _("validation photos")
    several = any(each.half is not None for each in points)
    single = any(each.half is None for each in points)
    said = []
    if several:
        said.append(_(
            "Means over runs with different seeds, with 95% intervals for the luck of the seed and of the "
            "photos together: t-intervals over runs and Wilson intervals over {photos}, added in squares."
        ).format(photos=photos))
    if single:
        text = _("Single runs, with their 95% Wilson intervals over {photos}.")
        if several:
            text = _("Where there is one run: the 95% Wilson interval over {photos}.")
        said.append(text.format(photos=photos))
    if drawn:
        said.append(_("A limit is set, and each seed draws the photos that it leaves, {photos} too.").format(
            photos=photos))
    if uneven:
        said.append(_("Classes are uneven, so the number of photos a class is a mean."))
    return " ".join(said)


def _data_size(transfer: Sequence[Point], scratch: Sequence[Point]) -> str:
    others = {each.x: each for each in scratch}
    pairs = [(each, others[each.x]) for each in transfer if each.x in others]
    if not pairs:
        return ""
    shown = [pairs[0], pairs[-1]] if len(pairs) > 1 else pairs
    said = [
        _("With {n} photos a class, transfer reaches {transfer}; from scratch {scratch}.").format(
            n=_amount(one.x or 0), transfer=figure(one), scratch=figure(other))
        for one, other in shown
    ]
    ahead = sum(one.low > other.high for one, other in pairs)
    behind = sum(other.low > one.high for one, other in pairs)
    return " ".join([*said, _verdict(ahead, behind, len(pairs))])


def _verdict(ahead: int, behind: int, total: int) -> str:
    if not ahead and not behind:
        return _("There is no clear difference: the intervals overlap.")
    if total in (ahead, behind):
        if total == 1:
            return _("Transfer is clearly ahead.") if ahead else _("From scratch is clearly ahead.")
        return _("Transfer is clearly ahead with every amount of data.") if ahead else _(
            "From scratch is clearly ahead with every amount of data.")
    said = []
    if ahead:
        said.append(_("Transfer is clearly ahead with {n} of {total} amounts of data.").format(
            n=ahead, total=total))
    if behind:
        said.append(_("From scratch is clearly ahead with {n} of {total} amounts of data.").format(
            n=behind, total=total))
    if ahead + behind < total:
        said.append(_("Elsewhere there is no clear difference: the intervals overlap."))
    return " ".join(said)


def _blocks(points: Sequence[Point], chosen: str) -> str:
    if len(points) < 2:
        return ""
    # Of equal ones that which was chosen, by its loss.
    best = max(points, key=lambda each: (round(each.mean, DIGITS), each.role == chosen))
    others = [each for each in points if each is not best]
    head = next((each for each in others if each.role == HEAD), None)
    near = [each for each in others if not best.clear_of(each)]
    if best.role == HEAD:
        said = [_("With no block thawed, the head alone does best on validation: {reached}.").format(
            reached=figure(best))]
    else:
        said = [_("{block} alone does best on validation: {reached}.").format(
            block=best.label, reached=figure(best))]
    if not near:
        said.append(_("That is clearly ahead of all others."))
    elif head is not None and head not in near:
        said.append(_("That is clearly more than the head alone ({head}).").format(head=figure(head)))
    elif head is not None:
        said.append(_("Against the head alone ({head}) there is no clear difference: the intervals overlap.")
                    .format(head=figure(head)))
    blocks_near = sum(each.role != HEAD for each in near)
    if blocks_near:
        said.append(ngettext(
            "{n} other block is not clearly behind it.", "{n} other blocks are not clearly behind it.",
            blocks_near).format(n=blocks_near))
    return " ".join([*said, *_tested(best, points, chosen)])


def _seeds(points: Sequence[Point], split: Split) -> str:
    if not points:
        return ""
    (point,) = points
    photos = _("test photos") if split == TEST else _("validation photos")
    count = len(point.values)
    if count == 1:
        return _("One run reaches {reached} on {photos}. How much of that is luck takes several.").format(
            reached=figure(point), photos=photos)
    said = _("{n} runs that differ in nothing but the seed reach {low:.1%} to {high:.1%} on {photos}, "
             "{reached} on average.").format(
        n=count, low=min(point.values), high=max(point.values), photos=photos, reached=figure(point))
    over_runs = half_width(point.values)
    if count < _FEWEST_FOR_SPREAD or not over_runs:
        return said
    # The interval of a difference of two single runs, where that of the mean of n is so wide by the seed.
    apart = 100 * over_runs * math.sqrt(2 * count)
    return said + " " + _("Two single runs may differ by about {points:.1f} points by luck alone.").format(
        points=min(100.0, apart))


def _backbones(probes: Sequence[Point], real: Sequence[Point], chosen: str) -> str:
    if not probes:
        return ""
    first, *others = probes
    said = [_("By a linear probe, {backbone} does best on validation: {reached}.").format(
        backbone=first.label, reached=figure(first))]
    near = [each for each in others if not first.clear_of(each)]
    if near:
        said.append(_("No clear difference to {names}: the intervals overlap.").format(names=_names(near)))
    elif others:
        said.append(_("That is clearly ahead of all others."))
    scored = [each for each in probes if each.extra.get("logme") is not None]
    if len(scored) == len(probes) > 1:
        top = max(scored, key=lambda each: each.extra["logme"] or 0.0)
        said.append(
            _("LogME puts the same one first.") if top is first
            else _("LogME puts {backbone} first.").format(backbone=top.label))
    return " ".join([*said, *_verified(real, chosen)])


def _verified(real: Sequence[Point], chosen: str) -> list[str]:
    if not real:
        return []
    first, *others = real
    said = [_("Trained for real, {backbone} reaches {reached} on validation.").format(
        backbone=first.label, reached=figure(first))]
    for other in others:
        said.append(
            _("{backbone} is clearly behind: {reached}.").format(backbone=other.label, reached=figure(other))
            if first.clear_of(other) else
            _("{backbone}, {reached}, is not clearly behind.").format(
                backbone=other.label, reached=figure(other)))
    return [*said, *_tested(first, real, chosen)]


def _tested(best: Point, points: Sequence[Point], chosen: str) -> list[str]:
    """Say what the chosen one reaches on the test photos, and which that is where it is not the best."""
    taken = next((each for each in points if each.role == chosen), None)
    if taken is None:
        return []
    said = []
    if taken is not best:
        said.append(_("{name} was chosen, by what was known then.").format(name=taken.label))
    if taken.extra.get(TEST) is not None:
        said.append(_("On the test photos it reaches {value:.1%} ({low:.1%} to {high:.1%}).").format(
            value=taken.extra[TEST], low=taken.extra[f"{TEST}_low"], high=taken.extra[f"{TEST}_high"]))
    return said


def _names(points: Sequence[Point]) -> str:
    return ", ".join(each.label for each in points)


def _amount(x: float) -> str:
    whole = round(x)
    if abs(x - whole) < 0.05:
        return f"{whole:,}"
    return _("about {n:,}").format(n=whole if x >= 10 else round(x, 1))
