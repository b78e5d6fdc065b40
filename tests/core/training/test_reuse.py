from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import reusing
from reusing import ALL, CHECKED, TRAIN, Heard, Ran, assert_reused, with_recipe

from core.activations.budget import root_of
from core.backbones import load_weights
from core.data.dataset import Dataset
from core.errors import RunFailed, Stopped
from core.training import augment, engine, feed
from core.training.extract import FIRST_BATCH
from core.training.plan import Head, Plan
from core.training.start import RANDOM, Start
from core.workspace import Workspace

pytestmark = pytest.mark.slow


@pytest.fixture
def plan(data: Dataset) -> Plan:
    return reusing.plan_for(data)


@pytest.fixture
def cold(plan: Plan, data: Dataset, workspace: Workspace) -> Ran:
    """A run that had to compute everything."""
    ran = reusing.run(plan, data, workspace)
    assert_reused(ran, hit=0, computed=ALL)
    return ran


def segments(workspace: Workspace) -> list[Path]:
    return sorted(root_of(workspace).glob("*/*.rows"))


def test_a_second_run_computes_nothing_and_opens_no_photo(
    cold: Ran, plan: Plan, data: Dataset, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(*_given: object) -> Any:
        raise AssertionError("a photo was opened")

    monkeypatch.setattr(feed, "load_array", opened)
    kept = segments(workspace)
    warm = reusing.run(plan, data, workspace)
    assert_reused(warm, hit=ALL, computed=0)
    assert segments(workspace) == kept
    np.testing.assert_array_equal(warm.figures, cold.figures)
    np.testing.assert_array_equal(warm.outcome.test, cold.outcome.test)
    assert warm.heard.extractions[-1].extracted <= ALL


@pytest.mark.parametrize("changed", [
    "head",
    *(pytest.param(name, marks=pytest.mark.zoo)
      for name in ("learning_rate", "batch_size", "optimizer", "epochs")),
])
def test_what_comes_after_the_cut_may_change(
    changed: str, cold: Ran, plan: Plan, data: Dataset, workspace: Workspace
) -> None:
    other = {
        "head": replace(plan, head=Head("avg", 0.0, 16)),
        "learning_rate": with_recipe(plan, learning_rate=1e-2),
        "batch_size": with_recipe(plan, batch_size=7),
        "optimizer": with_recipe(plan, optimizer="sgd"),
        "epochs": with_recipe(plan, epochs=2),
    }[changed]
    ran = reusing.run(other, data, workspace)
    assert_reused(ran, hit=ALL, computed=0)
    assert not np.array_equal(ran.figures, cold.figures)


@pytest.mark.parametrize("changed", [
    "weights",
    *(pytest.param(name, marks=pytest.mark.zoo) for name in ("pooling", "cut", "size", "backbone")),
])
@pytest.mark.usefixtures("cold")
def test_what_comes_before_the_cut_may_not(
    changed: str, plan: Plan, data: Dataset, workspace: Workspace
) -> None:
    other = {
        "weights": replace(plan, weights=Start(RANDOM)),
        "pooling": replace(plan, head=Head("max")),
        "cut": replace(plan, trainable=("top",)),
        "size": replace(plan, image_size=reusing.SIZE + 1),
        "backbone": replace(plan, backbone="mobilenet", weights=Start(RANDOM)),
    }[changed]
    assert_reused(reusing.run(other, data, workspace), hit=0, computed=ALL)


@pytest.mark.zoo
def test_random_weights_of_another_seed_are_another_network(
    plan: Plan, data: Dataset, workspace: Workspace
) -> None:
    scratch = replace(plan, backbone="mobilenet", weights=Start(RANDOM))
    for seed, hit in ((1, 0), (2, 0), (1, ALL)):
        ran = reusing.run(with_recipe(scratch, seed=seed), data, workspace)
        assert_reused(ran, hit=hit, computed=ALL - hit)


@pytest.mark.zoo
@pytest.mark.usefixtures("cold")
def test_one_weight_that_differs_is_another_network(
    plan: Plan, data: Dataset, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.training import model as models

    assemble = models.assemble

    def nudged(*given: Any) -> Any:
        model = assemble(*given)
        variable = models.body_of(model).variables[0]
        value = variable.numpy()
        value.flat[0] = np.nextafter(value.flat[0], np.float32(9), dtype=np.float32)
        variable.assign(value)
        return model

    monkeypatch.setattr(models, "assemble", nudged)
    assert_reused(reusing.run(plan, data, workspace), hit=0, computed=ALL)


@pytest.mark.zoo
def test_blocks_that_hold_only_frozen_norms_do_not_mix_up_poolings(
    plan: Plan, data: Dataset, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "fetch_weights", lambda *_given: None)
    monkeypatch.setattr(load_weights, "pretrained", lambda _model, _backbone: None)
    asked = replace(plan, backbone="resnet50v2", weights=Start(), trainable=("post",), head=Head("avg", 0.0))
    assert_reused(reusing.run(asked, data, workspace), hit=0, computed=ALL)
    ran = reusing.run(replace(asked, head=Head("max", 0.0)), data, workspace)
    assert_reused(ran, hit=0, computed=ALL)


def test_only_photos_that_are_new_are_computed(
    plan: Plan, data: Dataset, workspace: Workspace
) -> None:
    fewer = data.limited(16)
    assert_reused(reusing.run(plan, fewer, workspace), hit=0, computed=16)
    assert_reused(reusing.run(plan, data, workspace), hit=16, computed=ALL - 16)


def test_a_photo_in_two_splits_is_computed_once(plan: Plan, data: Dataset, workspace: Workspace) -> None:
    twice = replace(data.of_split("train")[0], split="validation")
    ran = reusing.run(plan, replace(data, items=(*data.items, twice)), workspace)
    assert ran.use.reason == ""
    assert ran.use.computed_images == ALL
    assert sum(path.stat().st_size for path in segments(workspace)) == ALL * reusing.POOLED


def stopped_at(extraction: int) -> tuple[Any, threading.Event]:
    stop = threading.Event()

    def hook(what: str, heard: Heard) -> None:
        if what == "extracted" and len(heard.extractions) == extraction:
            stop.set()

    return hook, stop


@pytest.mark.zoo
def test_a_stop_while_computing_keeps_what_there_is_for_the_next_run(
    plan: Plan, data: Dataset, workspace: Workspace
) -> None:
    hook, stop = stopped_at(1)
    with pytest.raises(Stopped, match="kept"):
        reusing.run(plan, data, workspace, hook, stop)
    ran = reusing.run(plan, data, workspace)
    assert_reused(ran, hit=FIRST_BATCH, computed=ALL - FIRST_BATCH)
    plain = reusing.run(replace(plan, cache=False), data, workspace)
    reusing.assert_same(ran, plain, data, 1e-4)


@pytest.mark.zoo
def test_a_damaged_row_is_computed_anew(
    cold: Ran, plan: Plan, data: Dataset, workspace: Workspace
) -> None:
    file = max(segments(workspace), key=lambda path: path.stat().st_size)
    content = bytearray(file.read_bytes())
    content[3 * reusing.POOLED + 100] ^= 0xFF
    file.write_bytes(content)
    ran = reusing.run(plan, data, workspace)
    assert (ran.use.reason, ran.use.hit_images, ran.use.computed_images) == ("", ALL - 1, 1)
    assert "damaged" in ran.use.warning
    reusing.assert_same(ran, cold, data, 1e-5)


def test_a_photo_that_is_gone_ends_the_run_with_advice_and_its_name(
    plan: Plan, data: Dataset, workspace: Workspace
) -> None:
    lost = data.file(data.of_split("train")[5])
    lost.unlink()
    with pytest.raises(RunFailed, match="can no longer be read") as caught:
        reusing.run(plan, data, workspace)
    assert lost.name in caught.value.given
    assert str(data.folder) not in str(caught.value)
    assert "Data page" in caught.value.fix


@pytest.mark.parametrize("split", [pytest.param("train", marks=pytest.mark.zoo), "test"])
def test_a_photo_that_is_gone_but_was_computed_is_not_missed(
    split: str, cold: Ran, plan: Plan, data: Dataset, workspace: Workspace
) -> None:
    data.file(data.of_split(split)[0]).unlink()
    ran = reusing.run(plan, data, workspace)
    np.testing.assert_array_equal(ran.figures, cold.figures)
    assert ran.outcome.test is not None


def test_a_test_photo_that_is_gone_leaves_the_fit_and_its_model(
    plan: Plan, data: Dataset, workspace: Workspace
) -> None:
    data.file(data.of_split("test")[0]).unlink()
    ran = reusing.run(plan, data, workspace)
    assert ran.outcome.test is None
    assert len(ran.outcome.history) == plan.recipe.epochs
    assert ran.folder.model.is_file()


def test_views_are_computed_for_training_alone_and_taken_in_turn(
    plan: Plan, data: Dataset, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = reusing.ways_taken(monkeypatch)
    asked = with_recipe(plan, augment="light", views=3, epochs=7)
    drawn: list[tuple[int, ...]] = []
    rows: list[np.ndarray] = []
    augmented = augment.augmented

    def noted(image: Any, strength: str, seed: tuple[int, ...]) -> Any:
        drawn.append((strength != "none", *seed))
        return augmented(image, strength, seed)

    def look(what: str, _heard: Heard) -> None:
        if what == "step" and not rows:
            source, at = taken[-1].source("train"), np.arange(TRAIN)
            with ThreadPoolExecutor(1) as pool:
                rows.extend(source.begin(pool, at, epoch).result()[0] for epoch in range(7))

    monkeypatch.setattr(feed, "augmented", noted)
    ran = reusing.run(asked, data, workspace, look)
    assert_reused(ran, hit=0, computed=3 * TRAIN + ALL - TRAIN)
    assert sum(changed for changed, *_seed in drawn) == 3 * TRAIN
    assert {number for changed, _seed, number, _digest in drawn if changed} == {0, 1, 2}
    for epoch in range(3, 7):
        np.testing.assert_array_equal(rows[epoch], rows[epoch - 3])
    assert not np.array_equal(rows[0], rows[1])
    assert not np.array_equal(rows[1], rows[2])


@pytest.mark.zoo
def test_two_runs_at_once_on_the_same_come_to_the_same(
    cold: Ran, plan: Plan, data: Dataset, tmp_path: Path
) -> None:
    shared = Workspace.open(tmp_path / "shared")
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(reusing.run, plan, data, shared) for _each in range(2)]
        ran = [each.result() for each in waiting]
    for each in ran:
        assert each.use.hit_images + each.use.computed_images >= CHECKED
        reusing.assert_same(each, cold, data, 1e-5)
    assert_reused(reusing.run(plan, data, shared), hit=ALL, computed=0)
