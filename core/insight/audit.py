"""What an audit of photos finds: near-duplicates, labels that are likely wrong, photos unlike the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.data.records import SPLITS, Item
from core.errors import BadInput
from core.files import JsonObject
from core.i18n import _
from core.insight.label_errors import label_errors, out_of_sample
from core.insight.near_duplicates import NEIGHBOURS, Greys, near_duplicates
from core.insight.outliers import outliers
from core.jobs import Progress, no_progress

MOST = 500
_Finding = TypeVar("_Finding", "Twins", "Mislabelled", "Strange")


@dataclass(frozen=True)
class Twins:
    """Two photos that are nearly the same.

    Attributes:
        first: The path of one, see :class:`core.data.records.Item`; where they are in different splits, of
            the one that is nearer to the test photos.
        second: The path of the other.
        similarity: The cosine between their features, -1 to 1.
        agreement: The correlation between the pictures laid over each other, -1 to 1.
    """

    first: str
    second: str
    similarity: float
    agreement: float


@dataclass(frozen=True)
class Mislabelled:
    """A photo that is likely labelled wrong.

    Attributes:
        image: Its path.
        looks_like: The class that it looks like, as an index.
        of_label: How likely it is of the class that it is labelled, 0 to 1.
        of_other: How likely it is of the class that it looks like, 0 to 1.
    """

    image: str
    looks_like: int
    of_label: float
    of_other: float


@dataclass(frozen=True)
class Strange:
    """A photo that is unlike the others.

    Attributes:
        image: Its path.
        everywhere: Whether it is unlike all photos, and not only unlike those of its class.
        distance: Its mean distance to its nearest neighbours there, 0 to 2.
        usual: The median of that distance there.
    """

    image: str
    everywhere: bool
    distance: float
    usual: float


@dataclass(frozen=True)
class Audit:
    """What an audit found; of each kind the first ``MOST`` are kept.

    Attributes:
        images: How many photos were looked at.
        twins: Near-duplicates: first those across splits, test photos before all, then those whose labels
            differ, then by agreement.
        twins_found: How many were found; see ``more_twins``.
        across: How many of them are in different splits.
        bound: How far the pictures of near-duplicates agree at least, 0 to 1.
        mislabelled: The surest first.
        mislabelled_found: How many there are.
        asked: How many photos the labels were looked at of: those of classes that are too small are not.
        right: The share of them that the model which looked for wrong labels holds for what they are
            labelled, 0 to 1; ``None`` where there is none.
        strange: The strangest first.
        strange_found: How many there are.
    """

    images: int
    twins: tuple[Twins, ...]
    twins_found: int
    across: int
    bound: float
    mislabelled: tuple[Mislabelled, ...]
    mislabelled_found: int
    asked: int
    right: float | None
    strange: tuple[Strange, ...]
    strange_found: int

    @property
    def more_twins(self) -> bool:
        """Whether there may be more near-duplicates than were found.

        Of each photo only the most alike in each split are looked for, so of many copies not every pair is.
        """
        counted = Counter(path for pair in self.twins for path in (pair.first, pair.second))
        return max(counted.values(), default=0) >= NEIGHBOURS or self.twins_found > len(self.twins)

    def to_json(self) -> JsonObject:
        """Return it as JSON, read by :meth:`from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: JsonObject) -> Audit:
        """Read it; raises BadInput where it is damaged."""
        kinds = {"twins": Twins, "mislabelled": Mislabelled, "strange": Strange}
        try:
            given = {each.name: value[each.name] for each in fields(cls)}
            for name, kind in kinds.items():
                given[name] = _rows(kind, given[name])
            numbers = [given[name] for name in given if name not in kinds and name != "right"]
            if not all(_is_number(each) for each in numbers):
                raise TypeError("not a number")
            if given["right"] is not None and not _is_number(given["right"]):
                raise TypeError("not a share")
            return cls(**given)  # type: ignore[arg-type]
        except (KeyError, TypeError) as error:
            raise BadInput(_("The findings of an audit are damaged and cannot be read.")) from error


def _rows(kind: type[_Finding], value: object) -> tuple[_Finding, ...]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return tuple(_row(kind, each) for each in value)


def _row(kind: type[_Finding], row: Any) -> _Finding:
    found = kind(**row)
    for each in fields(kind):
        told = getattr(found, each.name)
        fits = {
            "str": isinstance(told, str), "bool": isinstance(told, bool),
            "int": isinstance(told, int) and not isinstance(told, bool), "float": _is_number(told),
        }
        if not fits[str(each.type)]:
            raise TypeError(each.name)
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def audit(
    items: Sequence[Item], features: NDArray[np.float32], greys: Greys, progress: Progress = no_progress
) -> Audit:
    """Look for near-duplicates, labels that are likely wrong, and photos unlike the others.

    Args:
        items: The photos.
        features: ``(items, channels)``; best of a network that has not learned from these labels.
        greys: Returns photos as small grey pictures, see
            :func:`core.insight.near_duplicates.near_duplicates`.
        progress: Told how far it is; it may raise Stopped.
    """
    labels = [item.label for item in items]
    pairs, bound = near_duplicates(features, [item.split for item in items], greys, progress)
    twins = sorted((_twins(items, *each) for each in (
        (pair.first, pair.second, pair.similarity, pair.agreement) for pair in pairs
    )), key=_urgency(items))
    places, chances = out_of_sample(features, labels, progress)
    wrong = label_errors(chances, labels, places)
    strange = outliers(features, labels, progress)
    split_of = {item.path: item.split for item in items}
    hits = chances.argmax(axis=1) == np.asarray(labels, dtype=np.intp)[places] if len(places) else None
    return Audit(
        len(items), tuple(twins[:MOST]), len(twins),
        sum(split_of[each.first] != split_of[each.second] for each in twins), bound,
        tuple(Mislabelled(items[each.at].path, each.looks_like, each.of_label, each.of_other)
              for each in wrong[:MOST]), len(wrong), len(places),
        None if hits is None else float(hits.mean()),
        tuple(Strange(items[each.at].path, each.everywhere, each.distance, each.usual)
              for each in strange[:MOST]), len(strange),
    )


def _twins(items: Sequence[Item], one: int, other: int, similarity: float, agreement: float) -> Twins:
    first, second = sorted((items[one], items[other]), key=lambda item: -SPLITS.index(item.split))
    return Twins(first.path, second.path, similarity, agreement)


def _urgency(items: Sequence[Item]) -> Callable[[Twins], tuple[object, ...]]:
    """Return how pairs are ordered: a test photo that was learned from spoils what is measured on it."""
    known = {item.path: item for item in items}

    def urgency(pair: Twins) -> tuple[object, ...]:
        first, second = known[pair.first], known[pair.second]
        across = first.split != second.split
        return (
            not across, -SPLITS.index(first.split) if across else 0,
            SPLITS.index(second.split) if across else 0, first.label == second.label,
            -pair.agreement, pair.first, pair.second,
        )

    return urgency
