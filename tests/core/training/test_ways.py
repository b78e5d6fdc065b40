from __future__ import annotations

import errno
import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import reusing
from reusing import ALL, CHECKED, TRAIN, Ran, assert_reused, with_recipe

from core.activations import store
from core.activations.budget import set_budget
from core.activations.segment import Writer
from core.data.dataset import Dataset
from core.training.extract import PrefixRun
from core.training.plan import Plan
from core.workspace import Workspace

pytestmark = pytest.mark.slow


@pytest.fixture
def plan(data: Dataset) -> Plan:
    return replace(reusing.plan_for(data), trainable=("top",)).checked()


def assert_plain(ran: Ran, reason: str) -> None:
    assert reason in ran.use.reason
    assert ran.use.cut is None
    assert (ran.use.hit_images, ran.use.computed_images, ran.use.bytes) == (0, 0, 0)
    assert ran.use.compared_s is None
    assert [step.saved_s for step in ran.heard.steps if step.saved_s is not None] == []
    assert ran.outcome.test is not None


def plain(plan: Plan, data: Dataset, workspace: Workspace) -> Ran:
    return reusing.run(replace(plan, cache=False), data, workspace)


SAID: dict[str, tuple[Callable[[Plan], Plan], str]] = {
    "switched off": (lambda plan: replace(plan, cache=False), "switched off"),
    "fresh views": (lambda plan: with_recipe(plan, augment="light", views=0), "fresh view"),
    "one epoch": (lambda plan: with_recipe(plan, epochs=1), "once either way"),
    "as many views as epochs": (
        lambda plan: with_recipe(plan, augment="light", views=9, epochs=2), "nothing is saved"),
    "the first block": (lambda plan: replace(plan, trainable=("stem", "top")), "first block learns"),
}


@pytest.mark.parametrize("case", [
    "switched off",
    *(pytest.param(case, marks=pytest.mark.zoo)
      for case in ("the first block", "fresh views", "one epoch", "as many views as epochs")),
])
def test_where_nothing_can_be_saved_the_plain_way_is_taken_and_it_is_said_why(
    case: str, plan: Plan, data: Dataset, workspace: Workspace
) -> None:
    changed, reason = SAID[case]
    ran = reusing.run(changed(plan), data, workspace)
    assert_plain(ran, reason)
    assert ran.use.warning == ""
    assert "extracting" not in ran.heard.phases
    assert not list(workspace.cache.rglob("*.rows"))


@pytest.mark.zoo
def test_too_small_a_budget_leads_the_plain_way_to_the_same(
    plan: Plan, data: Dataset, workspace: Workspace
) -> None:
    set_budget(workspace, ALL * reusing.BELOW_TOP)  # the keys beside them do not fit
    ran = reusing.run(plan, data, workspace)
    assert_plain(ran, "may be kept")
    reusing.assert_same(ran, plain(plan, data, workspace), data)
    set_budget(workspace, 2 * ALL * reusing.BELOW_TOP)
    assert_reused(reusing.run(plan, data, workspace), hit=0, computed=ALL)


def full_after(monkeypatch: pytest.MonkeyPatch, batches: int) -> None:
    append = Writer.append
    done = itertools.count()

    def fails(self: Writer, *given: Any) -> None:
        if next(done) >= batches:
            raise OSError(errno.ENOSPC, "No space left on device")
        append(self, *given)

    monkeypatch.setattr(Writer, "append", fails)


def test_a_disk_that_fills_up_leads_the_plain_way_with_a_warning(
    plan: Plan, data: Dataset, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_after(monkeypatch, 2)
    ran = reusing.run(plan, data, workspace)
    assert_plain(ran, "could not be kept")
    assert "No space left" in ran.use.warning
    assert len(ran.outcome.history) == plan.recipe.epochs


@pytest.mark.zoo
@pytest.mark.parametrize("batches", [0, 2])
def test_a_disk_that_fills_up_leads_the_plain_way_to_the_same_with_a_warning(
    batches: int, plan: Plan, data: Dataset, workspace: Workspace
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        full_after(patch, batches)
        ran = reusing.run(plan, data, workspace)
    assert_plain(ran, "could not be kept")
    assert "No space left" in ran.use.warning
    reusing.assert_same(ran, plain(plan, data, workspace), data)
    later = reusing.run(plan, data, workspace)
    assert later.use.reason == ""
    assert later.use.hit_images == ran.heard.extractions[-1].extracted if batches else True
    assert later.use.hit_images + later.use.computed_images == ALL
    reusing.assert_same(later, ran, data, 1e-4)


@pytest.mark.zoo
def test_a_disk_that_fills_up_in_the_last_look_has_it_taken_with_the_whole_model(
    plan: Plan, data: Dataset, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hook(what: str, _heard: reusing.Heard) -> None:
        if what == "testing":
            full_after(monkeypatch, 0)

    ran = reusing.run(plan, data, workspace, hook)
    assert (ran.use.reason, ran.use.computed_images) == ("", CHECKED)
    reusing.assert_same(ran, plain(plan, data, workspace), data, 1e-4)


@pytest.mark.zoo
def test_with_a_cache_that_is_busy_the_last_look_goes_through_the_whole_model(
    plan: Plan, data: Dataset, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.errors import Busy

    def busy(_self: object) -> Any:
        raise Busy("Another program holds the cache.")

    def hook(what: str, _heard: reusing.Heard) -> None:
        if what == "testing":
            monkeypatch.setattr(store.Activations, "writer", busy)

    ran = reusing.run(plan, data, workspace, hook)
    assert len(ran.outcome.history) == plan.recipe.epochs
    reusing.assert_same(ran, plain(plan, data, workspace), data, 1e-4)


@pytest.mark.zoo
def test_without_a_workspace_there_is_nowhere_to_keep_anything(
    plan: Plan, data: Dataset, workspace: Workspace
) -> None:
    import threading

    from core.runs.folder import RunFolder
    from core.training import engine

    folder = RunFolder.create(workspace, plan)
    heard = reusing.Heard()
    outcome = engine.train(plan, data, folder.places, heard, threading.Event())
    assert "nowhere" in outcome.cache.reason


@pytest.mark.zoo
@pytest.mark.parametrize("batch_size", [3, 5, 16])
def test_each_graph_of_a_fit_is_traced_once(
    batch_size: int, plan: Plan, data: Dataset, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    traced: list[str] = []
    for name in ("train_step", "test_step", "predict_step"):
        monkeypatch.setattr(keras.Model, name, noting(traced, name, getattr(keras.Model, name)))
    runs: list[PrefixRun] = []
    build = PrefixRun.__init__

    def built(self: PrefixRun, *given: Any) -> None:
        build(self, *given)
        runs.append(self)

    monkeypatch.setattr(PrefixRun, "__init__", built)
    ran = reusing.run(with_recipe(plan, batch_size=batch_size), data, workspace)
    assert_reused(ran, hit=0, computed=ALL)
    # What Python runs of a step is its tracing: the graph does not come back here.
    assert sorted(traced) == ["predict_step", "test_step", "train_step"]
    assert [each.function.experimental_get_tracing_count() for each in runs] == [1]


def noting(traced: list[str], name: str, step: Callable[..., Any]) -> Callable[..., Any]:
    def noted(self: Any, *given: Any) -> Any:
        traced.append(name)
        return step(self, *given)

    return noted


@pytest.mark.zoo
def test_computing_is_told_from_what_was_found_to_all(
    plan: Plan, data: Dataset, workspace: Workspace
) -> None:
    cold = reusing.run(plan, data, workspace).heard
    told = cold.extractions
    assert [each.extracted for each in told] == sorted({each.extracted for each in told})
    assert {each.to_extract for each in told} == {CHECKED}
    assert told[-1].extracted == CHECKED
    phases = [phase for phase, _same in itertools.groupby(cold.phases)]
    assert phases[:5] == ["starting", "building", "extracting", "building", "training"]
    assert phases[-2:] == ["saving", "testing"]
    half = data.limited(ALL // 2)
    other = replace(plan, image_size=reusing.SIZE + 1)
    reusing.run(other, half, workspace)
    there = sum(len(half.of_split(split)) for split in ("train", "validation"))
    warm = reusing.run(other, data, workspace).heard.extractions
    assert {each.to_extract for each in warm} == {CHECKED}
    counted = [each.extracted for each in warm]
    assert counted == sorted(counted)
    assert counted[0] < there < counted[-1] == CHECKED
    last = reusing.run(other, data, workspace).heard.extractions[-1]
    assert last.extracted == last.to_extract == CHECKED


def test_the_sums_of_what_was_used_add_up(plan: Plan, data: Dataset, workspace: Workspace) -> None:
    ran = reusing.run(plan, data, workspace)
    before, after = ran.heard.uses[0], ran.heard.uses[-1]
    assert after == ran.use
    assert (before.hit_images, before.computed_images) == (0, CHECKED)
    assert (after.hit_images, after.computed_images) == (0, ALL)
    assert before.cut == after.cut == "block7"
    assert before.bytes == CHECKED * reusing.BELOW_TOP
    assert after.bytes == ALL * reusing.BELOW_TOP
    files = workspace.cache.rglob("*.rows")
    assert sum(path.stat().st_size for path in files) == after.bytes
    assert before.compared_s is None
    timing = ran.outcome.timing
    assert timing.total_s >= timing.prepare_s + timing.extract_s + timing.fit_s
    assert timing.extract_s > 0


def test_what_was_saved_is_told_from_measured_costs(
    plan: Plan, data: Dataset, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = reusing.ways_taken(monkeypatch)
    cold = reusing.run(plan, data, workspace)
    assert cold.use.image_s is not None
    assert cold.use.image_s > 0
    assert cold.use.compared_s is not None
    assert cold.use.compared_s > 0
    saved = np.array([step.saved_s for step in cold.heard.steps], dtype=float)
    assert (np.diff(saved) > 0).all()
    warm = reusing.run(plan, data, workspace)
    assert warm.use.image_s is not None
    assert warm.use.image_s > 0
    assert taken[1].extract_s == 0
    seen = plan.recipe.epochs * CHECKED + ALL - CHECKED
    image_s, total_s = warm.use.image_s, warm.outcome.timing.total_s
    assert warm.use.compared_s == pytest.approx(total_s + seen * image_s, rel=1e-6)
    last = warm.heard.steps[-1].saved_s
    assert last == pytest.approx((plan.recipe.epochs - 1) * CHECKED * image_s + TRAIN * image_s)
