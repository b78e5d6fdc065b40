"""Read weight files as data: arrays by layer, and nothing that could run.

Four kinds are read: Keras 3's ``.weights.h5``, the legacy ``.h5`` of earlier Keras (weights alone or
a whole model), ``.keras`` archives, and flat PyTorch ``.pth`` for the backbones that came from there.
No configuration in a file is ever turned into layers, so a Lambda or a custom object in it stays text.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from numpy.typing import NDArray

from core.backbones.hdf5_data import (
    BROKEN,
    Arrays,
    StoredArray,
    is_plain,
    stored_array,
    texts,
    unreadable,
    walk,
)
from core.i18n import _

if TYPE_CHECKING:
    import h5py

SUFFIXES = (".weights.h5", ".h5", ".hdf5", ".keras", ".pth")
LARGEST_BYTES = 3 * 1024**3
_MOST_MODELS = 200
_WEIGHTS_IN_ARCHIVE = "model.weights.h5"
_CONFIG_IN_ARCHIVE = "config.json"
_LARGEST_CONFIG_BYTES = 50 * 1024**2
_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"


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
    """Arrays of a file that may belong to the layers of a model; a context that closes the file.

    Attributes:
        config: The model's configuration as JSON text, for what it says; empty where there is none.
    """

    def __init__(self, file: h5py.File | None = None) -> None:
        self._file = file
        self.config = ""

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
        for path, item in walk(root):
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
        group = root["model_weights"] if is_plain(root, "model_weights") else root
        self._layers: list[tuple[str, Arrays]] = []
        self._nested = False
        self._names = texts(group, "layer_names")
        for name in self._names:
            if not is_plain(group, name):
                raise unreadable(_("A layer that the file names is not in it."), name)
            parts = _parted(group[name], name)
            self._nested = self._nested or len(parts) > 1
            self._layers += parts

    def attempts(self, wanted: Sequence[Wanted]) -> Iterator[Attempt]:
        """Try by name where all names are there, then by order or number, then what names there are."""
        by_name = dict(self._layers)
        named = [by_name.get(each.name) for each in wanted]
        if None not in named:
            yield Attempt(named, self._names)
        in_order: list[Arrays | None] = [arrays for _name, arrays in self._layers[: len(wanted)]]
        in_order += [None] * (len(wanted) - len(in_order))
        numbered = self._by_number(wanted)
        # NOTE: of a model within the model Keras writes first what is trainable, whatever its place.
        for arrays in (numbered, in_order) if self._nested else (in_order, numbered):
            yield Attempt(arrays, self._names)
        yield Attempt(named, self._names)

    def _by_number(self, wanted: Sequence[Wanted]) -> list[Arrays | None]:
        """Match automatic names, whose numbers start anywhere: the third ``conv2d`` is the third."""
        places = _places(name for name, _arrays in self._layers)
        found = {places[name]: arrays for name, arrays in self._layers}
        asked = _places(each.name for each in wanted)
        return [found.get(asked[each.name]) for each in wanted]


def _places(names: Iterable[str]) -> dict[str, tuple[str, int]]:
    """Return for each name what it is without its number, and its place among those alike."""
    alike: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        stem, _line, number = name.rpartition("_")
        numbered = bool(stem) and number.isascii() and number.isdigit() and len(number) < 10
        alike.setdefault(stem if numbered else name, []).append((int(number) if numbered else 0, name))
    return {
        name: (stem, place)
        for stem, group in alike.items() for place, (_number, name) in enumerate(sorted(group))
    }


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
            raise unreadable(_("The weight file is too large."), path.name)
        with path.open("rb") as handle:
            start = handle.read(8)
        if start.startswith(_ZIP):
            return _from_archive(path)
        if start == _HDF5:
            return _parsed(path)
        raise unreadable(_("This is not a weight file that can be read."), path.name)
    except BROKEN as error:
        raise unreadable(_("The weight file cannot be read."), path.name) from error


def _parsed(source: Path | io.BytesIO) -> WeightFile:
    import h5py

    root = h5py.File(source, "r")
    try:
        if "layer_names" in root.attrs or "layer_names0" in root.attrs or is_plain(root, "model_weights"):
            legacy = LegacyFile(root)
            legacy.config = "".join(texts(root, "model_config"))
            return legacy
        return Keras3File(root)
    except BaseException:
        root.close()
        raise


def _from_archive(path: Path) -> WeightFile:
    with zipfile.ZipFile(path) as archive:
        if _WEIGHTS_IN_ARCHIVE not in archive.namelist():
            raise unreadable(_("The archive holds no Keras weights."), path.name)
        file = _parsed(io.BytesIO(_entry(archive, _WEIGHTS_IN_ARCHIVE, LARGEST_BYTES)))
        if _CONFIG_IN_ARCHIVE in archive.namelist():
            config = _entry(archive, _CONFIG_IN_ARCHIVE, _LARGEST_CONFIG_BYTES)
            file.config = config.decode("utf-8", "replace")
        return file


def _entry(archive: zipfile.ZipFile, name: str, largest: int) -> bytes:
    entry = archive.getinfo(name)
    if entry.file_size > largest:
        raise unreadable(_("The weight file is too large."), name)
    with archive.open(entry) as handle:
        return handle.read(largest + 1)


def _parted(group: h5py.Group, name: str) -> list[tuple[str, Arrays]]:
    """Return a group's arrays by layer: a model within the model holds those of many in one group."""
    parts: dict[str, list[StoredArray]] = {}
    for weight in texts(group, "weight_names"):
        holder, item = group, None
        for step in weight.split("/"):
            if not is_plain(holder, step):
                raise unreadable(_("A layer that the file names is not in it."), f"{name}/{weight}")
            item = holder[step]
            holder = item
        parts.setdefault(weight.rpartition("/")[0], []).append(stored_array(item))
    if len(parts) == 1:
        return [(name, tuple(next(iter(parts.values()))))]
    return [(part.rpartition("/")[2] or name, tuple(arrays)) for part, arrays in parts.items()]
