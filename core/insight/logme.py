"""How well features suit labels before anything is trained: LogME, the evidence of a linear model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

_MOST_STEPS = 500
_CLOSE_ENOUGH = 1e-7
# Of a residual or of weights that vanish, so that their precision stays a number.
_LEAST = 1e-12
_AT_A_TIME = 4096
_Array = NDArray[np.float64]


def logme(features: ArrayLike, labels: Sequence[int]) -> float | None:
    """Return the mean over classes of the largest log evidence, per image.

    For each class a linear model of whether an image is of it is looked at, with a Gaussian prior on its
    weights (precision alpha) and Gaussian noise (precision beta), both chosen so that the evidence is the
    largest. Higher is better; only differences on the same images say anything.

    Args:
        features: ``(images, features)``, what a backbone makes of each image.
        labels: The class of each image. Classes without an image are left out.

    Returns:
        The score; ``None`` where there are fewer than two classes, or a feature is no number.

    Source:
        K. You, Y. Liu, J. Wang and M. Long, "LogME: Practical Assessment of Pre-trained Models for Transfer
        Learning", ICML 2021, https://arxiv.org/abs/2102.11005. The fixed point is that of D. MacKay,
        "Bayesian Interpolation", Neural Computation 4 (1992).
    """
    rows = np.asarray(features)
    truth = np.asarray(labels)
    classes = np.unique(truth)
    if len(classes) < 2 or rows.ndim != 2 or len(rows) != len(truth) or not np.isfinite(rows).all():
        return None
    targets = (truth[:, None] == classes[None, :]).astype(np.float64)
    spectrum, directions = _eigen(rows)
    along = _products(rows, targets, directions)
    squares = targets.sum(axis=0)  # of a column of zeros and ones
    scores = [
        _evidence(spectrum, along[:, at], float(squares[at]), *rows.shape)
        for at in range(len(classes))
    ]
    return float(np.mean(scores))


def _eigen(rows: NDArray[np.generic]) -> tuple[_Array, _Array]:
    """Return eigenvalues and eigenvectors of the features' products with each other.

    NOTE: in parts, because all rows in double precision may be more than fits.
    """
    products = np.zeros((rows.shape[1], rows.shape[1]))
    for start in range(0, len(rows), _AT_A_TIME):
        part = rows[start : start + _AT_A_TIME].astype(np.float64)
        products += part.T @ part
    values, vectors = np.linalg.eigh(products)
    # What rounding leaves of a direction in which no image lies would count as one.
    values[values < values.max(initial=0.0) * rows.shape[1] * np.finfo(np.float64).eps] = 0.0
    return values, vectors


def _products(rows: NDArray[np.generic], targets: _Array, directions: _Array) -> _Array:
    """Return, for each direction and target, the product of the features along it with the target."""
    products = np.zeros((rows.shape[1], targets.shape[1]))
    for start in range(0, len(rows), _AT_A_TIME):
        part = slice(start, start + _AT_A_TIME)
        products += rows[part].astype(np.float64).T @ targets[part]
    found: _Array = directions.T @ products
    return found


def _evidence(spectrum: _Array, along: _Array, square: float, images: int, features: int) -> float:
    """Return the largest log evidence of one target, per image.

    Args:
        spectrum: The eigenvalues of the features' products.
        along: The target's products along their directions.
        square: The sum of the target's squares.
        images: How many images.
        features: How many features.
    """
    # In an orthonormal basis of the images: how much of the target each direction explains.
    explained = np.divide(along**2, spectrum, out=np.zeros_like(along), where=spectrum > 0)
    beyond = max(0.0, square - float(explained.sum()))
    alpha = beta = 1.0
    for _step in range(_MOST_STEPS):
        shrunk = alpha / (alpha + beta * spectrum)
        known = max(float((1 - shrunk).sum()), _LEAST)
        weights, residual = _fit(spectrum, explained, beyond, alpha, beta)
        new_alpha = known / max(weights, _LEAST)
        new_beta = max(images - known, _LEAST) / max(residual, _LEAST * images)
        moved = abs(np.log(new_alpha / alpha)) + abs(np.log(new_beta / beta))
        alpha, beta = new_alpha, new_beta
        if moved < _CLOSE_ENOUGH:
            break
    weights, residual = _fit(spectrum, explained, beyond, alpha, beta)
    evidence = (
        features * np.log(alpha) + images * np.log(beta) - images * np.log(2 * np.pi)
        - beta * residual - alpha * weights - np.log(alpha + beta * spectrum).sum()
    ) / 2
    return float(evidence) / images


def _fit(
    spectrum: _Array, explained: _Array, beyond: float, alpha: float, beta: float
) -> tuple[float, float]:
    """Return the squares of the likeliest weights and of what they leave of the target."""
    both = alpha + beta * spectrum
    weights = float((beta**2 * spectrum * explained / both**2).sum())
    residual = beyond + float((explained * (alpha / both) ** 2).sum())
    return weights, residual
