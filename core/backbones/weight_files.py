"""Read weight files as data: arrays by layer, and nothing that could run.

Four kinds are read: Keras 3's ``.weights.h5``, the legacy ``.h5`` of earlier Keras (weights alone or
a whole model), ``.keras`` archives, and flat PyTorch ``.pth`` for the backbones that came from there.
No configuration in a file is ever turned into layers, so a Lambda or a custom object in it stays text.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from core.i18n import _

if TYPE_CHECKING:
    import h5py

SUFFIXES = (".weights.h5", ".h5", ".hdf5", ".keras", ".pth")
LARGEST_BYTES = 3 * 1024**3
_MOST_OBJECTS = 100_000
_MOST_MODELS = 200
_WEIGHTS_IN_ARCHIVE = "model.weights.h5"
_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"
# NOTE: h5py and zipfile turn what is wrong inside a file into any of these.
_BROKEN = (OSError, EOFError, KeyError, ValueError, RuntimeError, TypeError, MemoryError,
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


@dataclass(frozen=True)
class Attempt:
    """One way to give the wanted layers their arrays.

    Attributes:
        arrays: For each wanted layer its arrays; ``None`` where the file has none.
        beside: All layers that the file names in the model that they are from, those without
            weights too.
    """

    arrays: list[Arrays | None]
    beside: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wanted:
    """A layer that is to be filled.

    Attributes:
        name: Its name in the model.
        key: Where Keras 3 puts it inside its model: ``layers/conv2d_3``.
        shapes: The shapes of its weights, in Keras' order.
    """

    name: str
    key: str
    shapes: tuple[tuple[int, ...], ...]


class WeightFile:
    """Arrays of a file that may belong to the layers of a model; a context that closes the file."""

    def __init__(self, file: h5py.File | None = None) -> None:
        self._file = file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        if self._file is not None:
            self._file.close()

    def attempts(self, wanted: Sequence[Wanted]) -> Iterator[Attempt]:
        """Yield ways to give each wanted layer its arrays, the likeliest first."""
        raise NotImplementedError


class Keras3File(WeightFile):
    """``.weights.h5``: layers by class and number, models within models as paths."""

    def __init__(self, root: h5py.File) -> None:
        super().__init__(root)
        self._arrays: dict[str, dict[int, StoredArray]] = {}
        self._models: dict[str, list[str]] = {}
        for path, item in _walk(root):
            folder, _slash, last = path.rpartition("/")
            if last == "layers" and item is None:
                self._models.setdefault(folder, [])
            if item is not None and folder.endswith("vars") and last.isdigit():
                owner = folder.removesuffix("vars").rstrip("/")
                self._arrays.setdefault(owner, {})[int(last)] = item
            if folder.rpartition("/")[2] == "layers":
                self._models.setdefault(folder.removesuffix("layers").rstrip("/"), []).append(last)

    def attempts(self, wanted: Sequence[Wanted]) -> Iterator[Attempt]:
        """Try the outermost model first, then those within it."""
        for model in sorted(self._models, key=lambda path: path.count("/"))[:_MOST_MODELS]:
            arrays = [self._at(f"{model}/{each.key}".lstrip("/")) for each in wanted]
            yield Attempt(arrays, tuple(self._models[model]))

    def _at(self, path: str) -> Arrays | None:
        found = self._arrays.get(path)
        return tuple(found[at] for at in sorted(found)) if found else None


class LegacyFile(WeightFile):
    """``.h5`` of earlier Keras: layers by name and in order, as attributes tell."""

    def __init__(self, root: h5py.File) -> None:
        super().__init__(root)
        group = root["model_weights"] if _is_plain(root, "model_weights") else root
        self._layers: list[tuple[str, Arrays]] = []
        self._names = _texts(group, "layer_names")
        for name in self._names:
            if not _is_plain(group, name):
                raise _unreadable(_("A layer that the file names is not in it."), name)
            self._layers += _parted(group[name], name)

    def attempts(self, wanted: Sequence[Wanted]) -> Iterator[Attempt]:
        """Try by name where all names are there, then in order, then what names there are."""
        by_name = dict(self._layers)
        named = [by_name.get(each.name) for each in wanted]
        if None not in named:
            yield Attempt(named, self._names)
        in_order: list[Arrays | None] = [arrays for _name, arrays in self._layers[: len(wanted)]]
        yield Attempt(in_order + [None] * (len(wanted) - len(in_order)), self._names)
        yield Attempt(named, self._names)


class NamedFile(WeightFile):
    """Arrays that are already brought into the names and layout of our layers."""

    def __init__(self, arrays: dict[str, tuple[NDArray[Any], ...]]) -> None:
        super().__init__()
        self._arrays = arrays

    def attempts(self, wanted: Sequence[Wanted]) -> Iterator[Attempt]:
        """There is one way: by name."""
        yield Attempt([
            tuple(_in_memory(array) for array in self._arrays[each.name])
            if each.name in self._arrays else None
            for each in wanted
        ])


def _in_memory(array: NDArray[Any]) -> StoredArray:
    return StoredArray(array.shape, lambda: array)


def open_hdf5(path: Path) -> WeightFile:
    """Open a ``.weights.h5``, ``.h5`` or ``.keras`` file, whatever its name ends in.

    Returns:
        A context; it closes the file when it is left, and nothing can be read from then on.

    Raises:
        BadInput: The file is missing, too large, damaged, or none of these.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise _unreadable(_("The weight file is too large."), path.name)
        with path.open("rb") as handle:
            start = handle.read(8)
        if start.startswith(_ZIP):
            return _parsed(io.BytesIO(_from_archive(path)))
        if start == _HDF5:
            return _parsed(path)
        raise _unreadable(_("This is not a weight file that can be read."), path.name)
    except _BROKEN as error:
        raise _unreadable(_("The weight file cannot be read."), path.name) from error


def _parsed(source: Path | io.BytesIO) -> WeightFile:
    import h5py

    root = h5py.File(source, "r")
    try:
        if "layer_names" in root.attrs or "layer_names0" in root.attrs or _is_plain(root, "model_weights"):
            return LegacyFile(root)
        return Keras3File(root)
    except BaseException:
        root.close()
        raise


def _from_archive(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        if _WEIGHTS_IN_ARCHIVE not in archive.namelist():
            raise _unreadable(_("The archive holds no Keras weights."), path.name)
        entry = archive.getinfo(_WEIGHTS_IN_ARCHIVE)
        if entry.file_size > LARGEST_BYTES:
            raise _unreadable(_("The weight file is too large."), path.name)
        with archive.open(entry) as handle:
            return handle.read(LARGEST_BYTES + 1)


def _unreadable(what: str, name: str) -> BadInput:
    return BadInput(
        what, given=name[:120],
        fix=_("Give a file that Keras wrote: .weights.h5, .h5 or .keras, or for the Lites a flat .pth."),
    )


def _is_plain(group: Any, name: str) -> bool:
    """Tell whether the file itself holds the object: no link leads to another file."""
    import h5py

    return isinstance(group, h5py.Group) and isinstance(group.get(name, getlink=True), h5py.HardLink)


def _stored(item: Any) -> StoredArray:
    import h5py

    # NOTE: HDF5 can keep a dataset's numbers in any other file of the machine.
    inside = isinstance(item, h5py.Dataset) and not item.external and not item.is_virtual
    if not inside or item.dtype.kind not in "fiu" or item.shape is None:
        raise _unreadable(_("The file points to numbers outside itself, or holds something else."),
                          str(item.name))
    return StoredArray(tuple(item.shape), lambda: _numbers_of(item))


def _numbers_of(dataset: h5py.Dataset) -> NDArray[Any]:
    try:
        return np.asarray(dataset[()])
    except _BROKEN as error:
        raise _unreadable(_("The weight file cannot be read."), str(dataset.name)) from error


def _walk(root: h5py.Group) -> Iterator[tuple[str, StoredArray | None]]:
    """Yield the path of every group (with ``None``) and of every array."""
    import h5py

    waiting: list[tuple[str, Any]] = [("", root)]
    seen = 0
    while waiting:
        path, group = waiting.pop()
        for name in group:
            seen += 1
            if seen > _MOST_OBJECTS or len(path) > 500:
                raise _unreadable(_("The file holds too many parts to be a model."), path)
            if not _is_plain(group, name):
                continue
            item, where = group[name], f"{path}/{name}".lstrip("/")
            if where.startswith("optimizer"):
                continue
            if isinstance(item, h5py.Group):
                waiting.append((where, item))
                yield where, None
            elif isinstance(item, h5py.Dataset) and item.dtype.kind in "fiu":
                yield where, _stored(item)


def _texts(group: h5py.Group, name: str) -> tuple[str, ...]:
    """Read a list of texts from the attributes, where Keras may have split it: name0, name1 …"""
    if name in group.attrs:
        found = list(group.attrs[name])
    else:
        found, part = [], 0
        while f"{name}{part}" in group.attrs:
            found += list(group.attrs[f"{name}{part}"])
            part += 1
    return tuple(
        each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each) for each in found
    )


def _parted(group: h5py.Group, name: str) -> list[tuple[str, Arrays]]:
    """Return a group's arrays by layer: a model within the model holds those of many in one group."""
    parts: dict[str, list[StoredArray]] = {}
    for weight in _texts(group, "weight_names"):
        holder, item = group, None
        for step in weight.split("/"):
            if not _is_plain(holder, step):
                raise _unreadable(_("A layer that the file names is not in it."), f"{name}/{weight}")
            item = holder[step]
            holder = item
        parts.setdefault(weight.rpartition("/")[0], []).append(_stored(item))
    if len(parts) == 1:
        return [(name, tuple(next(iter(parts.values()))))]
    return [(part.rpartition("/")[2] or name, tuple(arrays)) for part, arrays in parts.items()]
