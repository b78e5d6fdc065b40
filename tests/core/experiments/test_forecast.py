from __future__ import annotations

import time
from dataclasses import replace

import pytest

from core.data.dataset import Dataset
from core.experiments import design as designs
from core.experiments import forecast, steering
from core.experiments.forecast import by_member, expected_seconds
from core.runs.work import dataset_of
from core.training.estimate import Photos, estimate
from core.training.plan import Plan, Recipe
from core.training.speed import Anchor, Measured, machine
from core.workspace import Workspace

LITE0 = "efficientnet-lite0"
IMPORT_S = 40.0
READING_S = 0.01


def keep_speed(workspace: Workspace, backbone: str = LITE0, *, quick: bool = False) -> Measured:
    blocks = ("stem", "block1", "block2", "block3", "block4", "block5", "block6", "block7", "top")
    found = Measured(
        backbone, Plan("", "", backbone).size, 32, 0.5, IMPORT_S, 3.0, 1.0, 0.5, 10**9,
        () if quick else (
            Anchor((), 0.5, 10**9, 1.0), Anchor(("block7", "top"), 0.8, 10**9, 2.0),
            Anchor(blocks, 2.0, 10**9, 4.0),
        ), machine(), time.time(),
    )
    found.save(workspace)
    return found


@pytest.fixture(autouse=True)
def reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast, "photos_of", lambda _dataset, _size: Photos(0, 0, 0, READING_S))
    forecast._predicted.cache_clear()


@pytest.fixture
def plan(dataset: Dataset) -> Plan:
    return Plan(dataset.id, dataset.title, LITE0, recipe=Recipe(epochs=4))


def alone(workspace: Workspace, plan: Plan, known: Measured, *found: int) -> float:
    dataset = dataset_of(workspace, plan)
    photos = Photos(*(len(dataset.of_split(each)) for each in ("train", "validation", "test")), READING_S)
    expected = estimate(plan, photos, len(dataset.classes), known, found=found)
    assert expected is not None
    return expected.seconds


@pytest.mark.parametrize("quick", [None, True], ids=["never", "only looked at"])
def test_what_was_not_measured_here_is_not_forecast(
    workspace: Workspace, plan: Plan, dataset: Dataset, quick: bool | None
) -> None:
    if quick:
        keep_speed(workspace, quick=True)
    design = designs.seeds(plan, dataset, seeds=2)
    assert expected_seconds(workspace, design, dataset) is None
    assert by_member(workspace, design, dataset) is None
    begun = steering.begin(workspace, design)
    assert begun.expected_s is None
    assert [each.expected_s for each in begun.members] == [None, None]


def test_one_run_takes_what_it_takes_alone(workspace: Workspace, plan: Plan, dataset: Dataset) -> None:
    known = keep_speed(workspace)
    design = designs.seeds(plan, dataset, seeds=1)
    assert expected_seconds(workspace, design, dataset) == pytest.approx(alone(workspace, plan, known, 0))


def test_what_runs_share_is_counted_once(workspace: Workspace, plan: Plan, dataset: Dataset) -> None:
    known = keep_speed(workspace)
    found = by_member(workspace, designs.seeds(plan, dataset, seeds=3), dataset)
    assert found is not None
    later = alone(workspace, plan, known, len(dataset.items)) - IMPORT_S
    assert found == pytest.approx([alone(workspace, plan, known, 0), later, later])


def test_a_larger_amount_finds_what_a_smaller_one_has_kept(
    workspace: Workspace, plan: Plan, dataset: Dataset
) -> None:
    known = keep_speed(workspace)
    design = designs.data_size(plan, dataset, sizes=[2, 4], seeds=1)
    found = by_member(workspace, design, dataset)
    assert found is not None
    smaller, larger = (each.plan for each in design.members if each.role == "transfer")
    assert found[2] == pytest.approx(
        alone(workspace, larger, known, len(dataset_of(workspace, smaller).items)) - IMPORT_S)
    # From scratch there is no frozen part that anything could be kept of.
    assert found[1] == pytest.approx(alone(workspace, design.members[1].plan, known, 0) - IMPORT_S)


def test_the_photos_of_another_seed_are_others(workspace: Workspace, plan: Plan, dataset: Dataset) -> None:
    known = keep_speed(workspace)
    design = designs.data_size(plan, dataset, sizes=[2], seeds=2)
    found = by_member(workspace, design, dataset)
    assert found is not None
    first, second = (
        {item.digest for item in dataset_of(workspace, each.plan).items}
        for each in design.members if each.role == "transfer"
    )
    expected = alone(workspace, design.members[2].plan, known, len(first & second)) - IMPORT_S
    assert found[2] == pytest.approx(expected)


def test_a_run_that_does_not_look_at_the_test_photos_keeps_nothing_of_them(
    workspace: Workspace, plan: Plan, dataset: Dataset
) -> None:
    known = keep_speed(workspace)
    unseen = replace(plan, test_at_end=False)
    found = by_member(workspace, designs.seeds(unseen, dataset, seeds=2), dataset)
    kept = len(dataset.items) - len(dataset.of_split("test"))
    assert found is not None
    assert found[1] == pytest.approx(alone(workspace, unseen, known, kept) - IMPORT_S)


def test_a_borrowed_run_takes_no_time(workspace: Workspace, plan: Plan, dataset: Dataset) -> None:
    keep_speed(workspace)
    design = designs.seeds(plan, dataset, seeds=2)
    members = (replace(design.members[0], run="20260101-000000-lent"), design.members[1])
    found = by_member(workspace, replace(design, members=members), dataset)
    assert found is not None
    assert found[0] == 0.0
    assert found[1] > IMPORT_S


def test_a_ranking_includes_the_two_runs_that_it_ends_with(
    workspace: Workspace, plan: Plan, dataset: Dataset
) -> None:
    names = [LITE0, "efficientnet-lite1", "efficientnet-lite2"]
    for name in names:
        keep_speed(workspace, name)
    design = designs.backbones(plan, dataset, names=names)
    probes = by_member(workspace, design, dataset)
    whole = expected_seconds(workspace, design, dataset)
    assert probes is not None
    assert whole is not None
    assert whole > sum(probes) + 2 * 15 * 0.1 * len(dataset.of_split("train"))


def test_what_is_begun_carries_the_forecast(workspace: Workspace, plan: Plan, dataset: Dataset) -> None:
    keep_speed(workspace)
    begun = steering.begin(workspace, designs.seeds(plan, dataset, seeds=2))
    assert begun.expected_s == pytest.approx(sum(each.expected_s or 0.0 for each in begun.members))
