"""Searches in the background, with a stand-in for the sweep."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.data.dataset import Dataset
from core.errors import Busy, Stopped, Unavailable
from core.training import rate_search
from core.training.plan import Head, Plan, Recipe
from core.training.rate_curve import RateCurve
from core.training.rate_finder import Told
from core.training.rate_search import RateSearch, RateSearches, what_matters
from core.training.start import Ancestor
from core.turn import Turn
from core.workspace import Workspace
from tests.waiting import until

pytestmark = pytest.mark.slow  # searches are waited for

PATIENCE_S = 30


class Sweeps:
    """Stands in for the sweep: each waits to be let go, and gives a curve that tells which it was."""

    def __init__(self) -> None:
        self.began: list[Plan] = []
        self.files: list[Path | None] = []
        self.stopped: list[Plan] = []
        self.told: Told | None = None
        self.error: Exception | None = None
        self.linger: threading.Event | None = None
        self._go = threading.Semaphore(0)

    def __call__(
        self, plan: Plan, _dataset: Dataset, _workspace: Workspace, told: Told, stop: threading.Event,
        weights_file: Path | None,
    ) -> RateCurve:
        self.told = told
        self.files.append(weights_file)
        self.began.append(plan)
        for _each in range(PATIENCE_S * 100):
            if stop.is_set():
                if self.linger is not None:
                    assert self.linger.wait(PATIENCE_S)
                self.stopped.append(plan)
                raise Stopped("Stopped.")
            if self._go.acquire(timeout=0.01):
                break
        if self.error is not None:
            raise self.error
        return curve(plan.recipe.seed)

    def let_go(self, times: int = 1) -> None:
        self._go.release(times)


def curve(n: int) -> RateCurve:
    return RateCurve((1e-6,), (float(n),), (float(n),), 1e-3, 1e-3, 1e-2, stopped_early=False)


@pytest.fixture
def sweeps(monkeypatch: pytest.MonkeyPatch) -> Sweeps:
    made = Sweeps()
    monkeypatch.setattr(rate_search, "find_rate", made)
    monkeypatch.setattr(rate_search, "step_back", lambda: None)
    return made


@pytest.fixture
def searches(workspace: Workspace, sweeps: Sweeps) -> Iterator[RateSearches]:
    made = RateSearches(workspace, Turn())
    yield made
    made.cancel()


@pytest.fixture
def plan(dataset: Dataset) -> Plan:
    return Plan(dataset.id, dataset.title, "efficientnet-lite0", ("block7", "top")).checked()


def with_seed(plan: Plan, seed: int) -> Plan:
    return replace(plan, recipe=replace(plan.recipe, seed=seed))


def ended(searches: RateSearches, plan: Plan) -> RateSearch:
    until(lambda: searches.snapshot(plan).active is None)
    return searches.snapshot(plan)


def test_before_anything_is_asked_nothing_is_known(searches: RateSearches, plan: Plan) -> None:
    assert searches.snapshot(plan) == RateSearch()
    searches.cancel()


def test_a_search_tells_how_far_it_is_and_leaves_its_curve(
    searches: RateSearches, sweeps: Sweeps, plan: Plan, dataset: Dataset, tmp_path: Path
) -> None:
    searches.ask(plan, dataset, tmp_path / "weights")
    assert searches.snapshot(plan) == RateSearch(active=plan, mine=True)
    until(lambda: sweeps.told is not None)
    assert sweeps.told is not None
    sweeps.told("Raising", 0.5)
    assert searches.snapshot(plan) == RateSearch(active=plan, share=0.5, words="Raising", mine=True)
    sweeps.let_go()
    assert ended(searches, plan) == RateSearch(curve=curve(0))
    assert sweeps.files == [tmp_path / "weights"]


def test_a_curve_is_for_plans_that_are_the_same_in_all_that_matters(
    searches: RateSearches, sweeps: Sweeps, plan: Plan, dataset: Dataset
) -> None:
    searches.ask(plan, dataset)
    sweeps.let_go()
    ended(searches, plan)
    other_rate = replace(plan, recipe=replace(plan.recipe, learning_rate=0.01, schedule="cosine"))
    assert searches.snapshot(other_rate).curve == curve(0)
    assert searches.snapshot(with_seed(plan, 1)).curve is None


ALIKE = {
    "the rate": Recipe(learning_rate=0.3),
    "the epochs": Recipe(epochs=3),
    "the schedule": Recipe(schedule="cosine", warmup=2),
    "the early stopping": Recipe(early_stopping=5),
    "views without augmentation": Recipe(views=8),
    "a head that learns first": Recipe(method="lp-ft", stage_epochs=3, head_rate=0.01),
}
OTHER = {
    "the batch size": Recipe(batch_size=8),
    "the optimizer": Recipe(optimizer="sgd"),
    "the seed": Recipe(seed=1),
    "the augmentation": Recipe(augment="light"),
    "the class weights": Recipe(class_weights=True),
    "the label smoothing": Recipe(label_smoothing=0.1),
    "the weight decay": Recipe(weight_decay=0.1),
    "the rate from block to block": Recipe(lr_factor=0.5),
    "the norms": Recipe(norms="updating"),
}


@pytest.mark.parametrize("name", ALIKE)
def test_what_a_sweep_does_not_depend_on_does_not_matter(plan: Plan, name: str) -> None:
    assert what_matters(replace(plan, recipe=ALIKE[name]).checked()) == what_matters(plan)


@pytest.mark.parametrize("name", OTHER)
def test_what_changes_a_step_matters(plan: Plan, name: str) -> None:
    assert what_matters(replace(plan, recipe=OTHER[name]).checked()) != what_matters(plan)


def test_of_a_plan_its_photos_its_network_and_its_head_matter(plan: Plan) -> None:
    others = [
        replace(plan, dataset="other"), replace(plan, limit=100), replace(plan, train_per_class=5),
        replace(plan, trainable=()), replace(plan, head=Head(hidden=8)), replace(plan, image_size=64),
    ]
    assert all(what_matters(each) != what_matters(plan) for each in others)
    alike = [
        replace(plan, cache=False), replace(plan, test_at_end=False), replace(plan, dataset_title="x"),
        replace(plan, history=(Ancestor("run-0", "x", (), "pretrained"),)),
    ]
    assert all(what_matters(each) == what_matters(plan) for each in alike)


def test_where_the_head_alone_learns_the_rate_from_block_to_block_does_not_matter(plan: Plan) -> None:
    head = replace(plan, trainable=())
    slower = replace(head, recipe=Recipe(lr_factor=0.5))
    assert what_matters(slower) == what_matters(head)


def test_with_augmentation_it_matters_how_many_views_the_epochs_take_turns_with(plan: Plan) -> None:
    four = replace(plan, recipe=Recipe(augment="light", views=4, epochs=10))
    more = replace(plan, recipe=Recipe(augment="light", views=4, epochs=20))
    two = replace(plan, recipe=Recipe(augment="light", views=4, epochs=2))
    assert what_matters(more) == what_matters(four)
    assert what_matters(two) != what_matters(four)


def test_asked_twice_for_the_same_one_search_goes_on(
    searches: RateSearches, sweeps: Sweeps, plan: Plan, dataset: Dataset
) -> None:
    searches.ask(plan, dataset)
    searches.ask(plan, dataset)
    sweeps.let_go()
    ended(searches, plan)
    assert sweeps.began == [plan]


def test_another_search_is_refused_while_one_goes_on_and_the_first_is_seen_by_all(
    searches: RateSearches, sweeps: Sweeps, plan: Plan, dataset: Dataset
) -> None:
    searches.ask(plan, dataset)
    other = with_seed(plan, 1)
    with pytest.raises(Busy) as caught:
        searches.ask(other, dataset)
    assert caught.value.fix
    seen = searches.snapshot(other)
    assert (seen.active, seen.mine) == (plan, False)
    sweeps.let_go()
    ended(searches, plan)
    searches.ask(other, dataset)
    sweeps.let_go()
    assert ended(searches, other).curve == curve(1)
    assert searches.snapshot(plan).curve == curve(0)


def test_a_cancelled_search_leaves_nothing_and_another_can_be_asked(
    searches: RateSearches, sweeps: Sweeps, plan: Plan, dataset: Dataset
) -> None:
    searches.ask(plan, dataset)
    until(lambda: sweeps.began == [plan])
    searches.cancel()
    assert sweeps.stopped == [plan]
    assert searches.snapshot(plan) == RateSearch()
    searches.ask(plan, dataset)
    sweeps.let_go()
    assert ended(searches, plan).curve == curve(0)


def test_a_search_begins_only_when_a_cancelled_one_has_left(
    searches: RateSearches, sweeps: Sweeps, plan: Plan, dataset: Dataset
) -> None:
    sweeps.linger = threading.Event()
    other = with_seed(plan, 1)
    searches.ask(plan, dataset)
    until(lambda: sweeps.began == [plan])
    searches.cancel(timeout_s=0.01)
    assert searches.snapshot(plan).active is None
    searches.ask(other, dataset)
    assert sweeps.began == [plan]
    assert sweeps.told is not None
    sweeps.told("of the cancelled one", 0.9)
    assert searches.snapshot(other) == RateSearch(active=other, mine=True)
    sweeps.linger.set()
    until(lambda: sweeps.began == [plan, other])
    sweeps.let_go()
    assert ended(searches, other).curve == curve(1)
    assert searches.snapshot(plan).curve is None


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (Unavailable("The weights are not here."), "The weights are not here."),
        (KeyError("x"), "The search for a learning rate broke off."),
    ],
)
def test_an_error_is_kept_for_its_plan_until_it_is_asked_again(
    searches: RateSearches, sweeps: Sweeps, plan: Plan, dataset: Dataset, error: Exception, what: str
) -> None:
    sweeps.error = error
    searches.ask(plan, dataset)
    sweeps.let_go()
    found = ended(searches, plan)
    assert found.curve is None
    assert found.error is not None
    assert found.error.what == what
    assert searches.snapshot(with_seed(plan, 1)).error is None
    sweeps.error = None
    searches.ask(plan, dataset)
    sweeps.let_go()
    assert ended(searches, plan) == RateSearch(curve=curve(0))


def test_the_oldest_curves_are_forgotten(
    searches: RateSearches, sweeps: Sweeps, plan: Plan, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_search, "REMEMBERED", 2)
    for seed in range(3):
        searches.ask(with_seed(plan, seed), dataset)
        sweeps.let_go()
        ended(searches, plan)
    known = [searches.snapshot(with_seed(plan, seed)).curve for seed in range(3)]
    assert known == [None, curve(1), curve(2)]
