"""The photos of a run's report: the hardest ones, and some with where the network looked."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from core.data.images import load_array, open_rgb, thumbnail
from core.errors import ThawError
from core.export.findings import Photo
from core.insight.hardest import hardest
from core.insight.predict import loaded
from core.insight.predictions import Predictions
from core.runs.folder import RunFolder, require_model
from core.studies.target import Chosen

HARDEST = 12
HEATMAPS = 6
EDGE = 200
_log = logging.getLogger(__name__)


def _photo(said: Predictions, at: int, jpeg: bytes, heatmap: bytes | None = None) -> Photo:
    answer = int(said.said[at])
    return Photo(
        jpeg, said.classes[int(said.labels[at])], said.classes[answer],
        float(said.probabilities[at, answer]), heatmap,
    )


def hardest_photos(photos: Chosen | None, said: Predictions | None) -> list[Photo]:
    """Return the photos with the highest loss; none where nothing is known of single photos."""
    if photos is None or said is None:
        return []
    found = []
    for at in hardest(said)[:HARDEST]:
        try:
            jpeg = thumbnail(photos.dataset.file(photos.items[at]), EDGE)
        except ThawError as error:
            _log.warning("a photo is left out of a report: %s", error)
            continue
        found.append(_photo(said, int(at), jpeg))
    return found


def with_heatmaps(
    folder: RunFolder, block: str, photos: Chosen | None, said: Predictions | None, told: Callable[[], None]
) -> list[Photo]:
    """Draw heatmaps of the hardest mistakes and of some photos that the model is right about.

    Args:
        folder: The run.
        block: Of its backbone, which is looked at.
        photos: Its test photos; ``None`` gives none.
        said: What the model says of them; likewise.
        told: Called before each; it may raise Stopped.
    """
    if photos is None or said is None:
        return []
    from core.insight.heatmap import SAID, explainer, overlay

    told()
    places = _to_explain(said)
    model = loaded(require_model(folder))
    looks_at = explainer(model, folder.plan().backbone, block)
    drawn = []
    for at in places:
        told()
        file = photos.dataset.file(photos.items[at])
        try:
            image = load_array(file, model.size)
            shown = open_rgb(file, at_least=EDGE)
        except ThawError as error:
            _log.warning("a photo is left out of a report: %s", error)
            continue
        heat = looks_at.heatmaps(image[np.newaxis], [SAID]).maps[0]
        drawn.append(_photo(said, at, _jpeg(shown), overlay(shown, heat, longest=EDGE)))
    return drawn


def _jpeg(photo: Image.Image) -> bytes:
    small, buffer = photo.copy(), io.BytesIO()
    small.thumbnail((EDGE, EDGE), Image.Resampling.BILINEAR)
    small.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _to_explain(said: Predictions) -> Sequence[int]:
    wrong = hardest(said, only_mistakes=True)[: HEATMAPS // 2]
    sure = np.argsort(-said.probabilities.max(axis=1), kind="stable")
    right = [at for at in sure if said.right[at]]
    spread = right[:: max(1, len(right) // HEATMAPS)]
    return [int(at) for at in [*wrong, *spread][:HEATMAPS]]
