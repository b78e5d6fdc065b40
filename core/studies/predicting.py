"""What a run's model says of labelled photos; computed once and kept."""

from __future__ import annotations

from core.i18n import _
from core.insight.passing import passed
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

    NOTE: of the run's own test photos this is a look at them; pages measure them by
    :func:`core.runs.work.measure`, which counts it and keeps the same answers.

    Raises:
        BadInput: The run has no model, there is no such photo, or one cannot be read any more.
        NotFound: The dataset is gone.
        Stopped: ``progress`` asked for it.
    """
    from core.insight.predict import loaded

    photos = chosen(workspace, folder, target)
    known = kept(folder, target, photos)
    if known is not None:
        return known
    progress(_("Loading the model"), 0, None)
    model = loaded(require_model(folder))
    (chances,) = passed(
        lambda images: [model.keras.predict_on_batch(images)], photos.photos.files, model.size, progress,
        _("Looking at the photos"))
    found = Predictions(
        photos.classes, tuple(item.path for item in photos.items), photos.labels, chances)
    studied.keep_predictions(folder, target.key, found)
    return found
