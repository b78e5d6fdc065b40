from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import pdist

from core.errors import BadInput
from core.insight.projection import (
    among_its_own,
    neighbour_map,
    perplexity_for,
    plane,
    require_finite,
    stratified,
    turned_towards,
)


def two_groups(each: int = 20, channels: int = 6) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    noise = np.random.default_rng(1).normal(size=(2 * each, channels))
    labels = np.repeat(np.asarray([0, 1], np.int32), each)
    return (noise + 20.0 * labels[:, None]).astype(np.float32), labels


def test_a_draw_keeps_the_share_of_each_class_and_the_order() -> None:
    labels = np.asarray([0] * 600 + [1] * 300 + [2] * 100, np.int32)
    drawn = stratified(labels, 100)
    assert np.bincount(labels[drawn]).tolist() == [60, 30, 10]
    assert (np.diff(drawn) > 0).all()


def test_a_draw_leaves_no_class_out_while_there_is_room() -> None:
    labels = np.asarray([0] * 1000 + [1, 2, 3], np.int32)
    assert set(labels[stratified(labels, 10)]) == {0, 1, 2, 3}


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    labels = np.zeros(500, np.int32)
    assert (stratified(labels, 50, 3) == stratified(labels, 50, 3)).all()
    assert (stratified(labels, 50, 3) != stratified(labels, 50, 4)).any()


def test_few_photos_are_all_drawn() -> None:
    assert stratified(np.zeros(4, np.int32), 4).tolist() == [0, 1, 2, 3]


def test_the_plane_holds_the_directions_of_most_variance_and_says_their_share() -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=(200, 4)) * np.asarray([10.0, 1.0, 0.1, 0.1])
    found = plane(values.astype(np.float32))
    assert abs(np.corrcoef(found.points[:, 0], values[:, 0])[0, 1]) > 0.999
    assert found.explained[0] == pytest.approx(100 / 101, abs=0.01)
    assert sum(found.explained) < 1


def test_one_channel_lies_on_a_line() -> None:
    found = plane(np.arange(6, dtype=np.float32)[:, None])
    assert found.explained == (pytest.approx(1.0), 0.0)
    assert not found.points[:, 1].any()


def test_features_that_do_not_differ_lie_on_one_point() -> None:
    same = np.full((8, 5), 0.3, np.float32)
    assert not plane(same).points.any()
    assert not neighbour_map(same).any()


def test_the_same_seed_draws_the_same_map_on_which_groups_stay_apart() -> None:
    features, labels = two_groups()
    first = neighbour_map(features, 1)
    assert (first == neighbour_map(features, 1)).all()
    share = among_its_own(first, labels)
    assert share is not None
    assert share.right == len(labels)


@pytest.mark.parametrize(("photos", "perplexity"), [(5, 4 / 3), (2, 1.0), (31, 10.0), (2000, 30.0)])
def test_the_perplexity_is_bounded_by_the_photos(photos: int, perplexity: float) -> None:
    assert perplexity_for(photos) == pytest.approx(perplexity)


def test_turning_a_map_keeps_every_distance_and_brings_it_near() -> None:
    other = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
    mirrored = other @ np.asarray([[0.0, 1.0], [1.0, 0.0]], np.float32) + 5
    turned = turned_towards(mirrored, other)
    assert pdist(turned) == pytest.approx(pdist(mirrored), rel=1e-4)
    assert turned == pytest.approx(other - other.mean(axis=0), abs=1e-4)


def test_a_photo_among_the_others_is_counted_by_the_majority_of_its_neighbours() -> None:
    features, labels = two_groups()
    labels = labels.copy()
    labels[0] = 1
    share = among_its_own(features, labels)
    assert share is not None
    assert (share.right, share.images) == (39, 40)


def test_a_photo_is_not_its_own_neighbour_though_another_is_its_copy() -> None:
    features = np.zeros((6, 2), np.float32)
    share = among_its_own(features, np.asarray([0, 1, 1, 1, 1, 1], np.int32))
    assert share is not None
    assert share.right == 5


def test_of_classes_with_as_many_votes_the_nearer_one_counts() -> None:
    features = np.asarray([[0.0], [1.0], [-2.0]], np.float32)
    share = among_its_own(features, np.asarray([1, 1, 0], np.int32))
    assert share is not None
    assert share.right == 2


def test_of_one_photo_there_is_no_share() -> None:
    assert among_its_own(np.zeros((1, 2), np.float32), np.zeros(1, np.int32)) is None


def test_features_of_a_training_that_diverged_are_refused() -> None:
    require_finite(np.zeros((2, 2), np.float32))
    with pytest.raises(BadInput, match="finite numbers"):
        require_finite(np.asarray([[np.nan]], np.float32))
