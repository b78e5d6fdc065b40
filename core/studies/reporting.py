"""Gathering what is known of a run for its report and its model card; nothing is measured for them.

Only the heatmaps are drawn on the way, of a few photos that were looked at already.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
from PIL import Image

from core.backbones import catalogue
from core.data.dataset import Dataset
from core.data.images import load_array, open_rgb, thumbnail
from core.errors import ThawError
from core.export.findings import Findings, Moved, Photo
from core.export.model_card import model_card
from core.export.report import report
from core.files import JsonObject, write_text
from core.i18n import _
from core.insight.confidence import calibration
from core.insight.corruptions import titles
from core.insight.hardest import hardest
from core.insight.metrics import Share
from core.insight.predict import USAGE, loaded
from core.insight.predictions import Predictions
from core.insight.rates import rates
from core.jobs import Progress, no_progress
from core.runs import studied
from core.runs.about import about_of
from core.runs.folder import RunFolder, require_model
from core.runs.status import State
from core.runs.work import evaluation_of, looks
from core.studies import auditing, evaluating, holding_up, moving, predicting
from core.studies.target import Chosen, Target, chosen, own_dataset
from core.training.plan import Plan
from core.training.stages import stage_title, stages_of
from core.workspace import Workspace

EXPORTS = "exports"
_NAME = "report"
HARDEST = 12
HEATMAPS = 6
EDGE = 200
_STEPS = 4
_log = logging.getLogger(__name__)


def report_file(folder: RunFolder) -> Path:
    """Return where a run's report is kept."""
    return folder.path / EXPORTS / "report.html"


def card_file(folder: RunFolder) -> Path:
    """Return where a run's model card is kept."""
    return folder.path / EXPORTS / "model_card.md"


def make_report(workspace: Workspace, folder: RunFolder, progress: Progress = no_progress) -> Path:
    """Make a run's report and its model card anew, and keep them with it.

    Args:
        workspace: Where its dataset is, if it still is.
        folder: A run with a model, whatever its state.
        progress: Told how far it is; it may raise Stopped, which leaves the old ones.

    Returns:
        The report's file.

    Raises:
        BadInput: The run has no model, or is damaged.
        Stopped: ``progress`` asked for it.
    """
    found = findings(workspace, folder, progress)
    page, card = report(found), model_card(found)
    progress(_("Writing the report"), _STEPS, _STEPS)
    path = report_file(folder)
    path.parent.mkdir(exist_ok=True)
    write_text(card_file(folder), card)
    write_text(path, page)
    studied.keep_record(folder, _NAME, {"made": found.made, "bytes": path.stat().st_size})
    return path


def kept_report(folder: RunFolder) -> Path | None:
    """Return the report that was made of the run's model as it is; ``None`` where there is none."""
    known = studied.kept_record(folder, _NAME) is not None
    there = report_file(folder).is_file() and card_file(folder).is_file()
    return report_file(folder) if known and there else None


def findings(workspace: Workspace, folder: RunFolder, progress: Progress = no_progress) -> Findings:
    """Return all that is known of a run; see :func:`make_report` for arguments and errors."""
    require_model(folder)
    progress(_("Reading the run"), 0, _STEPS)
    plan, status, told = folder.plan(), folder.status(), folder.report() or {}
    dataset = _dataset(workspace, folder)
    photos = _test_photos(workspace, folder, dataset)
    said = None if photos is None else predicting.kept(folder, Target(), photos)
    test = evaluation_of(folder)
    kept = folder.kept()
    progress(_("Choosing photos"), 1, _STEPS)
    block = catalogue.get(plan.backbone).block_names[-1]
    compared = _saved(told, status.elapsed_s)
    clean, worse = _holding(folder, photos)
    return Findings(
        title=about_of(folder).title, state=_state(status.state), made=date.today().isoformat(), plan=plan,
        usage=USAGE, dataset=dataset, history=folder.history(), kept=None if kept is None else kept.epoch,
        stages=_stages(plan), parameters=_parameters(told), seconds=status.elapsed_s, saved_s=compared,
        versions=_texts(told.get("versions")), machine=_texts(told.get("machine")), looks=looks(told),
        measured=None if test is None else rates(test.classes, test.confusion),
        majority=None if test is None else (test.classes[test.majority_class], test.majority),
        calibration=None if said is None else calibration(said),
        temperature=evaluating.kept_temperature(folder),
        hardest=_hardest(photos, said), heatmaps=_heatmaps(folder, plan, block, photos, said, progress),
        heatmap_block=block, moved=_moved(folder), holding=worse, clean=clean, audit=_audit(folder, dataset),
    )


def _state(state: State) -> str:
    return {
        State.FINISHED: _("finished"), State.STOPPED: _("stopped before its end"),
        State.FAILED: _("did not finish"), State.PAUSED: _("paused"),
        State.INTERRUPTED: _("interrupted"),
    }.get(state, _("still going on"))


def _dataset(workspace: Workspace, folder: RunFolder) -> Dataset | None:
    try:
        return own_dataset(workspace, folder)
    except ThawError as error:
        _log.warning("the report of run %s goes without its dataset: %s", folder.id, error)
        return None


def _test_photos(workspace: Workspace, folder: RunFolder, dataset: Dataset | None) -> Chosen | None:
    if dataset is None or not dataset.of_split("test"):
        return None
    return chosen(workspace, folder, Target())


def _stages(plan: Plan) -> list[tuple[int, str]]:
    stages = stages_of(plan)
    return [(stage.first + 1, stage_title(stage.name)) for stage in stages] if len(stages) > 1 else []


def _parameters(told: JsonObject) -> tuple[int, int] | None:
    found = told.get("parameters")
    if not isinstance(found, dict):
        return None
    total, learning = found.get("total"), found.get("trainable")
    return (total, learning) if isinstance(total, int) and isinstance(learning, int) else None


def _saved(told: JsonObject, seconds: float | None) -> float | None:
    cache = told.get("cache")
    compared = cache.get("compared_s") if isinstance(cache, dict) else None
    if not isinstance(compared, int | float) or seconds is None or compared <= seconds:
        return None
    return float(compared) - seconds


def _texts(given: object) -> dict[str, str]:
    if not isinstance(given, dict):
        return {}
    return {str(name): str(value) for name, value in given.items() if value is not None}


def _photo(said: Predictions, at: int, jpeg: bytes, heatmap: bytes | None = None) -> Photo:
    answer = int(said.said[at])
    return Photo(
        jpeg, said.classes[int(said.labels[at])], said.classes[answer],
        float(said.probabilities[at, answer]), heatmap,
    )


def _hardest(photos: Chosen | None, said: Predictions | None) -> list[Photo]:
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


def _heatmaps(
    folder: RunFolder, plan: Plan, block: str, photos: Chosen | None, said: Predictions | None,
    progress: Progress,
) -> list[Photo]:
    """Draw heatmaps of the surest mistakes and of some that are right."""
    if photos is None or said is None:
        return []
    from core.insight.heatmap import SAID, explainer, overlay

    progress(_("Drawing heatmaps"), 2, _STEPS)
    places = _to_explain(said)
    model = loaded(require_model(folder))
    looks_at = explainer(model, plan.backbone, block)
    drawn = []
    for at in places:
        progress(_("Drawing heatmaps"), 2, _STEPS)
        file = photos.dataset.file(photos.items[at])
        try:
            image = load_array(file, model.size)
            shown = open_rgb(file, at_least=EDGE)
        except ThawError as error:
            _log.warning("a photo is left out of a report: %s", error)
            continue
        heat = looks_at.heatmaps(image[np.newaxis], [SAID]).maps[0]
        drawn.append(_photo(said, at, _jpeg(shown), overlay(shown, heat, longest=EDGE)))
    progress(_("Drawing heatmaps"), 3, _STEPS)
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


def _moved(folder: RunFolder) -> list[Moved]:
    found = moving.kept_moving(folder)
    return [] if found is None else [Moved(each.block, each.weights, each.cka) for each in found.blocks]


def _holding(
    folder: RunFolder, photos: Chosen | None
) -> tuple[Share | None, list[tuple[str, list[Share]]]]:
    found = None if photos is None else holding_up.kept_holding_up(folder, photos, "test")
    if found is None:
        return None, []
    names = dict.fromkeys(name for name, _strength in found.worse)
    return found.clean, [
        (titles()[name], [each.share for each in found.at(name)]) for name in names
    ]


def _audit(folder: RunFolder, dataset: Dataset | None) -> list[tuple[str, int]]:
    found = None if dataset is None else auditing.kept_audit(folder, dataset)
    if found is None:
        return []
    return [
        (_("near-duplicates"), found.twins_found), (_("of them across splits"), found.across),
        (_("likely label errors"), found.mislabelled_found), (_("outliers"), found.strange_found),
        (_("photos looked at"), found.images),
    ]
