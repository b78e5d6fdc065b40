"""What each command does: arguments in, one JSON object out, and its form for people."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.cli.planned import plan_of
from core.cli.progress import Bar
from core.cli.signals import STOPPED
from core.cli.training import run_in_foreground, summary
from core.data.checks import report
from core.data.dataset import Dataset
from core.data.intake import check as check_source
from core.data.intake import remove_leftovers, take_in
from core.data.samples import SAMPLES, take_in_sample
from core.errors import BadInput, NotFound, ThawError
from core.experiments.standing import CANCELLED
from core.files import JsonObject
from core.i18n import _
from core.insight.predict import Answer
from core.runs import line
from core.runs.about import name_checked
from core.runs.folder import RunFolder, require_model, run_folders
from core.runs.listing import Listed, listed
from core.runs.named import run_named
from core.runs.recovery import recover
from core.runs.steer import can_resume
from core.runs.work import require_usable
from core.training.events import LEAST_SAVED_S
from core.words import duration_text
from core.workspace import Workspace

SAMPLE_PREFIX = "sample:"


def workspace_of(asked: str | None) -> Workspace:
    """Open the workspace, and tidy up after processes that were killed in it."""
    if asked == "":
        raise BadInput(_("No workspace folder was named."), fix=_("Name one, or leave --workspace out."))
    workspace = Workspace.open(asked)
    remove_leftovers(workspace)
    recover(workspace)
    return workspace


def samples(_given: argparse.Namespace) -> JsonObject:
    """List the built-in photo sets."""
    return {
        "samples": [
            {
                "name": SAMPLE_PREFIX + each.name, "title": each.title,
                "description": each.description, "images": each.images,
                "classes": each.classes, "needs_network": each.needs_network,
                "licence": each.licence,
            }
            for each in SAMPLES.values()
        ]
    }


def show_samples(answer: JsonObject) -> str:
    """One line a sample."""
    return "\n".join(
        f"{each['name']:18} {each['images']:>6} {each['description']}"
        for each in _rows(answer["samples"])
    )


def check(given: argparse.Namespace) -> JsonObject:
    """Check a folder or zip and leave nothing behind."""
    with Bar() as bar:
        found = check_source(_path(given.source), workspace_of(given.workspace), progress=bar)
    return report(found)


def _path(source: str) -> Path:
    if not source:  # an unset variable of a script, perhaps; Path("") would be the current folder
        raise BadInput(_("No folder or zip was named."), fix=_("Name one; . is the current folder."))
    return Path(source)


def show_check(answer: JsonObject) -> str:
    """The classes, then what is wrong."""
    lines = [
        f"{each['name']:24} {each['train']:>6} {each['validation']:>6} {each['test']:>6}"
        for each in _rows(answer["classes"])
    ]
    head = f"{_('class'):24} {_('train'):>6} {_('valid.'):>6} {_('test'):>6}"
    lines = [head, *lines, _("{n} photos can be used.").format(n=answer["images"])]
    lines += [f"{each['level']}: {each['title']}: {each['message']}"
              for each in _rows(answer["problems"])]
    lines += [_("refused: {file}: {reason}").format(**each) for each in _rows(answer["refused"])]
    lines += [_("duplicate: {file} is the same as {same_as}").format(**each)
              for each in _rows(answer["duplicates"])]
    lines += [_("passed over: {file}: {reason}").format(**each) for each in _rows(answer["ignored"])]
    return "\n".join(lines)


def train(given: argparse.Namespace) -> JsonObject:
    """Take the photos in, train, and say what came of it; with ``--repeat``, of each and of all."""
    if given.repeat is not None:
        from core.cli import experiment

        return experiment.repeated(given)
    workspace = workspace_of(given.workspace)
    plan = plan_of(given, workspace)
    name = name_checked(given.name or "")
    return run_in_foreground(workspace, plan, taken_in(given.source, workspace), name)


def show_train(answer: JsonObject) -> str:
    """The outcome in a few lines."""
    if "experiment" in answer:
        from core.cli import experiment

        return experiment.show(answer)
    lines = [_("run {run}: {status}").format(run=answer["run"], status=answer["status"])]
    if isinstance(answer.get("error"), dict):
        lines.append(" ".join(str(part) for part in answer["error"].values() if part))  # type: ignore[attr-defined]
    if isinstance(answer["test"], dict):
        lines.append(
            _("test accuracy {accuracy:.1%} (95% interval {low:.1%} to {high:.1%}, {images} photos)")
            .format(**answer["test"])
        )
    lines += _frozen_part(answer)
    return "\n".join(lines)


def _frozen_part(answer: JsonObject) -> list[str]:
    """Say how the frozen part was dealt with, and what that saved where it is known."""
    use, timing = answer["cache"], answer["timing"]
    if not isinstance(use, dict):
        return []
    if use["reason"]:
        return [_("the textbook way: {reason}").format(reason=use["reason"])]
    said = _("frozen part, up to {cut}: {hit_images} photos or views were kept before, {computed_images} "
             "computed").format(**use)
    if use["compared_s"] is None or not isinstance(timing, dict):
        return [said]
    saved = use["compared_s"] - timing["total_s"]
    if saved < LEAST_SAVED_S:
        return [said]
    return [_("{said}; about {time} saved, an estimate").format(said=said, time=duration_text(saved))]


def taken_in(
    source: str, workspace: Workspace, accept: Callable[[Dataset], None] = require_usable
) -> Dataset:
    """Take in what a command names: a folder, a zip or a sample; nothing where it is there already.

    Args:
        source: What the command names.
        workspace: Where it is kept.
        accept: Refuses a folder or a zip, by what it raises; usually what cannot be trained on.
    """
    # NOTE: the split is the dataset's and not the training's: another --seed is measured on the
    # same test photos, and the photos are kept once.
    with Bar() as bar:
        if source.startswith(SAMPLE_PREFIX):
            return take_in_sample(source.removeprefix(SAMPLE_PREFIX), workspace, bar)
        return take_in(_path(source), workspace, progress=bar, accept=accept)


def anything(_dataset: Dataset) -> None:
    """Accept what cannot be trained on too, such as a single class: nothing is learned from it."""


def runs(given: argparse.Namespace) -> JsonObject:
    """List the runs, newest first."""
    workspace = workspace_of(given.workspace)
    numbered = {run.id: run for run in listed(workspace)}
    queue = line.waiting(workspace)
    return {"runs": [
        _run_row(folder, numbered.get(folder.id), queue) for folder in run_folders(workspace)
    ]}


def _run_row(folder: RunFolder, known: Listed | None, queue: tuple[str, ...]) -> JsonObject:
    try:
        whole, plan = summary(folder), folder.plan()
    except ThawError as error:
        return {"run": folder.id, "status": "unreadable", "error": {"what": error.what}}
    kept = folder.kept()
    return {
        "run": folder.id, "status": whole["status"], "dataset": plan.dataset,
        "dataset_title": plan.dataset_title, "backbone": plan.backbone,
        "trainable": list(plan.trainable), "epochs": plan.recipe.epochs,
        "val_accuracy": kept.val_accuracy if kept else None, "test": whole["test"],
        "created": folder.status().created,
        "number": known.number if known else None, "name": known.name if known else None,
        "place": line.place_in(queue, folder.id),
        "epochs_done": len(folder.history()), "can_resume": can_resume(folder),
    }


def show_runs(answer: JsonObject) -> str:
    """One line a run."""
    rows = _rows(answer["runs"])
    if not rows:
        return _("There is no run yet.")
    return "\n".join(
        f"{each.get('number') or '':>4} {each['run']:48} {each['status']:12} {_accuracy(each):20}"
        f" {each.get('name') or ''}".rstrip()
        for each in rows
    )


def _accuracy(row: dict[str, Any]) -> str:
    test = row.get("test")
    return _("test {accuracy:.1%}").format(**test) if test else _("test not available")


def predict(given: argparse.Namespace) -> JsonObject:
    """Say what photos show."""
    from core.insight import predict as insight

    folder = run_named(workspace_of(given.workspace), given.run)
    paths = [Path(name) for name in given.images]
    for path in paths:
        if not path.is_file():
            raise NotFound(_("There is no such image file."), given=str(path), fix=_("Check the path."))
    model = insight.loaded(require_model(folder))
    return {
        "run": folder.id,
        "predictions": [
            {"image": str(path), **_answered(found)}
            for path, found in zip(paths, insight.predict(model, paths), strict=True)
        ],
    }


def _answered(found: list[Answer] | ThawError) -> JsonObject:
    if isinstance(found, ThawError):
        return {"error": found.to_json()}
    return {"top": [{"class": each.name, "probability": each.probability} for each in found]}


def show_predict(answer: JsonObject) -> str:
    """The likeliest classes of each image, or why it cannot be read."""
    return "\n".join(
        f"{each['image']}: "
        + (each["error"]["what"] if "error" in each else ", ".join(
            f"{one['class']} {one['probability']:.1%}" for one in each["top"]))
        for each in _rows(answer["predictions"])
    )


def exit_status(answer: JsonObject) -> int:
    """Return 1 for a run that failed, 2 where a photo could not be read, else 0.

    An experiment that was cancelled has left its question open, and counts as stopped. A run that was stopped
    has kept its best epoch and can go on, which is all that was wanted.
    """
    if answer.get("status") == "failed":
        return 1
    if answer.get("status") == CANCELLED:
        return STOPPED
    return 2 if any("error" in each for each in _rows(answer.get("predictions"))) else 0


def _rows(value: object) -> list[dict[str, Any]]:
    return value if isinstance(value, list) else []
