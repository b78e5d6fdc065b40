from __future__ import annotations

import numpy as np
import pytest

from core.insight.predictions import Predictions


def test_what_was_said_and_what_is_right_follow_from_the_likeliest_class() -> None:
    found = Predictions(
        ("cat", "dog"), ("images/000001.png", "images/000002.png"), np.array([0, 0], np.int32),
        np.array([[0.75, 0.25], [0.25, 0.75]], np.float32))
    assert len(found) == 2
    assert found.said.tolist() == [0, 1]
    assert found.right.tolist() == [True, False]


def test_the_loss_of_a_photo_is_the_cross_entropy_of_what_it_is() -> None:
    found = Predictions(
        ("cat", "dog"), ("a", "b", "c"), np.array([0, 1, 1], np.int32),
        np.array([[0.5, 0.5], [0.75, 0.25], [1.0, 0.0]], np.float32))
    assert found.loss[:2] == pytest.approx([np.log(2), np.log(4)])
    assert np.isfinite(found.loss[2])
    assert found.loss.argmax() == 2
