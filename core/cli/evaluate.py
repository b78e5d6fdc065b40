"""The command ``evaluate``: all figures of a run on labelled photos."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from core.cli import options
from core.cli.commands import anything, taken_in, workspace_of
from core.cli.options import Groups
from core.cli.progress import Bar
from core.data.dataset import SPLITS
from core.errors import BadInput
from core.files import JsonObject
from core.i18n import _
from core.insight.confidence import calibration
from core.insight.predictions import Predictions
from core.runs.folder import RunFolder
from core.runs.named import run_named
from core.runs.work import looks
from core.studies import evaluating
from core.studies.target import ALL, Chosen, Target, chosen
from core.words import one_line
from core.workspace import Workspace

ABOUT = _("Say how the model of a run does on labelled photos: its test photos, or those of a folder.")
_SHOWN = 24


def declare(groups: Groups) -> None:
    """Declare the command."""
    each = options.command(groups, "evaluate", evaluate, show, ABOUT)
    options.run(each)
    each.add_argument(
        "source", metavar=options.PHOTOS, nargs="?",
        help=_("other photos, in one folder per class; the run's own dataset unless told"))
    each.add_argument(
        "--split", metavar="test|validation|train|all",
        help=_("which part of the photos; test of the run's own, all of others unless told"))
    options.workspace(each)


def evaluate(given: argparse.Namespace) -> JsonObject:
    """Look at labelled photos with the model of a run, and say what was measured.

    Raises:
        BadInput: There is no such split, no such photo, or no model.
        NotFound: There is no such run, or its dataset is gone.
    """
    if given.split is not None and given.split not in (*SPLITS, ALL):
        raise BadInput(
            _("There is no such split."), given=given.split[:80],
            fix=_("Use one of {splits}.").format(splits=", ".join((*SPLITS, ALL))))
    workspace = workspace_of(given.workspace)
    folder = run_named(workspace, given.run)
    if given.source is None:
        target = Target("", given.split or "test")
    else:
        target = Target(taken_in(given.source, workspace, anything).id, given.split or ALL)
    with Bar() as bar:
        found = evaluating.looked(workspace, folder, target, bar)
    return answer(workspace, folder, target, found)


def answer(workspace: Workspace, folder: RunFolder, target: Target, found: Predictions) -> JsonObject:
    """Return what ``--json`` prints; what is not available is ``null``."""
    photos = chosen(workspace, folder, target)
    figures = evaluating.figures(found)
    fit = evaluating.kept_fit(folder)
    calibrated = None
    if fit is not None:
        after = calibration(found, fit.value)
        calibrated = {**asdict(fit), "error": after.error, "loss": after.loss}
    of_test = evaluating.shows_own_test(workspace, folder, target)
    return {
        "run": folder.id, "dataset": photos.dataset.id, "dataset_title": photos.dataset.title,
        "split": target.split, "own": not target.dataset, **_left_out(photos),
        "test_looks": looks(folder.report() or {}) if of_test else None,
        "always": asdict(evaluating.evaluated(workspace, folder, found).majority),
        **figures.to_json(), "classes": list(found.classes), "temperature": calibrated,
    }


def _left_out(photos: Chosen) -> JsonObject:
    return {
        "unknown_classes": list(photos.unknown), "left_out": photos.left_out,
        "learned_from": photos.learned_from, "learned_among": photos.learned_among,
        "unknown_before": list(photos.unknown_before),
    }


def show(said: JsonObject) -> str:
    """The figures in words and a table."""
    found: dict[str, Any] = said
    lines = [_("{images} photos of “{title}” ({split})").format(
        images=f"{found['images']:,}", title=one_line(found["dataset_title"]), split=found["split"])]
    if found["unknown_classes"]:
        lines.append(_("not known to the model, left out: {classes} ({n} photos)").format(
            classes=_listed(found["unknown_classes"]), n=found["left_out"]))
    if found["learned_from"]:
        lines.append(_("learned from, left out: {n} photos").format(n=found["learned_from"]))
    if found["learned_among"]:
        lines.append(_("learned from, and measured on all the same: {n} photos").format(
            n=found["learned_among"]))
    if found["unknown_before"]:
        lines.append(_("not known, whether photos of these, which are gone and were learned from, are among "
                       "them: {titles}").format(titles=_listed(found["unknown_before"])))
    if found["own"] and found["split"] == "validation":
        lines.append(_("the epoch that was kept was chosen by these photos"))
    lines += [
        f"{name:22} {_figure(found[key])}" for name, key in (
            (_("accuracy"), "accuracy"), (_("balanced accuracy"), "balanced_accuracy"),
            (_("macro F1"), "macro_f1"), (_("always the commonest"), "always"))
    ]
    lines.append(_("calibration error {error:.1%} in {bins} bins, loss {loss:.3f}").format(
        **found["calibration"]))
    if found["temperature"]:
        lines.append(_("at temperature {value:.2f}: calibration error {error:.1%}, loss {loss:.3f}").format(
            **found["temperature"]))
    lines += ["", *_classes(found["by_class"])]
    lines.append(_("Intervals are 95%; a dash is not available."))
    return "\n".join(lines)


def _classes(rows: list[dict[str, Any]]) -> list[str]:
    heads = (_("precision"), _("recall"), _("F1"))
    above = f"{_('class'):24} {_('photos'):>6} " + " ".join(f"{head:>24}" for head in heads)
    return [above, *(
        f"{one_line(row['class'])[:24]:24} {row['images']:>6} "
        + " ".join(f"{_figure(row[key]):>24}" for key in ("precision", "recall", "f1"))
        for row in rows
    )]


def _listed(names: list[str]) -> str:
    """Return the first of some names; text from outside, which may hold what steers a terminal."""
    return ", ".join(one_line(each) for each in names[:_SHOWN])


def _figure(figure: dict[str, Any] | None) -> str:
    if figure is None:
        return "–"
    if figure["low"] is None:
        return f"{figure['value']:.1%} (–)"
    return f"{figure['value']:.1%} ({figure['low']:.1%} – {figure['high']:.1%})"
