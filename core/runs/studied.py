"""Where a run keeps what was found out about its model; of another model it is not found.

A study is ``runs/<id>/studies/<name>.json`` (a record) or ``.npz`` (arrays, with a record inside). Each says
which model it is of: where a run is given more epochs, what was found out about it before is passed over.
"""

from __future__ import annotations

import hashlib
import json
import logging
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from core.files import JsonObject, read_json, write_atomic, write_json
from core.i18n import _
from core.insight.predictions import Predictions
from core.runs.folder import RunFolder, require_model
from core.runs.seen import once

STUDIES = "studies"
_VERSION = 1
_RECORD = "record"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Arrays:
    """Arrays by their names, and a record of what they are; shared, so nobody may change them."""

    record: JsonObject
    arrays: Mapping[str, NDArray[np.generic]]


def place(folder: RunFolder, name: str) -> Path:
    """Return where a study's file is, without its ending; ``name`` is of ours or made of ids."""
    return folder.path / STUDIES / name


def model_mark(folder: RunFolder) -> str:
    """Return what tells a run's model from any other: it follows from what its archive holds.

    Raises:
        BadInput: The run has no model, or none that can be read.
    """
    path = require_model(folder)
    stat = path.stat()
    return _mark(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=1024)
def _mark(path: Path, _changed: int, _size: int) -> str:
    try:
        if not zipfile.is_zipfile(path):
            return hashlib.sha256(path.read_bytes()).hexdigest()[:32]
        with zipfile.ZipFile(path) as archive:
            # NOTE: Keras writes the time of saving into metadata.json; the same weights are the same model.
            entries = sorted(
                (each.filename, each.CRC, each.file_size) for each in archive.infolist()
                if each.filename != "metadata.json"
            )
    except (OSError, zipfile.BadZipFile) as error:
        raise BadInput(_("The model file cannot be read."), given=path.name) from error
    return hashlib.sha256(json.dumps(entries).encode()).hexdigest()[:32]


def keep_record(folder: RunFolder, name: str, record: JsonObject) -> None:
    """Keep a record; raises OSError where the disk is full."""
    path = place(folder, name).with_suffix(".json")
    path.parent.mkdir(exist_ok=True)
    write_json(path, {**record, "version": _VERSION, "model": model_mark(folder)})


def kept_record(folder: RunFolder, name: str) -> JsonObject | None:
    """Return a record of the run's model as it is; ``None`` where there is none, or it is damaged."""
    path = place(folder, name).with_suffix(".json")
    if not path.is_file():
        return None
    try:
        found = once(path, partial(read_json, path))
        return found if _is_of(folder, found) else None
    except BadInput as error:
        _log.warning("a study of run %s is passed over: %s", folder.id, error)
        return None


def keep_arrays(
    folder: RunFolder, name: str, record: JsonObject, arrays: Mapping[str, NDArray[np.generic]]
) -> None:
    """Keep arrays and a record of what they are.

    Args:
        folder: The run.
        name: The study's name.
        record: What they are, as JSON.
        arrays: By name; of numbers, or of texts as numpy has them (``str``), never of objects.
    """
    path = place(folder, name).with_suffix(".npz")
    path.parent.mkdir(exist_ok=True)
    told = {**record, "version": _VERSION, "model": model_mark(folder)}
    text = np.asarray(json.dumps(told, ensure_ascii=False, allow_nan=False))

    def write(temporary: Path) -> None:
        with temporary.open("wb") as handle:
            np.savez(handle, allow_pickle=False, **{_RECORD: text}, **arrays)

    write_atomic(path, write)


def kept_arrays(folder: RunFolder, name: str) -> Arrays | None:
    """Return arrays of the run's model as it is; ``None`` where there are none, or they are damaged."""
    path = place(folder, name).with_suffix(".npz")
    if not path.is_file():
        return None
    try:
        found = once(path, partial(_read_arrays, path))
        return found if _is_of(folder, found.record) else None
    except BadInput as error:
        _log.warning("a study of run %s is passed over: %s", folder.id, error)
        return None


def _read_arrays(path: Path) -> Arrays:
    try:
        # NOTE: given a path, numpy leaves a damaged file open.
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        record = dict(json.loads(str(arrays.pop(_RECORD))))
    except (OSError, KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise BadInput(_("A file of this run is damaged and cannot be read."), given=path.name) from error
    for each in arrays.values():
        each.flags.writeable = False
    return Arrays(record, arrays)


def _is_of(folder: RunFolder, record: JsonObject) -> bool:
    return record.get("version") == _VERSION and record.get("model") == model_mark(folder)


def keep_predictions(folder: RunFolder, key: str, found: Predictions) -> None:
    """Keep what the run's model says of photos; ``key`` is of :attr:`core.studies.target.Target.key`."""
    keep_arrays(folder, f"predictions-{key}", {"classes": list(found.classes)}, {
        "images": np.asarray(found.images, dtype=np.str_), "labels": found.labels,
        "probabilities": found.probabilities,
    })


def kept_predictions(folder: RunFolder, key: str) -> Predictions | None:
    """Return what :func:`keep_predictions` kept of the run's model as it is, or ``None``."""
    found = kept_arrays(folder, f"predictions-{key}")
    if found is None:
        return None
    try:
        classes = found.record["classes"]
        images, labels = found.arrays["images"], found.arrays["labels"]
        chances = found.arrays["probabilities"]
    except KeyError:
        return None
    if not isinstance(classes, list) or chances.shape != (len(images), len(classes)):
        return None
    if labels.shape != images.shape or (len(labels) and not 0 <= labels.min() <= labels.max() < len(classes)):
        return None
    return Predictions(
        tuple(str(name) for name in classes), tuple(str(each) for each in images),
        labels.astype(np.int32, copy=False), chances.astype(np.float32, copy=False),
    )
