"""Dividing images into training, validation and test: stratified, seeded, by content."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from core.data.dataset import Dataset, Item
from core.data.drawn import draw

VALIDATION_SHARE = 0.15
TEST_SHARE = 0.15
FEWEST_TO_SPLIT = 3
"""A class needs this many different images to have one in each split."""

Pair = tuple[int, str]
"""The label of an image and the digest of its bytes."""


def assign(images: Sequence[Pair], seed: int) -> list[str]:
    """Divide images 70/15/15, class by class.

    The result depends on the seed and on the images' bytes alone: not on their names, nor on the
    order in which they were found. Images of the same bytes always fall into the same split.

    Args:
        images: Label and digest of every image.
        seed: Any whole number.

    Returns:
        "train", "validation" or "test" for every image, in the order given. A class of at least
        ``FEWEST_TO_SPLIT`` different images has one in each; of two, the second is for validation.
    """
    split_of: dict[str, str] = {}
    for digests in _by_class(images, seed):
        validation, test = _shares(len(digests))
        for rank, digest in enumerate(digests):
            if rank < test:
                split_of[digest] = "test"
            elif rank < test + validation:
                split_of[digest] = "validation"
            else:
                split_of[digest] = "train"
    return [split_of[digest] for _label, digest in images]


def carve(images: Sequence[Pair], share: float, seed: int) -> list[bool]:
    """Choose images to take out of a training set, class by class.

    Args:
        images: Label and digest of every training image.
        share: The share of each class to take, 0..1; at least one image of a class of two or more.
        seed: Any whole number.

    Returns:
        Whether each image is taken, in the order given; never all of a class.
    """
    taken: set[str] = set()
    for digests in _by_class(images, seed):
        wanted = max(1, round(len(digests) * share))
        taken.update(digests[: min(wanted, len(digests) - 1)])
    return [digest in taken for _label, digest in images]


def with_fewer_to_learn_from(dataset: Dataset, per_class: int, seed: int = 0) -> Dataset:
    """Return a dataset with at most so many training images of each class, all others as they are.

    Args:
        dataset: Any dataset.
        per_class: How many, at least 1.
        seed: What is drawn with it. With the same seed the images of a smaller number are among those of a
            larger one.
    """
    by_class: dict[int, list[Item]] = {}
    for item in dataset.of_split("train"):
        by_class.setdefault(item.label, []).append(item)
    kept = {
        item.path
        for items in by_class.values()
        for item in sorted(items, key=lambda item: draw(seed, item.digest))[:per_class]
    }
    return replace(dataset, items=tuple(
        item for item in dataset.items if item.split != "train" or item.path in kept
    ))


def _by_class(images: Iterable[Pair], seed: int) -> list[list[str]]:
    """Return each class's different digests in the order drawn.

    Bytes that are in two classes count for the first: one group of bytes is one draw.
    """
    label_of: dict[str, int] = {}
    for label, digest in images:
        label_of[digest] = min(label, label_of.get(digest, label))
    classes: dict[int, list[str]] = {}
    for digest, label in label_of.items():
        classes.setdefault(label, []).append(digest)
    return [
        sorted(classes[label], key=lambda digest: (draw(seed, digest), digest))
        for label in sorted(classes)
    ]


def _shares(images: int) -> tuple[int, int]:
    """Return how many of a class's images are for validation and for test."""
    if images < FEWEST_TO_SPLIT:
        return images - 1, 0
    return max(1, round(images * VALIDATION_SHARE)), max(1, round(images * TEST_SHARE))
