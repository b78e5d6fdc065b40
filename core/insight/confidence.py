"""How far what a model says of its own sureness holds: reliability by bins, and temperature scaling."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from core.i18n import _
from core.insight.metrics import Share, share
from core.insight.predictions import Predictions

BINS = 15
COLDEST, HOTTEST = 0.05, 20.0
_LEAST = float(np.finfo(np.float32).tiny)
_AT_THE_END = 0.01


@dataclass(frozen=True)
class Bin:
    """The photos that a model was about equally sure of.

    Attributes:
        low: From how sure, 0 to 1, itself left out but for 0.
        high: To how sure, 0 to 1.
        images: How many photos.
        sure: How sure the model was of them on average; ``None`` without any.
        right: The share that it said right; ``None`` without any.
    """

    low: float
    high: float
    images: int
    sure: float | None
    right: Share | None


@dataclass(frozen=True)
class Calibration:
    """How far a model's sureness holds.

    Attributes:
        images: On how many photos, at least 1.
        bins: :data:`BINS` of equal width.
        error: The expected calibration error, 0 to 1: how far sureness and accuracy lie apart, the mean over
            bins by their photos.
        loss: The mean cross-entropy in nats, see :attr:`core.insight.predictions.Predictions.loss`.
    """

    images: int
    bins: tuple[Bin, ...]
    error: float
    loss: float


def calibration(found: Predictions, temperature: float = 1.0) -> Calibration:
    """Return how far a model's sureness holds, at a temperature.

    Raises:
        BadInput: There is no photo.

    Source:
        M. P. Naeini, G. F. Cooper, M. Hauskrecht, AAAI 2015; C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger,
        On Calibration of Modern Neural Networks, ICML 2017: 15 bins of the likeliest class's probability.
    """
    if not len(found):
        raise BadInput(_("There is no image to measure on."))
    chances = tempered(found.probabilities, temperature)
    sure, right = chances.max(axis=1).astype(np.float64), found.right
    # NOTE: a bin holds its upper end, as in the sources; 1.0 is in the last one.
    place = np.clip(np.ceil(sure * BINS).astype(int) - 1, 0, BINS - 1)
    bins = []
    error = 0.0
    for at in range(BINS):
        inside = place == at
        images = int(inside.sum())
        mean = float(sure[inside].mean()) if images else None
        hit = share(int(right[inside].sum()), images)
        if mean is not None and hit is not None:
            error += images / len(found) * abs(hit.value - mean)
        bins.append(Bin(at / BINS, (at + 1) / BINS, images, mean, hit))
    return Calibration(len(found), tuple(bins), error, loss_at(found, temperature))


def loss_at(found: Predictions, temperature: float) -> float:
    """Return the mean cross-entropy in nats of what a model says at a temperature."""
    return float(replace(found, probabilities=tempered(found.probabilities, temperature)).loss.mean())


def tempered(probabilities: NDArray[Any], temperature: float) -> NDArray[np.float32]:
    """Return probabilities at a temperature: above 1 they come closer to each other, below 1 they part.

    Args:
        probabilities: ``(…, classes)``, each row of the sum 1.
        temperature: Above 0; 1 leaves them as they are.

    Returns:
        ``(…, classes)``, float32; the likeliest class stays the likeliest.

    Raises:
        ValueError: The temperature is not above 0, or no number.
    """
    if not 0 < temperature < math.inf:
        raise ValueError("a temperature lies above 0")
    if temperature == 1.0:
        return np.asarray(probabilities, dtype=np.float32)
    # The logarithm of a softmax is the logits but for a constant, which cancels out.
    logits = np.log(np.maximum(np.asarray(probabilities, dtype=np.float64), _LEAST)) / temperature
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), dtype=np.float32)


def fitted_temperature(found: Predictions) -> float:
    """Return the temperature at which the cross-entropy of labelled photos is least.

    Args:
        found: What a model says of photos that it has not learned from, and that it is not measured on.

    Returns:
        The temperature, between :data:`COLDEST` and :data:`HOTTEST`.

    Raises:
        BadInput: These photos do not tell: there is none, or the loss falls to the end of that range, as it
            does without any mistake.

    Source:
        C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, ICML 2017, section 4.2.
    """
    from scipy.optimize import minimize_scalar

    if not len(found):
        raise BadInput(_("There is no image to measure on."))
    limits = (math.log(COLDEST), math.log(HOTTEST))
    best = float(minimize_scalar(
        lambda at: _exact_loss(found, math.exp(at)), bounds=limits, method="bounded",
        options={"xatol": 1e-5},
    ).x)
    if min(best - limits[0], limits[1] - best) < _AT_THE_END:
        raise BadInput(
            _("These photos do not tell how sure the model may be."),
            given=_("{right} of {images} right").format(right=int(found.right.sum()), images=len(found)),
            fix=_("Temperature scaling needs validation photos of which the model gets some right and "
                  "some wrong; more of them help."),
        )
    return math.exp(best)


def _exact_loss(found: Predictions, temperature: float) -> float:
    # NOTE: not loss_at, which is flat where a probability lies under the least that it counts.
    logits = np.log(np.maximum(found.probabilities.astype(np.float64), _LEAST)) / temperature
    highest = logits.max(axis=1)
    total = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
    return float((total - logits[np.arange(len(found)), found.labels]).mean())
