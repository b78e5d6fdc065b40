"""Read HDF5 as data: groups, arrays and texts that the file itself holds, and nothing it points to."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from core.i18n import _

if TYPE_CHECKING:
    import h5py

_MOST_OBJECTS = 100_000
# NOTE: h5py and zipfile turn what is wrong inside a file into any of these.
BROKEN = (OSError, EOFError, KeyError, ValueError, RuntimeError, TypeError, MemoryError,
           zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class StoredArray:
    """One array of a file, read only when it is asked for.

    Attributes:
        shape: Its shape.
        read: Returns its numbers.
    """

    shape: tuple[int, ...]
    read: Callable[[], NDArray[Any]]


Arrays = tuple[StoredArray, ...]


def unreadable(what: str, name: str) -> BadInput:
    """Return the error of a file that is no weight file."""
    return BadInput(
        what, given=name[:120],
        fix=_("Give a file that Keras wrote: .weights.h5, .h5 or .keras, or for the Lites a flat .pth."),
    )


def is_plain(group: Any, name: str) -> bool:
    """Tell whether the file itself holds the object: no link leads to another file."""
    import h5py

    return isinstance(group, h5py.Group) and isinstance(group.get(name, getlink=True), h5py.HardLink)


def stored_array(item: Any) -> StoredArray:
    """Return an array that is to be read later; raises BadInput where the file does not hold it."""
    import h5py

    # NOTE: HDF5 can keep a dataset's numbers in any other file of the machine.
    inside = isinstance(item, h5py.Dataset) and not item.external and not item.is_virtual
    if not inside or item.dtype.kind not in "fiu" or item.shape is None:
        raise unreadable(_("The file points to numbers outside itself, or holds something else."),
                          str(item.name))
    return StoredArray(tuple(item.shape), lambda: _numbers_of(item))


def _numbers_of(dataset: h5py.Dataset) -> NDArray[Any]:
    try:
        return np.asarray(dataset[()])
    except BROKEN as error:
        raise unreadable(_("The weight file cannot be read."), str(dataset.name)) from error


def walk(root: h5py.Group) -> Iterator[tuple[str, StoredArray | None]]:
    """Yield the path of every group (with ``None``) and of every array."""
    import h5py

    waiting: list[tuple[str, Any]] = [("", root)]
    seen = 0
    while waiting:
        path, group = waiting.pop()
        for name in group:
            seen += 1
            if seen > _MOST_OBJECTS or len(path) > 500:
                raise unreadable(_("The file holds too many parts to be a model."), path)
            if not is_plain(group, name):
                continue
            item, where = group[name], f"{path}/{name}".lstrip("/")
            if where.startswith("optimizer"):
                continue
            if isinstance(item, h5py.Group):
                waiting.append((where, item))
                yield where, None
            elif isinstance(item, h5py.Dataset) and item.dtype.kind in "fiu":
                yield where, stored_array(item)


def texts(group: h5py.Group, name: str) -> tuple[str, ...]:
    """Read a list of texts from the attributes, where Keras may have split it: name0, name1 …"""
    if name in group.attrs:
        given = group.attrs[name]
        found = [given] if isinstance(given, str | bytes) else list(given)
    else:
        found, part = [], 0
        while f"{name}{part}" in group.attrs:
            found += list(group.attrs[f"{name}{part}"])
            part += 1
    return tuple(
        each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each) for each in found
    )
