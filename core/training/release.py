"""Letting go of a model after its run, so that its memory comes back."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from typing import Any

_CUSTOM = "CustomGradient-"


def let_go(model: Any) -> None:
    """Take apart the graphs that were traced for a model and its halves; it cannot be used afterwards.

    NOTE: TensorFlow 2.21 never frees the graph of Keras' training step. A gradient of its own making
    stays in a registry of the process, and leads from there to the graph and to the handles of all
    weights; ``dismantle_func_graph`` leaves a cached list of these behind as well.

    Args:
        model: A compiled Keras model that nobody else uses.
    """
    from tensorflow.python.framework.func_graph import FuncGraph

    handles = {id(handle) for handle in _handles(model)}
    model.train_function = model.test_function = model.predict_function = None
    graphs = [
        each for each in gc.get_objects()
        if isinstance(each, FuncGraph)
        and not handles.isdisjoint(each._function_captures._by_val_external)
    ]
    _take_apart(graphs)


def let_go_of(function: Any) -> None:
    """Take apart the graph of a ``tf.function`` with an input signature; it cannot be used afterwards.

    NOTE: a graph whose weights are constants is not found by their handles.
    """
    _take_apart([function.get_concrete_function().graph])


def _take_apart(graphs: list[Any]) -> None:
    from tensorflow.python.framework.func_graph import dismantle_func_graph

    _forget_gradients({id(graph) for graph in graphs})
    for graph in graphs:
        captures = graph._function_captures
        dismantle_func_graph(graph)
        captures._by_val_tracetype.clear()
        captures._cached_by_val_capture_tuples = []
        captures._cached_capture_types.clear()
        # Its inputs and outputs are tensors that hold the graph again.
        graph.inputs, graph.outputs, graph.control_outputs = [], [], []
        graph.structured_outputs = None
        graph._unfeedable_tensors.clear()


def return_memory() -> None:
    """Collect what holds itself, and give free memory back to the system where it can be asked to.

    Without this Python would come to it much later, and glibc would keep it for the next run.
    """
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl does not
        if trim is not None:
            trim(0)


def _handles(model: Any) -> list[Any]:
    variables = [*model.variables, *(model.optimizer.variables if model.optimizer else ())]
    return [variable.value.handle for variable in variables]


def _forget_gradients(graphs: set[int]) -> None:
    """Take the gradients that were made for these graphs, by their ids, out of the registry."""
    from tensorflow.python.framework import ops

    registry = ops.gradient_registry._registry
    for name in [each for each in registry if each.startswith(_CUSTOM)]:
        tensors = _enclosed_tensors(registry[name]["type"])
        if any(id(tensor.graph) in graphs for tensor in tensors):
            del registry[name]


def _enclosed_tensors(function: Any, depth: int = 2) -> Iterator[Any]:
    """Yield the graph tensors in the closure of a function, and of functions in it."""
    for cell in getattr(function, "__closure__", None) or ():
        try:
            content = cell.cell_contents
        except ValueError:  # nothing was put in yet
            continue
        if isinstance(content, list):
            yield from (each for each in content if hasattr(each, "graph"))
        elif hasattr(content, "graph"):
            yield content
        elif depth and callable(content):
            yield from _enclosed_tensors(content, depth - 1)
