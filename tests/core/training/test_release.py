from __future__ import annotations

import contextlib
import gc
import threading
import weakref
from typing import Any

import numpy as np
import pytest

from core.activations.segment import Writer
from core.data.dataset import Dataset
from core.errors import Stopped
from core.runs.folder import RunFolder
from core.training import engine, ways
from core.training import model as models
from core.training.events import CacheUse
from core.training.plan import Plan, Recipe
from core.training.release import let_go
from core.training.start import RANDOM, Start
from core.workspace import Workspace

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


@pytest.mark.zoo
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


class Silent:
    """Listens to nothing, and stops where a test wants it."""

    def __init__(self, stop: threading.Event, at: str = "") -> None:
        self._stop = stop
        self._at = at
        self.reasons: list[str] = []

    def phase(self, phase: str) -> None:
        if phase == self._at:
            self._stop.set()

    def cache(self, use: CacheUse) -> None:
        self.reasons.append(use.reason)

    def tell(self, *_what: object) -> None:
        """Pass over what no test here asks for."""

    fetched = extracted = stage = begins_at = step = batch = epoch = tell


def train(workspace: Workspace, dataset: Dataset, at: str = "") -> Silent:
    """Train a head on a frozen network, whose activation function has a gradient of its own."""
    plan = Plan(
        dataset.id, dataset.title, "efficientnetb0", image_size=32, weights=Start(RANDOM),
        recipe=Recipe(epochs=3, batch_size=4),
    )
    stop = threading.Event()
    listener = Silent(stop, at)
    run = RunFolder.create(workspace, plan)
    with contextlib.suppress(Stopped):
        engine.train(plan, dataset, run.places, listener, stop, None, workspace)
    return listener


@pytest.mark.slow
def test_a_training_on_kept_activations_leaves_no_graph_behind(
    workspace: Workspace, dataset: Dataset
) -> None:
    before = {id(graph) for graph in graphs()}
    assert set(train(workspace, dataset).reasons) == {""}
    assert not {id(graph) for graph in graphs()} - before


@pytest.mark.slow
@pytest.mark.parametrize("at", [
    "extracting",
    *(pytest.param(name, marks=pytest.mark.zoo) for name in ("building", "training", "testing")),
])
def test_a_training_that_is_stopped_leaves_no_graph_behind(
    workspace: Workspace, dataset: Dataset, at: str
) -> None:
    before = {id(graph) for graph in graphs()}
    train(workspace, dataset, at)
    assert not {id(graph) for graph in graphs()} - before


@pytest.mark.zoo
@pytest.mark.slow
def test_a_training_whose_cache_cannot_be_written_leaves_no_graph_behind(
    workspace: Workspace, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Writer, "append", full)
    # What pytest keeps of the log holds the frames of the error, and these the graphs.
    monkeypatch.setattr(ways._log, "disabled", True)
    before = {id(graph) for graph in graphs()}
    assert "could not be kept" in train(workspace, dataset).reasons[-1]
    assert not {id(graph) for graph in graphs()} - before
