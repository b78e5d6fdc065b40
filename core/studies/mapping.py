"""A map of a run's photos before its training and after it: those that it finds alike lie together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from core.data.dataset import Dataset
from core.errors import BadInput
from core.files import JsonObject
from core.i18n import _
from core.insight import projection
from core.insight.metrics import Share, share
from core.jobs import Progress, no_progress
from core.runs import studied
from core.runs.folder import RunFolder
from core.studies.embed import Embeddings, embeddings
from core.studies.moving import photos_to_look_at
from core.studies.target import own_dataset
from core.workspace import Workspace

NAME = "embedding-map"
MOST_PHOTOS = 2000
Method = Literal["pca", "tsne"]
METHODS: tuple[Method, ...] = get_args(Method)
_Points = NDArray[np.float32]
_ARRAYS = {"images", "labels", "said", "sure", *METHODS}


@dataclass(frozen=True)
class PhotoMap:
    """Photos as points, before a training and after it.

    Attributes:
        images: The path of each photo within the dataset.
        labels: ``(photos,)``, int32: what each is, as an index into the dataset's classes.
        said: ``(photos,)``, int32: what the trained model says.
        sure: ``(photos,)``, float32: how likely it holds that, 0 to 1.
        points: ``(2, photos, 2)``, float32, by method: before and after, with both coordinates.
        explained: Before and after: the share of all variance along both directions of ``pca``.
        perplexity: That of t-SNE.
        own: Before and after: of how many photos most of the 5 most similar others are of its class.
        unseen: Whether the run has not learned from any of the photos; else from some.
        of: How many such photos the dataset has.
    """

    images: tuple[str, ...]
    labels: NDArray[np.int32]
    said: NDArray[np.int32]
    sure: NDArray[np.float32]
    points: Mapping[Method, _Points]
    explained: tuple[tuple[float, float], tuple[float, float]]
    perplexity: float
    own: tuple[Share, Share]
    unseen: bool
    of: int


def kept_photo_map(folder: RunFolder, dataset: Dataset) -> PhotoMap | None:
    """Return the map that was drawn before; ``None`` where it is not of this dataset or model."""
    found = studied.kept_arrays(folder, NAME)
    if found is None or not set(found.arrays) >= _ARRAYS:
        return None
    try:
        drawn = _of_record(found.record, found.arrays)
    except (KeyError, TypeError, ValueError):
        return None
    label_of = {item.path: item.label for item in dataset.items}
    fits = [label_of.get(image) for image in drawn.images] == drawn.labels.tolist()
    said_known = len(drawn.said) and 0 <= drawn.said.min() <= drawn.said.max() < len(dataset.classes)
    return drawn if fits and said_known else None


def photo_map(workspace: Workspace, folder: RunFolder, progress: Progress = no_progress) -> PhotoMap:
    """Return a map of photos before a run's training and after it, drawn where it is not kept.

    At most 2,000 photos are drawn, see :func:`core.studies.moving.photos_to_look_at`.

    Args:
        workspace: Where the dataset is.
        folder: A run with a model.
        progress: Told how far it is; it may raise Stopped, which acts within about ten seconds.

    Raises:
        BadInput: The run has no model or gets another meanwhile, there are under 5 photos, what it
            started from has changed, or a photo cannot be read any more.
        NotFound: The dataset, what the run starts from, or the run itself, is gone.
        Unavailable: The pretrained weights are not on this machine, or the disk is full.
        Stopped: ``progress`` asked for it.
    """
    dataset = own_dataset(workspace, folder)
    known = kept_photo_map(folder, dataset)
    if known is not None:
        return known
    drawn = photos_to_look_at(folder, dataset, MOST_PHOTOS)
    items = drawn.items
    if len(items) < projection.LEAST_PHOTOS:
        raise BadInput(
            _("There are too few photos for a map."), given=str(len(items)),
            fix=_("Use a dataset with at least {n} photos.").format(n=projection.LEAST_PHOTOS),
        )
    at = {item.path: place for place, item in enumerate(dataset.items)}
    places = np.asarray([at[item.path] for item in items])
    labels = np.asarray([item.label for item in items], np.int32)
    mark = studied.model_mark(folder)
    before = embeddings(workspace, folder, "start", progress)
    after = embeddings(workspace, folder, "trained", progress)
    record, points = _drawn(before, after, places, labels, progress)
    record |= {"dataset": dataset.id, "unseen": drawn.unseen, "of": drawn.of}
    chances = after.probabilities[places]
    arrays: dict[str, NDArray[np.generic]] = {
        "images": np.asarray([item.path for item in items], np.str_), "labels": labels,
        "said": chances.argmax(axis=1).astype(np.int32), "sure": chances.max(axis=1), **points,
    }
    studied.keep_arrays(folder, NAME, record, arrays, mark=mark)
    return _of_record(record, arrays)


def _drawn(
    before: Embeddings, after: Embeddings, places: NDArray[np.intp], labels: NDArray[np.int32],
    progress: Progress,
) -> tuple[JsonObject, dict[str, _Points]]:
    """Return what is said of both maps, and their points by method."""
    pair = (before.features[places], after.features[places])
    steps = 4
    progress(_("Drawing the map"), 0, steps)
    planes = [projection.plane(features) for features in pair]
    progress(_("Drawing the map"), 1, steps)
    own = [projection.among_its_own(features, labels) for features in pair]
    first = projection.neighbour_map(pair[0])
    progress(_("Drawing the map"), 2, steps)
    second = projection.turned_towards(projection.neighbour_map(pair[1]), first)
    progress(_("Drawing the map"), steps, steps)
    record: JsonObject = {
        "explained": [list(each.explained) for each in planes],
        "own": [each.right for each in own if each is not None],
        "perplexity": projection.perplexity_for(len(labels)),
    }
    return record, {
        "pca": np.stack([each.points for each in planes]), "tsne": np.stack([first, second])}


def _of_record(record: Mapping[str, Any], arrays: Mapping[str, NDArray[np.generic]]) -> PhotoMap:
    """Return the map that a record and its arrays hold; raises ValueError and others where they do not."""
    images = tuple(str(each) for each in arrays["images"])
    count = len(images)
    points: dict[Method, _Points] = {}
    for method in METHODS:
        points[method] = arrays[method].astype(np.float32, copy=False)
        if points[method].shape != (2, count, 2) or not np.isfinite(points[method]).all():
            raise ValueError("no such points")
    labels, said, sure = (arrays[name] for name in ("labels", "said", "sure"))
    if not labels.shape == said.shape == sure.shape == (count,):
        raise ValueError("not of these photos")
    own = [share(int(right), count) for right in record["own"]]
    if len(own) != 2 or own[0] is None or own[1] is None:
        raise ValueError("not before and after")
    before, after = ((float(one), float(two)) for one, two in record["explained"])
    return PhotoMap(
        images, labels.astype(np.int32, copy=False), said.astype(np.int32, copy=False),
        sure.astype(np.float32, copy=False), points, (before, after), float(record["perplexity"]),
        (own[0], own[1]), bool(record["unseen"]), int(record["of"]),
    )
