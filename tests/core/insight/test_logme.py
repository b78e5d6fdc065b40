from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

from core.insight.logme import logme

Array = NDArray[np.float64]


def log_evidence(features: Array, target: Array, alpha: float, beta: float) -> float:
    """The density of the target itself: Gaussian, with what weights and noise add to its covariance."""
    images = len(features)
    covariance = np.eye(images) / beta + features @ features.T / alpha
    _sign, size = np.linalg.slogdet(covariance)
    spread = target @ np.linalg.solve(covariance, target)
    return -0.5 * float(images * np.log(2 * np.pi) + size + spread)


def largest(features: Array, target: Array) -> float:
    """Look for the largest log evidence directly, from several beginnings."""
    def less(logs: Array) -> float:
        return -log_evidence(features, target, *np.exp(np.clip(logs, -30, 30)))

    found = [
        minimize(less, [alpha, beta], method="Nelder-Mead",
                 options={"xatol": 1e-9, "fatol": 1e-11, "maxiter": 4000}).fun
        for alpha in (-2.0, 0.0, 3.0) for beta in (0.0, 3.0)
    ]
    return -min(found)


def as_in_the_paper(features: Array, target: Array) -> float:
    """Algorithm 1 of the paper: alternate until alpha and beta stay, then the evidence by its formula."""
    images, size = features.shape
    alpha = beta = 1.0
    values = np.clip(np.linalg.eigvalsh(features.T @ features), 0, None)
    for _step in range(2000):
        matrix = alpha * np.eye(size) + beta * features.T @ features
        weights = beta * np.linalg.solve(matrix, features.T @ target)
        gamma = float((beta * values / (alpha + beta * values)).sum())
        residual = float(((features @ weights - target) ** 2).sum())
        alpha, beta = gamma / float(weights @ weights), (images - gamma) / residual
    matrix = alpha * np.eye(size) + beta * features.T @ features
    weights = beta * np.linalg.solve(matrix, features.T @ target)
    residual = float(((features @ weights - target) ** 2).sum())
    return 0.5 * float(
        images * np.log(beta) + size * np.log(alpha) - images * np.log(2 * np.pi) - beta * residual
        - alpha * (weights @ weights) - np.linalg.slogdet(matrix)[1]
    ) / images


def drawn(images: int, size: int, seed: int = 0, apart: float = 0.8) -> tuple[Array, NDArray[np.int_]]:
    random = np.random.default_rng(seed)
    labels = np.arange(images) % 3
    centres = random.normal(size=(3, size))
    return np.abs(apart * centres[labels] + random.normal(size=(images, size))), labels


@pytest.mark.parametrize("size", [(40, 4), (60, 30), (24, 40)], ids=str)
def test_it_is_the_largest_evidence_that_there_is(size: tuple[int, int]) -> None:
    features, labels = drawn(*size)
    direct = np.mean([largest(features, (labels == each).astype(float)) / size[0] for each in range(3)])
    assert logme(features, labels.tolist()) == pytest.approx(direct, abs=1e-7)


def test_it_is_the_fixed_point_of_the_paper() -> None:
    features, labels = drawn(50, 12)
    expected = np.mean([as_in_the_paper(features, (labels == each).astype(float)) for each in range(3)])
    assert logme(features, labels.tolist()) == pytest.approx(expected, abs=1e-9)


def test_features_that_tell_the_classes_apart_score_higher() -> None:
    scores = [logme(*drawn(90, 10, apart=apart)) for apart in (0.0, 1.0, 3.0)]  # type: ignore[arg-type]
    assert scores == sorted(scores)  # type: ignore[type-var]


def test_many_images_are_looked_at_in_parts_with_the_same_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = drawn(50, 12)
    whole = logme(features, labels.tolist())
    monkeypatch.setattr("core.insight.logme._AT_A_TIME", 7)
    assert logme(features, labels.tolist()) == pytest.approx(whole, abs=1e-12)


def test_a_class_without_an_image_and_names_of_classes_change_nothing() -> None:
    features, labels = drawn(50, 12)
    assert logme(features, (5 * labels + 2).tolist()) == logme(features, labels.tolist())


@pytest.mark.parametrize("features", [np.zeros((12, 4)), np.ones((12, 4)), np.eye(12)[:, :5]], ids=str)
def test_features_that_say_little_still_have_a_score(features: Array) -> None:
    score = logme(features, [at % 2 for at in range(12)])
    assert score is not None
    assert np.isfinite(score)


def test_there_is_no_score_where_there_is_nothing_to_tell_apart() -> None:
    features, labels = drawn(12, 4)
    assert logme(features, [0] * 12) is None
    assert logme(features[:6], labels.tolist()) is None
    features[3, 2] = np.nan
    assert logme(features, labels.tolist()) is None
