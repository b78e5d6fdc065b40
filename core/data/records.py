"""The small records that a dataset is made of."""

from __future__ import annotations

from dataclasses import dataclass

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
