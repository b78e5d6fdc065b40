"""The audit of a dataset: of a run's, kept with the run, or of any photos by the features of a backbone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.data.dataset import Dataset
from core.errors import BadInput
from core.files import JsonObject
from core.i18n import _
from core.insight.audit import Audit, audit
from core.insight.overlay import EDGE
from core.insight.passing import passed
from core.jobs import Progress, no_progress
from core.runs import studied
from core.runs.folder import RunFolder
from core.studies.embed import When, embeddings
from core.studies.target import own_dataset
from core.training.plan import Plan
from core.training.release import let_go_of
from core.training.start import RANDOM
from core.workspace import Workspace

NAME = "audit"


def features_of(plan: Plan) -> When:
    """Return whose features a run's photos are judged by.

    Those of the weights that it started from, because they have not learned from the labels that are to be
    judged; where it started from random weights, which see little, those of the trained model.
    """
    return "trained" if plan.weights.source == RANDOM else "start"


def audited(dataset: Dataset, features: NDArray[np.float32], progress: Progress = no_progress) -> Audit:
    """Audit the photos of a dataset.

    Args:
        dataset: Any dataset, also a limited one.
        features: ``(items, channels)``.
        progress: Told how far it is; it may raise Stopped.

    Raises:
        BadInput: A photo cannot be read any more.
        Stopped: ``progress`` asked for it.
    """
    def greys(places: Sequence[int], told: Progress) -> NDArray[np.uint8]:
        files = [dataset.file(dataset.items[place]) for place in places]
        (found,) = passed(_in_grey, files, EDGE, told, _("Reading the photos"))
        return found

    return audit(dataset.items, features, greys, progress)


def _in_grey(images: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    return [np.stack([np.asarray(Image.fromarray(each).convert("L")) for each in images])]


def audit_of_run(workspace: Workspace, folder: RunFolder, progress: Progress = no_progress) -> Audit:
    """Audit the photos that a run learned from and was measured on, and keep what is found.

    Raises:
        BadInput: The run has no model or gets another meanwhile, what it started from has changed, or a
            photo cannot be read any more.
        NotFound: The dataset, what the run starts from, or the run itself, is gone.
        Unavailable: The pretrained weights are not on this machine, or the disk is full.
        Stopped: ``progress`` asked for it; nothing is kept but the features, where they were whole.
    """
    when, mark = features_of(folder.plan()), studied.model_mark(folder)
    known = embeddings(workspace, folder, when, progress)
    dataset = own_dataset(workspace, folder)
    found = audited(dataset, known.features, progress)
    record: JsonObject = {"features": when, "dataset": dataset.id, "found": found.to_json()}
    studied.keep_record(folder, NAME, record, mark=mark)
    return found


def kept_audit(folder: RunFolder, dataset: Dataset) -> Audit | None:
    """Return what was found before of the photos of a run; ``None`` where that is not known.

    Args:
        folder: The run.
        dataset: Its dataset, limited as its plan says.
    """
    record = studied.kept_record(folder, NAME)
    found = record.get("found") if record else None
    if record is None or not isinstance(found, dict) or record.get("dataset") != dataset.id:
        return None
    try:
        known = Audit.from_json(found)
    except BadInput:
        return None  # it is looked for anew
    return known if _is_of(known, dataset) else None


def _is_of(known: Audit, dataset: Dataset) -> bool:
    paths = {item.path for item in dataset.items}
    named: set[str | None] = {path for pair in known.twins for path in (pair.first, pair.second)}
    for wrong in known.mislabelled:
        named |= {wrong.image, wrong.near_label, wrong.near_other}
    for strange in known.strange:
        named |= {strange.image, strange.typical, strange.near}
    classes = range(len(dataset.classes))
    return (
        known.images == len(dataset.items) and paths.issuperset(named - {None})
        and all(each.looks_like in classes for each in known.mislabelled)
    )


def backbone_features(
    dataset: Dataset, plan: Plan, progress: Progress = no_progress
) -> NDArray[np.float32]:
    """Return what a backbone makes of all photos of a dataset, by its pretrained weights; nothing is kept.

    Args:
        dataset: The photos; at least one.
        plan: Names the backbone and the size of the images.
        progress: Told how far it is; it may raise Stopped.

    Raises:
        BadInput: A photo cannot be read any more.
        Unavailable: The weights are not on this machine and cannot be fetched.
        Stopped: ``progress`` asked for it.
    """
    from core.training.backend import load_tensorflow

    progress(_("Loading the model"), 0, None)
    load_tensorflow()
    from core.insight.embedder import embedder
    from core.training.model import assemble

    network = embedder(assemble(plan, max(2, len(dataset.classes)), to_learn=False))
    files = [dataset.file(item) for item in dataset.items]
    try:
        features, _chances = passed(network, files, plan.size, progress, _("Looking at the photos"))
    finally:
        let_go_of(network.function)
    return features
