"""Letting go of a model after its run, so that its memory comes back."""

from __future__ import annotations

import gc
from typing import Any


def let_go(model: Any) -> None:
    """Take apart the graphs that were traced for a model; it cannot be used afterwards.

    NOTE: TensorFlow 2.21 never frees the graph of a function that is called inside another, as Keras'
    training step is: the two hold each other through C++, and what they captured, the handles of all
    weights, stays with them. Its own ``dismantle_func_graph`` leaves a cached list of these behind.

    Args:
        model: A compiled Keras model that nobody else uses.
    """
    from tensorflow.python.framework.func_graph import FuncGraph, dismantle_func_graph

    handles = {id(handle) for handle in _handles(model)}
    model.train_function = model.test_function = model.predict_function = None
    for graph in [each for each in gc.get_objects() if isinstance(each, FuncGraph)]:
        captures = graph._function_captures
        if handles.isdisjoint(captures._by_val_external):
            continue
        dismantle_func_graph(graph)
        captures._by_val_tracetype.clear()
        captures._cached_by_val_capture_tuples = []
        captures._cached_capture_types.clear()


def _handles(model: Any) -> list[Any]:
    variables = [*model.variables, *(model.optimizer.variables if model.optimizer else ())]
    return [variable.value.handle for variable in variables]
