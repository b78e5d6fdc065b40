"""A training that was left at any step, and gone on with, is the one that never was."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import reusing
from reusing import SIZE, Hook, Ran, answers, assert_same, go_on, pixels, plan_for, run, with_recipe

from core.data.dataset import Dataset
from core.errors import RunFailed
from core.runs.folder import RunFolder, saved_epoch
from core.training.checkpoint import Checkpoint
from core.training.plan import Plan
from core.training.start import Start
from core.workspace import Workspace

# Real models are for the long tests; what the small one shows is the same for all.
slow, long = pytest.mark.slow, pytest.mark.zoo


def head(data: Dataset) -> Plan:
    """Learns only a head with dropout, on kept rows, with momentum."""
    return plan_for(data, optimizer="rmsprop", batch_size=3)


def tail(data: Dataset) -> Plan:
    """Learns the top with dropout, on kept rows of two views."""
    return replace(plan_for(data, augment="light", views=2), trainable=("top",))


def scratch(data: Dataset) -> Plan:
    """Learns all there is with BatchNorm and dropout, on photos that are new in every epoch."""
    plan = replace(
        plan_for(data, augment="strong", views=0, epochs=3), backbone="mobilenet", weights=Start("none"),
    )
    return replace(plan, trainable=("block12", "block13"), cache=False)


def quick(data: Dataset, **recipe: object) -> Plan:
    """Learns the small model, with dropout, BatchNorm and momentum, on photos that are new in every epoch."""
    given = {"optimizer": "rmsprop", "batch_size": 3, "augment": "light", "views": 0, "epochs": 3, **recipe}
    return replace(plan_for(data, **given), cache=False)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trains a model in place of the real one that is quickly built; its first layer does not learn."""
    import keras

    from core.training import model as models

    def assemble(plan: Plan, classes: int, _weights_file: Path | None = None) -> Any:
        seed = plan.recipe.seed
        inputs = keras.Input((SIZE, SIZE, 3), name="image")
        values = keras.layers.AveragePooling2D(8)(keras.layers.Rescaling(1 / 255)(inputs))
        start = keras.initializers.GlorotUniform(seed=seed)
        frozen = keras.layers.Dense(8, "relu", kernel_initializer=start, trainable=False)
        values = keras.layers.BatchNormalization()(frozen(keras.layers.Flatten()(values)))
        values = keras.layers.Dropout(0.3, seed=seed)(values)
        start = keras.initializers.GlorotUniform(seed=seed + 1)
        outputs = keras.layers.Dense(classes, "softmax", kernel_initializer=start)(values)
        model = keras.Model(inputs, outputs, name="classifier")
        reusing.prepare(model, plan)
        return model

    monkeypatch.setattr(models, "assemble", assemble)
    monkeypatch.setattr(models, "prepare", reusing.prepare)


def leaving_at(when: Callable[[str, object], bool], stop: threading.Event) -> Hook:
    """Return a hook that asks for a stop the first time that something is told."""

    def hook(what: str, heard: object) -> None:
        if when(what, heard):
            stop.set()

    return hook


def at_step(number: int) -> Callable[[str, object], bool]:
    """Leave after so many steps of this sitting."""
    return lambda what, heard: what == "step" and len(heard.steps) == number  # type: ignore[attr-defined]


def in_validation(number: int) -> Callable[[str, object], bool]:
    """Leave in so many a validation of this sitting."""
    return lambda what, heard: (
        what == "validating" and heard.phases.count("validating") == number  # type: ignore[attr-defined]
    )


def in_test(what: str, _heard: object) -> bool:
    """Leave while the test photos are looked at."""
    return what == "testing"


def left_and_gone_on(
    plan: Plan, data: Dataset, workspace: Workspace, *leavings: Callable[[str, object], bool]
) -> Ran:
    """Carry out a plan that is left several times."""
    folder = RunFolder.create(workspace, plan)
    for when in leavings:
        stop = threading.Event()
        assert go_on(folder, data, workspace, leaving_at(when, stop), stop).outcome.stopped
    return go_on(folder, data, workspace)


@long
@pytest.mark.parametrize("recipe", [head, tail, scratch])
def test_it_comes_to_the_same_after_a_pause_in_an_epoch_and_one_in_a_validation(
    data: Dataset, workspace: Workspace, recipe: Callable[[Dataset], Plan]
) -> None:
    plan = with_recipe(recipe(data), epochs=2)
    whole = run(plan, data, workspace)
    pieces = left_and_gone_on(plan, data, workspace, at_step(2), in_validation(1))
    assert_same(whole, pieces, data)


@long
@pytest.mark.parametrize("recipe", [head, tail, scratch])
def test_it_comes_to_the_same_wherever_it_was_left(
    data: Dataset, workspace: Workspace, recipe: Callable[[Dataset], Plan]
) -> None:
    plan = recipe(data)
    whole = run(plan, data, workspace)
    pieces = left_and_gone_on(
        plan, data, workspace, at_step(2), in_validation(1), at_step(1), at_step(5), in_test
    )
    assert_same(whole, pieces, data)


@slow
@pytest.mark.usefixtures("small")
def test_a_small_model_comes_to_the_same_wherever_it_was_left(data: Dataset, workspace: Workspace) -> None:
    plan = quick(data)
    whole = run(plan, data, workspace)
    assert np.ptp(whole.figures[:, 0]) > 0  # it learns, so that there is something to compare
    pieces = left_and_gone_on(
        plan, data, workspace, at_step(2), in_validation(1), at_step(6), at_step(5), in_test
    )
    assert_same(whole, pieces, data)


@slow
@pytest.mark.usefixtures("small")
def test_the_curve_goes_on_where_it_was_and_no_step_is_made_twice(
    data: Dataset, workspace: Workspace
) -> None:
    plan = quick(data)
    whole = run(plan, data, workspace)
    folder = RunFolder.create(workspace, plan)
    stop = threading.Event()
    first = go_on(folder, data, workspace, leaving_at(at_step(8), stop), stop)
    second = go_on(folder, data, workspace)
    steps = [(each.epoch, each.step) for each in (*first.heard.steps, *second.heard.steps)]
    assert steps == [(epoch, step) for epoch in (1, 2, 3) for step in range(1, 7)]
    assert second.heard.begun == [(1, pytest.approx(1 + 2 / 6))]
    progress = [each.progress for each in (*first.heard.steps, *second.heard.steps)]
    assert progress == [each.progress for each in whole.heard.steps]
    points = [*first.heard.batches, *second.heard.batches]
    assert [each.position for each in points] == [each.position for each in whole.heard.batches]
    np.testing.assert_allclose(
        [(each.loss, each.accuracy) for each in points],
        [(each.loss, each.accuracy) for each in whole.heard.batches], rtol=1e-5, atol=1e-6,
    )


@pytest.mark.parametrize("recipe", [pytest.param(quick, marks=slow), pytest.param(tail, marks=long)])
def test_a_training_of_more_epochs_equals_one_that_was_planned_so(
    data: Dataset, workspace: Workspace, recipe: Callable[[Dataset], Plan], request: pytest.FixtureRequest
) -> None:
    if recipe is quick:
        request.getfixturevalue("small")
    plan = recipe(data)
    longer = with_recipe(plan, epochs=plan.recipe.epochs + 2)
    ran = run(plan, data, workspace)
    ran.folder.replace_plan(longer)
    assert_same(run(longer, data, workspace), go_on(ran.folder, data, workspace), data)


@slow
@pytest.mark.usefixtures("small")
def test_the_best_epoch_is_not_replaced_by_a_worse_one(data: Dataset, workspace: Workspace) -> None:
    plan = quick(data)
    ran = run(plan, data, workspace)
    before = Checkpoint.load(ran.folder.places.last)
    assert before is not None
    # As if an epoch had been that good: none that follows can be.
    top = replace(before.history[1], val_accuracy=1.0, val_loss=0.0)
    marked = tuple(np.full_like(each, 0.25) for each in before.weights)
    replace(
        before, history=(before.history[0], top, *before.history[2:]), kept=2, best=marked
    ).save(ran.folder.places.last, durable=False)
    ran.folder.replace_plan(with_recipe(plan, epochs=5))
    longer = go_on(ran.folder, data, workspace)
    assert longer.outcome.kept == 2
    assert len(longer.outcome.history) == 5
    assert saved_epoch(ran.folder.model) == 2
    images, _labels = pixels(data, "test", plan.size)
    np.testing.assert_allclose(answers(ran.folder, images), 0.5)  # all its weights are the same


@slow
@pytest.mark.usefixtures("small")
def test_what_started_from_something_else_is_not_gone_on_with(data: Dataset, workspace: Workspace) -> None:
    plan = quick(data, epochs=1)
    ran = run(plan, data, workspace)
    model = ran.folder.model.read_bytes()
    ran.folder.replace_plan(with_recipe(plan, epochs=2, seed=6))
    with pytest.raises(RunFailed, match="no longer the same"):
        go_on(ran.folder, data, workspace)
    assert ran.folder.model.read_bytes() == model


@slow
@pytest.mark.usefixtures("small")
def test_a_damaged_checkpoint_is_said_and_the_model_stays(data: Dataset, workspace: Workspace) -> None:
    ran = run(quick(data, epochs=1), data, workspace)
    model = ran.folder.model.read_bytes()
    whole = ran.folder.places.last.read_bytes()
    ran.folder.places.last.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RunFailed, match="damaged"):
        go_on(ran.folder, data, workspace)
    assert ran.folder.model.read_bytes() == model
