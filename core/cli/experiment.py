"""The command ``experiment``, and ``train --repeat``: whole batches of runs in the foreground."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from core.cli import commands, options
from core.cli.batch import Batch
from core.cli.commands import workspace_of
from core.cli.options import Groups
from core.cli.planned import plan_of
from core.data import dataset as datasets
from core.data.dataset import Dataset
from core.errors import BadInput
from core.experiments import design as designs
from core.experiments import experiment as experiments
from core.experiments import forecast, results, steering
from core.experiments.design import Design
from core.experiments.experiment import Experiment, Member
from core.experiments.standing import CANCELLED, standing
from core.files import JsonObject
from core.i18n import _, ngettext
from core.people import COMMAND_LINE
from core.runs.about import about_of, name_checked
from core.runs.folder import RunFolder
from core.runs.named import run_named
from core.runs.work import evaluation_of
from core.training import fields
from core.training.plan import Plan
from core.training.speed import measured
from core.words import about_text, duration_text
from core.workspace import Workspace

_SEEDS = {"data-size": 3, "blocks": 1, "seeds": 5}


def declare(groups: Groups) -> None:
    """Declare the command with its kinds."""
    about = _("Run a batch of trainings that answers one question. Ctrl-C cancels it; what has ended stays.")
    top = groups.add_parser("experiment", help=about, description=about, allow_abbrev=False)
    kinds = top.add_subparsers(required=True, metavar="KIND")
    texts = {
        "data-size": _("Accuracy against the amount of data: transfer, and from scratch."),
        "blocks": _("Which block should learn? One block at a time, and the head alone."),
        "seeds": _("How much is luck? The same training with other seeds."),
        "backbones": _("Rank backbones by a linear probe, and train the best two for real."),
    }
    for kind, text in texts.items():
        each = options.command(kinds, kind, _command(kind), show, text)
        options.training(each)
        if kind in _SEEDS:
            each.add_argument(
                "--seeds", type=int, metavar="N", default=_SEEDS[kind], help=_("how many seeds"))
        if kind == "data-size":
            each.add_argument(
                "--sizes", metavar="N,N,…", help=_("training photos a class; five up to all unless told"))
        if kind == "backbones":
            each.add_argument("--backbones", metavar="NAME,NAME,…", required=True,
                              help=_("those to rank, by the names that “backbones” lists"))
        options.workspace(each)
    each = options.command(
        kinds, "controls", controls, show,
        _("Run what a finished run is compared with: from scratch, head only, everything learning."))
    options.run(each)
    options.workspace(each)


def _command(kind: str) -> Callable[[argparse.Namespace], JsonObject]:
    def carry_out(given: argparse.Namespace) -> JsonObject:
        return begin(given, kind)

    return carry_out


def begin(given: argparse.Namespace, kind: str) -> JsonObject:
    """Take the photos in and run an experiment of a kind with them.

    Raises:
        BadInput: An option is outside its bounds, or the photos cannot be trained on.
    """
    name = name_checked(given.name or "")
    sizes = _numbers(given.sizes) if kind == "data-size" and given.sizes is not None else None
    workspace = workspace_of(given.workspace)
    plan = plan_of(given, workspace)
    if kind == "backbones":
        _warn_of_unused(given)
    dataset = commands.taken_in(given.source, workspace)
    design = _designed(kind, plan, dataset, given, sizes)
    return _carried_out(workspace, replace(design, title=name or design.title), dataset)


def _warn_of_unused(given: argparse.Namespace) -> None:
    """Say which options a ranking takes no notice of: its runs have recipes of their own."""
    used = ("seed", "batch_size")
    names = [each.name for each in fields.RECIPE_FIELDS if each.name not in used]
    names += ["recipe", "trainable", "weights", "from_run", "backbone", "image_size"]
    found = [f"--{name.replace('_', '-')}" for name in names if getattr(given, name, None) is not None]
    if found:
        print(
            _("A ranking has recipes of its own, for its probes and for the best two: beyond batch size, "
              "seed and head, {options} will change nothing.").format(options=", ".join(found)),
            file=sys.stderr,
        )


def repeated(given: argparse.Namespace) -> JsonObject:
    """Train the same plan with several seeds, for ``train --repeat``; see :func:`begin`."""
    name = name_checked(given.name or "")
    workspace = workspace_of(given.workspace)
    plan = plan_of(given, workspace)
    dataset = commands.taken_in(given.source, workspace)
    design = designs.seeds(plan, dataset, seeds=given.repeat)
    return _carried_out(workspace, replace(design, title=name or design.title), dataset)


def controls(given: argparse.Namespace) -> JsonObject:
    """Run the controls of a run."""
    workspace = workspace_of(given.workspace)
    folder = run_named(workspace, given.run)
    design = designs.controls(workspace, folder.id)
    dataset = datasets.load(workspace.dataset_dir(design.plan.dataset))
    return _carried_out(workspace, design, dataset)


def _designed(
    kind: str, plan: Plan, dataset: Dataset, given: argparse.Namespace, sizes: list[int] | None
) -> Design:
    if kind == "data-size":
        return designs.data_size(plan, dataset, sizes=sizes, seeds=given.seeds)
    if kind == "blocks":
        return designs.blocks(plan, dataset, seeds=given.seeds)
    if kind == "seeds":
        return designs.seeds(plan, dataset, seeds=given.seeds)
    return designs.backbones(plan, dataset, names=[each for each in given.backbones.split(",") if each])


def _numbers(text: str) -> list[int]:
    try:
        return [int(each) for each in text.split(",")]
    except ValueError as error:
        raise BadInput(
            _("The sizes cannot be read."), given=text[:80],
            fix=_("Give whole numbers with commas, such as 5,10,20."),
        ) from error


def _carried_out(workspace: Workspace, design: Design, dataset: Dataset) -> JsonObject:
    expected = forecast.expected_seconds(workspace, design, dataset)
    print(_before(workspace, design, expected), file=sys.stderr, flush=True)
    began = time.monotonic()
    experiment = steering.begin(workspace, design, by=COMMAND_LINE, expected_s=expected)
    Batch(workspace, experiment.id).carry_out()
    return answer(workspace, experiments.load(workspace, experiment.id), time.monotonic() - began)


def _not_measured(workspace: Workspace, design: Design) -> str:
    """Return the first backbone whose speed is not known here, by its name."""
    sizes = sorted({(each.plan.backbone, each.plan.size) for each in design.members})
    missing = [name for name, size in sizes
               if (known := measured(workspace, name, size)) is None or not known.anchors]
    return (missing or [name for name, _size in sizes])[0]


def _before(workspace: Workspace, design: Design, expected: float | None) -> str:
    runs = ngettext("{n} run", "{n} runs", design.to_run).format(n=design.to_run)
    if expected is None:
        return _("{runs}; how long they take is known once “measure {backbone}” was run.").format(
            runs=runs, backbone=_not_measured(workspace, design))
    return _("{runs}, about {time}.").format(runs=runs, time=about_text(expected))


def answer(workspace: Workspace, experiment: Experiment, took_s: float) -> JsonObject:
    """Return what ``--json`` prints of an experiment."""
    found = results.results(workspace, experiment)
    stands = standing(workspace, experiment)
    return {
        "experiment": experiment.id, "kind": experiment.kind, "title": experiment.title,
        "status": stands.state if stands.done or stands.state == CANCELLED else "failed",
        "complete": found.complete,
        "expected_s": experiment.expected_s, "took_s": took_s, "split": found.split,
        "sentence": found.sentence, "interval": found.interval, "test_figures": found.test_figures,
        "chosen": experiment.chosen or None,
        "series": [
            {"name": each.name, "title": each.title, "points": [asdict(one) for one in each.points]}
            for each in found.series
        ],
        "runs": [_run(workspace, member) for member in experiment.members],
    }


def _run(workspace: Workspace, member: Member) -> JsonObject:
    folder = RunFolder(workspace.runs / member.run)
    about = about_of(folder)
    try:
        status, kept, on_test = folder.status(), folder.kept(), evaluation_of(folder)
    except BadInput:
        return {"run": member.run, "role": member.role, "status": "unreadable"}
    return {
        "run": member.run, "number": about.number, "name": about.name, "role": member.role, "x": member.x,
        "seed": member.seed, "borrowed": member.borrowed, "verifies": member.verifies,
        "status": status.state.value, "val_accuracy": kept.val_accuracy if kept else None,
        "test": on_test.accuracy.value if on_test else None, "seconds": status.elapsed_s,
        **({"error": asdict(status.error)} if status.error else {}),
    }


def show(said: JsonObject) -> str:
    """The table, then what it says."""
    lines = [_("experiment {experiment}: {status}, {time}").format(
        experiment=said["experiment"], status=said["status"],
        time=duration_text(float(str(said["took_s"]))))]
    for each in _rows(said["runs"]):
        if "error" in each:
            lines.append(f"{each['run']}: {each['error']['what']}")
    for series in _rows(said["series"]):
        lines.append(f"{series['title']}")
        lines += [_row(point) for point in series["points"]]
    lines += [str(said["sentence"]), str(said["interval"])]
    figures = int(str(said["test_figures"]))
    if figures > 1:
        lines.append(_("{n} accuracies on test photos: do not choose by them, choose on validation.").format(
            n=figures))
    return "\n".join(each for each in lines if each)


def _row(point: dict[str, Any]) -> str:
    row = f"  {point['label']:28} {point['mean']:6.1%}   {point['low']:6.1%} – {point['high']:6.1%}"
    if len(point["values"]) > 1:
        row += "   " + " ".join(f"{each:.1%}" for each in point["values"])
    if point["extra"].get("logme") is not None:
        row += "   " + _("LogME {value:.3f}").format(value=point["extra"]["logme"])
    if point["extra"].get("test") is not None:
        row += "   " + _("test {value:.1%}").format(value=point["extra"]["test"])
    return row


def _rows(value: object) -> list[dict[str, Any]]:
    return value if isinstance(value, list) else []

