"""What a model says of labelled photos, one row a photo: what all figures on them are computed from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Predictions:
    """What a model says of labelled photos.

    Attributes:
        classes: The class names, in the model's order; text from outside.
        images: The path of each photo within its dataset, see :class:`core.data.records.Item`.
        labels: ``(images,)``, int32: what each photo is, as an index into ``classes``.
        probabilities: ``(images, classes)``, float32, 0 to 1: how likely the model holds each class.
    """

    classes: tuple[str, ...]
    images: tuple[str, ...]
    labels: NDArray[np.int32]
    probabilities: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def said(self) -> NDArray[np.intp]:
        """``(images,)``: the likeliest class of each photo."""
        return np.asarray(self.probabilities.argmax(axis=1))

    @property
    def right(self) -> NDArray[np.bool_]:
        """``(images,)``: whether that is what the photo is."""
        return np.asarray(self.said == self.labels)

    @property
    def loss(self) -> NDArray[np.float64]:
        """``(images,)``: the cross-entropy of each photo in nats, at most 16: 1e-7 is the least likely."""
        of_truth = self.probabilities[np.arange(len(self)), self.labels].astype(np.float64)
        return np.asarray(-np.log(np.clip(of_truth, 1e-7, 1.0)))
