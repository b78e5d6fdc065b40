"""The small records that a dataset is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass

from core.workspace import is_id

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Item:
    """One image of a dataset.

    Attributes:
        path: The stored name inside the dataset's folder, made by us ("images/000123.jpg").
        name: The original relative path with "/" between its parts; text from outside.
        label: The index of its class in ``Dataset.classes``.
        split: One of ``SPLITS``.
        digest: SHA-256 of the original bytes, in hex.
        width: Pixels across, after the EXIF rotation.
        height: Pixels down, after the EXIF rotation.
    """

    path: str
    name: str
    label: int
    split: str
    digest: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that cannot be used, and why, as one sentence."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A file left out because the image ``same_as`` has exactly the same bytes."""

    file: str
    same_as: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """A file that an operating system or a tool left behind, and why it was passed over."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to know before training.

    Attributes:
        level: "error" (a training makes no sense) or "warning".
        title: A few words.
        message: What it is and what to do about it; may hold class names from outside.
    """

    level: str
    title: str
    message: str


@dataclass(frozen=True, slots=True)
class ClassCount:
    """How many images of one class are in each split."""

    name: str
    train: int
    validation: int
    test: int

    @property
    def total(self) -> int:
        """The images of this class in all splits."""
        return self.train + self.validation + self.test


@dataclass(frozen=True, slots=True)
class Summary:
    """What a list of datasets shows of one, without reading the whole of it."""

    id: str
    title: str
    source: str
    images: int
    classes: int
    created: str
    usable: bool


@dataclass(frozen=True, slots=True)
class Change:
    """What was changed of one image for a later version.

    Attributes:
        path: Its stored name, the same in both versions.
        name: Its original name.
        was: The name of the class that it was of.
        now: The name of the class that it is of since then; empty where it was left out.
    """

    path: str
    name: str
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class Revision:
    """What a later version of a dataset was made of.

    Attributes:
        of: The id of the dataset that it was made of, which stays as it is.
        title: What the first version is called; text from outside.
        number: Which version it is, from 2.
        changes: What was changed, in the order of the images.
    """

    of: str
    title: str
    number: int
    changes: tuple[Change, ...]

    def to_json(self) -> dict[str, object]:
        """Return it as a manifest has it; :meth:`from_json` reads it back."""
        changes = [astuple(change) for change in self.changes]
        return {"of": self.of, "title": self.title, "number": self.number, "changes": changes}

    @classmethod
    def from_json(cls, given: object) -> Revision:
        """Read what :meth:`to_json` returned; raises KeyError, TypeError or ValueError."""
        if not isinstance(given, dict):
            raise TypeError("not an object")
        number, changes = given["number"], given["changes"]
        if not isinstance(number, int) or isinstance(number, bool) or not isinstance(changes, list):
            raise TypeError("not a revision")
        if not is_id(str(given["of"])):
            raise ValueError("not an id")
        return cls(str(given["of"]), str(given["title"]), number, tuple(map(_change, changes)))


def _change(row: Iterable[object]) -> Change:
    path, name, was, now = row
    return Change(str(path), str(name), str(was), str(now))
