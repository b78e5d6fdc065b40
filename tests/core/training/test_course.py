"""A training in stages: each is what a training of its own would be, and the whole can be left anywhere."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import reusing
from reusing import Heard, Ran, assert_same, go_on, plan_for, run

from core.data.dataset import Dataset
from core.errors import Stopped
from core.runs.folder import RunFolder
from core.training.plan import Plan
from core.workspace import Workspace

# Each stage of a real model takes its time to be built; what one case shows, the others hold to it.
slow, long = pytest.mark.slow, pytest.mark.zoo
When = Callable[[str, Heard], bool]


def head_first(data: Dataset, **recipe: object) -> Plan:
    given = {"method": "lp-ft", "epochs": 4, "stage_epochs": 2, "head_rate": 0.01, **recipe}
    return replace(plan_for(data, **given), trainable=("block7", "top"))


def block_by_block(data: Dataset, **recipe: object) -> Plan:
    return head_first(data, **{"method": "gradual", "epochs": 5, "lr_factor": 0.5, **recipe})


def weights_of(ran: Ran) -> dict[str, np.ndarray]:
    from core.training.model import load_model

    return {each.path: each.numpy() for each in load_model(ran.folder.model)[0].weights}


def left_and_gone_on(plan: Plan, data: Dataset, workspace: Workspace, *leavings: When) -> Ran:
    folder = RunFolder.create(workspace, plan)
    for when in leavings:
        stop = threading.Event()

        def hook(what: str, heard: Heard, when: When = when, stop: threading.Event = stop) -> None:
            if when(what, heard):
                stop.set()

        assert go_on(folder, data, workspace, hook, stop).outcome.stopped
    return go_on(folder, data, workspace)


def at_step(number: int) -> When:
    return lambda what, heard: what == "step" and len(heard.steps) == number


@slow
def test_the_stages_are_told_and_stand_in_the_history(data: Dataset, workspace: Workspace) -> None:
    ran = run(block_by_block(data), data, workspace)
    assert [(each.name, each.trainable) for each in ran.heard.stages] == [
        ("head", ()), ("top", ("top",)), ("block7", ("block7", "top"))]
    assert [row.phase for row in ran.outcome.history] == ["head", "head", "top", "top", "block7"]
    assert [row.epoch for row in ran.outcome.history] == [1, 2, 3, 4, 5]
    assert [row.learning_rate for row in ran.outcome.history] == pytest.approx([0.01, 0.01, 1e-3, 1e-3, 1e-3])
    progress = [each.progress for each in ran.heard.steps]
    assert progress == sorted(progress)
    assert 0.8 < progress[-1] <= 1.0


@long
def test_what_does_not_learn_in_a_stage_stays_as_it_is_until_its_own(
    data: Dataset, workspace: Workspace
) -> None:
    from core.training.checkpoint import Changing, Checkpoint, learned
    from core.training.model import assemble

    plan = block_by_block(data)
    model = assemble(plan, len(data.classes))
    begin = {each.path: each.numpy() for each in Changing.of(model).weights}
    paths = [each.path for each in learned(model)]
    kept: list[Checkpoint] = []
    folder = RunFolder.create(workspace, plan)

    def hook(what: str, _heard: Heard) -> None:
        if what == "epoch":
            found = Checkpoint.load(folder.places.last)
            kept.extend([found] if found else [])

    go_on(folder, data, workspace, hook)
    last = Checkpoint.load(folder.places.last)
    assert last is not None
    # What is told of an epoch is told before its checkpoint is written.
    by_epoch = {each.epochs: dict(zip(paths, each.weights, strict=True)) for each in (*kept, last)}

    def moved(epoch: int, block: str) -> bool:
        names = [path for path in paths if path.startswith(block) and path.endswith("kernel")]
        assert names
        return any(not np.array_equal(by_epoch[epoch][name], begin[name]) for name in names)

    assert [moved(2, each) for each in ("classes", "top", "block7")] == [True, False, False]
    assert [moved(4, each) for each in ("classes", "top", "block7")] == [True, True, False]
    assert [moved(5, each) for each in ("classes", "top", "block7")] == [True, True, True]


@long
def test_the_first_stage_is_what_training_the_head_alone_is(data: Dataset, workspace: Workspace) -> None:
    staged = run(head_first(data), data, workspace)
    alone = run(replace(plan_for(data, epochs=2, learning_rate=0.01)), data, workspace)
    np.testing.assert_allclose(staged.figures[:2], alone.figures, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("recipe", [
    pytest.param(head_first, marks=long), pytest.param(block_by_block, marks=long),
])
def test_reusing_the_frozen_part_changes_nothing_in_any_stage(
    recipe: Callable[..., Plan], data: Dataset, workspace: Workspace
) -> None:
    plan = recipe(data, epochs=6)  # so that it pays in each stage
    once = run(plan, data, workspace)
    plain = run(replace(plan, cache=False), data, workspace)
    assert once.use.reason == ""
    assert plain.use.reason
    assert_same(once, plain, data, close=2e-4)


@pytest.mark.parametrize("leavings", [
    pytest.param((at_step(6),), id="in the second epoch of the head", marks=long),
    pytest.param((at_step(8),), id="at the end of the first stage", marks=long),
    pytest.param((at_step(11),), id="in the second stage", marks=long),
    pytest.param((at_step(3), at_step(9)), id="twice", marks=long),
])
def test_it_comes_to_the_same_wherever_it_is_left(
    leavings: tuple[When, ...], data: Dataset, workspace: Workspace
) -> None:
    plan = head_first(data, schedule="cosine", warmup=1, lr_factor=0.5, weight_decay=0.01)
    assert_same(
        left_and_gone_on(plan, data, workspace, *leavings), run(plan, data, workspace), data)


@long
def test_a_stop_while_the_photos_are_looked_at_for_the_next_stage_loses_nothing(
    data: Dataset, workspace: Workspace
) -> None:
    plan = head_first(data)
    folder, stop = RunFolder.create(workspace, plan), threading.Event()

    def hook(what: str, heard: Heard) -> None:
        if what == "extracting" and len(heard.stages) == 2:
            stop.set()

    with pytest.raises(Stopped):
        go_on(folder, data, workspace, hook, stop)
    assert folder.places.best.is_file()
    more = go_on(folder, data, workspace)
    assert [each.name for each in more.heard.stages] == ["fit"]
    assert_same(more, run(plan, data, workspace), data)


@long
def test_a_best_epoch_of_an_early_stage_is_kept(data: Dataset, workspace: Workspace) -> None:
    # At such a rate the second stage spoils what the first one learned.
    ran = run(head_first(data, learning_rate=0.5, optimizer="sgd"), data, workspace)
    assert ran.outcome.kept in (1, 2)
    images, labels = reusing.pixels(data, "validation", reusing.SIZE)
    said = reusing.answers(ran.folder, images).argmax(axis=1)
    best = ran.outcome.history[ran.outcome.kept - 1]
    assert (said == labels).mean() == pytest.approx(best.val_accuracy)


@long
def test_more_epochs_go_to_the_last_stage(data: Dataset, workspace: Workspace) -> None:
    plan = head_first(data)
    folder = RunFolder.create(workspace, plan)
    go_on(folder, data, workspace)
    longer = replace(plan, recipe=replace(plan.recipe, epochs=6))
    folder.replace_plan(longer)
    more = go_on(folder, data, workspace)
    assert [row.phase for row in more.outcome.history] == ["head"] * 2 + ["fit"] * 4
    assert_same(more, run(longer, data, workspace), data)


def test_dropout_of_blocks_that_are_thawed_later_is_theirs_again(
    data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    from core.backbones import build
    from core.training.model import set_trainable

    inputs = keras.Input((4,))
    drop = keras.layers.Dropout(0.4)
    body = keras.Model(inputs, drop(keras.layers.Dense(2)(inputs)))
    monkeypatch.setattr(build, "block_layers", lambda _body, _name: {"block7": [drop]})
    plan = head_first(data)
    rates = []
    for trainable in ((), ("block7",), ()):
        set_trainable(body, replace(plan, trainable=trainable))
        rates.append(drop.rate)
    assert rates == [0.0, 0.4, 0.0]


@long
def test_the_test_photos_are_left_alone_where_that_is_asked(data: Dataset, workspace: Workspace) -> None:
    heard: list[Any] = []
    plan = replace(plan_for(data), test_at_end=False)
    ran = run(plan, data, workspace, lambda what, _heard: heard.append(what))
    assert ran.outcome.test is None
    assert "testing" not in heard
    assert not ran.outcome.stopped


def test_what_several_stages_took_from_the_cache_is_told_as_one() -> None:
    from core.training.course import in_all
    from core.training.events import CacheUse

    head = CacheUse("pooling", hit_images=5, computed_images=7, bytes=120, image_s=0.1)
    tail = CacheUse("block5", hit_images=1, computed_images=2, bytes=30, image_s=0.05)
    plain = CacheUse(None, reason="The first block learns.", warning="There was no room.")
    assert in_all([head]) == head
    assert in_all([plain]) == plain
    both = in_all([head, tail])
    assert (both.cut, both.hit_images, both.computed_images, both.bytes) == ("block5", 6, 9, 150)
    ended_plain = in_all([head, plain])
    assert (ended_plain.reason, ended_plain.warning) == ("", "There was no room.")
    assert ended_plain.hit_images == 5
