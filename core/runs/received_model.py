"""The model of a run that came from elsewhere: built anew from the plan, and given nothing but its numbers.

What the file says that a model is made of is never followed: it may name any layers, of any size.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import struct
import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.backbones.hdf5_data import is_plain, stored_array
from core.data.layout import LONGEST_PART, clean_class
from core.errors import BadInput
from core.i18n import _
from core.training.backend import load_tensorflow
from core.training.counts import counts
from core.training.model import (
    CLASSES_ENTRY,
    EPOCH_ENTRY,
    assemble,
    body_of,
    save_model,
    set_trainable,
)
from core.training.plan import Plan
from core.training.stages import plan_of, stage_at
from core.training.start import RANDOM, Start

BROKEN = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, struct.error, EOFError, OSError, ValueError,
    TypeError, LookupError, ArithmeticError, MemoryError, RuntimeError, NotImplementedError,
)
"""What zipfile, json and numpy raise where a file is damaged, or made to be."""

_WEIGHTS, _CONFIG = "model.weights.h5", "config.json"
_LARGEST_TEXT = 8 * 2**20
_MOST_CLASSES = 10_000
_MOST_PARTS = 100_000
_MOST_EPOCHS = 10**6
_BYTES_A_NUMBER = 4
_ENCRYPTED = 0x1


@dataclass(frozen=True)
class Inside:
    """What the file of a model holds beside its numbers.

    Attributes:
        classes: Its class names.
        epoch: The epoch that its weights are of; ``None`` where it does not say.
        config: What it says that it is made of; not to be followed.
        weights: The bytes of its numbers.
    """

    classes: tuple[str, ...]
    epoch: int | None
    config: bytes
    weights: int


def are_classes(names: tuple[str, ...]) -> bool:
    """Tell whether these could be the class names of a dataset that was taken in here."""
    fit = all(name and len(name) <= LONGEST_PART and clean_class(name) == name for name in names)
    return fit and len(set(names)) == len(names) <= _MOST_CLASSES


def read_inside(path: Path) -> Inside:
    """Read all of a model's file but its numbers.

    Raises:
        BadInput: It is not one of ours, or damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = {each.filename: each for each in archive.infolist()}
            known = {"metadata.json", _CONFIG, _WEIGHTS, CLASSES_ENTRY, EPOCH_ENTRY}
            if not entries.keys() <= known or not is_stored(archive, path.stat().st_size):
                raise no_model(path)
            if any(each.file_size > _LARGEST_TEXT for name, each in entries.items() if name != _WEIGHTS):
                raise no_model(path)
            classes = json.loads(archive.read(CLASSES_ENTRY))
            epoch = json.loads(archive.read(EPOCH_ENTRY)) if EPOCH_ENTRY in entries else None
            config, weights = archive.read(_CONFIG), entries[_WEIGHTS].file_size
    except BROKEN as error:
        raise no_model(path) from error
    named = isinstance(classes, list) and all(isinstance(each, str) for each in classes)
    if not named or len(classes) < 2 or not are_classes(tuple(classes)):
        raise no_model(path)
    if epoch is not None and not (type(epoch) is int and 0 < epoch < _MOST_EPOCHS):
        raise no_model(path)
    return Inside(tuple(classes), epoch, config, weights)


def is_stored(archive: zipfile.ZipFile, size: int) -> bool:
    """Tell whether all entries are as they are, each once: then they unpack to no more than there is.

    Args:
        archive: Whatever came.
        size: The bytes of its file.
    """
    entries = archive.infolist()
    plain = all(
        each.compress_type == zipfile.ZIP_STORED and not each.flag_bits & _ENCRYPTED for each in entries
    )
    once = len({each.filename for each in entries}) == len(entries)
    return plain and once and sum(each.file_size for each in entries) <= size


def made_anew(path: Path, plan: Plan, inside: Inside) -> None:
    """Build the model of a plan, give it the numbers of a file, and let that be the file.

    A file that holds what would be written stays byte for byte, so that what was said of it still is of it.

    Args:
        path: The file; what is beside it may be written over.
        plan: A checked plan.
        inside: What :func:`read_inside` read of it.

    Raises:
        BadInput: Its numbers are not those of such a model.
        OSError: The disk is full.
    """
    # The least that such a model takes; so nothing is built that is larger than what came.
    if _BYTES_A_NUMBER * counts(plan, len(inside.classes)).total > inside.weights:
        raise _another(path)
    numbers, anew = path.with_name(_WEIGHTS), path.with_name("anew.keras")
    try:
        _take_out(path, numbers)
        if not _is_bounded(numbers):
            raise no_model(path)
        model = _built(plan, inside)
        try:
            model.load_weights(numbers)
        # NOTE: what damaged numbers make Keras raise is any error at all.
        except Exception as error:
            raise _another(path) from error
        save_model(model, inside.classes, anew, epoch=inside.epoch)
        if not _is_same(inside.config, anew):
            os.replace(anew, path)
    finally:
        numbers.unlink(missing_ok=True)
        anew.unlink(missing_ok=True)


def _take_out(path: Path, target: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(_WEIGHTS) as source, target.open("wb") as handle:
            shutil.copyfileobj(source, handle)
    except BROKEN as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk
        raise no_model(path) from error


def _is_bounded(file: Path) -> bool:
    """Tell whether an HDF5 file holds its numbers itself, none twice, and nothing else."""
    import h5py

    size = file.stat().st_size
    try:
        with h5py.File(file, "r") as root:
            waiting, parts, numbers = [root], 0, 0
            while waiting:
                group = waiting.pop()
                for name in group:
                    parts += 1
                    if parts > _MOST_PARTS or not is_plain(group, name):
                        return False
                    if isinstance(group[name], h5py.Group):
                        waiting.append(group[name])
                    else:
                        numbers += math.prod(stored_array(group[name]).shape)
                    if _BYTES_A_NUMBER * numbers > size:
                        return False
    except (*BROKEN, BadInput):
        return False
    return True


def _built(plan: Plan, inside: Inside) -> Any:
    load_tensorflow()
    model = assemble(replace(plan, weights=Start(RANDOM)), len(inside.classes), to_learn=False)
    # Which layers learned at last is in the file of a model as well.
    stage = stage_at(plan, (inside.epoch or plan.recipe.epochs) - 1)
    set_trainable(body_of(model), plan_of(plan, stage))
    return model


def _is_same(config: bytes, anew: Path) -> bool:
    """Tell whether a model's description is the one that was written here."""
    with zipfile.ZipFile(anew) as archive:
        return _told(config) == _told(archive.read(_CONFIG))


def _told(config: bytes) -> str:
    """Return a description without the addresses in memory that Keras numbers shared objects by."""
    numbers: dict[int, int] = {}

    def numbered(each: dict[str, object]) -> dict[str, object]:
        shared = each.get("shared_object_id")
        if type(shared) is int:
            each["shared_object_id"] = numbers.setdefault(shared, len(numbers))
        return each

    try:
        return json.dumps(json.loads(config, object_hook=numbered))
    except (ValueError, RecursionError):
        return ""


def no_model(path: Path) -> BadInput:
    """Return what to say of a file that is no model of ours."""
    return BadInput(_("The model file cannot be read."), given=path.name,
                    fix=_("Export the run again, with this version of Thaw."))


def _another(path: Path) -> BadInput:
    return BadInput(_("The model is not the one that the plan describes."), given=path.name,
                    fix=_("Export the run again, with this version of Thaw."))
