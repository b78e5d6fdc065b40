"""What a run's model says of labelled photos; computed once and kept."""

from __future__ import annotations

from core.insight.passing import answers
from core.insight.predictions import Predictions
from core.jobs import Progress, no_progress
from core.runs import studied
from core.runs.folder import RunFolder, require_model
from core.studies.target import Chosen, Target, chosen
from core.workspace import Workspace


def kept(folder: RunFolder, target: Target, photos: Chosen) -> Predictions | None:
    """Return what was found out before; ``None`` where it is not of these very photos."""
    found = studied.kept_predictions(folder, target.checked().key)
    if found is None or found.images != tuple(item.path for item in photos.items):
        return None
    return found if (found.labels == photos.labels).all() else None


def predictions(
    workspace: Workspace, folder: RunFolder, target: Target, progress: Progress = no_progress
) -> Predictions:
    """Return what a run's model says of the photos of a target, computed where it is not kept.

    NOTE: of the run's own test photos this is a look at them that nobody counts: ask by
    :func:`core.studies.evaluating.looked`.

    Raises:
        BadInput: The run has no model or gets another meanwhile, there is no such photo, or one cannot
            be read any more.
        NotFound: The dataset, or the run, is gone.
        Unavailable: The disk is full.
        Stopped: ``progress`` asked for it.
    """
    photos = chosen(workspace, folder, target)
    known = kept(folder, target, photos)
    if known is not None:
        return known
    mark = studied.model_mark(folder)
    chances = answers(require_model(folder), photos.photos.files, progress)
    found = Predictions(
        photos.classes, tuple(item.path for item in photos.items), photos.labels, chances)
    studied.keep_predictions(folder, target.key, found, mark=mark)
    return found
