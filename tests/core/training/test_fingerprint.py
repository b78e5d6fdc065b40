"""What tells two sets of weights apart."""

from __future__ import annotations

import numpy as np
import pytest

from core.training.fingerprint import fingerprint


class Variable:
    """Stands in for a Keras variable."""

    def __init__(self, value: np.ndarray) -> None:
        self._value = value

    def numpy(self) -> np.ndarray:
        return self._value


def of(*values: np.ndarray) -> str:
    return fingerprint(map(Variable, values))


ONE, OTHER = np.arange(6, dtype=np.float32), np.ones(2, np.float32)


def test_equal_weights_have_the_same_wherever_they_are_in_memory() -> None:
    square = ONE.reshape(2, 3)
    assert of(ONE, OTHER) == of(ONE.copy(), OTHER.copy())
    assert of(square) == of(np.asfortranarray(square))
    assert len(of(ONE)) == 64
    assert of() == of()


@pytest.mark.parametrize(
    "others",
    [
        (OTHER, ONE), (ONE,), (ONE, OTHER, OTHER), (ONE.reshape(2, 3), OTHER),
        (ONE.astype(np.float64), OTHER), (ONE.view(np.int32), OTHER),
        (np.nextafter(ONE, 1, dtype=np.float32), OTHER), (),
    ],
    ids=["order", "fewer", "more", "shape", "type", "same bytes", "last bit", "none"],
)
def test_other_weights_have_another(others: tuple[np.ndarray, ...]) -> None:
    assert of(*others) != of(ONE, OTHER)
