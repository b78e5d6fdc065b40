from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from core.data.records import Item
from core.errors import BadInput
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


def test_findings_are_the_same_after_writing_and_reading(found: Audit) -> None:
    assert Audit.from_json(json.loads(json.dumps(found.to_json()))) == found
    nothing = replace(found, right=None, mislabelled=(), asked=0)
    assert Audit.from_json(json.loads(json.dumps(nothing.to_json()))) == nothing


@pytest.mark.parametrize("damage", [
    {"twins": None}, {"twins": [{"first": 1}]}, {"images": "many"}, {"right": "half"}, {"strange": [3]},
    {"mislabelled": [{"image": "a", "looks_like": 1.5, "of_label": 0, "of_other": 1}]},
    {"mislabelled": [{"image": 7, "looks_like": 1, "of_label": 0, "of_other": 1}]},
])
def test_damaged_findings_are_refused(found: Audit, damage: dict[str, object]) -> None:
    with pytest.raises(BadInput, match="findings of an audit"):
        Audit.from_json({**json.loads(json.dumps(found.to_json())), **damage})
    with pytest.raises(BadInput):
        Audit.from_json({})
