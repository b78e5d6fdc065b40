"""Put weights from a file into a backbone: all of them fit, or nothing is changed."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.backbones import download
from core.backbones.catalogue import LITE_SCALES, Backbone
from core.backbones.hdf5_data import Arrays
from core.backbones.second_scaling import SPREAD, scales_again
from core.backbones.stored import HostedWeights
from core.backbones.weight_files import NamedFile, Wanted, WeightFile, open_hdf5
from core.backbones.weights import by_layer, packaged_weights
from core.errors import BadInput
from core.i18n import _

if TYPE_CHECKING:
    import keras

_SHOWN = 3


@dataclass(frozen=True)
class Misfit:
    """A layer that a file does not fill.

    Attributes:
        layer: Its name.
        wanted: The shapes of its weights.
        found: The shapes that the file has in their place; ``None`` where it has none.
    """

    layer: str
    wanted: tuple[tuple[int, ...], ...]
    found: tuple[tuple[int, ...], ...] | None


class WeightsDoNotFit(BadInput):
    """A weight file is not of this backbone; :attr:`misfits` names every layer."""

    def __init__(self, backbone: Backbone, file: str, misfits: Sequence[Misfit], layers: int) -> None:
        shown = "; ".join(_misfit_text(each) for each in misfits[:_SHOWN])
        more = _(" and {n} more").format(n=len(misfits) - _SHOWN) if len(misfits) > _SHOWN else ""
        super().__init__(
            _("The weights do not fit {backbone}: {n} of its {layers} layers differ.").format(
                backbone=backbone.title, n=len(misfits), layers=layers),
            given=f"{file[:80]}: {shown}{more}",
            fix=_("Choose the backbone that the file was made with, or another file. Nothing was loaded."),
        )
        self.misfits = tuple(misfits)

    def to_json(self) -> dict[str, object]:
        """Return the error with every layer that does not fit."""
        layers = [
            {"name": each.layer, "wanted": each.wanted, "found": each.found} for each in self.misfits
        ]
        return {**super().to_json(), "layers": layers}


def _misfit_text(misfit: Misfit) -> str:
    wanted = " ".join(map(str, misfit.wanted))
    if misfit.found is None:
        return _("{layer} takes {wanted}, the file has nothing").format(layer=misfit.layer, wanted=wanted)
    found = " ".join(map(str, misfit.found))
    return _("{layer} takes {wanted}, the file has {found}").format(
        layer=misfit.layer, wanted=wanted, found=found
    )


def pretrained(model: keras.Model, backbone: Backbone) -> None:
    """Fill a backbone with its ImageNet weights, from the pip package or from Keras' cache.

    Raises:
        Unavailable: They are not on this machine and cannot be fetched.
        BadInput: They are damaged.
    """
    if not isinstance(backbone.stored, HostedWeights):
        _assign(model, packaged_weights(backbone))
        return
    file = download.fetch(backbone)
    with open_hdf5(file) as opened:
        weights, _beside = _fitted(model, backbone, opened, file.name)
    _assign(model, _scaled(model, weights) if _scales_twice(backbone) else weights)


def from_file(model: keras.Model, backbone: Backbone, path: Path) -> None:
    """Fill a backbone from a file of somebody's: see :mod:`core.backbones.weight_files`.

    Args:
        model: What :func:`core.backbones.build.build` makes with random weights.
        backbone: What it is.
        path: The file. It may hold a classifier as well, or be a whole model with the backbone in it.

    Raises:
        BadInput: The file cannot be read, or does not fit (:class:`WeightsDoNotFit`).
    """
    with _opened(backbone, path) as opened:
        weights, beside = _fitted(model, backbone, opened, path.name)
    if _scales_twice(backbone) and (
        scales_again(opened.config, beside) or _is_hosted(backbone, path)
    ):
        weights = _scaled(model, weights)
    _assign(model, weights)


def _opened(backbone: Backbone, path: Path) -> WeightFile:
    if path.suffix != ".pth":
        return open_hdf5(path)
    if backbone.name not in LITE_SCALES:
        raise BadInput(
            _("PyTorch files are read for the EfficientNet-Lites only."), given=path.name,
            fix=_("Give a file that Keras wrote for {backbone}: .weights.h5, .h5 or .keras.").format(
                backbone=backbone.title),
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(_("The weight file cannot be read."), given=path.name) from error
    return NamedFile(by_layer(backbone, data))


def _is_hosted(backbone: Backbone, path: Path) -> bool:
    """Tell whether a file is the very one that Keras downloads."""
    stored = backbone.stored
    if not isinstance(stored, HostedWeights) or stored.hash is None:
        return False
    kind = "md5" if len(stored.hash) == 32 else "sha256"
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, kind).hexdigest() == stored.hash


def leaves(model: keras.Model) -> list[tuple[Any, Wanted]]:
    """Return the layers of a backbone that have weights, in order, with what each needs."""
    return list(_leaves(model.layers, ""))


def _leaves(layers: Sequence[Any], within: str) -> Any:
    import keras

    seen: Counter[str] = Counter()
    for layer in layers:
        kind = _snake(type(layer).__name__)
        number = seen[kind]
        seen[kind] += 1
        key = f"{within}layers/{kind}" + (f"_{number}" if number else "")
        if isinstance(layer, keras.Sequential):
            yield from _leaves(layer.layers, f"{key}/")
        elif layer.weights:
            yield layer, Wanted(layer.name, key, tuple(tuple(each.shape) for each in layer.weights))


def _snake(name: str) -> str:
    """Return a class name as Keras 3 writes it into its files: ``BatchNormalization`` with a _."""
    parted = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", parted).lower()


Assigned = dict[str, tuple[NDArray[Any], ...]]


def _fitted(
    model: keras.Model, backbone: Backbone, file: WeightFile, name: str
) -> tuple[Assigned, tuple[str, ...]]:
    """Find the arrays of every layer and read them; raises WeightsDoNotFit.

    Returns:
        The arrays by layer, and the names of all layers beside them in the file.
    """
    wanted = [each for _layer, each in leaves(model)]
    fewest: list[Misfit] | None = None
    for attempt in file.attempts(wanted):
        misfits = [
            Misfit(each.name, each.shapes, _shapes(arrays))
            for each, arrays in zip(wanted, attempt.arrays, strict=True)
            if _shapes(arrays) != each.shapes
        ]
        if not misfits:
            return {
                each.name: tuple(_numbers(array.read(), name, each.name) for array in arrays or ())
                for each, arrays in zip(wanted, attempt.arrays, strict=True)
            }, attempt.beside
        if fewest is None or len(misfits) < len(fewest):
            fewest = misfits
    if fewest is None:
        fewest = [Misfit(each.name, each.shapes, None) for each in wanted]
    raise WeightsDoNotFit(backbone, name, fewest, len(wanted))


def _shapes(arrays: Arrays | None) -> tuple[tuple[int, ...], ...] | None:
    return None if arrays is None else tuple(array.shape for array in arrays)


def _numbers(array: NDArray[Any], file: str, layer: str) -> NDArray[Any]:
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused
        converted = array if array.dtype.kind in "iu" else array.astype(np.float32)
    if not np.isfinite(converted).all():
        raise BadInput(_("Weights of a layer are not finite numbers."), given=f"{file[:80]}: {layer}")
    return converted


def _assign(model: keras.Model, weights: Assigned) -> None:
    import keras

    for layer, each in leaves(model):
        layer.set_weights(weights[each.name])
        if isinstance(layer, keras.layers.Normalization):
            # NOTE: it computes with a copy of its weights, which set_weights leaves as it was.
            layer.finalize_state()


def _scales_twice(backbone: Backbone) -> bool:
    return backbone.family == "EfficientNet"


def _scaled(model: keras.Model, weights: Assigned) -> Assigned:
    """Take a second scaling of the input into the variance of the first.

    Keras divides by the square root of the photos' spread once more where an EfficientNet is asked
    for with ``weights="imagenet"``, and only there; as part of the variance it is the same arithmetic
    in one graph for every source.
    """
    import keras

    name = next(
        layer.name for layer in model.layers if isinstance(layer, keras.layers.Normalization)
    )
    mean, variance, count = weights[name]
    return {**weights, name: (mean, (variance * np.array(SPREAD)).astype(np.float32), count)}
