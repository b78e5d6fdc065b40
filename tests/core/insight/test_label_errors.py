from __future__ import annotations

import numpy as np
import pytest

from core.errors import Stopped
from core.insight.label_errors import FOLDS, label_errors, out_of_sample


def groups(each: int, classes: int = 3, apart: float = 20.0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(2)
    labels = np.repeat(np.arange(classes), each)
    centres = random.normal(size=(classes, 10)) * apart
    return (centres[labels] + random.normal(size=(len(labels), 10))).astype(np.float32), labels


def test_labels_that_were_changed_are_found_and_no_others() -> None:
    features, truth = groups(30)
    labels = truth.copy()
    wrong = [3, 40, 77]
    labels[wrong] = (truth[wrong] + 1) % 3
    places, chances = out_of_sample(features, labels.tolist())
    found = label_errors(chances, labels.tolist(), places)
    assert {each.at for each in found} == set(wrong)
    assert all(each.looks_like == truth[each.at] and each.of_other > each.of_label for each in found)


def test_the_rule_is_that_of_confident_learning() -> None:
    # On average photos labelled 0 are 0.67 likely of class 0, those labelled 1 are 0.6 likely of class 1.
    chances = np.asarray([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.2, 0.8], [0.6, 0.4], [0.4, 0.6]])
    labels = [0, 0, 0, 1, 1, 1]
    found = label_errors(chances, labels, np.arange(6))
    assert [(each.at, each.looks_like) for each in found] == [(2, 1)]
    # Photo 4 is likelier of class 0 than of its own, but less than photos of class 0 are on average.
    assert chances[4, 0] > chances[4, 1]


def test_the_surest_come_first() -> None:
    chances = np.asarray([[0.9, 0.1], [0.3, 0.7], [0.1, 0.9], [0.5, 0.5], [0.5, 0.5]])
    found = label_errors(chances, [0, 0, 0, 1, 1], np.arange(5))
    assert [each.at for each in found] == [2, 1]


def test_classes_that_are_too_small_are_left_out() -> None:
    features, labels = groups(20)
    told = [3 if at < FOLDS - 1 else int(label) for at, label in enumerate(labels)]
    places, chances = out_of_sample(features, told)
    assert set(range(FOLDS - 1)).isdisjoint(places.tolist())
    assert len(places) == len(told) - (FOLDS - 1)
    assert chances.shape == (len(places), 4)
    assert not chances[:, 3].any()


def test_one_class_alone_cannot_be_judged() -> None:
    features, _labels = groups(4)
    places, chances = out_of_sample(features, [0] * len(features))
    assert len(places) == len(chances) == 0
    assert label_errors(chances, [0] * len(features), places) == []


def test_the_same_seed_says_the_same() -> None:
    features, labels = groups(12, apart=0.5)
    one, other = (out_of_sample(features, labels.tolist(), seed=1)[1] for _each in range(2))
    assert (one == other).all()


def test_a_stop_leaves_between_two_fits() -> None:
    features, labels = groups(12)

    def stop(_phase: str, done: int, _total: int | None) -> None:
        if done == 2:
            raise Stopped("It was cancelled.")

    with pytest.raises(Stopped):
        out_of_sample(features, labels.tolist(), stop)


def test_a_stop_leaves_in_the_midst_of_a_fit_too() -> None:
    features, labels = groups(12, apart=0.5)
    told: list[int] = []

    def stop(_phase: str, done: int, _total: int | None) -> None:
        told.append(done)
        if told.count(0) == 4:
            raise Stopped("It was cancelled.")

    with pytest.raises(Stopped):
        out_of_sample(features, labels.tolist(), stop)
    assert set(told) == {0}


def test_features_that_are_all_alike_question_no_label() -> None:
    labels = [0] * 10 + [1] * 20
    places, chances = out_of_sample(np.ones((30, 8), np.float32), labels)
    assert len(places) == len(chances) == 0
    assert label_errors(chances, labels, places) == []
