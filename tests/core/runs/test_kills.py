"""Nothing is lost: a run whose process is killed at any moment comes to what it would have come to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from killing import Survived, figures, survived, worked

from core.data.dataset import Dataset
from core.data.intake import take_in
from core.insight.metrics import Evaluation
from core.runs.folder import RunFolder, saved_epoch
from core.runs.status import State
from core.runs.work import evaluation_of
from core.training.plan import Head, Plan, Recipe
from core.training.start import Start
from core.workspace import Workspace
from tests.conftest import make_photos

RECIPE = Recipe(batch_size=4, learning_rate=1e-3, seed=5)


def head(data: Dataset) -> Plan:
    """A head with dropout, on kept rows: many quick epochs."""
    return Plan(
        data.id, data.title, "efficientnet-lite0", head=Head(dropout=0.3),
        recipe=replace(RECIPE, epochs=60, optimizer="rmsprop"), image_size=32,
    )


def scratch(data: Dataset) -> Plan:
    """BatchNorm and dropout from scratch, on photos that are new in every epoch: few slow ones."""
    return Plan(
        data.id, data.title, "mobilenet", ("block12", "block13"),
        recipe=replace(RECIPE, epochs=12, augment="strong", views=0), image_size=32,
        weights=Start("none"), cache=False,
    )


@pytest.fixture
def data(workspace: Workspace, tmp_path: Path) -> Dataset:
    return take_in(make_photos(tmp_path / "colours", each=24), workspace)


def uninterrupted(workspace: Workspace, plan: Plan) -> RunFolder:
    folder = RunFolder.create(workspace, plan)
    assert not worked(folder, workspace)
    assert folder.status().state is State.FINISHED, folder.status()
    return folder


def measured(folder: RunFolder) -> Evaluation:
    found = evaluation_of(folder)
    assert found is not None
    return found


def assert_all_equal(whole: RunFolder, killed: Survived) -> None:
    for folder in killed.folders:
        assert_equal(whole, folder)


def assert_equal(whole: RunFolder, found: RunFolder) -> None:
    assert found.status().state is State.FINISHED, found.status()
    np.testing.assert_allclose(
        np.array(figures(found.history()), dtype=float), np.array(figures(whole.history()), dtype=float),
        rtol=1e-6, atol=1e-6,
    )
    assert saved_epoch(found.model) == saved_epoch(whole.model)
    assert measured(found) == measured(whole)
    assert [row.position for row in found.batches()] == [row.position for row in whole.batches()]
    assert not [path.name for path in found.path.rglob(".*")]


@pytest.mark.slow
def test_a_run_that_is_killed_comes_to_the_same(data: Dataset, workspace: Workspace) -> None:
    plan = head(data)
    assert_all_equal(uninterrupted(workspace, plan), survived(workspace, plan, 1, (2.0, 4.5), seed=1))


@pytest.mark.zoo
@pytest.mark.parametrize("recipe", [head, scratch])
def test_ten_kills_at_random_moments_change_nothing(
    data: Dataset, workspace: Workspace, recipe: Callable[[Dataset], Plan]
) -> None:
    plan = recipe(data)
    killed = survived(workspace, plan, 10, (0.5, 7.0), seed=2)
    assert len(killed.phases) == 10
    print("killed in:", *killed.phases)
    assert_all_equal(uninterrupted(workspace, plan), killed)
