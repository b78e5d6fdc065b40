"""A Keras model as a graph of layers: its blocks, and the tensors that cross between them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from core.backbones.families import Rule

if TYPE_CHECKING:
    import keras

Blocks = dict[str, list["keras.layers.Layer"]]


def inputs_of(model: keras.Model) -> dict[str, tuple[str, ...]]:
    """Return for each step of a functional model the names of the steps that it takes from.

    A step is a layer or, as in MobileNetV3, a bare operation such as a sum with a constant.
    """
    inside = {step.name for step in model.operations}
    taken: dict[str, tuple[str, ...]] = {}
    for step in model.operations:
        # NOTE: Keras has no public way to the graph of a functional model.
        sources = [
            tensor._keras_history.operation.name
            for node in step._inbound_nodes
            for tensor in node.input_tensors
        ]
        taken[step.name] = tuple(name for name in dict.fromkeys(sources) if name in inside)
    return taken


def leaves_of(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """Return a layer, or in place of a model within the model its layers, at any depth."""
    import keras

    if isinstance(layer, keras.Model):
        return [leaf for inner in layer.layers for leaf in leaves_of(inner)]
    return [layer]


def owners(model: keras.Model, rules: Iterable[Rule]) -> dict[str, str]:
    """Find out which block every step of a backbone belongs to.

    Args:
        model: A functional model with one input and one output.
        rules: See :class:`core.backbones.families.Rule`.

    Returns:
        For each step but the input the name of its block, block by block from input to output. What
        comes after the last block's end belongs to it.

    Raises:
        ValueError: No layer matches any rule, or a step is in no block.
    """
    rules = tuple(rules)
    ends: dict[str, str] = {}
    for layer in model.layers:
        block = next((name for rule in rules if (name := rule.name(layer.name)) is not None), None)
        if block is not None:
            ends.pop(block, None)
            ends[block] = layer.name
    if not ends:
        raise ValueError(f"no layer of {model.name} names a block")
    taken = inputs_of(model)
    layers = {layer.name for layer in model.layers}
    ends = {block: _through_operations(end, taken, layers) for block, end in ends.items()}
    ends[next(reversed(ends))] = model.output._keras_history.operation.name
    without = {name for name, sources in taken.items() if not sources}
    owner: dict[str, str] = {}
    for block, end in ends.items():
        owner |= dict.fromkeys(_needed(end, taken, without | set(owner)), block)
    if len(owner) + len(without) != len(taken):
        raise ValueError(f"a step of {model.name} is in no block")
    return owner


def _through_operations(end: str, taken: dict[str, tuple[str, ...]], layers: set[str]) -> str:
    """Follow a block's end through the bare operation that finishes it, such as ConvNeXt's sums."""
    takers = [name for name, sources in taken.items() if end in sources]
    if len(takers) == 1 and takers[0] not in layers:
        return _through_operations(takers[0], taken, layers)
    return end


def divide(model: keras.Model, rules: Iterable[Rule]) -> Blocks:
    """Divide a backbone into blocks.

    Args:
        model: A functional model with one input and one output.
        rules: See :class:`core.backbones.families.Rule`.

    Returns:
        For each block, from input to output, its layers in the model's order. Every layer but the
        input is in exactly one block.
    """
    owner = owners(model, rules)
    blocks: Blocks = {block: [] for block in dict.fromkeys(owner.values())}
    for layer in model.layers:
        if layer.name in owner:
            blocks[owner[layer.name]].append(layer)
    return blocks


def _needed(end: str, taken: dict[str, tuple[str, ...]], owned: set[str]) -> list[str]:
    """Return ``end`` and all that it needs and that has no owner yet."""
    waiting, found = [end], []
    seen = set(owned)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        found.append(name)
        waiting.extend(taken[name])
    return found
