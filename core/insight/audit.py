"""What an audit of photos finds: near-duplicates, labels that are likely wrong, photos unlike the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.data.records import SPLITS, Item
from core.errors import BadInput
from core.files import JsonObject
from core.i18n import _
from core.insight.companions import Companions
from core.insight.label_errors import LabelError, label_errors, out_of_sample
from core.insight.near_duplicates import NEIGHBOURS, Greys, Pair, near_duplicates
from core.insight.outliers import Outlier, outliers
from core.jobs import Progress, no_progress

MOST = 500
_Finding = TypeVar("_Finding", "Twins", "Mislabelled", "Strange")
_Found = TypeVar("_Found", LabelError, Outlier)


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
        near_label: The path of the photo most alike of the class that it is labelled, see
            :class:`core.insight.companions.Companions`; ``None`` where there is none to compare with.
        near_other: The same of the class that it looks like.
    """

    image: str
    looks_like: int
    of_label: float
    of_other: float
    near_label: str | None
    near_other: str | None


@dataclass(frozen=True)
class Strange:
    """A photo that is unlike the others.

    Attributes:
        image: Its path.
        everywhere: Whether it is unlike all photos, and not only unlike those of its class.
        distance: Its mean distance to its nearest neighbours there, 0 to 2.
        usual: The median of that distance there.
        typical: The path of the photo nearest to the middle of its class, see
            :class:`core.insight.companions.Companions`; ``None`` where there is none to compare with.
        near: The path of the photo most alike of its class, another than ``typical``; ``None`` where there
            is none.
    """

    image: str
    everywhere: bool
    distance: float
    usual: float
    typical: str | None
    near: str | None


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
            "str | None": told is None or isinstance(told, str),
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
    from threadpoolctl import threadpool_limits

    labels = [item.label for item in items]
    pairs, bound = near_duplicates(features, [item.split for item in items], greys, progress)
    twins = sorted((_twins(items, pair) for pair in pairs), key=_urgency(items))
    places, chances = out_of_sample(features, labels, progress)
    wrong = label_errors(chances, labels, places)
    strange = outliers(features, labels, progress)
    split_of = {item.path: item.split for item in items}
    beside = Companions(
        features, labels, [(pair.first, pair.second) for pair in pairs], [each.at for each in wrong])
    # NOTE: on one thread, as the search for wrong labels is.
    with threadpool_limits(1, user_api="blas"):
        mislabelled = tuple(_mislabelled(items, each, beside) for each in _first(wrong, progress))
        odd = tuple(_strange(items, each, beside) for each in _first(strange, progress))
    hits = chances.argmax(axis=1) == np.asarray(labels, dtype=np.intp)[places] if len(places) else None
    return Audit(
        len(items), tuple(twins[:MOST]), len(twins),
        sum(split_of[each.first] != split_of[each.second] for each in twins), bound,
        mislabelled, len(wrong), len(places), None if hits is None else float(hits.mean()), odd, len(strange),
    )


def _first(found: Sequence[_Found], progress: Progress) -> Iterator[_Found]:
    shown = found[:MOST]
    for done, each in enumerate(shown):
        progress(_("Looking for photos to compare with"), done, len(shown))
        yield each


def _twins(items: Sequence[Item], pair: Pair) -> Twins:
    first, second = sorted(
        (items[pair.first], items[pair.second]), key=lambda item: -SPLITS.index(item.split))
    return Twins(first.path, second.path, pair.similarity, pair.agreement)


def _mislabelled(items: Sequence[Item], found: LabelError, beside: Companions) -> Mislabelled:
    item = items[found.at]
    near_label, near_other = (beside.nearest(found.at, label) for label in (item.label, found.looks_like))
    return Mislabelled(
        item.path, found.looks_like, found.of_label, found.of_other, _path(items, near_label),
        _path(items, near_other))


def _strange(items: Sequence[Item], found: Outlier, beside: Companions) -> Strange:
    item, typical = items[found.at], beside.typical(found.at)
    near = beside.nearest(found.at, item.label, besides=typical)
    return Strange(
        item.path, found.everywhere, found.distance, found.usual, _path(items, typical), _path(items, near))


def _path(items: Sequence[Item], at: int | None) -> str | None:
    return None if at is None else items[at].path


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
