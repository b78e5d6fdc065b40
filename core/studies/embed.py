"""The features of all photos of a run's dataset, before its training and after it; computed once and kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.data.dataset import Dataset
from core.errors import BadInput
from core.i18n import _
from core.insight.embedder import embedder
from core.insight.moved import weight_changes
from core.insight.passing import passed
from core.insight.projection import require_finite
from core.jobs import Progress, no_progress
from core.runs import begun, lineage, studied
from core.runs.folder import RunFolder, require_model
from core.studies.target import own_dataset
from core.training.plan import Plan
from core.training.release import let_go_of
from core.training.start import RUN
from core.workspace import Workspace

When = Literal["start", "trained"]


@dataclass(frozen=True)
class Embeddings:
    """The features of photos.

    Attributes:
        images: The path of each photo within the dataset.
        features: ``(images, channels)``, float32: the backbone's last output, averaged over the picture.
        probabilities: ``(images, classes)``, float32: what the model says; of the start nothing is known, and
            a head that has learned nothing says it.
    """

    images: tuple[str, ...]
    features: NDArray[np.float32]
    probabilities: NDArray[np.float32]


def start_model(workspace: Workspace, folder: RunFolder) -> Any:
    """Return the classifier that a run began with, not compiled: the same weights and the same new head.

    Raises:
        NotFound: The file or the run that it starts from is gone.
        Unavailable: The pretrained weights are not on this machine and cannot be fetched.
        BadInput: They do not fit, or the run that it starts from was trained further since.
    """
    from core.training.backend import load_tensorflow
    from core.training.model import assemble

    load_tensorflow()
    plan = folder.plan()
    classes = len(own_dataset(workspace, folder).classes)
    begun.require_same_start(workspace, folder, plan)
    model = assemble(plan, classes, lineage.weights_file(workspace, plan), to_learn=False)
    if plan.weights.source == RUN:
        _require_frozen_same(folder, plan, model)
    return model


def _require_frozen_same(folder: RunFolder, plan: Plan, start: Any) -> None:
    """Raise BadInput where a block differs that never learned: then the run did not begin with this."""
    from core.insight.predict import loaded
    from core.training.model import body_of

    changes = weight_changes(body_of(start), body_of(loaded(require_model(folder)).keras), plan.backbone)
    if any(change for block, change in changes.items() if block not in plan.trainable):
        raise begun.trained_further(plan)


def kept_embeddings(folder: RunFolder, when: When, dataset: Dataset) -> Embeddings | None:
    """Return the features that were computed before; ``None`` where they are not those of all photos."""
    found = studied.kept_arrays(folder, f"embeddings-{when}", stay=False)
    if found is None or not {"images", "features", "probabilities"} <= set(found.arrays):
        return None
    images = tuple(str(each) for each in found.arrays["images"])
    if images != tuple(item.path for item in dataset.items):
        return None
    features, chances = found.arrays["features"], found.arrays["probabilities"]
    if features.ndim != 2 or len(features) != len(images) or len(chances) != len(images):
        return None
    if not (np.isfinite(features).all() and np.isfinite(chances).all()):
        return None
    return Embeddings(
        images, features.astype(np.float32, copy=False), chances.astype(np.float32, copy=False))


def embeddings(
    workspace: Workspace, folder: RunFolder, when: When, progress: Progress = no_progress
) -> Embeddings:
    """Return the features of all photos of a run's dataset, computed where they are not kept.

    Args:
        workspace: Where the dataset is.
        folder: A run with a model.
        when: ``start`` for the weights that it began with, ``trained`` for those that it came to.
        progress: Told how far it is; it may raise Stopped.

    Raises:
        BadInput: The run has no model or gets another meanwhile, a model makes no finite numbers, what
            it started from has changed, or a photo cannot be read any more.
        NotFound: The dataset, what the run starts from, or the run itself, is gone.
        Unavailable: The pretrained weights are not on this machine, or the disk is full.
        Stopped: ``progress`` asked for it.
    """
    from core.insight.predict import loaded

    dataset = own_dataset(workspace, folder)
    known = kept_embeddings(folder, when, dataset)
    if known is not None:
        return known
    if not dataset.items:
        raise BadInput(_("This dataset has no such photos."), given=dataset.title[:80])
    progress(_("Loading the model"), 0, None)
    file, mark = require_model(folder), studied.model_mark(folder)
    model = start_model(workspace, folder) if when == "start" else loaded(file).keras
    network = embedder(model)
    phase = (
        _("Looking at the photos as before the training") if when == "start" else _("Looking at the photos")
    )
    files = [dataset.file(item) for item in dataset.items]
    try:
        features, chances = passed(network, files, int(model.input_shape[1]), progress, phase)
    finally:
        let_go_of(network.function)
    require_finite(features)
    require_finite(chances)
    found = Embeddings(tuple(item.path for item in dataset.items), features, chances)
    studied.keep_arrays(folder, f"embeddings-{when}", {"dataset": dataset.id}, {
        "images": np.asarray(found.images, dtype=np.str_), "features": features, "probabilities": chances,
    }, mark=mark)
    return found
