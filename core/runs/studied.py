"""Where a run keeps what was found out about its model; of another model it is not found.

A study is ``runs/<id>/studies/<name>.json`` (a record) or ``.npz`` (arrays, with a record inside). Each says
which model it is of: where a run is given more epochs, what was found out about it before is passed over. So
whoever finds something out takes the mark of the model before it is loaded, and keeps what came of it with
that mark: a run may be trained further meanwhile.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput, NotFound, Unavailable
from core.files import JsonObject, read_json, write_atomic, write_json
from core.i18n import _
from core.insight.predictions import Predictions
from core.runs.folder import RunFolder, require_model
from core.runs.seen import SETTLED_NS, once
from core.training.failures import is_disk_full

STUDIES = "studies"
_VERSION = 1
_RECORD = "record"
MOST_BYTES = 256 * 2**20
_log = logging.getLogger(__name__)
_lock = threading.Lock()
_stay: OrderedDict[Path, tuple[tuple[int, int, int], Arrays]] = OrderedDict()


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


def require_same(folder: RunFolder, mark: str) -> None:
    """Raise BadInput where a run's model is no longer the one that had this mark, see :func:`model_mark`."""
    if model_mark(folder) != mark:
        raise BadInput(
            _("The run was trained further meanwhile."), given=folder.id,
            fix=_("Nothing was kept of the model as it was. Ask again for the model as it is now."),
        )


@contextmanager
def writing(folder: RunFolder) -> Iterator[None]:
    """Say in words why something cannot be written into a run's folder.

    Raises:
        NotFound: The run is gone.
        Unavailable: The disk is full or cannot be written.
    """
    _require_there(folder)
    try:
        yield
    except OSError as error:
        _require_there(folder)
        if is_disk_full(error):
            raise Unavailable(
                _("The disk is full."), fix=_("Make room, or choose a workspace on another disk."),
            ) from error
        raise Unavailable(
            _("What was found out cannot be kept with the run."), given=error.strerror or "",
            fix=_("Check that the workspace can be written."),
        ) from error


def _require_there(folder: RunFolder) -> None:
    if not folder.path.is_dir():
        raise NotFound(_("This run is no longer in the workspace."), given=folder.id)


def keep_record(folder: RunFolder, name: str, record: JsonObject, *, mark: str | None = None) -> None:
    """Keep a record.

    Args:
        folder: The run.
        name: The study's name.
        record: What was found out, as JSON.
        mark: The mark of the model that it is of, taken before that was loaded; ``None`` where it is of the
            model as it is.

    Raises:
        BadInput: The run has no model, or has another one by now.
        NotFound: The run is gone.
        Unavailable: The disk is full or cannot be written.
    """
    path = place(folder, name).with_suffix(".json")
    with writing(folder):
        told = _told(folder, record, mark)
        path.parent.mkdir(exist_ok=True)
        write_json(path, told)


def _told(folder: RunFolder, record: JsonObject, mark: str | None) -> JsonObject:
    if mark is None:
        mark = model_mark(folder)
    else:
        require_same(folder, mark)
    return {**record, "version": _VERSION, "model": mark}


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
    folder: RunFolder, name: str, record: JsonObject, arrays: Mapping[str, NDArray[np.generic]], *,
    mark: str | None = None,
) -> None:
    """Keep arrays and a record of what they are.

    Args:
        folder: The run.
        name: The study's name.
        record: What they are, as JSON.
        arrays: By name; of numbers, or of texts as numpy has them (``str``), never of objects.
        mark: See :func:`keep_record`, also for what is raised.
    """
    path = place(folder, name).with_suffix(".npz")

    def write(temporary: Path) -> None:
        with temporary.open("wb") as handle:
            np.savez(handle, allow_pickle=False, **{_RECORD: text}, **arrays)

    with writing(folder):
        text = np.asarray(json.dumps(_told(folder, record, mark), ensure_ascii=False, allow_nan=False))
        path.parent.mkdir(exist_ok=True)
        write_atomic(path, write)


def kept_arrays(folder: RunFolder, name: str, *, stay: bool = True) -> Arrays | None:
    """Return arrays of the run's model as it is; ``None`` where there are none, or they are damaged.

    Args:
        folder: The run.
        name: The study's name.
        stay: Whether they stay in memory for the next who asks, where there is room: at most 256 MiB of all
            runs do, those that were asked for last.
    """
    path = place(folder, name).with_suffix(".npz")
    if not path.is_file():
        return None
    try:
        found = _arrays(path) if stay else _read_arrays(path)
        return found if _is_of(folder, found.record) else None
    except BadInput as error:
        _log.warning("a study of run %s is passed over: %s", folder.id, error)
        return None


def _arrays(path: Path) -> Arrays:
    """Return what a file holds, as it was read before where it has not changed since."""
    try:
        stat = path.stat()
    except OSError:
        return _read_arrays(path)  # which says what is wrong
    mark = stat.st_mtime_ns, stat.st_size, stat.st_ino
    with _lock:
        known = _stay.pop(path, None)
        if known is not None and known[0] == mark:
            _stay[path] = known
            return known[1]
    found = _read_arrays(path)
    # NOTE: see :func:`core.runs.seen.once`: what has only just been written may change unseen.
    if _bytes(found) <= MOST_BYTES and time.time_ns() - mark[0] > SETTLED_NS:
        with _lock:
            _stay[path] = mark, found
            while sum(_bytes(each) for _mark, each in _stay.values()) > MOST_BYTES:
                _stay.popitem(last=False)
    return found


def _bytes(found: Arrays) -> int:
    return sum(each.nbytes for each in found.arrays.values())


def _read_arrays(path: Path) -> Arrays:
    try:
        # NOTE: given a path, numpy leaves a damaged file open.
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as archive:
            # NOTE: savez stores; what is packed could unpack to anything.
            if any(each.compress_type != zipfile.ZIP_STORED for each in archive.zip.infolist()):
                raise ValueError("packed arrays")
            arrays = {name: archive[name] for name in archive.files}
        record = dict(json.loads(str(arrays.pop(_RECORD))))
    except (
        OSError, LookupError, ValueError, TypeError, EOFError, MemoryError, RuntimeError, zipfile.BadZipFile,
    ) as error:
        raise BadInput(_("A file of this run is damaged and cannot be read."), given=path.name) from error
    for each in arrays.values():
        each.flags.writeable = False
    return Arrays(record, arrays)


def _is_of(folder: RunFolder, record: JsonObject) -> bool:
    return record.get("version") == _VERSION and record.get("model") == model_mark(folder)


def keep_predictions(folder: RunFolder, key: str, found: Predictions, *, mark: str | None = None) -> None:
    """Keep what the run's model says of photos.

    Args:
        folder: The run.
        key: Which photos, see :attr:`core.studies.target.Target.key`.
        found: What it says.
        mark: See :func:`keep_record`, also for what is raised.
    """
    keep_arrays(folder, f"predictions-{key}", {"classes": list(found.classes)}, {
        "images": np.asarray(found.images, dtype=np.str_), "labels": found.labels,
        "probabilities": found.probabilities,
    }, mark=mark)


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
    if not np.isfinite(chances).all():
        return None
    return Predictions(
        tuple(str(name) for name in classes), tuple(str(each) for each in images),
        labels.astype(np.int32, copy=False), chances.astype(np.float32, copy=False),
    )
