from __future__ import annotations

import random
from collections import Counter, defaultdict
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.data.dataset import SPLITS, Dataset, Item
from core.data.split import FEWEST_TO_SPLIT, assign, carve, with_fewer_to_learn_from

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
DIGESTS = st.integers(0, 400).map(lambda number: f"{number:064x}")
IMAGES = st.lists(st.tuples(st.integers(0, 4), DIGESTS), max_size=150)
SEEDS = st.integers(-(2**31), 2**31)
CELLS = st.dictionaries(
    st.tuples(st.integers(0, 3), st.sampled_from(SPLITS)), st.integers(1, 30), min_size=1
)


def distinct(images: list[tuple[int, str]]) -> list[tuple[int, str]]:
    return list({digest: (label, digest) for label, digest in images}.values())


@UNHURRIED
@given(IMAGES, SEEDS)
def test_the_same_bytes_never_fall_on_both_sides(images: list[tuple[int, str]], seed: int) -> None:
    sides = defaultdict(set)
    for (_label, digest), split in zip(images, assign(images, seed), strict=True):
        sides[digest].add(split)
    assert all(len(splits) == 1 for splits in sides.values())


@UNHURRIED
@given(IMAGES, SEEDS, st.randoms(use_true_random=False))
def test_the_order_of_the_files_does_not_matter(
    images: list[tuple[int, str]], seed: int, shuffler: random.Random
) -> None:
    shuffled = list(images)
    shuffler.shuffle(shuffled)
    first = dict(zip([digest for _label, digest in images], assign(images, seed), strict=True))
    second = zip([digest for _label, digest in shuffled], assign(shuffled, seed), strict=True)
    assert first == dict(second)


@UNHURRIED
@given(IMAGES, SEEDS)
def test_every_class_of_three_has_an_image_in_each_split(
    images: list[tuple[int, str]], seed: int
) -> None:
    images = distinct(images)
    cells = Counter(
        (label, split) for (label, _), split in zip(images, assign(images, seed), strict=True)
    )
    for label, total in Counter(label for label, _digest in images).items():
        assert cells[label, "train"] >= 1
        if total >= FEWEST_TO_SPLIT:
            assert cells[label, "validation"] >= 1
            assert cells[label, "test"] >= 1
        if total >= 20:
            assert abs(cells[label, "train"] / total - 0.7) < 0.06


def test_a_hundred_images_of_each_class_are_divided_70_15_15() -> None:
    images = [(label, f"{label}-{number}") for label in range(3) for number in range(100)]
    cells = Counter(
        (label, split) for (label, _), split in zip(images, assign(images, 0), strict=True)
    )
    for label in range(3):
        counts = [cells[label, split] for split in ("train", "validation", "test")]
        assert counts == [70, 15, 15]


def test_another_seed_divides_otherwise() -> None:
    images = [(0, str(number)) for number in range(100)]
    assert assign(images, 1) == assign(images, 1)
    assert assign(images, 1) != assign(images, 2)


def test_tiny_classes_keep_their_training_images() -> None:
    assert assign([(0, "a")], 0) == ["train"]
    assert sorted(assign([(0, "a"), (0, "b")], 0)) == ["train", "validation"]


@UNHURRIED
@given(IMAGES, st.floats(0, 1), SEEDS)
def test_carving_takes_of_every_class_and_never_all(
    images: list[tuple[int, str]], share: float, seed: int
) -> None:
    images = distinct(images)
    taken = Counter(
        label
        for (label, _), is_taken in zip(images, carve(images, share, seed), strict=True)
        if is_taken
    )
    for label, total in Counter(label for label, _digest in images).items():
        assert taken[label] < total
        assert taken[label] >= (1 if total > 1 else 0)


def counted(cells: dict[tuple[int, str], int]) -> Dataset:
    """Return a dataset with so many images of each label in each split."""
    places = [cell for cell, count in cells.items() for _one in range(count)]
    items = tuple(
        Item(f"images/{number:06d}.jpg", f"{number}.jpg", label, split, f"{number:064x}", 8, 8)
        for number, (label, split) in enumerate(places)
    )
    names = tuple(f"class {label}" for label in range(4))
    return Dataset("some", "Some", "folder", Path(), names, items, (), (), (), (), 0, True, "2026")


@UNHURRIED
@given(CELLS, st.integers(1, 40), st.integers(1, 40), st.integers(0, 5))
def test_fewer_photos_to_learn_from_leave_all_others_and_a_smaller_number_is_part_of_a_larger_one(
    cells: dict[tuple[int, str], int], one: int, other: int, seed: int
) -> None:
    dataset = counted(cells)
    small, large = (
        with_fewer_to_learn_from(dataset, each, seed) for each in sorted((one, other)))
    assert set(small.items) <= set(large.items)
    assert small == with_fewer_to_learn_from(dataset, min(one, other), seed)
    found = Counter((item.label, item.split) for item in large.items)
    assert found == {
        (label, split): min(count, max(one, other)) if split == "train" else count
        for (label, split), count in cells.items()
    }


def test_another_seed_draws_other_photos_to_learn_from() -> None:
    dataset = counted({(0, "train"): 100})
    first, second = (set(with_fewer_to_learn_from(dataset, 10, seed).items) for seed in (0, 1))
    assert len(first) == len(second) == 10
    assert first != second
