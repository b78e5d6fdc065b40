"""Gathering what is known of a run for its report and its model card; nothing is measured for them.

Only the heatmaps are drawn on the way, of a few photos that were looked at already.
"""

from __future__ import annotations

import logging
from datetime import date
from pathlib import Path

from core.backbones import catalogue
from core.data.dataset import Dataset
from core.errors import ThawError
from core.export.findings import Findings, Moved
from core.export.model_card import model_card
from core.export.report import report
from core.files import JsonObject, write_text
from core.i18n import _
from core.insight.confidence import calibration
from core.insight.corruptions import titles
from core.insight.metrics import Evaluation, Share
from core.insight.predict import USAGE
from core.insight.rates import is_counted, rates
from core.jobs import Progress, no_progress
from core.runs import studied
from core.runs.about import about_of
from core.runs.folder import RunFolder, require_model, saved_epoch
from core.runs.status import State
from core.runs.work import evaluation_of, looks
from core.studies import auditing, evaluating, holding_up, moving, predicting
from core.studies.report_photos import hardest_photos, with_heatmaps
from core.studies.target import Chosen, Target, chosen, own_dataset
from core.training.plan import Plan
from core.training.stages import stage_title, stages_of
from core.workspace import Workspace

_NAME = "report"
_STEPS = 4
_log = logging.getLogger(__name__)


def report_file(folder: RunFolder) -> Path:
    """Return where a run's report is kept."""
    return folder.exports / "report.html"


def card_file(folder: RunFolder) -> Path:
    """Return where a run's model card is kept."""
    return folder.exports / "model_card.md"


def make_report(workspace: Workspace, folder: RunFolder, progress: Progress = no_progress) -> Path:
    """Make a run's report and its model card anew, and keep them with it.

    Args:
        workspace: Where its dataset is, if it still is.
        folder: A run with a model, whatever its state.
        progress: Told how far it is; it may raise Stopped, which leaves the old ones.

    Returns:
        The report's file.

    Raises:
        BadInput: The run has no model, gets another meanwhile, or is damaged.
        Unavailable: The disk is full.
        Stopped: ``progress`` asked for it.
    """
    mark = studied.model_mark(folder)
    found = findings(workspace, folder, progress)
    progress(_("Writing the report"), 3, _STEPS)
    page, card = report(found), model_card(found)
    progress(_("Writing the report"), _STEPS, _STEPS)
    path = report_file(folder)
    with studied.writing(folder):
        studied.require_same(folder, mark)
        path.parent.mkdir(exist_ok=True)
        write_text(card_file(folder), card)
        write_text(path, page)
    studied.keep_record(
        folder, _NAME, {"made": found.made, "bytes": path.stat().st_size}, mark=mark)
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
    photos = _photos(workspace, folder, dataset, "test")
    said = None if photos is None else predicting.kept(folder, Target(), photos)
    test = evaluation_of(folder)
    if said is not None and (test is None or not is_counted(said, test)):
        said = None  # answers of another look than the figures are of
    progress(_("Choosing photos"), 1, _STEPS)
    block = catalogue.get(plan.backbone).block_names[-1]
    compared = _saved(told, status.elapsed_s)
    clean, worse, on = _holding(workspace, folder, dataset)
    return Findings(
        title=about_of(folder).title, state=_state(status.state), made=date.today().isoformat(), plan=plan,
        usage=USAGE, trained=_day(status.ended), dataset=dataset, history=folder.history(),
        kept=_kept(folder),
        stages=_stages(plan), parameters=_parameters(told), seconds=status.elapsed_s, saved_s=compared,
        versions=_texts(told.get("versions")), machine=_texts(told.get("machine")), looks=looks(told),
        measured=None if test is None else rates(test.classes, test.confusion),
        learned_before=None if photos is None or photos.unknown_before else photos.learned_among,
        unseen="" if said is not None else _unseen(dataset, test),
        majority=None if test is None else (test.classes[test.majority_class], test.majority),
        calibration=None if said is None else calibration(said),
        temperature=evaluating.kept_temperature(folder),
        hardest=hardest_photos(photos, said),
        heatmaps=with_heatmaps(
            folder, block, photos, said, lambda: progress(_("Drawing heatmaps"), 2, _STEPS)),
        heatmap_block=block, moved=_moved(folder), holding=worse, holding_on=on, clean=clean,
        audit=_audit(folder, dataset),
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


def _photos(
    workspace: Workspace, folder: RunFolder, dataset: Dataset | None, split: str
) -> Chosen | None:
    """Return the photos of a split; ``None`` where there are none, or the dataset is gone."""
    if dataset is None or not dataset.of_split(split):
        return None
    return chosen(workspace, folder, Target(split=split))


def _unseen(dataset: Dataset | None, test: Evaluation | None) -> str:
    """Say why nothing is known of single test photos."""
    if dataset is None:
        return _("its photos are no longer in the workspace.")
    if not dataset.of_split("test"):
        return _("this dataset has no test photos.")
    if test is None:
        return _("the test photos were not looked at. The Evaluate page does it.")
    return _("what was said of each test photo was not kept. The Evaluate page can look at them again.")


def _kept(folder: RunFolder) -> int | None:
    """Return the epoch of the model that is there now: a run that goes on may have a better one already."""
    epoch = saved_epoch(folder.model)
    kept = folder.kept() if epoch is None else None
    return epoch if kept is None else kept.epoch


def _day(time: float | None) -> str:
    return "" if time is None else date.fromtimestamp(time).isoformat()


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


def _moved(folder: RunFolder) -> list[Moved]:
    found = moving.kept_moving(folder)
    return [] if found is None else [Moved(each.block, each.weights, each.cka) for each in found.blocks]


def _holding(
    workspace: Workspace, folder: RunFolder, dataset: Dataset | None
) -> tuple[Share | None, list[tuple[str, list[Share]]], str]:
    """Return the accuracy as they are and made worse, and on which photos: test, else validation."""
    for split, words in (("test", _("test photos")), ("validation", _("validation photos"))):
        photos = _photos(workspace, folder, dataset, split)
        found = None if photos is None else holding_up.kept_holding_up(folder, photos, split)
        if found is not None:
            names = titles()
            rows = [(names[each], [worse.share for worse in found.at(each)]) for each in names]
            return found.clean, rows, words
    return None, [], ""


def _audit(folder: RunFolder, dataset: Dataset | None) -> list[tuple[str, int]]:
    found = None if dataset is None else auditing.kept_audit(folder, dataset)
    if found is None:
        return []
    twins = _("near-duplicates, at least") if found.more_twins else _("near-duplicates")
    return [
        (twins, found.twins_found), (_("of them across splits"), found.across),
        (_("likely label errors"), found.mislabelled_found), (_("outliers"), found.strange_found),
        (_("photos looked at"), found.images),
    ]
