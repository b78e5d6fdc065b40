"""The tensor that each block of a backbone hands on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.backbones.build import block_layers
from core.backbones.catalogue import get
from core.backbones.division import inputs_of, owners
from core.backbones.families import family_of

if TYPE_CHECKING:
    import keras


def block_outputs(body: keras.Model, name: str) -> dict[str, Any]:
    """Return what each block of a backbone hands on.

    Args:
        body: A model that :func:`core.backbones.build.build` made, also one that was saved and loaded.
        name: The backbone's name.

    Returns:
        For each block, from input to output, a Keras tensor ``(n, height, width, channels)`` within
        ``body``; of the last one it is the body's output. A later block may take from inside an earlier
        one as well, as NASNet's cells do.

    Raises:
        ValueError: The model lacks a layer of this backbone.
    """
    backbone = get(name)
    if not backbone.constructor:
        return {block: layers[-1].output for block, layers in block_layers(body, name).items()}
    taken = inputs_of(body)
    steps = {step.name: step for step in body.operations}
    members: dict[str, list[str]] = {}
    for step, block in owners(body, family_of(backbone.constructor).rules).items():
        members.setdefault(block, []).append(step)
    return {block: steps[_end(names, taken)].output for block, names in members.items()}


def _end(names: list[str], taken: dict[str, tuple[str, ...]]) -> str:
    """Return the one step of a block that none of its other steps takes from; a bare operation too."""
    inside = {source for name in names for source in taken[name]}
    (end,) = (name for name in names if name not in inside)
    return end
