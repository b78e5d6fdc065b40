"""Sweeps of a real network over the learning rate, on few and small photos."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import reusing
from reusing import CHECKED, TRAIN, with_recipe

from core.data.dataset import Dataset
from core.errors import RunFailed, Stopped
from core.training import rate_finder
from core.training.fields import LEARNING_RATE
from core.training.plan import Plan
from core.training.rate_curve import RateCurve
from core.training.rate_finder import RATES, STEPS, find_rate, swept
from core.workspace import Workspace


@dataclass
class Told:
    """Hears how far a search is, and stops it where a test wants that."""

    stop_at: str = ""
    stop: threading.Event = field(default_factory=threading.Event)
    words: list[str] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)

    def __call__(self, words: str, share: float) -> None:
        self.words.append(words)
        self.shares.append(share)
        if self.stop_at and self.stop_at in words:
            self.stop.set()


def search(plan: Plan, data: Dataset, workspace: Workspace | None, told: Told | None = None) -> RateCurve:
    told = told or Told()
    return find_rate(plan, data, workspace, told, told.stop)


@pytest.fixture
def plan(data: Dataset) -> Plan:
    return replace(reusing.plan_for(data), trainable=("top",)).checked()


def test_the_rates_rise_evenly_on_a_log_axis_to_the_highest_allowed() -> None:
    assert len(RATES) == STEPS
    assert RATES[0] == pytest.approx(1e-6)
    assert RATES[-1] == LEARNING_RATE.high
    steps = np.diff(np.log(RATES))
    np.testing.assert_allclose(steps, steps[0])


def test_a_plan_of_one_stage_is_swept_as_it_is_at_a_constant_rate(plan: Plan) -> None:
    asked = with_recipe(plan, schedule="cosine", warmup=1, early_stopping=3)
    assert swept(asked) == plan


def test_of_several_stages_the_blocks_that_learn_in_the_end_are_swept(plan: Plan) -> None:
    several = with_recipe(
        replace(plan, trainable=("block7", "top")), method="gradual", epochs=9, stage_epochs=2
    ).checked()
    found = swept(several)
    assert found.trainable == ("block7", "top")
    assert found.recipe.method == "single"


def test_blocks_that_the_epochs_never_reach_are_not_swept(plan: Plan) -> None:
    several = with_recipe(
        replace(plan, trainable=("block6", "block7")), method="gradual", epochs=4, stage_epochs=3
    ).checked()
    assert swept(several).trainable == ("block7",)


def test_where_the_epochs_end_with_the_head_alone_the_stage_that_has_the_plans_rate_is_swept(
    plan: Plan,
) -> None:
    several = with_recipe(plan, method="lp-ft", epochs=2, stage_epochs=5, head_rate=0.01).checked()
    found = swept(several)
    assert found.trainable == plan.trainable
    assert found.recipe.learning_rate == plan.recipe.learning_rate


@pytest.mark.slow
def test_a_sweep_finds_a_rate_and_tells_how_far_it_is(
    plan: Plan, data: Dataset, workspace: Workspace
) -> None:
    told = Told()
    curve = search(plan, data, workspace, told)
    assert curve.rates == RATES[: len(curve.rates)]
    assert len(curve.losses) == len(curve.smoothed) == len(curve.rates) > 50
    assert curve.suggestion is not None
    assert 1e-5 <= curve.suggestion <= 0.1
    assert curve.stopped_early == (len(curve.rates) < STEPS)
    assert told.shares == sorted(told.shares)
    assert (told.shares[0], max(told.shares) <= 1) == (0, True)
    assert f"Raising the learning rate, step {len(curve.rates)} of 100" == told.words[-1]
    assert any(f"of {CHECKED}" in words for words in told.words)


@pytest.mark.zoo
def test_the_first_losses_are_those_of_a_network_that_has_learned_nothing(
    plan: Plan, data: Dataset, workspace: Workspace
) -> None:
    """One batch an epoch: at a millionth the loss stays what it was, but for dropout."""
    still = with_recipe(replace(plan, head=replace(plan.head, dropout=0.0)), batch_size=TRAIN)
    curve = search(still, data, workspace)
    np.testing.assert_allclose(curve.losses[:5], curve.losses[0], rtol=1e-2)
    assert min(curve.losses) < 0.5 * curve.losses[0]


@pytest.mark.slow
def test_the_same_plan_gives_the_same_curve_whether_or_not_the_frozen_part_is_kept(
    plan: Plan, data: Dataset, workspace: Workspace
) -> None:
    first, kept = search(plan, data, workspace), search(plan, data, workspace)
    assert kept == first
    plain = search(plan, data, None)
    count = 60  # later on, at high rates, rounding grows
    np.testing.assert_allclose(plain.losses[:count], first.losses[:count], rtol=1e-2)


@pytest.mark.zoo
def test_a_run_finds_in_the_cache_what_a_search_has_computed(
    plan: Plan, data: Dataset, workspace: Workspace
) -> None:
    search(plan, data, workspace)
    ran = reusing.run(plan, data, workspace)
    assert (ran.use.reason, ran.use.hit_images) == ("", CHECKED)


@pytest.mark.slow
def test_all_that_a_recipe_can_say_of_a_step_is_in_the_sweep(
    plan: Plan, data: Dataset, workspace: Workspace
) -> None:
    usual = search(plan, data, workspace).losses[:20]
    smooth = search(with_recipe(plan, label_smoothing=0.3), data, workspace).losses[:20]
    assert usual != smooth
    whole = with_recipe(
        plan, augment="light", views=2, class_weights=True, lr_factor=0.5, weight_decay=0.01,
        method="lp-ft", epochs=4, stage_epochs=1, schedule="cosine", warmup=1, optimizer="adamw",
    ).checked()
    assert len(search(whole, data, workspace).losses) > 20


@pytest.mark.zoo
@pytest.mark.parametrize("at", ["Starting", "Building", "Raising the learning rate, step 3 "])
def test_a_search_is_left_where_that_is_asked_for(
    at: str, plan: Plan, data: Dataset, workspace: Workspace
) -> None:
    told = Told(stop_at=at)
    with pytest.raises(Stopped):
        search(plan, data, workspace, told)
    assert "step 5" not in told.words[-1]


@pytest.mark.zoo
def test_a_loss_that_is_no_number_ends_the_sweep_and_is_not_in_the_curve(
    plan: Plan, data: Dataset, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = rate_finder._Steps.end

    def end(self: rate_finder._Steps, batch: int, logs: dict[str, float]) -> None:
        noted(self, batch, {**logs, "loss": float("nan")} if len(self.losses) == 30 else logs)

    monkeypatch.setattr(rate_finder._Steps, "end", end)
    curve = search(plan, data, workspace)
    assert curve.stopped_early
    assert len(curve.losses) == len(curve.rates) == 30
    assert np.isfinite(curve.losses).all()


@pytest.mark.slow
def test_a_photo_that_is_gone_is_named(plan: Plan, data: Dataset) -> None:
    lost = data.file(data.of_split("train")[0])
    lost.unlink()
    with pytest.raises(RunFailed) as caught:
        search(plan, data, None)
    assert lost.name in caught.value.given


@pytest.mark.zoo
def test_nothing_of_the_model_is_left_afterwards(
    plan: Plan, data: Dataset, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.training import release

    gone: list[object] = []
    let_go = release.let_go

    def noted(model: object) -> None:
        gone.append(model)
        let_go(model)

    monkeypatch.setattr(release, "let_go", noted)
    search(plan, data, workspace)
    with pytest.raises(Stopped):
        search(plan, data, workspace, Told(stop_at="step 2 "))
    assert len(gone) == 2
    assert not list(workspace.runs.iterdir())
