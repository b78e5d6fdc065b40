"""Small random functional models for the tests of the cut, with what is known of each step."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

EDGE, CLASSES = 6, 3
WIDEST = 12  # channels: what the head pools stays narrower than any tensor before it
KERNELS = ("conv", "depthwise", "dense")
KINDS = (*KERNELS, "norm", "relu", "add", "concat", "pool", "keep", "drop", "plus", "again")
Tensors = list[np.ndarray]


@dataclass(frozen=True)
class Step:
    """What is drawn of a step: its kind, what it takes from (modulo what there is), whether it learns."""

    kind: str
    one: int
    other: int
    learns: bool
    width: int


@dataclass
class Node:
    """A step as it was built.

    Attributes:
        moves: It learns, or gives another answer each time; ``tainted`` where it or a step below does.
        works: It has a kernel.
    """

    layer: Any
    sources: tuple[int, ...]
    moves: bool
    works: bool
    tensor: Any = None
    tainted: bool = False


@dataclass
class Drawn:
    """A model and the steps that its graph has, the first being the input."""

    model: Any
    nodes: list[Node] = field(default_factory=list)

    def tainted(self) -> set[int]:
        """Return the steps that depend on something that learns or is drawn anew."""
        return {at for at, node in enumerate(self.nodes) if node.tainted}

    def needed(self) -> set[int]:
        """Return the steps below which nothing may be cut: work that stays the same, and its sources."""
        tainted = self.tainted()
        found: set[int] = set()
        for at in reversed(range(len(self.nodes))):
            if at not in tainted and (self.nodes[at].works or at in found):
                found |= {at, *self.nodes[at].sources}
        return found

    def narrowest(self) -> tuple[int, int]:
        """Return the fewest tensors that can cross, and their width, by trying every cut."""
        tainted, must = self.tainted(), self.needed()
        free = [at for at in range(len(self.nodes)) if at not in tainted and at not in must]
        best = (len(self.nodes), 0)
        for chosen in itertools.product((False, True), repeat=len(free)):
            below = must | {at for at, is_below in zip(free, chosen, strict=True) if is_below}
            if all(below.issuperset(self.nodes[at].sources) for at in below):
                best = min(best, self._crossing(below))
        return best

    def _crossing(self, below: set[int]) -> tuple[int, int]:
        crossed = {
            source for at, node in enumerate(self.nodes) if at not in below for source in node.sources
        } & below
        return len(crossed), sum(math.prod(self.nodes[at].tensor.shape[1:]) for at in crossed)


@st.composite
def drawn_steps(draw: st.DrawFn, most: int = 12) -> list[Step]:
    """Draw steps; often all from one place on learn, as in transfer learning."""
    count = draw(st.integers(1, most))
    first = draw(st.integers(0, count) | st.none())
    return [
        Step(
            draw(st.sampled_from(KINDS)), draw(st.integers(0, 2) | st.integers(0, 12)),
            draw(st.integers(0, 12)), draw(st.booleans()) if first is None else at >= first,
            draw(st.integers(1, 3)),
        )
        for at in range(count)
    ]


def build(steps: list[Step], *, nested: bool, head_learns: bool = True, dropout: float = 0.0) -> Drawn:
    """Build the model of some steps, flat or with the steps in a model within, as ``assemble`` does."""
    import keras

    keras.utils.set_random_seed(11)
    image = keras.Input((EDGE, EDGE, 3))
    prepared = Node(keras.layers.Rescaling(1 / 255, -0.5), (0,), False, False)
    prepared.tensor = prepared.layer(image)
    begin = keras.Input((EDGE, EDGE, 3)) if nested else prepared.tensor
    nodes = [Node(None, (), False, False, image), prepared]
    if nested:
        nodes.append(Node(None, (1,), False, False, begin))
    floor = len(nodes) - 1
    for at, step in enumerate(steps):
        node = _built(step, nodes, floor, at)
        node.tainted = node.moves or any(nodes[source].tainted for source in node.sources)
        nodes.append(node)
    end = nodes[-1].tensor
    values = keras.Model(begin, end, name="body")(prepared.tensor) if nested else end
    top = len(nodes) - 1
    head = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dropout(dropout, seed=3),
            keras.layers.Dense(CLASSES, activation="softmax", trainable=head_learns)]
    for at, layer in enumerate(head):
        values = layer(values)
        moves = (at == 1 and dropout > 0) or (at == 2 and head_learns)
        tainted = moves or nodes[-1].tainted
        nodes.append(Node(layer, (top + at,), moves, at == 2, values, tainted))
    drawn = Drawn(keras.Model(image, values, name="classifier"), _reached(nodes))
    scatter(drawn.model)
    return drawn


def _built(step: Step, nodes: list[Node], floor: int, at: int) -> Node:
    import keras

    there = len(nodes) - floor
    one = len(nodes) - 1 - step.one % there  # counted from the last: chains are as likely as skips
    other = floor + step.other % there
    given, second = nodes[one].tensor, nodes[other].tensor
    layers = keras.layers
    if step.kind == "plus":
        return Node(None, (one,), False, False, given + 1.0)
    fits = given.shape == second.shape
    wide = given.shape[-1] + second.shape[-1]
    if one != other and ((step.kind == "add" and fits) or (step.kind == "concat" and wide <= WIDEST)):
        joined = (layers.Add if step.kind == "add" else layers.Concatenate)()([given, second])
        return Node(None, (one, other), False, False, joined)
    if step.kind == "again":
        before = [each for each in nodes[floor + 1 :] if each.works and _takes(each.layer, given)]
        # NOTE: Keras cannot begin a model at a tensor whose layer is called again further up.
        before = [each for each in before if each.tainted == (each.moves or nodes[one].tainted)]
        if before:
            node = before[step.other % len(before)]
            return Node(node.layer, (one,), node.moves, True, node.layer(given))
    layer = _layer(step, at)
    moves = (layer.trainable and step.kind in (*KERNELS, "norm")) or step.kind == "drop"
    return Node(layer, (one,), moves, step.kind in KERNELS, layer(given))


def _takes(layer: Any, given: Any) -> bool:
    return layer.input_spec.axes[-1] == given.shape[-1]


def _layer(step: Step, at: int) -> Any:
    from keras import layers

    known = {"name": f"{step.kind}_{at}", "trainable": step.learns}
    made = {
        "conv": lambda: layers.Conv2D(step.width, 3, padding="same", **known),
        "depthwise": lambda: layers.DepthwiseConv2D(3, padding="same", **known),
        "dense": lambda: layers.Dense(step.width, **known),
        "norm": lambda: layers.BatchNormalization(momentum=0.8, **known),
        "pool": lambda: layers.AveragePooling2D(2, strides=1, padding="same", **known),
        "keep": lambda: layers.Dropout(0.0, **known),
        "drop": lambda: layers.Dropout(0.4, seed=at, **known),
    }
    return made.get(step.kind, lambda: layers.Activation("relu", **known))()


def _reached(nodes: list[Node]) -> list[Node]:
    """Return the nodes that lead to the last, which are all that the model holds."""
    kept = {len(nodes) - 1}
    for at in reversed(range(len(nodes))):
        if at in kept:
            kept.update(nodes[at].sources)
    order = sorted(kept)
    for at in order:
        nodes[at].sources = tuple(order.index(source) for source in nodes[at].sources)
    return [nodes[at] for at in order]


def scatter(model: Any, seed: int = 5) -> None:
    """Give biases, scales and statistics numbers of their own: what starts at 0 or 1 hides mistakes."""
    random = np.random.default_rng(seed)
    for variable in model.variables:
        if len(variable.shape) == 1 and str(variable.dtype) == "float32":
            variable.assign(random.uniform(0.5, 1.5, variable.shape))


def values_of(model: Any) -> Tensors:
    """Return copies of all numbers of a model, generators of dropout included."""
    return [variable.numpy().copy() for variable in model.variables]


def put_back(model: Any, values: Tensors) -> None:
    """Give a model the numbers of :func:`values_of`."""
    for variable, value in zip(model.variables, values, strict=True):
        variable.assign(value)


def flat_layers(model: Any) -> set[int]:
    """Return the ids of all layers of a model, those of models within included."""
    found: set[int] = set()
    for layer in model.layers:
        found |= flat_layers(layer) if hasattr(layer, "layers") else {id(layer)}
    return found


def images(count: int = 4) -> np.ndarray:
    return np.random.default_rng(8).integers(0, 256, (count, EDGE, EDGE, 3), dtype=np.uint8)
