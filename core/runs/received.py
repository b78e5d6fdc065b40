"""Reading the files of a run that came from elsewhere, and writing anew what was understood of them."""

from __future__ import annotations

import math
import re
import zipfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from core.data.dataset import SPLITS, is_stored_name
from core.errors import BadInput
from core.files import JsonObject, read_json, write_json
from core.i18n import _
from core.insight import comparison
from core.insight.metrics import Evaluation
from core.insight.predictions import Predictions
from core.runs import begun, studied
from core.runs.about import about_of
from core.runs.folder import RunFolder
from core.runs.packing import PREDICTIONS
from core.runs.received_model import BROKEN, are_classes, is_stored, made_anew, read_inside
from core.runs.received_photos import LONGEST_TITLE
from core.runs.status import Failure, State, Status
from core.runs.work import LOOKS
from core.training import fields as bounds
from core.training.events import EpochRow
from core.training.plan import Plan
from core.training.start import RUN
from core.words import one_line

LONGEST = 300
# Larger than any figure of a run, and than any second of a calendar.
_MOST = 1e11
_MARK = re.compile(r"[0-9a-f]{32}")


def checked_run(given: RunFolder) -> tuple[str, tuple[str, ...] | None]:
    """Read all files of a run, and write them anew so that they hold what was understood and nothing else.

    What can be computed again and cannot be read is left out; so are studies of another model.

    Args:
        given: A folder in which nothing has been checked.

    Returns:
        What people called the run, and the class names of its model; ``None`` where it has no model.

    Raises:
        BadInput: A file is damaged, was written by a newer version, or says what cannot be.
    """
    name = about_of(given).name
    plan = _plan_checked(given)
    _start_checked(given, plan)
    inside = read_inside(given.model) if given.model.is_file() else None
    classes = inside.classes if inside else None
    said = _predictions_of(given, classes)
    if inside is not None:
        made_anew(given.model, plan, inside)
    epochs = _history_checked(given)
    given.write_status(_status_checked(given, plan, epochs))
    _batches_checked(given)
    report = read_json(given.path / "report.json") if (given.path / "report.json").is_file() else None
    if report is not None:
        given.write_report(_report_checked(report, plan, classes))
    _answers_checked(given, plan, tested=report is not None and bool(report.get("test")))
    for key, each in said.items():
        studied.keep_predictions(given, key, each)
    return name, classes


def _plan_checked(given: RunFolder) -> Plan:
    """Write the plan anew, its texts each on one line and none too long."""
    plan = given.plan()
    if not plan.dataset:
        raise BadInput(_("The plan cannot be read."), given="dataset")
    history = tuple(
        replace(each, dataset_title=_text(each.dataset_title), trainable=tuple(map(_text, each.trainable)))
        for each in plan.history
    )
    plan = replace(plan, dataset_title=one_line(plan.dataset_title)[:LONGEST_TITLE], history=history)
    plan.save(given.path / "plan.json")
    return plan


def _start_checked(given: RunFolder, plan: Plan) -> None:
    """Keep which model a run went on from; where that did not come along it is not known, and said so."""
    path = given.path / begun.FILE
    noted = read_json(path).get("model") if path.is_file() else None
    path.unlink(missing_ok=True)
    if plan.weights.source == RUN:
        known = isinstance(noted, str) and _MARK.fullmatch(noted)
        write_json(path, {"version": 1, "model": noted if known else None})


def _history_checked(given: RunFolder) -> int:
    """Write the history anew and return how many epochs it has."""
    rows = given.history()
    in_order = all(one.epoch < other.epoch for one, other in pairwise(rows))
    within = not rows or 1 <= rows[0].epoch <= rows[-1].epoch <= bounds.EPOCHS.high
    if not (within and in_order and all(_is_name(row.phase) and _is_measured(row) for row in rows)):
        raise BadInput(_("A file of this run is damaged and cannot be read."), given="history.csv")
    if rows:
        given.write_history(rows)
    return rows[-1].epoch if rows else 0


def _is_measured(row: EpochRow) -> bool:
    """Tell whether an epoch's figures are numbers; a loss that ran away is none, and is none by right."""
    figures = (row.accuracy, row.learning_rate, row.seconds, row.val_accuracy or 0.0)
    return all(map(math.isfinite, figures))


def _batches_checked(given: RunFolder) -> None:
    """Write the live curve anew: without what cannot be read, and without what is no number."""
    given.cut_batches(math.inf)


def _status_checked(given: RunFolder, plan: Plan, epochs: int) -> Status:
    """Return how a run ended; one that could have gone on has stopped: what that needs did not come along."""
    said = given.status()
    if said.state.active:
        raise BadInput(_("This run has not ended."), given=said.state.value,
                       fix=_("Stop it first, or wait until it has ended, and export it then."))
    ended = said.state if said.state in (State.FINISHED, State.FAILED) else State.STOPPED
    created = _number(said.created) or 0.0
    kept = said.kept if isinstance(said.kept, int) and 0 < said.kept <= epochs else None
    error = Failure(*(_text(part) for part in (said.error.what, said.error.given, said.error.fix))) \
        if said.error is not None else None
    return Status(
        ended, epochs=plan.recipe.epochs, created=created, epoch=min(epochs, plan.recipe.epochs),
        progress=min(1.0, max(0.0, _number(said.progress) or 0.0)), kept=kept, error=error,
        started=_number(said.started), ended=_number(said.ended), pid=None,
        worked_s=max(0.0, _number(said.worked_s) or 0.0),
        stage=said.stage if isinstance(said.stage, str) and _is_name(said.stage) else "",
    )


def _report_checked(report: JsonObject, plan: Plan, classes: tuple[str, ...] | None) -> JsonObject:
    """Return the parts of a report that are known, each of its kind."""
    if "version" not in report:
        raise BadInput(_("The report of this run cannot be read."),
                       fix=_("Bring Thaw up to date where the run is from, then export it once more."))
    if report["version"] != 1:
        raise BadInput(_("The report of this run was written by another version."),
                       fix=_("Bring Thaw here up to date, then take it in."))
    images = _counts(report.get("images"), SPLITS)
    parameters = _counts(report.get("parameters"), ("total", "trainable"))
    test = Evaluation.from_json(report["test"]) if report.get("test") else None
    if test is not None and not _is_whole(test, classes or test.classes):
        raise BadInput(_("The test figures of this run cannot be read."))
    looks = report.get(LOOKS)
    named = classes or (test.classes if test else ())
    return {
        "version": 1, "classes": list(named), "images": images, "parameters": parameters,
        "best": _best(report.get("best")),
        "test": test.to_json() if test else None,
        LOOKS: looks if isinstance(looks, int) and 0 <= looks < 10**6 else int(test is not None),
        **{part: _flat(report.get(part)) for part in ("timing", "cache", "versions", "machine")},
        "plan": plan.to_json(),
    }


def _is_whole(test: Evaluation, classes: tuple[str, ...]) -> bool:
    """Tell whether test figures are of these classes, and have a place for each."""
    n = len(classes)
    square = len(test.confusion) == n and all(len(row) == n for row in test.confusion)
    return test.classes == classes and are_classes(classes) and square and len(test.by_class) == n \
        and 0 <= test.majority_class < n and all(0 <= each <= _MOST for row in test.confusion for each in row)


def _counts(given: object, names: tuple[str, ...]) -> dict[str, int]:
    """Return whole numbers by name; raises BadInput where there are others."""
    if not isinstance(given, dict) or not all(isinstance(given.get(name), int) for name in names):
        raise BadInput(_("The report of this run cannot be read."))
    return {name: min(int(_MOST), max(0, int(given[name]))) for name in names}


def _best(given: object) -> JsonObject | None:
    """Return which epoch was the best and how it did in validation; ``None`` where that is not known."""
    epoch = given.get("epoch") if isinstance(given, dict) else None
    if not isinstance(given, dict) or type(epoch) is not int or not 1 <= epoch <= bounds.EPOCHS.high:
        return None
    return {"epoch": epoch, "val_accuracy": _number(given.get("val_accuracy"))}


def _flat(given: object) -> dict[str, object] | None:
    """Return the numbers and short texts of an object by name, and no more; ``None`` where there is none."""
    if not isinstance(given, dict):
        return None
    found: dict[str, object] = {}
    for name, value in given.items():
        if isinstance(value, str):
            found[_text(name)] = _text(value)
        elif value is None or isinstance(value, bool) or _number(value) is not None:
            found[_text(name)] = value
    return found


def _answers_checked(given: RunFolder, plan: Plan, *, tested: bool) -> None:
    path = given.path / comparison.FILE
    try:
        sound = tested and comparison.answers(given.path, plan.dataset) is not None
    except BadInput:
        sound = False
    if not sound:
        path.unlink(missing_ok=True)


def _predictions_of(given: RunFolder, classes: tuple[str, ...] | None) -> dict[str, Predictions]:
    """Take out what this very model is known to have said, as far as it can be read; the files go."""
    folder, found = given.path / studied.STUDIES, {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if classes is not None and PREDICTIONS.fullmatch(path.name) and _is_bounded(path):
            key = path.stem.removeprefix("predictions-")
            said = _said(given, key)
            if said is not None and said.classes == classes and all(map(is_stored_name, said.images)):
                found[key] = said
        path.unlink()
    return found


def _is_bounded(path: Path) -> bool:
    """Tell whether arrays are stored as they are, so that they take no more than their file does."""
    try:
        with zipfile.ZipFile(path) as archive:
            return is_stored(archive, path.stat().st_size)
    except BROKEN:
        return False


def _said(given: RunFolder, key: str) -> Predictions | None:
    try:
        kept = studied.kept_arrays(given, f"predictions-{key}", stay=False)
        kinds = {"images": "U", "labels": "iu", "probabilities": "f"}
        if kept is None or not all(
            name in kept.arrays and kept.arrays[name].dtype.kind in kind and kept.arrays[name].itemsize
            for name, kind in kinds.items()
        ):
            return None
        return studied.kept_predictions(given, key)
    except BROKEN:
        return None


def _number(value: object) -> float | None:
    # NOTE: whole numbers may be too large for a float, and NaN is within no bounds.
    usable = isinstance(value, int | float) and not isinstance(value, bool) and -_MOST <= value <= _MOST
    return value if usable else None  # type: ignore[return-value]


def _text(value: object) -> str:
    return one_line(str(value))[:LONGEST]


def _is_name(text: str) -> bool:
    return len(text) <= 60 and text.replace("-", "").replace("_", "").isalnum()
