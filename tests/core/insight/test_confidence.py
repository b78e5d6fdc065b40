from __future__ import annotations

import numpy as np
import pytest

from core.errors import BadInput
from core.insight.confidence import BINS, calibration, fitted_temperature, loss_at, tempered
from core.insight.predictions import Predictions


def answers(labels: list[int], chances: np.ndarray) -> Predictions:
    return Predictions(
        tuple(f"class {at}" for at in range(chances.shape[1])), tuple(str(at) for at in range(len(labels))),
        np.asarray(labels, dtype=np.int32), chances.astype(np.float32),
    )


def drawn(images: int, heat: float, seed: int = 5) -> Predictions:
    """Photos whose classes are drawn by true chances, of which the model says what ``heat`` makes of them."""
    random = np.random.default_rng(seed)
    logits = random.normal(scale=2, size=(images, 4))
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = [int(random.choice(4, p=row)) for row in true]
    said = np.exp(logits * heat)
    return answers(labels, said / said.sum(axis=1, keepdims=True))


def test_the_error_is_the_mean_distance_over_bins_by_their_photos() -> None:
    # 0.95 and 0.97 share the last bin; 0.62 is in the bin that ends at 2/3.
    chances = np.array([[0.95, 0.05], [0.97, 0.03], [0.62, 0.38], [0.62, 0.38]])
    found = calibration(answers([0, 1, 0, 0], chances))
    assert found.error == pytest.approx(0.5 * abs(0.5 - 0.96) + 0.5 * abs(1 - 0.62), abs=1e-6)
    filled = [(round(each.high * BINS), each.images) for each in found.bins if each.images]
    assert filled == [(10, 2), (15, 2)]
    assert found.bins[14].right is not None
    assert found.bins[14].right.value == 0.5


def test_a_bin_without_photos_says_nothing_rather_than_0() -> None:
    found = calibration(answers([0], np.array([[0.9, 0.1]])))
    empty = found.bins[8]
    assert (empty.images, empty.sure, empty.right) == (0, None, None)


def test_certainty_is_in_the_last_bin() -> None:
    found = calibration(answers([0, 0], np.array([[1.0, 0.0], [0.59, 0.41]])))
    assert [at for at, each in enumerate(found.bins) if each.images] == [8, 14]


def test_a_temperature_divides_the_logits() -> None:
    logits = np.random.default_rng(2).normal(scale=3, size=(20, 5))
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    wanted = np.exp(logits / 2.5) / np.exp(logits / 2.5).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(tempered(chances, 2.5), wanted, rtol=1e-5)
    np.testing.assert_array_equal(tempered(chances, 1.0), chances.astype(np.float32))
    np.testing.assert_array_equal(tempered(chances, 2.5).argmax(axis=1), chances.argmax(axis=1))


def test_one_row_is_tempered_as_a_table_is() -> None:
    row = np.array([0.7, 0.2, 0.1], dtype=np.float32)
    np.testing.assert_array_equal(tempered(row, 3.0), tempered(row[None], 3.0)[0])


def test_a_chance_of_0_stays_finite() -> None:
    assert np.isfinite(tempered(np.array([[1.0, 0.0]]), 20.0)).all()


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_what_is_no_temperature_is_refused(temperature: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        tempered(np.array([[0.5, 0.5]]), temperature)


@pytest.mark.parametrize("heat", [0.5, 2.0, 3.0])
def test_the_temperature_undoes_what_made_the_model_too_sure_or_not_sure_enough(heat: float) -> None:
    said = drawn(4000, heat)
    found = fitted_temperature(said)
    assert found == pytest.approx(heat, rel=0.1)
    assert calibration(said, found).error < calibration(said).error
    assert loss_at(said, found) < min(loss_at(said, 0.9 * found), loss_at(said, 1.1 * found))


def test_a_calibrated_model_is_left_nearly_as_it_is() -> None:
    assert fitted_temperature(drawn(4000, 1.0)) == pytest.approx(1.0, abs=0.06)


def test_photos_without_a_mistake_do_not_tell_a_temperature() -> None:
    with pytest.raises(BadInput, match="do not tell"):
        fitted_temperature(answers([0, 1], np.array([[0.9, 0.1], [0.2, 0.8]])))


def test_photos_without_a_right_answer_do_not_tell_a_temperature() -> None:
    with pytest.raises(BadInput, match="do not tell"):
        fitted_temperature(answers([1, 0], np.array([[0.9, 0.1], [0.2, 0.8]])))


def test_without_photos_there_is_nothing_to_measure() -> None:
    nothing = answers([], np.empty((0, 2)))
    for ask in (calibration, fitted_temperature):
        with pytest.raises(BadInput):
            ask(nothing)
