"""Read a PyTorch weight file of the older, non-zip kind with numpy alone.

Such a file is five pickles (magic number, protocol, machine, weights by name, storage keys),
followed by each storage as its length and its raw numbers. Format: ``_legacy_load`` in
torch/serialization.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt

from core.backbones.pickle_data import Admitted, GlobalName, read_pickle, refusal
from core.errors import BadInput
from core.i18n import _

Array = npt.NDArray[np.generic]

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
FORMAT_VERSION = 1001
NUMBER_TYPES: dict[str, np.dtype[Any]] = {
    "torch FloatStorage": np.dtype("<f4"),
    "torch LongStorage": np.dtype("<i8"),
}
MOST_DIMENSIONS = 8
LENGTH_BYTES = 8


@dataclass(frozen=True)
class _Storage:
    """A run of numbers that the pickle announces; ``length`` counts numbers, not bytes."""

    key: str
    dtype: np.dtype[Any]
    length: int


@dataclass(frozen=True)
class _View:
    """A tensor as a window on a storage; offset and strides count numbers, not bytes."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_state_dict(data: bytes) -> dict[str, Array]:
    """Read weights by name.

    Args:
        data: The whole file.

    Returns:
        Read-only arrays, float32 or int64, that look into ``data`` and may be unaligned and
        non-contiguous.

    Raises:
        BadInput: The file is no such file, is cut short, contradicts itself, or holds anything
            other than tensors. Nothing in it has been executed.
    """
    if data.startswith(b"PK"):
        raise _unreadable(_("a zip file, the newer kind of PyTorch file"))
    stream = BytesIO(data)
    nothing = Admitted()
    if read_pickle(stream, nothing) != MAGIC_NUMBER:
        raise _unreadable(_("no PyTorch file"))
    if read_pickle(stream, nothing) != FORMAT_VERSION:
        raise _unreadable(_("an unknown version of the format"))
    machine = read_pickle(stream, nothing)
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise _unreadable(_("numbers in another byte order"))
    announced: dict[str, _Storage] = {}
    views = _named_views(read_pickle(stream, _admitted(announced)))
    numbers = _storages(data, stream, announced)
    return {name: _array(view, numbers[view.storage.key]) for name, view in views.items()}


def _admitted(announced: dict[str, _Storage]) -> Admitted:
    def persistent(reference: object) -> _Storage:
        storage = _storage(reference)
        if announced.setdefault(storage.key, storage) != storage:
            raise refusal(_("a storage that is announced twice"))
        return storage

    return Admitted(
        makers={
            "collections OrderedDict": _empty_dict,
            "torch._utils _rebuild_tensor_v2": _view,
        },
        markers=frozenset(NUMBER_TYPES),
        persistent=persistent,
    )


def _storage(reference: object) -> _Storage:
    match reference:
        case ("storage", GlobalName(text=kind), str(key), "cpu", int(length), None) if (
            kind in NUMBER_TYPES and _is_count(length)
        ):
            return _Storage(key, NUMBER_TYPES[kind], length)
    raise refusal(_("a persistent id that names no storage"))


def _empty_dict(arguments: tuple[object, ...]) -> dict[str, object]:
    if arguments:
        raise refusal(_("an OrderedDict with arguments"))
    return {}


def _view(arguments: tuple[object, ...]) -> _View:
    match arguments:
        case (_Storage() as storage, int(offset), tuple(shape), tuple(strides), bool(), dict(hooks)) if (
            not hooks and len(shape) == len(strides) <= MOST_DIMENSIONS
        ):
            counts = (offset, *shape, *strides)
            if not all(_is_count(count) and count <= storage.length for count in counts):
                raise refusal(_("a tensor that reaches outside its storage"))
            return _View(storage, offset, shape, strides)
    raise refusal(_("a tensor of an unknown form"))


def _is_count(value: object) -> bool:
    # NOTE: True is an int to isinstance.
    return type(value) is int and value >= 0


def _named_views(weights: object) -> dict[str, _View]:
    if not isinstance(weights, dict):
        raise refusal(_("something other than weights by name"))
    for view in weights.values():
        if not isinstance(view, _View):
            raise refusal(_("something other than a tensor"))
    return weights


def _storages(data: bytes, stream: BytesIO, announced: dict[str, _Storage]) -> dict[str, Array]:
    keys = read_pickle(stream, Admitted())
    if (
        not isinstance(keys, list)
        or not all(isinstance(key, str) for key in keys)
        or len(keys) != len(announced)
        or set(keys) != announced.keys()
    ):
        raise _unreadable(_("storages other than those announced"))
    position = stream.tell()
    numbers: dict[str, Array] = {}
    for key in keys:
        storage = announced[key]
        start = position + LENGTH_BYTES
        position = start + storage.length * storage.dtype.itemsize
        if position > len(data):
            raise _unreadable(_("numbers that end too early"))
        if int.from_bytes(data[start - LENGTH_BYTES : start], "little") != storage.length:
            raise _unreadable(_("a storage of another length than announced"))
        numbers[key] = np.frombuffer(data, storage.dtype, storage.length, start)
    if position != len(data):
        raise _unreadable(_("bytes after the last number"))
    return numbers


def _array(view: _View, numbers: Array) -> Array:
    itemsize = view.storage.dtype.itemsize
    last = view.offset + sum(
        (size - 1) * stride for size, stride in zip(view.shape, view.strides, strict=True)
    )
    if 0 in view.shape or last >= view.storage.length:
        raise refusal(_("a tensor that reaches outside its storage"))
    # The constructor checks once more that the view stays within the buffer.
    return np.ndarray(
        view.shape,
        view.storage.dtype,
        buffer=numbers.data,
        offset=view.offset * itemsize,
        strides=tuple(stride * itemsize for stride in view.strides),
    )


def _unreadable(found: str) -> BadInput:
    return BadInput(
        _("The weight file is not one that can be read."),
        given=found,
        fix=_("Install the package that brings the file again."),
    )
