"""The curve of a learning-rate sweep: loss against rate, smoothed, and the rate that it suggests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.i18n import _
from core.training.fields import LEARNING_RATE

# The share that the past has in each smoothed loss.
SMOOTHING = 0.85
# How many times the lowest smoothed loss it has to be for the sweep to end, as fastai has it.
RUNAWAY = 4.0
# At the rates of the first steps nothing is learned yet: what the loss does there is chance.
_STILL = 10
# Over how many steps a fall is averaged: about half a power of ten.
_WIDTH = 9
# A fall below this share of the loss is none.
_LEAST_FALL = 0.05


@dataclass(frozen=True)
class RateCurve:
    """What a sweep over the learning rate came to.

    Attributes:
        rates: The rate of each step, rising.
        losses: The training loss of each step.
        smoothed: The same as an exponential mean, see :func:`smoothed`.
        suggestion: A learning rate to train with, of one significant digit and within the field's bounds;
            ``None`` where the loss never fell.
        steepest: The rate at which the smoothed loss fell fastest, or ``None`` likewise.
        lowest: The rate at which it was lowest, or ``None`` likewise.
        stopped_early: Whether the loss ran away before the highest rate.
        reason: Why there is no suggestion, one sentence; empty where there is one.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    suggestion: float | None
    steepest: float | None
    lowest: float | None
    stopped_early: bool
    reason: str = ""


def curve_of(
    rates: Sequence[float], losses: Sequence[float], photos: Sequence[int], *, stopped_early: bool
) -> RateCurve:
    """Return the curve of a sweep, with its suggestion.

    The suggestion is the smaller of two of fastai's (``steep`` and ``minimum``,
    https://docs.fast.ai/callback.schedule.html#learner.lr_find): the rate at which the loss falls fastest,
    and a tenth of the rate at which it is lowest.

    NOTE: each alone goes wrong with few photos. A head alone learns them by heart, and its loss falls up to
    the highest rate: a tenth of that came to nearly three times the lowest validation loss. With blocks that
    learn in small batches the steepest fall may be the last before the loss runs away. The smaller lay
    within a factor of three of the rate of the lowest validation loss in all of five trials: EfficientNet-
    Lite0 on 60 to 1000 photos of clothing, one seed, six or ten epochs, a head or two blocks, Adam or SGD.

    Args:
        rates: The rate of each step, each as many times the one before; above 0.
        losses: The training loss of each step.
        photos: How many photos each step saw.
        stopped_early: Whether the loss ran away before the highest rate.
    """
    smooth = smoothed(losses, photos)
    whole = tuple(rates), tuple(losses), tuple(smooth)
    reason = _why_none(losses, smooth)
    if reason:
        return RateCurve(*whole, None, None, None, stopped_early, reason)
    lowest = _STILL + int(np.argmin(smooth[_STILL:]))
    falls = np.convolve(np.gradient(np.asarray(smooth[: lowest + 1])), np.full(_WIDTH, 1 / _WIDTH), "same")
    steepest = rates[_STILL + int(np.argmin(falls[_STILL:]))]
    suggestion = _one_digit(min(steepest, rates[lowest] / 10))
    return RateCurve(*whole, suggestion, steepest, rates[lowest], stopped_early)


def smoothed(losses: Sequence[float], photos: Sequence[int]) -> list[float]:
    """Return the exponential mean of the losses up to each, with bias correction.

    Args:
        losses: The loss of each step.
        photos: How many photos each step saw: the last of an epoch may see fewer, and counts less.
    """
    total = counted = 0.0
    means = []
    for loss, count in zip(losses, photos, strict=True):
        total = SMOOTHING * total + count * loss
        counted = SMOOTHING * counted + count
        means.append(total / counted)
    return means


def runs_away(smooth: Sequence[float]) -> bool:
    """Tell whether the last of the smoothed losses is far above the lowest."""
    return bool(smooth) and smooth[-1] > RUNAWAY * min(smooth)


def _why_none(losses: Sequence[float], smooth: Sequence[float]) -> str:
    if len(losses) <= _STILL:
        return _("The loss ran away at the lowest rates already.")
    still = np.asarray(losses[:_STILL])
    level = float(smooth[_STILL - 1])
    # NOTE: smoothing leaves a quarter of the chance, and of that a hundred steps see the extremes.
    least = max(_LEAST_FALL * level, float(still.std()))
    if level - min(smooth[_STILL:]) <= least:
        return _("The loss did not fall at any rate.")
    return ""


def _one_digit(rate: float) -> float:
    """Return a rate with one significant digit, within the bounds of the field."""
    size = 10.0 ** math.floor(math.log10(rate))
    rounded = float(f"{round(rate / size) * size:.0e}")
    return min(max(rounded, LEARNING_RATE.low), LEARNING_RATE.high)
