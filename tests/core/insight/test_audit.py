from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from threadpoolctl import threadpool_info, threadpool_limits

from core.data.records import Item
from core.errors import BadInput, Stopped
from core.insight.audit import Audit, audit
from core.insight.overlay import EDGE
from core.jobs import Progress

COPIES = {1: 0, 11: 10, 21: 20, 31: 30}
SPLITS = {1: "validation", 11: "test"}


@pytest.fixture
def found() -> Audit:
    """40 photos of two classes, four of them copies of four others, one copy labelled otherwise."""
    labels = [at % 2 if at not in COPIES else COPIES[at] % 2 for at in range(40)]
    labels[31] = 1
    items = [
        Item(f"images/{at:06}.png", f"{at}.png", label, SPLITS.get(at, "train"), str(at), 8, 8)
        for at, label in enumerate(labels)
    ]
    features = np.random.default_rng(0).normal(size=(40, 32)).astype(np.float32)
    features[:, :8] += [[8.0 * label] * 8 for label in labels]
    for copy, original in COPIES.items():
        features[copy] = features[original]

    def greys(places: Sequence[int], _progress: Progress) -> np.ndarray:
        return np.stack([picture(COPIES.get(place, place)) for place in places])

    return audit(items, features, greys)


def picture(seed: int) -> np.ndarray:
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 6), dtype=np.uint8)
    return np.asarray(Image.fromarray(pixels).resize((EDGE, EDGE), Image.Resampling.BICUBIC))


def test_pairs_across_splits_come_first_those_of_the_test_before_all(found: Audit) -> None:
    pairs = [(int(each.first[7:13]), int(each.second[7:13])) for each in found.twins]
    assert pairs[:2] == [(11, 10), (1, 0)]
    assert set(pairs[2]) == {30, 31}, "of the others those with two labels come first"
    assert set(pairs[3]) == {20, 21}
    assert (found.twins_found, found.across, found.images) == (4, 2, 40)


def test_photos_to_compare_with_are_looked_for_on_one_thread() -> None:
    threads: set[int] = set()

    def told(phase: str, *_done: int | None) -> None:
        if phase == "Looking for photos to compare with":
            threads.update(
                pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")

    rows = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
    rows[:, 0] += [100.0 * (at % 2) for at in range(40)]
    rows[7, :] = -50
    labels = [at % 2 if at != 4 else 1 for at in range(40)]
    items = [Item(f"images/{at:06}.png", "", label, "train", "", 8, 8) for at, label in enumerate(labels)]
    with threadpool_limits(2, user_api="blas"):
        audit(items, rows, lambda places, _progress: np.zeros((len(places), EDGE, EDGE), np.uint8), told)
    assert threads == {1}


def test_of_many_copies_it_is_known_that_not_every_pair_may_have_been_found(found: Audit) -> None:
    assert not found.more_twins
    same = np.stack([picture(0)] * 6)
    items = [Item(f"images/{at:06}.png", f"{at}.png", 0, "train", str(at), 8, 8) for at in range(6)]
    many = audit(items, np.ones((6, 4), np.float32), lambda places, _progress: same[list(places)])
    assert many.twins_found < 15
    assert many.more_twins
    assert replace(found, twins_found=501).more_twins


def test_the_label_that_was_changed_is_found(found: Audit) -> None:
    assert "images/000031.png" in [each.image for each in found.mislabelled]
    assert found.asked == 40
    assert found.right is not None
    assert 0.8 < found.right < 1


def test_a_label_in_question_has_a_photo_of_either_class_beside_it_and_no_copy_of_itself(
    found: Audit,
) -> None:
    wrong = next(each for each in found.mislabelled if each.image == "images/000031.png")
    assert wrong.looks_like == 0
    assert wrong.near_label is not None
    assert int(wrong.near_label[7:13]) % 2 == 1
    assert wrong.near_other is not None
    assert int(wrong.near_other[7:13]) % 2 == 0
    assert wrong.near_other != "images/000030.png", "the two are the same picture"
    in_question = {each.image for each in found.mislabelled}
    assert not in_question & {each.near_label for each in found.mislabelled}
    assert not in_question & {each.near_other for each in found.mislabelled}


def test_a_photo_unlike_the_others_has_two_of_its_class_beside_it() -> None:
    features = np.random.default_rng(3).normal(size=(24, 16)).astype(np.float32)
    features[:, 0] += 8
    features[5, :2] = -8, 8
    items = [Item(f"images/{at:06}.png", f"{at}.png", 0, "train", str(at), 8, 8) for at in range(24)]
    found = audit(items, features, lambda places, _progress: np.stack([picture(at) for at in places]))
    assert found.strange[0].image == items[5].path
    for each in found.strange:
        assert None not in (each.typical, each.near)
        assert len({each.image, each.typical, each.near}) == 3


def test_while_photos_to_compare_with_are_looked_for_a_stop_is_heard(found: Audit) -> None:
    assert found.mislabelled
    random = np.random.default_rng(0)
    features = random.normal(size=(40, 8)).astype(np.float32)
    items = [Item(f"images/{at:06}.png", "", at % 2, "train", str(at), 8, 8) for at in range(40)]

    def stop(phase: str, _done: int, _total: int | None) -> None:
        if "compare with" in phase:
            raise Stopped("It was cancelled.")

    with pytest.raises(Stopped):
        audit(items, features, lambda places, _progress: np.stack([picture(at) for at in places]), stop)


def test_findings_are_the_same_after_writing_and_reading(found: Audit) -> None:
    assert Audit.from_json(json.loads(json.dumps(found.to_json()))) == found
    alone = replace(found, mislabelled=(
        replace(found.mislabelled[0], near_label=None, near_other=None),))
    assert Audit.from_json(json.loads(json.dumps(alone.to_json()))) == alone
    nothing = replace(found, right=None, mislabelled=(), asked=0)
    assert Audit.from_json(json.loads(json.dumps(nothing.to_json()))) == nothing


@pytest.mark.parametrize("damage", [
    {"twins": None}, {"twins": [{"first": 1}]}, {"images": "many"}, {"right": "half"}, {"strange": [3]},
    {"mislabelled": [{
        "image": "a", "looks_like": 1.5, "of_label": 0, "of_other": 1, "near_label": None,
        "near_other": None}]},
    {"mislabelled": [{
        "image": 7, "looks_like": 1, "of_label": 0, "of_other": 1, "near_label": None, "near_other": None}]},
    {"mislabelled": [{"image": "a", "looks_like": 1, "of_label": 0, "of_other": 1}]},
    {"strange": [{
        "image": "a", "everywhere": True, "distance": 1, "usual": 0, "typical": 3, "near": None}]},
])
def test_damaged_findings_are_refused(found: Audit, damage: dict[str, object]) -> None:
    with pytest.raises(BadInput, match="findings of an audit"):
        Audit.from_json({**json.loads(json.dumps(found.to_json())), **damage})
    with pytest.raises(BadInput):
        Audit.from_json({})
