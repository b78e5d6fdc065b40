"""Comparing runs on the command line: what differs, how they did, and whether that is more than chance."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from core.cli import options
from core.cli.commands import workspace_of
from core.cli.options import Groups
from core.errors import BadInput
from core.files import JsonObject
from core.i18n import _
from core.insight.comparison import Pair, against, of_choosing
from core.insight.plan_differences import Setting, settings
from core.runs.listing import Listed, listed
from core.runs.named import run_named
from core.runs.results import Result, answers_of, result_of
from core.training.presets import preset_in
from core.words import duration_text, one_line
from core.workspace import Workspace

ABOUT = _("Compare runs: what differs in their settings, how they did, and whether that is more than chance.")
LEAST = 2


def declare(groups: Groups) -> None:
    """Declare the command."""
    each = options.command(groups, "compare", compare, show_compare, ABOUT)
    each.add_argument(
        "runs", metavar="RUN", nargs="+",
        help=_("two runs or more, each by its id, number or name; the first is compared with the others"),
    )
    options.workspace(each)


def compare(given: argparse.Namespace) -> JsonObject:
    """Compare runs with the first of them."""
    runs = _named(workspace_of(given.workspace), given.runs)
    results = [result_of(run) for run in runs]
    said = [
        (run.title, answers_of(run, result.test)) for run, result in zip(runs, results, strict=True)
    ]
    pairs = against(said[0], said[1:])
    found = settings([run.plan for run in runs])
    return {
        "runs": [_run(run, result) for run, result in zip(runs, results, strict=True)],
        "differences": [_setting(each) for each in found if each.differs],
        "same": [_setting(each) for each in found if not each.differs],
        "pairs": [_pair(runs[0], other, pair) for other, pair in zip(runs[1:], pairs, strict=True)],
        "test_figures": sum(result.test is not None for result in results),
    }


def _named(workspace: Workspace, words: Sequence[str]) -> list[Listed]:
    known = {run.id: run for run in listed(workspace)}
    folders = {folder.id: folder for folder in (run_named(workspace, word) for word in words)}
    for name in folders:
        if name not in known:
            raise BadInput(_("This run is damaged and cannot be read."), given=name)
    if len(folders) < LEAST:
        raise BadInput(
            _("It takes two different runs to compare."), given=", ".join(words)[:80],
            fix=_("Name another one; “runs” lists them."),
        )
    return [known[name] for name in folders]


def _run(run: Listed, result: Result) -> JsonObject:
    preset, test = preset_in(run.plan), result.test and result.test.accuracy
    return {
        "run": run.id, "number": run.number, "name": run.name, "title": run.title,
        "status": run.status.state.value, "dataset": run.plan.dataset,
        "dataset_title": run.plan.dataset_title, "backbone": run.plan.backbone,
        "recipe": preset.name if preset else None, "val_accuracy": result.val_accuracy,
        "test": {
            "accuracy": test.value, "low": test.low, "high": test.high, "right": test.right,
            "images": test.images,
        } if test else None,
        "seconds": result.seconds,
        "parameters": {"learning": result.learning, "total": result.parameters, "share": result.share},
    }


def _setting(found: Setting) -> JsonObject:
    return {"name": found.name, "label": found.label, "values": list(found.values)}


def _pair(first: Listed, other: Listed, pair: Pair) -> JsonObject:
    found = pair.paired
    figures = {
        "images": found.images, "both_right": found.both, "only_first": found.only_first,
        "only_second": found.only_second, "neither": found.neither, "p": found.p, "p_holm": pair.p,
    } if found else None
    return {
        "first": first.id, "second": other.id, "figures": figures, "tests": pair.tests,
        "sentence": pair.sentence,
    }


def show_compare(answer: JsonObject) -> str:
    """The runs, what differs, what the test says, and what the figures are not for."""
    runs = _rows(answer["runs"])
    lines = [_run_line(each) for each in runs]
    lines += ["", *(_differing(_rows(answer["differences"])) or [_("Their settings are the same.")]), ""]
    lines += [str(each["sentence"]) for each in _rows(answer["pairs"])]
    warning = of_choosing(sum(each["test"] is not None for each in runs))
    return "\n".join([*lines, *([warning] if warning else [])])


def _run_line(run: dict[str, Any]) -> str:
    test, seconds, parameters = run["test"], run["seconds"], run["parameters"]
    unknown = _("not available")
    return "; ".join((
        f"{run['title']} ({run['status']})",
        _("validation {accuracy}").format(accuracy=_percent(run["val_accuracy"])),
        _("test {accuracy:.1%} (95% interval {low:.1%} to {high:.1%}, {images} photos)").format(**test)
        if test else _("test {accuracy}").format(accuracy=unknown),
        _("time {time}").format(time=unknown if seconds is None else duration_text(seconds)),
        _("parameters learning {n}").format(
            n=unknown if parameters["share"] is None
            else f"{parameters['learning']:,} ({_percent(parameters['share'])})"),
    ))


def _percent(share: float | None) -> str:
    return _("not available") if share is None else f"{share:.1%}"


def _differing(found: list[dict[str, Any]]) -> list[str]:
    return [
        f"{each['label']}: "
        + " | ".join("–" if value is None else one_line(value) for value in each["values"])
        for each in found
    ]


def _rows(value: object) -> list[dict[str, Any]]:
    return value if isinstance(value, list) else []
