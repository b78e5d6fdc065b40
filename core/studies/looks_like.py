"""The training photos that new photos look like to the model of a run: what its answer is held against."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.data import dataset as datasets
from core.data.dataset import Dataset, Item
from core.insight.nearest import among_units, unit
from core.insight.predict import IMAGES_AT_ONCE, loaded
from core.runs.folder import RunFolder, require_model
from core.runs.studied import model_mark
from core.studies.embed import kept_embeddings
from core.studies.target import own_dataset
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.training.extract import PrefixRun

KEPT = 2
_kept: OrderedDict[tuple[Path, str, str], LooksLike] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class Alike:
    """A training photo that looks like another photo.

    Attributes:
        item: The photo.
        index: Its place among the items of the whole stored dataset, as thumbnails count them.
        name: The class that it is of; text from outside.
        similarity: How alike the two are to the model: the cosine between their features, -1 to 1.
    """

    item: Item
    index: int
    name: str
    similarity: float


class LooksLike:
    """Finds the training photos that photos look like; safe to call from any thread.

    Args:
        model: The file of the model.
        dataset: The dataset that it learned from, whole.
        items: The training photos.
        features: ``(items, channels)``, their features in the trained model.
    """

    def __init__(
        self, model: Path, dataset: Dataset, items: Sequence[Item], features: NDArray[np.float32]
    ) -> None:
        self._model = model
        self._dataset = dataset
        self._items = tuple(items)
        self._features = unit(features)
        self._place = {item.path: at for at, item in enumerate(dataset.items)}
        self._lock = threading.Lock()
        self._network: PrefixRun | None = None

    def __call__(self, images: Sequence[NDArray[np.uint8]], k: int = 4) -> list[list[Alike]]:
        """Return for each image the training photos that it looks like most, the most alike first.

        Args:
            images: Arrays ``(size, size, 3)`` in 0..255, as the model takes them.
            k: How many for each.

        Raises:
            BadInput: The model cannot be read any more.
        """
        if not images:
            return []
        indices, similarity = among_units(self._features, unit(self._seen(images)), k)
        return [
            [self._alike(int(at), float(how)) for at, how in zip(*row, strict=True)]
            for row in zip(indices, similarity, strict=True)
        ]

    def let_go(self) -> None:
        """Free the network; the next call makes it anew."""
        from core.training.release import let_go_of

        with self._lock:
            if self._network is not None:
                let_go_of(self._network.function)
            self._network = None

    def _seen(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        from core.insight.embedder import embedder

        with self._lock:
            if self._network is None:
                self._network = embedder(loaded(self._model).keras)
            network = self._network
            return np.concatenate([
                network(np.stack(images[start : start + IMAGES_AT_ONCE]))[0]
                for start in range(0, len(images), IMAGES_AT_ONCE)
            ])

    def _alike(self, at: int, similarity: float) -> Alike:
        item = self._items[at]
        return Alike(item, self._place[item.path], self._dataset.classes[item.label], similarity)


def looks_like(workspace: Workspace, folder: RunFolder) -> LooksLike | None:
    """Return what finds the training photos that photos look like.

    It takes little time: the features of the photos are those that
    ``core.studies.embed.embeddings(workspace, folder, "trained", progress)`` has kept.

    Args:
        workspace: Where the dataset is.
        folder: A run with a model.

    Returns:
        A function of images, see :class:`LooksLike`; ``None`` where the features are not computed yet.

    Raises:
        BadInput: The run has no model.
        NotFound: The dataset is gone.
    """
    dataset = own_dataset(workspace, folder)
    key = folder.path, dataset.folder.name, model_mark(folder)
    with _lock:
        answer = _kept.get(key)
    if answer is None:
        answer = _made(workspace, folder, dataset)
    if answer is None:
        return None
    with _lock:
        answer = _kept.setdefault(key, answer)
        _kept.move_to_end(key)
        gone = [_kept.popitem(last=False)[1] for _each in range(max(0, len(_kept) - KEPT))]
    for each in gone:
        each.let_go()
    return answer


def _made(workspace: Workspace, folder: RunFolder, dataset: Dataset) -> LooksLike | None:
    found = kept_embeddings(folder, "trained", dataset)
    rows = [at for at, item in enumerate(dataset.items) if item.split == "train"]
    if found is None or not rows:
        return None
    whole = datasets.load(workspace.dataset_dir(dataset.id))
    return LooksLike(require_model(folder), whole, [dataset.items[at] for at in rows], found.features[rows])
