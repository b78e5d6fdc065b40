"""The steps of a model, by block and by where a cut runs: what the division into blocks is held against."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from core.backbones.build import block_layers
from core.backbones.catalogue import get
from core.backbones.division import inputs_of, owners
from core.backbones.families import family_of

if TYPE_CHECKING:
    import keras


def block_of_step(model: keras.Model, name: str) -> dict[str, str]:
    """Return the block of every step of a model that :func:`build` made.

    A step is a layer or a bare operation; the input is in none.
    """
    backbone = get(name)
    if backbone.constructor:
        return owners(model, family_of(backbone.constructor).rules)
    return {
        layer.name: block for block, layers in block_layers(model, name).items() for layer in layers
    }


def crossing(model: keras.Model, below: Iterable[str]) -> tuple[str, ...]:
    """Return the steps whose outputs cross a cut, in the model's order.

    Args:
        model: A functional model.
        below: Names of the steps under the cut; the input counts as under it.

    Returns:
        Names of the steps under the cut that a step above it takes from. One at the block
        boundaries of most families, two between NASNet's cells.

    Raises:
        ValueError: A step under the cut takes from one above it, so that this is no cut.
    """
    taken = inputs_of(model)
    under = set(below) | {name for name, sources in taken.items() if not sources}
    for name in under:
        above = [source for source in taken[name] if source not in under]
        if above:
            raise ValueError(f"{name} is under the cut and takes from {above[0]}, which is not")
    crossed = {
        source for name, sources in taken.items() if name not in under
        for source in sources if source in under
    }
    return tuple(step.name for step in model.operations if step.name in crossed)
