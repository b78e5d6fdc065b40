from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from core.training.loss import class_weights, crossentropy

SAID = np.array([[0.5, 0.25, 0.125, 0.125], [0.125, 0.125, 0.25, 0.5]], np.float32)
LABELS = np.array([0, 2], np.int32)


def test_without_smoothing_it_is_the_plain_loss_of_keras() -> None:
    import keras

    loss = crossentropy(0.0)
    assert type(loss) is keras.losses.SparseCategoricalCrossentropy
    # log2 of 1/0.5 and of 1/0.25 are 1 and 2.
    assert float(loss(LABELS, SAID)) == pytest.approx(math.log(2) * (1 + 2) / 2, rel=1e-6)


def test_smoothing_spreads_its_share_over_all_classes() -> None:
    # Of 0.2 each of four classes gets 0.05, and the right one keeps 0.85.
    first = 0.85 * 1 + 0.05 * (2 + 3 + 3)
    second = 0.85 * 2 + 0.05 * (3 + 3 + 1)
    found = float(crossentropy(0.2)(LABELS, SAID))
    assert found == pytest.approx(math.log(2) * (first + second) / 2, rel=1e-6)


def test_smoothing_of_a_sure_right_answer_costs_something() -> None:
    sure = np.array([[0.98, 0.01, 0.01]], np.float32)
    expected = -(1 - 0.1 * 2 / 3) * math.log(0.98) - 0.1 * 2 / 3 * math.log(0.01)
    assert float(crossentropy(0.1)(np.array([0]), sure)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_labels_may_stand_in_a_row_or_in_a_column(smoothing: float) -> None:
    loss = crossentropy(smoothing)
    assert float(loss(LABELS[:, None], SAID)) == float(loss(LABELS, SAID))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_a_training_step_tells_the_loss_with_each_image_weighed_by_its_class(smoothing: float) -> None:
    loss = train_on_batch(smoothing, {0: 3.0, 1: 1.0, 2: 0.5, 3: 1.0})
    each = [float(crossentropy(smoothing)(LABELS[at:at + 1], SAID[at:at + 1])) for at in (0, 1)]
    assert loss == pytest.approx((3 * each[0] + 0.5 * each[1]) / 2, rel=1e-5)


def train_on_batch(smoothing: float, weights: dict[int, float]) -> Any:
    """Return the loss that a model tells of which each answer is SAID."""
    import keras

    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(
        4, "softmax", kernel_initializer="identity")(inputs))
    model.compile("sgd", crossentropy(smoothing))
    return model.train_on_batch(np.log(SAID), LABELS, class_weight=weights)


def test_a_rare_class_weighs_more_and_the_mean_weight_is_one() -> None:
    labels = np.array([0] * 6 + [1] * 3 + [2], np.int32)
    weights = class_weights(labels, 3)
    assert weights == pytest.approx({0: 10 / 18, 1: 10 / 9, 2: 10 / 3})
    assert np.mean([weights[int(label)] for label in labels]) == pytest.approx(1)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose([weights[at] for at in range(3)], expected)


def test_classes_with_as_many_images_weigh_one() -> None:
    assert class_weights(np.array([1, 0, 0, 1], np.int32), 2) == {0: 1.0, 1: 1.0}


def test_a_class_without_images_weighs_one_and_takes_nothing_from_the_others() -> None:
    labels = np.array([0, 0, 0, 2], np.int32)
    assert class_weights(labels, 4) == pytest.approx({0: 4 / 6, 1: 1.0, 2: 4 / 2, 3: 1.0})


def test_without_images_every_class_weighs_one() -> None:
    assert class_weights(np.array([], np.int32), 2) == {0: 1.0, 1: 1.0}
