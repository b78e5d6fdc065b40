"""The loss: crossentropy, with smoothed labels or without, and what each class weighs in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras


def crossentropy(label_smoothing: float = 0.0) -> keras.losses.Loss:
    """Return the crossentropy between whole-numbered labels and class probabilities.

    Args:
        label_smoothing: Share of certainty taken from each right answer and spread over all classes, the
            right one among them, 0 to 0.5.
    """
    import keras

    if not label_smoothing:
        return keras.losses.SparseCategoricalCrossentropy()

    class Smoothed(keras.losses.Loss):  # type: ignore[misc]
        """Smooths labels, which Keras does only where they are one-hot."""

        def call(self, y_true: Any, y_pred: Any) -> Any:
            """Return the loss of each image."""
            # NOTE: Keras hands labels over as floats, in a column or in a row.
            labels = keras.ops.cast(keras.ops.reshape(y_true, (-1,)), "int32")
            return keras.losses.categorical_crossentropy(
                keras.ops.one_hot(labels, y_pred.shape[-1], dtype=y_pred.dtype), y_pred,
                label_smoothing=label_smoothing,
            )

    return Smoothed(name="smoothed_crossentropy")


def class_weights(labels: NDArray[np.int32], classes: int) -> dict[int, float]:
    """Return what an image of each class weighs, so that all classes weigh the same together.

    Args:
        labels: The class of each training image, 0 to ``classes - 1``.
        classes: How many classes there are.

    Returns:
        For each class ``n / (classes with images * images of the class)``, so that over the ``n`` images
        the mean weight is 1; for a class without images 1.
    """
    counts = np.bincount(labels, minlength=classes)
    present = int(np.count_nonzero(counts))
    return {
        at: len(labels) / (present * int(count)) if count else 1.0 for at, count in enumerate(counts)
    }
