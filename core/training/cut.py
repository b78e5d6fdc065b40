"""Where a model can be cut: below, nothing learns and the same photo always gives the same.

Found on the graph of layers, not by names. The part below is the *prefix*, the part above the *tail*;
the tensors that cross join them. Computing the prefix once is exact: frozen layers are functions of the
photo alone, BatchNorm included, which runs on its kept statistics.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.backbones.division import leaves_of

if TYPE_CHECKING:
    import keras

# The rank from which a weight is a kernel, and its layer real work.
_KERNEL_RANK = 2
# Capacities of the flow network, which is of 32 bits. A tensor more weighs more than any widths, as long as
# fewer than 16 cross.
_NO_LIMIT = 2**30
_A_TENSOR = 2**20
_WIDEST = 2**16


@dataclass(frozen=True)
class Halves:
    """A model in two parts that share its layers.

    Attributes:
        prefix: From the model's input to the tensors that cross, one or a list of them.
        tail: From these to the model's output. What it learns, the model has learnt.
        shapes: The shape of each tensor that crosses, for one image.
        names: The names of the steps that hand them on, from input to output.
    """

    prefix: keras.Model
    tail: keras.Model
    shapes: tuple[tuple[int, ...], ...]
    names: tuple[str, ...]


def split(model: keras.Model) -> Halves | None:
    """Cut a model at the deepest place below which nothing learns.

    Args:
        model: A functional model with one input; a functional model that it holds, such as a backbone,
            is cut inside where it learns. What may learn is decided by ``trainable`` of the layers.

    Returns:
        Its halves, or ``None`` where nothing of weight lies below what learns, or nothing learns at all.
    """
    import keras

    inner = _inner_that_learns(model)
    if inner is None:
        crossing = crossing_tensors(model)
        if not crossing:
            return None
        joined = _joined(crossing)
        return _halves(keras.Model(model.input, joined), keras.Model(joined, model.output), crossing)
    body = inner.operation
    crossing = crossing_tensors(body)
    if not crossing:
        return None
    joined = _joined(crossing)
    below = keras.Model(body.input, joined)(inner.input_tensors[0])
    given = [keras.Input(batch_shape=each.shape, dtype=each.dtype) for each in crossing]
    values = keras.Model(joined, body.output)(_joined(given))
    above = keras.Model(inner.outputs[0], model.output)(values)
    return _halves(keras.Model(model.input, below), keras.Model(_joined(given), above), crossing)


def _halves(prefix: keras.Model, tail: keras.Model, crossing: list[Any]) -> Halves:
    return Halves(
        prefix, tail, tuple(tuple(each.shape[1:]) for each in crossing),
        tuple(each._keras_history.operation.name for each in crossing),
    )


def _joined(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors


def crossing_tensors(model: keras.Model) -> list[Any]:
    """Return the tensors that cross the cut of a functional model, from input to output.

    The part below holds every frozen layer with a kernel that depends on nothing that learns. Of the
    layers without one, which could lie on either side (pooling, or the BatchNorm at the begin of a
    block), so many lie below that the fewest tensors cross, and of these the narrowest; at a tie all.

    Returns:
        The tensors, none where no layer with a kernel can lie below or nothing learns.
    """
    graph = _Graph(model)
    below = graph.below()
    if not below or len(below) == len(graph.nodes):
        return []
    found: dict[int, Any] = {}
    for at, node in enumerate(graph.nodes):
        if at not in below:
            for tensor in node.input_tensors:
                if graph.maker[id(tensor)] in below:
                    found[id(tensor)] = tensor
    order = {id(tensor): at for at, node in enumerate(graph.nodes) for tensor in node.outputs}
    return sorted(found.values(), key=lambda tensor: order[id(tensor)])


class _Graph:
    """The nodes of a functional model from input to output; a node is one call of a layer."""

    def __init__(self, model: keras.Model) -> None:
        self.nodes = _nodes_of(model)
        self.maker = {id(tensor): at for at, node in enumerate(self.nodes) for tensor in node.outputs}
        self.sources = [
            sorted({self.maker[id(tensor)] for tensor in node.input_tensors}) for node in self.nodes
        ]

    def below(self) -> set[int]:
        """Return the nodes below the cut."""
        frozen = self._frozen()
        must: set[int] = set()
        for at in sorted(frozen, reverse=True):
            if _is_work(self.nodes[at].operation):
                must.add(at)
            if at in must:
                must.update(self.sources[at])
        return must and self._narrowest(must, frozen)

    def _frozen(self) -> set[int]:
        """Return the nodes that give the same for the same image.

        NOTE: a layer that is called more than once is below with all its calls or with none: Keras makes
        no model that begins at the output of a layer which the model calls again.
        """
        barred: set[int] = set()
        while True:
            frozen: set[int] = set()
            for at, node in enumerate(self.nodes):
                usable = id(node.operation) not in barred and _is_fixed(node.operation)
                if usable and frozen.issuperset(self.sources[at]):
                    frozen.add(at)
            calls = Counter(id(node.operation) for node in self.nodes)
            torn = {
                id(node.operation) for at, node in enumerate(self.nodes)
                if calls[id(node.operation)] > 1
                and (at not in frozen or not _is_work(node.operation))
            }
            if torn <= barred:
                return frozen
            barred |= torn

    def _narrowest(self, must: set[int], may: set[int]) -> set[int]:
        """Return the nodes below the narrowest cut between those that must be below and that may be.

        A minimum cut of a flow network: each node's output is an arc, and an arc without limit against
        the stream keeps what a node needs on its side.
        """
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import breadth_first_order, maximum_flow

        count = len(self.nodes)
        start, end = 2 * count, 2 * count + 1
        widths = {at: _width(self.nodes[at]) for at in may}
        widest = max(widths.values())
        arcs = {
            (at, count + at): _A_TENSOR + math.ceil(width / widest * _WIDEST)
            for at, width in widths.items()
        }
        arcs |= {(start, at): _NO_LIMIT for at in must}
        for at in range(count):
            for source in self.sources[at]:
                if source in may:
                    arcs[count + source, at if at in may else end] = _NO_LIMIT
                    if at in may:
                        arcs[at, source] = _NO_LIMIT
        rows, columns = zip(*arcs, strict=True)
        shape = (2 * count + 2, 2 * count + 2)
        room = coo_array((np.array([*arcs.values()], np.int32), (rows, columns)), shape).tocsr()
        left = room - maximum_flow(room, start, end).flow
        left.data = (left.data > 0).astype(np.int32)
        left.eliminate_zeros()
        above = breadth_first_order(left.T.tocsr(), end, return_predecessors=False)
        return may - set(above.tolist())


def _nodes_of(model: keras.Model) -> list[Any]:
    """Return a functional model's nodes in an order in which each comes after what it takes from.

    NOTE: from its own tensors, not from its layers: a layer also remembers calls in other models, such
    as the halves of an earlier cut. Keras has no public way to the graph of a functional model.
    """
    inputs = {id(tensor) for tensor in model.inputs}
    found: dict[int, Any] = {}
    waiting = [(tensor, False) for tensor in reversed(model.outputs)]
    while waiting:
        tensor, ready = waiting.pop()
        made = tensor._keras_history
        node = made.operation._inbound_nodes[made.node_index]
        if id(node) in found:
            continue
        if ready or id(tensor) in inputs:
            found[id(node)] = node
            continue
        waiting.append((tensor, True))
        waiting += [(source, False) for source in node.input_tensors]
    return list(found.values())


def _inner_that_learns(model: keras.Model) -> Any:
    """Return the call of the one model inside a model that learns, if all before it stays the same."""
    import keras

    first = next((node for node in _nodes_of(model) if not _is_fixed(node.operation)), None)
    return first if first is not None and isinstance(first.operation, keras.Model) else None


def _is_fixed(operation: Any) -> bool:
    """Tell whether a step gives the same for the same, in training as well."""
    import keras

    if not isinstance(operation, keras.layers.Layer):
        return True
    return not operation.trainable_variables and all(map(_is_steady, leaves_of(operation)))


def _is_steady(layer: keras.layers.Layer) -> bool:
    import keras

    if isinstance(layer, keras.layers.BatchNormalization):
        return not layer.trainable  # else it averages over the batch, and its statistics move
    # Dropout, noise and random augmentation have a generator; at a rate of 0 they let all through.
    return not hasattr(layer, "seed_generator") or getattr(layer, "rate", None) == 0


def _is_work(operation: Any) -> bool:
    return any(len(weight.shape) >= _KERNEL_RANK for weight in getattr(operation, "weights", ()))


def _width(node: Any) -> int:
    """Return how many numbers a node hands on for one image."""
    return sum(math.prod(tensor.shape[1:]) for tensor in node.outputs)
