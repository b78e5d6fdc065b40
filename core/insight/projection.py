"""Features of photos as points of a plane, and one figure that says what such pictures only suggest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from core.i18n import _
from core.insight.metrics import Share, share

PERPLEXITY = 30
NEIGHBOURS = 5
LEAST_PHOTOS = 5
_DIRECTIONS = 50
# So little beside a vote that it can only part equal ones.
_NEARER = 1e-3
_Features = NDArray[np.float32]
_Points = NDArray[np.float32]


@dataclass(frozen=True)
class Plane:
    """The two directions along which features differ most.

    Attributes:
        points: ``(photos, 2)``, float32.
        explained: The share of all variance that lies along each direction, 0 to 1.
    """

    points: _Points
    explained: tuple[float, float]


def stratified(labels: NDArray[np.int32], most: int, seed: int = 0) -> NDArray[np.intp]:
    """Draw photos so that each class keeps its share of them, and at least one as long as there is room.

    Args:
        labels: ``(photos,)``: the class of each.
        most: How many are drawn at most, at least 1.
        seed: What is drawn with it; the same seed draws the same.

    Returns:
        The places of those that were drawn, in order.
    """
    if len(labels) <= most:
        return np.arange(len(labels))
    random = np.random.default_rng(seed)
    turn = np.empty(len(labels))
    for label in np.unique(labels):
        of_class = random.permutation(np.flatnonzero(labels == label))
        turn[of_class] = np.arange(len(of_class)) / len(of_class)
    shuffled = random.permutation(len(labels))
    return np.sort(shuffled[np.argsort(turn[shuffled], kind="stable")[:most]])


def require_finite(features: _Features) -> None:
    """Raise BadInput where features are no finite numbers, as those of a training that diverged are."""
    if not np.isfinite(features).all():
        raise BadInput(
            _("The model does not make finite numbers of these photos."),
            fix=_("Train it anew with a lower learning rate."),
        )


def plane(features: _Features) -> Plane:
    """Return features as points on the plane along which they differ most (PCA).

    Args:
        features: ``(photos, channels)``, finite, of at least 2 photos.
    """
    if not _differ(features):
        return Plane(np.zeros((len(features), 2), np.float32), (0.0, 0.0))
    from sklearn.decomposition import PCA

    found = PCA(n_components=min(2, *features.shape), random_state=0)
    points = np.zeros((len(features), 2), np.float32)
    flat = found.fit_transform(features.astype(np.float64))
    points[:, : flat.shape[1]] = flat
    first, second = (*(float(each) for each in found.explained_variance_ratio_), 0.0)[:2]
    return Plane(points, (first, second))


def perplexity_for(photos: int) -> float:
    """Return the perplexity of t-SNE for so many photos: 30, or a third of the others where they are few."""
    return max(1.0, min(float(PERPLEXITY), (photos - 1) / 3))


def neighbour_map(features: _Features, seed: int = 0) -> _Points:
    """Return features as points such that near ones stay near (t-SNE), far ones anywhere.

    Args:
        features: ``(photos, channels)``, finite, of at least 5 photos. Of more than 50 channels the 50
            directions along which they differ most are taken.
        seed: What it is drawn with; the same seed gives the same map.

    Source:
        L. van der Maaten, G. Hinton, Visualizing Data using t-SNE, JMLR 9 (2008), 2579-2605.
    """
    if not _differ(features):
        return np.zeros((len(features), 2), np.float32)
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    values = features.astype(np.float64)
    if min(values.shape) > _DIRECTIONS:
        values = PCA(n_components=_DIRECTIONS, random_state=seed).fit_transform(values)
    drawn = TSNE(
        n_components=2, perplexity=perplexity_for(len(values)), random_state=seed, learning_rate="auto",
        init="pca" if values.shape[1] > 1 else "random",
    )
    # NOTE: its steps are so short that threads mostly wait for each other: on two busy cores one thread was
    # four times as fast.
    with threadpool_limits(limits=1, user_api="openmp"):
        return np.asarray(drawn.fit_transform(values), np.float32)


def turned_towards(points: _Points, other: _Points) -> _Points:
    """Return a map turned, or mirrored, as a whole so that it lies as near to another as it can.

    No distance changes by it, and of a t-SNE map no direction means anything; so a photo is found again
    more easily.

    Args:
        points: ``(photos, 2)``.
        other: ``(photos, 2)``: the same photos on the other map.
    """
    from scipy.linalg import orthogonal_procrustes

    centred = points - points.mean(axis=0)
    turn, _scale = orthogonal_procrustes(centred, other - other.mean(axis=0))
    return np.asarray(centred @ turn, np.float32)


def among_its_own(features: _Features, labels: NDArray[np.int32]) -> Share | None:
    """Return of how many photos most of the 5 most similar other photos are of the photo's own class.

    That is the accuracy of a nearest-neighbour classifier that leaves out the photo it is asked about. Of
    classes with as many votes the one with the nearer neighbours counts.

    Args:
        features: ``(photos, channels)``, finite; similar are those with a small Euclidean distance.
        labels: ``(photos,)``: the class of each.

    Returns:
        The share with its interval; ``None`` of fewer than 2 photos.
    """
    if len(labels) < 2:
        return None
    from sklearn.neighbors import NearestNeighbors

    near = min(NEIGHBOURS, len(labels) - 1)
    # NOTE: asked without photos, it passes over each photo itself, also where another is its copy.
    found = NearestNeighbors(n_neighbors=near).fit(features).kneighbors(return_distance=False)
    votes = np.zeros((len(labels), int(labels.max()) + 1))
    for rank in range(near):
        votes[np.arange(len(labels)), labels[found[:, rank]]] += 1 + _NEARER * (near - rank)
    return share(int((votes.argmax(axis=1) == labels).sum()), len(labels))


def _differ(features: _Features) -> bool:
    return bool((features != features[:1]).any())
