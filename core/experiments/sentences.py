"""What the figures of an experiment say, in a sentence or two that they hold, whichever way it turned out."""

from __future__ import annotations

import math
from collections.abc import Sequence

from core.experiments.design import BACKBONES, BLOCKS, CONTROLS, DATA_SIZE, HEAD, SCRATCH, SEEDS, TRANSFER
from core.experiments.points import MAJORITY, RUN, TEST, Point, Series, Split
from core.i18n import _, ngettext

_FEWEST_FOR_SPREAD = 3


def sentence_of(kind: str, split: Split, series: Sequence[Series], left_out: int = 0) -> str:
    """Return what the points say.

    Args:
        kind: The experiment's kind.
        split: Which photos the accuracies are of.
        series: What is known so far.
        left_out: How many runs have ended without coming to their end.
    """
    points = {each.name: each.points for each in series}
    said = {
        DATA_SIZE: lambda: _data_size(points.get(TRANSFER, ()), points.get(SCRATCH, ())),
        BLOCKS: lambda: _blocks(points.get(BLOCKS, ())),
        SEEDS: lambda: _seeds(points.get(SEEDS, ()), split),
        BACKBONES: lambda: _backbones(points.get("probe", ()), points.get("verified", ())),
        CONTROLS: lambda: _controls(points.get(CONTROLS, ()), split),
    }[kind]()
    if not said:
        said = _("Too little has been measured so far to say anything.")
    if left_out:
        said += " " + ngettext(
            "{n} run did not come to its end and is left out.",
            "{n} runs did not come to their end and are left out.", left_out,
        ).format(n=left_out)
    return said


def interval_of(split: Split, series: Sequence[Series]) -> str:
    """Return what the intervals are; empty where there is no point."""
    points = [each for one in series for each in one.points]
    if not points:
        return ""
    photos = _("test photos") if split == TEST else _("validation photos")
    several = any(each.half is not None for each in points)
    single = any(each.half is None for each in points)
    said = []
    if several:
        said.append(_("Means over runs with different seeds, with their 95% t-intervals over runs."))
    if single:
        text = _("Single runs, with their 95% Wilson intervals over {photos}.")
        if several:
            text = _("Where there is one run, or all reach the same: the 95% Wilson interval over {photos}.")
        said.append(text.format(photos=photos))
    if any(each.x is not None and abs(each.x - round(each.x)) > 0.001 for each in points):
        said.append(_("Classes are uneven, so the number of photos a class is a mean."))
    return " ".join(said)


def figure(point: Point) -> str:
    """Return an accuracy with its interval: ``"81.2% ± 2.1"`` over runs, else from where to where."""
    if point.half is not None and point.half <= min(point.mean, 1 - point.mean):
        return f"{point.mean:.1%} ± {100 * point.half:.1f}"
    return _("{mean:.1%} ({low:.1%} to {high:.1%})").format(
        mean=point.mean, low=point.low, high=point.high)


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


def _blocks(points: Sequence[Point]) -> str:
    if len(points) < 2:
        return ""
    best = max(points, key=lambda each: each.mean)
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
    return " ".join([*said, *_tested([best])])


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
    if count < _FEWEST_FOR_SPREAD or point.half is None:
        return said
    # The interval of a difference of two single runs, where that of the mean of n is half wide.
    apart = 100 * point.half * math.sqrt(2 * count)
    return said + " " + _("Two single runs may differ by about {points:.1f} points by luck alone.").format(
        points=min(100.0, apart))


def _backbones(probes: Sequence[Point], real: Sequence[Point]) -> str:
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
    return " ".join([*said, *_verified(real)])


def _verified(real: Sequence[Point]) -> list[str]:
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
    return [*said, *_tested([first])]


def _tested(points: Sequence[Point]) -> list[str]:
    return [
        _("On the test photos it reaches {value:.1%} ({low:.1%} to {high:.1%}).").format(
            value=each.extra[TEST], low=each.extra[f"{TEST}_low"], high=each.extra[f"{TEST}_high"])
        for each in points if each.extra.get(TEST) is not None
    ]


def _controls(points: Sequence[Point], split: Split) -> str:
    own = next((each for each in points if each.role == RUN), None)
    others = [each for each in points if each.role != RUN]
    if own is None or not others:
        return ""
    photos = _("test photos") if split == TEST else _("validation photos")
    said = [_("This run reaches {reached} on {photos}.").format(reached=figure(own), photos=photos)]
    groups = (
        (_("Clearly more than: {controls}."), [each for each in others if own.low > each.high]),
        (_("No clear difference to: {controls}; the intervals overlap."),
         [each for each in others if not own.clear_of(each)]),
        (_("Clearly less than: {controls}."), [each for each in others if each.low > own.high]),
    )
    for text, found in groups:
        if found:
            listed = ", ".join(f"{_in_a_sentence(each)} {each.mean:.1%}" for each in found)
            said.append(text.format(controls=listed))
    return " ".join(said)


def _in_a_sentence(point: Point) -> str:
    if point.role == MAJORITY:
        return _("always the most frequent class")
    return point.label.lower()


def _names(points: Sequence[Point]) -> str:
    return ", ".join(each.label for each in points)


def _amount(x: float) -> str:
    whole = round(x)
    if abs(x - whole) < 0.05:
        return f"{whole:,}"
    return _("about {n:,}").format(n=whole if x >= 10 else round(x, 1))
