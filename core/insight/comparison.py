"""Whether one run really does better than another: photo by photo, on the same test photos."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import BadInput
from core.i18n import _, ngettext

FILE = "test.csv"
HARDLY_CHANCE = 0.05
LARGEST_BYTES = 200_000_000
LONGEST_NAME = 200
_WHOLE = re.compile(r"[0-9]{1,6}")
_LEAST_SHOWN = 1e-4
_SMALL = 0.01


@dataclass(frozen=True)
class Answer:
    """What a run said of a test photo.

    Attributes:
        label: The index of the class that it is of.
        right: Whether that is what the run said.
    """

    label: int
    right: bool


@dataclass(frozen=True)
class Answers:
    """What a run said of its test photos.

    Attributes:
        dataset: The id of the dataset that they are of.
        of: By the name of each photo within that dataset.
    """

    dataset: str
    of: Mapping[str, Answer]

    @property
    def right(self) -> int:
        """How many are right."""
        return sum(each.right for each in self.of.values())


@dataclass(frozen=True)
class Paired:
    """Two runs on the same test photos.

    Attributes:
        both: How many photos both are right on.
        only_first: Those that the first alone is right on.
        only_second: Those that the second alone is right on.
        neither: Those that both are wrong on.
        p: How likely chance alone would part them so far or further if both were equally good, 0 to 1.
    """

    both: int
    only_first: int
    only_second: int
    neither: int
    p: float

    @property
    def images(self) -> int:
        """How many photos they were measured on."""
        return self.both + self.only_first + self.only_second + self.neither


@dataclass(frozen=True)
class Pair:
    """A run compared with another.

    Attributes:
        first: What the one is called; text from outside.
        second: What the other is called.
        paired: The figures; ``None`` where the two cannot be compared.
        reason: Why not, one sentence that may hold both names; else empty.
        p: The figures' ``p`` after Holm's correction; ``None`` where there is none.
        tests: How many comparisons it was corrected for, 1 for none.
    """

    first: str
    second: str
    paired: Paired | None
    reason: str = ""
    p: float | None = None
    tests: int = 1

    @property
    def sentence(self) -> str:
        """What the figures say, or why there are none; it may hold both names."""
        if self.paired is None or self.p is None:
            return self.reason
        return _sentence(self.first, self.second, self.paired, _verdict(self.p, self.tests))


def answers(folder: Path, dataset: str) -> Answers | None:
    """Read what a run said of each of its test photos.

    Args:
        folder: The run's folder.
        dataset: The id of the dataset that it was measured on.

    Returns:
        The answers; ``None`` where the test photos were not looked at.

    Raises:
        BadInput: The file is damaged.
    """
    path = folder / FILE
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise ValueError("too large")
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
        found = {_name(row): _answer(row) for row in rows}
        if len(found) < len(rows):
            raise ValueError("a photo stands there twice")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise BadInput(
            _("What this run said of its test photos cannot be read."), given=f"{folder.name}/{FILE}"
        ) from error
    return Answers(dataset, found)


def _name(row: Mapping[str, str]) -> str:
    name = row["image"]
    if not 0 < len(name) <= LONGEST_NAME:
        raise ValueError("not a name")
    return name


def _answer(row: Mapping[str, str]) -> Answer:
    truth, said = row["is"], row["said"]
    if not (_WHOLE.fullmatch(truth) and _WHOLE.fullmatch(said)):
        raise ValueError("not a class")
    return Answer(int(truth), int(truth) == int(said))


def why_apart(one: Answers, other: Answers) -> str:
    """Say in one sentence why two runs cannot be compared photo by photo; empty where they can."""
    if one.dataset != other.dataset:
        return _("They were measured on different sets of photos.")
    shared = one.of.keys() & other.of.keys()
    if len(shared) < len(one.of) or len(shared) < len(other.of):
        return _("They were measured on different photos of the same set: {shared} in common, of {one} and "
                 "{other}.").format(shared=len(shared), one=len(one.of), other=len(other.of))
    if any(one.of[name].label != other.of[name].label for name in shared):
        return _("The same photos counted as other classes in each.")
    if not shared:
        return _("There is no test photo.")
    return ""


def paired(one: Answers, other: Answers) -> Paired | None:
    """Count on which of the same photos two runs are right, and test whether they differ.

    Returns:
        The figures, with the exact McNemar test (two-sided); ``None`` where the two were not measured on
        the same photos, see :func:`why_apart`.

    Source:
        Q. McNemar, Psychometrika 12 (1947), 153-157.
    """
    if why_apart(one, other):
        return None
    both = only_first = only_second = 0
    for name, answer in one.of.items():
        right = other.of[name].right
        both += answer.right and right
        only_first += answer.right and not right
        only_second += right and not answer.right
    neither = len(one.of) - both - only_first - only_second
    return Paired(both, only_first, only_second, neither, _mcnemar(only_first, only_second))


def _mcnemar(one: int, other: int) -> float:
    if one + other == 0:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(one, one + other, 0.5, alternative="two-sided").pvalue)


def holm(values: Sequence[float]) -> tuple[float, ...]:
    """Return the p-values of several tests, corrected for there being several, in the order given.

    Source:
        S. Holm, Scandinavian Journal of Statistics 6 (1979), 65-70.
    """
    corrected = [0.0] * len(values)
    so_far = 0.0
    for place, at in enumerate(sorted(range(len(values)), key=lambda at: values[at])):
        so_far = max(so_far, min(1.0, (len(values) - place) * values[at]))
        corrected[at] = so_far
    return tuple(corrected)


def against(
    first: tuple[str, Answers | None], others: Sequence[tuple[str, Answers | None]]
) -> tuple[Pair, ...]:
    """Compare a run with each of some others, with Holm's correction for how many there are.

    Args:
        first: What the run is called, and what it said; ``None`` where that is not known.
        others: The same of the others.

    Returns:
        A pair for each of the others, in their order.
    """
    pairs = [_pair(first, other) for other in others]
    corrected = holm([each.paired.p for each in pairs if each.paired is not None])
    left = iter(corrected)
    return tuple(
        each if each.paired is None
        else Pair(each.first, each.second, each.paired, p=next(left), tests=len(corrected))
        for each in pairs
    )


def _pair(first: tuple[str, Answers | None], second: tuple[str, Answers | None]) -> Pair:
    (one, said), (other, said_too) = first, second
    if said is None or said_too is None:
        who = one if said is None else other
        return Pair(one, other, None, _(
            "{first} and {second} cannot be compared: what {who} said of test photos is not available."
        ).format(first=one, second=other, who=who))
    found = paired(said, said_too)
    if found is None:
        apart = _("{first} and {second} cannot be compared photo by photo. {why}")
        return Pair(one, other, None, apart.format(first=one, second=other, why=why_apart(said, said_too)))
    return Pair(one, other, found)


def _sentence(first: str, second: str, found: Paired, verdict: str) -> str:
    if found.only_first == found.only_second == 0:
        return _("{first} and {second} are right on the same photos, {right} of {images}: no difference "
                 "shows.").format(first=first, second=second, right=f"{found.both:,}",
                                  images=f"{found.images:,}")
    more, fewer = found.only_first, found.only_second
    if fewer > more:
        first, second, more, fewer = second, first, fewer, more
    return ngettext(
        "{first} is right on {more} photo that {second} gets wrong, the other way round on {fewer} (of "
        "{images}): {verdict}.",
        "{first} is right on {more} photos that {second} gets wrong, the other way round on {fewer} (of "
        "{images}): {verdict}.", more,
    ).format(first=first, second=second, more=f"{more:,}", fewer=f"{fewer:,}", images=f"{found.images:,}",
             verdict=verdict)


def _verdict(p: float, tests: int) -> str:
    unlikely = p < HARDLY_CHANCE
    if tests == 1:
        said = _("that is hardly chance ({p})") if unlikely else _("that could well be chance ({p})")
        return said.format(p=p_text(p))
    said = (
        _("that is hardly chance ({p}, corrected for {n} comparisons after Holm)") if unlikely
        else _("that could well be chance ({p}, corrected for {n} comparisons after Holm)")
    )
    return said.format(p=p_text(p), n=tests)


def p_text(p: float) -> str:
    """Return a p-value in few digits that lie on the same side of 0.05 as it does: ``"p = 0.0003"``."""
    if p < _LEAST_SHOWN:
        return _("p < {p}").format(p=f"{_LEAST_SHOWN:.4f}")
    digits = 1 if p < _SMALL else 2
    while (float(f"{p:.{digits}g}") < HARDLY_CHANCE) != (p < HARDLY_CHANCE):
        digits += 1
    return _("p = {p}").format(p=f"{float(f'{p:.{digits}g}'):.10g}")


def of_choosing(figures: int) -> str:
    """Say what several test accuracies side by side are not for; empty where there are not several."""
    if figures < 2:
        return ""
    return _("{n} test accuracies stand here. Choosing by them makes the best one look better than it is: "
             "choose by validation, then read the test accuracy of the one chosen.").format(n=figures)
