"""What the figures of controls say of their run, in a sentence or two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from core.experiments.points import MAJORITY, RUN, TEST, Point, Split, figure
from core.i18n import _
from core.insight.comparison import HARDLY_CHANCE, p_text

Base = Literal["as it was", "gone on", "gone"]
AS_IT_WAS: Base = "as it was"
GONE_ON: Base = "gone on"
GONE: Base = "gone"
"""How the run that controls belong to stands to what it was when they began."""


def of_controls(points: Sequence[Point], split: Split, base: Base) -> str:
    """Return what the points say; empty where that is nothing yet.

    Args:
        points: The run and its controls.
        split: Which photos the accuracies are of.
        base: How the run stands to what it was when they began.
    """
    if base == GONE:
        return _("The run that these are controls of was deleted, so there is nothing to compare them with.")
    if base == GONE_ON:
        return _("The run has gone on since these controls began, so they say nothing of what it is "
                 "now.")
    own = next((each for each in points if each.role == RUN), None)
    others = [each for each in points if each.role != RUN]
    if own is None or not others:
        return ""
    photos = _("test photos") if split == TEST else _("validation photos")
    said = [_("This run reaches {reached} on {photos}.").format(reached=figure(own), photos=photos)]
    apart = [each for each in others if _apart(own, each)]
    groups = (
        (_("Clearly more than: {controls}."), [each for each in apart if own.mean > each.mean]),
        (_("No clear difference to: {controls}."), [each for each in others if each not in apart]),
        (_("Clearly less than: {controls}."), [each for each in apart if own.mean < each.mean]),
    )
    for text, found in groups:
        if found:
            said.append(text.format(controls=", ".join(map(_in_a_sentence, found))))
    return " ".join([*said, _judged_by(others)])


def _apart(own: Point, other: Point) -> bool:
    """Tell whether a run and a control differ clearly: photo by photo where that was tested."""
    return own.clear_of(other) if other.p is None else other.p < HARDLY_CHANCE


def _judged_by(others: Sequence[Point]) -> str:
    tested = [each for each in others if each.p is not None]
    if not tested:
        return _("Clear is where the intervals do not overlap.")
    if len(tested) == len(others):
        return _("Compared photo by photo, by McNemar’s exact test, corrected after Holm.")
    return _("Where p is given, compared photo by photo, by McNemar’s exact test, corrected after Holm; else "
             "by whether the intervals overlap.")


def _in_a_sentence(point: Point) -> str:
    name = _("always the most frequent class") if point.role == MAJORITY else point.label.lower()
    if point.p is None:
        return f"{name} {point.mean:.1%}"
    return f"{name} {point.mean:.1%} ({p_text(point.p)})"
