from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

from core.training import model as models
from core.training.plan import Plan
from core.training.release import let_go
from core.training.start import RANDOM, Start

PLAN = Plan("", "", "mobilenetv3small", image_size=32, weights=Start(RANDOM))


def fitted() -> Any:
    model = models.assemble(PLAN, 3)
    photos, labels = np.zeros((4, 32, 32, 3), np.uint8), np.zeros(4, np.int32)
    model.fit(photos, labels, validation_data=(photos, labels), verbose=0)
    model.predict(photos, verbose=0)
    return model


def graphs() -> list[Any]:
    from tensorflow.python.framework.func_graph import FuncGraph

    gc.collect()
    return [each for each in gc.get_objects() if isinstance(each, FuncGraph)]


@pytest.mark.slow
def test_a_model_that_was_let_go_leaves_no_graph_and_no_weights_behind() -> None:
    before = {id(graph) for graph in graphs()}
    model = fitted()
    assert {id(graph) for graph in graphs()} - before
    handles = [weakref.ref(variable.value) for variable in model.variables]
    let_go(model)
    del model
    assert not {id(graph) for graph in graphs()} - before
    assert not any(handle() is not None for handle in handles)


@pytest.mark.slow
def test_another_model_still_works_when_one_is_let_go() -> None:
    kept, gone = fitted(), fitted()
    photos = np.arange(4 * 32 * 32 * 3, dtype=np.uint8).reshape(4, 32, 32, 3)
    before = kept.predict_on_batch(photos)
    let_go(gone)
    del gone
    gc.collect()
    np.testing.assert_array_equal(kept.predict_on_batch(photos), before)
    kept.train_on_batch(photos, np.zeros(4, np.int32))
    let_go(kept)
