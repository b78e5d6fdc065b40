"""Reading the files of a run that came from elsewhere, and writing anew what was understood of them."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from core.data.dataset import SPLITS
from core.errors import BadInput
from core.files import JsonObject, read_json
from core.i18n import _
from core.insight import comparison
from core.insight.metrics import Evaluation
from core.runs import studied
from core.runs.about import about_of
from core.runs.folder import RunFolder, saved_epoch
from core.runs.packing import PREDICTIONS
from core.runs.status import Failure, State, Status
from core.runs.work import LOOKS
from core.training.model import CLASSES_ENTRY, EPOCH_ENTRY, load_model
from core.training.plan import Plan

LONGEST = 300
_MODEL_ENTRIES = {"metadata.json", "config.json", "model.weights.h5", CLASSES_ENTRY, EPOCH_ENTRY}
_MOST_CLASSES = 10_000


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
    plan = given.plan()
    plan.save(given.path / "plan.json")
    classes = _model_checked(given.model, plan) if given.model.is_file() else None
    epochs = _history_checked(given)
    given.write_status(_status_checked(given, plan, epochs))
    _batches_checked(given)
    report = read_json(given.path / "report.json") if (given.path / "report.json").is_file() else None
    if report is not None:
        given.write_report(_report_checked(report, plan, classes))
    _answers_checked(given, plan, tested=report is not None and bool(report.get("test")))
    _predictions_checked(given)
    return name, classes


def _model_checked(path: Path, plan: Plan) -> tuple[str, ...]:
    """Open a model and return its class names; only what Keras itself can be made of is opened at all."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = {each.filename for each in archive.infolist()}
            config = json.loads(archive.read("config.json")) if names <= _MODEL_ENTRIES else None
    except (OSError, KeyError, ValueError, RecursionError, zipfile.BadZipFile) as error:
        raise _no_model(path) from error
    if config is None or not all(_is_of_keras(each) for each in _objects(config)):
        raise _no_model(path)
    try:
        model, classes = load_model(path)
        shape = (tuple(model.input_shape), tuple(model.output_shape))
    # NOTE: what a damaged description makes Keras raise is any error at all.
    except Exception as error:
        raise _no_model(path) from error
    wanted = ((None, plan.size, plan.size, 3), (None, len(classes)))
    if shape != wanted or not 2 <= len(classes) <= _MOST_CLASSES:
        raise BadInput(_("The model is not the one that the plan describes."), given=str(shape)[:80])
    if saved_epoch(path) is not None and not 0 < (saved_epoch(path) or 0) < 10**6:
        raise _no_model(path)
    return classes


def _objects(value: object) -> Iterator[dict[str, object]]:
    """Yield all objects in a description, outermost first."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield each
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)


def _is_of_keras(each: dict[str, object]) -> bool:
    module = each.get("module")
    ours = module is None or module == "keras" or str(module).startswith("keras.")
    return ours and each.get("class_name") not in ("Lambda", "__lambda__", "TorchModuleWrapper", "TFSMLayer")


def _no_model(path: Path) -> BadInput:
    return BadInput(_("The model file cannot be read."), given=path.name,
                    fix=_("Export the run again, with this version of Thaw."))


def _history_checked(given: RunFolder) -> int:
    """Write the history anew and return how many epochs it has."""
    rows = given.history()
    in_order = all(one.epoch < other.epoch for one, other in pairwise(rows))
    if rows and not (rows[0].epoch >= 1 and in_order and all(_is_name(row.phase) for row in rows)):
        raise BadInput(_("A file of this run is damaged and cannot be read."), given="history.csv")
    if rows:
        given.write_history(rows)
    return rows[-1].epoch if rows else 0


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
    if report.get("version") != 1:
        raise BadInput(_("The report of this run was written by another version."),
                       fix=_("Bring Thaw here up to date, then take it in."))
    images = _counts(report.get("images"), SPLITS)
    parameters = _counts(report.get("parameters"), ("total", "trainable"))
    test = Evaluation.from_json(report["test"]) if report.get("test") else None
    if test is not None and classes is not None and test.classes != classes:
        raise BadInput(_("The test figures of this run cannot be read."))
    best, looks = report.get("best"), report.get(LOOKS)
    named = classes or (test.classes if test else ())
    return {
        "version": 1, "classes": list(named), "images": images, "parameters": parameters,
        "best": _flat(best) if isinstance(best, dict) else None,
        "test": test.to_json() if test else None,
        LOOKS: looks if isinstance(looks, int) and 0 <= looks < 10**6 else int(test is not None),
        **{part: _flat(report.get(part)) for part in ("timing", "cache", "versions", "machine")},
        "plan": plan.to_json(),
    }


def _counts(given: object, names: tuple[str, ...]) -> dict[str, int]:
    """Return whole numbers by name; raises BadInput where there are others."""
    if not isinstance(given, dict) or not all(isinstance(given.get(name), int) for name in names):
        raise BadInput(_("The report of this run cannot be read."))
    return {name: max(0, int(given[name])) for name in names}


def _flat(given: object) -> dict[str, object]:
    """Return the numbers and short texts of an object by name; what else there is, is left out."""
    found: dict[str, object] = {}
    for name, value in given.items() if isinstance(given, dict) else ():
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


def _predictions_checked(given: RunFolder) -> None:
    """Leave only what this very model is known to have said, and that can be read; written anew."""
    folder = given.path / studied.STUDIES
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        key = path.stem.removeprefix("predictions-")
        known = given.model.is_file() and PREDICTIONS.fullmatch(path.name)
        found = studied.kept_predictions(given, key) if known else None
        path.unlink()
        if found is not None:
            studied.keep_predictions(given, key, found)


def _number(value: object) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return value if usable else None  # type: ignore[return-value]


def _text(value: object) -> str:
    return " ".join(str(value).split())[:LONGEST]


def _is_name(text: str) -> bool:
    return len(text) <= 60 and text.replace("-", "").replace("_", "").isalnum()
