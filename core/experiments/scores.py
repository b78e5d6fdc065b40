"""LogME of the backbones of a ranking, beside what their probes reach."""

from __future__ import annotations

import logging
import math
import threading

import numpy as np
from numpy.typing import NDArray

from core.activations.budget import root_of
from core.activations.store import MADE_BY, Activations
from core.data.dataset import Dataset
from core.errors import BadInput, ThawError
from core.experiments.experiment import Experiment, held
from core.experiments.members import Found
from core.files import JsonObject, read_json, write_json
from core.insight.logme import logme
from core.runs.work import dataset_of
from core.training import known_rows
from core.training.plan import Plan
from core.workspace import Workspace

FILE = "logme.json"
_NOT_PART_OF_THE_KEY = ("form", "shapes", "row_bytes", "label")
_log = logging.getLogger(__name__)


def scores(workspace: Workspace, experiment_id: str) -> dict[str, float | None]:
    """Return the LogME of each probe by its run, as far as it was computed; ``None`` is not available."""
    path = workspace.experiments / experiment_id / FILE
    try:
        given = read_json(path) if path.is_file() else {}
    except BadInput:
        return {}
    return {run: _score(value) for run, value in given.items()}


def _score(given: object) -> float | None:
    try:
        value = float(given) if isinstance(given, int | float) else math.nan
    except OverflowError:  # a whole number of hundreds of digits
        return None
    return value if math.isfinite(value) else None


def complete(workspace: Workspace, experiment: Experiment, found: list[Found]) -> None:
    """Compute what is missing for the probes that have finished, and keep it.

    Raises:
        OSError: It cannot be kept.
    """
    known = scores(workspace, experiment.id)
    for each in found:
        member = each.member
        if member.verifies or member.run in known or not each.finished:
            continue
        try:
            value = of_plan(workspace, each.folder.plan())
        except (ThawError, OSError):
            _log.exception("what the backbone of run %s sees cannot be scored", member.run)
            value = None
        with held(workspace, experiment.id):
            known = {**scores(workspace, experiment.id), member.run: value}
            write_json(workspace.experiments / experiment.id / FILE, known)


def of_plan(workspace: Workspace, plan: Plan) -> float | None:
    """Return the LogME of what a probe's frozen backbone makes of its training photos.

    Returns:
        The score; ``None`` where that is not kept.

    Raises:
        NotFound: The photos are gone.
    """
    dataset = dataset_of(workspace, plan)
    rows = features(workspace, plan, dataset)
    if rows is None:
        return None
    return logme(rows, [item.label for item in dataset.of_split("train")])


def features(workspace: Workspace, plan: Plan, dataset: Dataset) -> NDArray[np.float32] | None:
    """Return what the frozen part made of the training photos as they are, ``(images, features)``.

    Returns:
        ``None`` where it is not kept whole, as after the plain way.
    """
    keys = [known_rows.key(item.digest, "none", 0, 0) for item in dataset.of_split("train")]
    wanted, found = known_rows.label(plan), []
    for path in root_of(workspace).glob(f"*/{MADE_BY}"):
        try:
            made_by = read_json(path)
        except BadInput:
            continue  # damaged, or removed meanwhile
        if made_by.get("label") == wanted:
            found.append((path.stat().st_mtime, made_by))
    # The newest was made by the libraries that are installed now.
    for _at, made_by in sorted(found, key=lambda each: each[0], reverse=True):
        rows = _rows(workspace, made_by, keys) if keys else None
        if rows is not None:
            return rows
    return None


def _rows(
    workspace: Workspace, made_by: JsonObject, keys: list[bytes]
) -> NDArray[np.float32] | None:
    shapes = made_by.get("shapes")
    if not isinstance(shapes, list) or len(shapes) != 1:
        return None
    described = {name: each for name, each in made_by.items() if name not in _NOT_PART_OF_THE_KEY}
    with Activations(workspace, described, [tuple(shapes[0])], known_label(made_by)) as kept:
        if kept.find(keys, lambda _found: None, threading.Event()) < len(keys):
            return None
        (rows,) = kept.gather(keys)
        return rows.reshape(len(keys), -1)


def known_label(made_by: JsonObject) -> JsonObject | None:
    """Return the label of kept rows, as it was written beside them."""
    label = made_by.get("label")
    return label if isinstance(label, dict) else None
