from __future__ import annotations

import json
import math
import statistics
from dataclasses import replace
from typing import Any

import pytest
from fake_runs import VALIDATION, end, finish, go_on, now
from scipy import stats

from core.data.dataset import Dataset
from core.experiments import design as designs
from core.experiments import experiment as experiments
from core.experiments import steering, variants
from core.experiments.experiment import Experiment
from core.experiments.results import Results, results, rows
from core.experiments.scores import FILE
from core.files import write_json
from core.insight.metrics import share
from core.runs import steer
from core.runs.folder import RunFolder
from core.runs.status import State
from core.training.plan import Plan
from core.workspace import Workspace

LITE0, LITE1 = "efficientnet-lite0", "efficientnet-lite1"


@pytest.fixture
def plan(dataset: Dataset) -> Plan:
    return Plan(dataset.id, dataset.title, LITE0)


def amounts(workspace: Workspace, plan: Plan, dataset: Dataset, seeds: int = 3) -> Experiment:
    return steering.begin(workspace, designs.data_size(plan, dataset, sizes=[2, 4], seeds=seeds))


def fill(
    workspace: Workspace, experiment: Experiment, right: dict[tuple[str, float | None], list[int]]
) -> Results:
    for each in experiment.members:
        finish(workspace, each.run, right=right[each.role, each.x][each.seed])
    return results(workspace, now(workspace, experiment))


def test_nothing_is_claimed_before_anything_is_known(
    workspace: Workspace, plan: Plan, dataset: Dataset
) -> None:
    found = results(workspace, amounts(workspace, plan, dataset))
    assert (found.series, found.test_figures, found.complete, found.interval) == ((), 0, False, "")
    assert found.sentence == "Too little has been measured so far to say anything."
    assert rows(found) == []


def over_both(values: tuple[float, ...], images: int = 100) -> float:
    """Half the interval for the luck of the seed and of the photos together."""
    mean = statistics.fmean(values)
    over_photos = share(round(mean * images), images)
    assert over_photos is not None
    quantile = stats.t.ppf(0.975, len(values) - 1)
    over_runs = quantile * statistics.stdev(values) / math.sqrt(len(values))
    return math.hypot(over_runs, max(mean - over_photos.low, over_photos.high - mean))


def test_several_runs_give_their_mean_with_an_interval_for_seeds_and_photos_together(
    workspace: Workspace, plan: Plan, dataset: Dataset
) -> None:
    found = fill(workspace, amounts(workspace, plan, dataset), {
        ("transfer", 2): [70, 72, 74], ("scratch", 2): [50, 51, 52],
        ("transfer", 4): [80, 82, 84], ("scratch", 4): [52, 54, 53],
    })
    transfer, scratch = found.series
    assert [(each.name, [one.x for one in each.points]) for each in found.series] == [
        ("transfer", [2, 4]), ("scratch", [2, 4])]
    point = transfer.points[1]
    half = over_both((0.8, 0.82, 0.84))
    assert point.values == (0.8, 0.82, 0.84)
    assert (point.mean, point.low, point.high) == pytest.approx((0.82, 0.82 - half, 0.82 + half))
    assert found.split == "test"
    assert found.test_figures == 12
    assert found.complete
    assert found.sentence == (
        "With 2 photos a class, transfer reaches 72.0% ± 10.7; from scratch 51.0% ± 10.0. "
        "With 4 photos a class, transfer reaches 82.0% ± 10.0; from scratch 53.0% ± 10.0. "
        "Transfer is clearly ahead with every amount of data."
    )
    assert "t-intervals over runs and Wilson intervals over test photos" in found.interval
    assert scratch.points[0].label == "2 a class"


@pytest.mark.parametrize(
    ("small", "large", "verdict"),
    [
        (([70, 72, 74], [70, 72, 75]), ([70, 72, 74], [71, 72, 74]), "There is no clear difference"),
        (([40, 41, 42], [80, 81, 82]), ([50, 51, 52], [80, 81, 82]),
         "From scratch is clearly ahead with every amount of data."),
        (([80, 81, 82], [50, 51, 52]), ([70, 72, 74], [70, 72, 75]),
         "Transfer is clearly ahead with 1 of 2 amounts of data. Elsewhere there is no clear difference"),
        (([80, 81, 82], [50, 51, 52]), ([50, 51, 52], [80, 81, 82]),
         "Transfer is clearly ahead with 1 of 2 amounts of data. From scratch is clearly ahead with 1 of 2"),
    ],
    ids=["undecided", "false", "partly", "both ways"],
)
def test_the_sentence_holds_whichever_way_it_turned_out(
    workspace: Workspace, plan: Plan, dataset: Dataset,
    small: tuple[list[int], list[int]], large: tuple[list[int], list[int]], verdict: str,
) -> None:
    found = fill(workspace, amounts(workspace, plan, dataset), {
        ("transfer", 2): small[0], ("scratch", 2): small[1],
        ("transfer", 4): large[0], ("scratch", 4): large[1],
    })
    assert verdict in found.sentence


def test_runs_that_all_reach_the_same_are_not_taken_for_certain(
    workspace: Workspace, plan: Plan, dataset: Dataset
) -> None:
    found = fill(workspace, amounts(workspace, plan, dataset, seeds=2), {
        ("transfer", 2): [53, 53], ("scratch", 2): [51, 51],
        ("transfer", 4): [53, 53], ("scratch", 4): [51, 51],
    })
    expected = share(53, 100)
    assert expected is not None
    assert found.series[0].points[0].low == pytest.approx(expected.low)
    assert "no clear difference" in found.sentence


def test_a_few_photos_of_one_test_set_are_no_clear_lead_however_often_it_is_repeated(
    workspace: Workspace, plan: Plan, dataset: Dataset
) -> None:
    found = fill(workspace, amounts(workspace, plan, dataset), {
        ("transfer", 2): [80, 80, 81], ("scratch", 2): [77, 77, 78],
        ("transfer", 4): [100, 100, 100], ("scratch", 4): [97, 97, 97],
    })
    assert "There is no clear difference" in found.sentence
    assert found.series[0].points[1].low == pytest.approx(share(100, 100).low)  # type: ignore[union-attr]


def test_a_single_run_has_its_wilson_interval(workspace: Workspace, plan: Plan, dataset: Dataset) -> None:
    experiment = amounts(workspace, plan, dataset, seeds=1)
    finish(workspace, experiment.members[0].run, right=70)
    found = results(workspace, experiment)
    (point,) = found.series[0].points
    expected = share(70, 100)
    assert expected is not None
    assert (point.mean, point.low, point.high) == (expected.value, expected.low, expected.high)
    assert "Wilson intervals over test photos" in found.interval
    assert not found.complete


def test_runs_that_failed_or_are_damaged_are_left_out_and_said_to_be(
    workspace: Workspace, plan: Plan, dataset: Dataset
) -> None:
    experiment = amounts(workspace, plan, dataset, seeds=1)
    for each in experiment.members[:2]:
        finish(workspace, each.run, right=80)
    damaged = finish(workspace, experiment.members[2].run, right=80)  # finished, and so not counted
    (damaged.path / "report.json").write_text("{")
    end(workspace, experiment.members[3].run, State.FAILED)
    found = results(workspace, experiment)
    assert [len(each.points) for each in found.series] == [1, 1]
    assert "1 run did not come to its end and is left out." in found.sentence
    assert not found.complete


def test_without_test_figures_validation_is_shown(workspace: Workspace, plan: Plan, dataset: Dataset) -> None:
    experiment = steering.begin(workspace, designs.seeds(plan, dataset, seeds=3))
    for each, reached in zip(experiment.members, (0.7, 0.72, 0.74), strict=True):
        finish(workspace, each.run, validation=reached)
    found = results(workspace, experiment)
    assert (found.split, found.test_figures) == ("validation", 0)
    assert "on validation photos" in found.sentence


def test_seeds_are_one_point_with_a_value_a_run_and_what_luck_alone_may_do(
    workspace: Workspace, plan: Plan, dataset: Dataset
) -> None:
    experiment = steering.begin(workspace, designs.seeds(plan, dataset, seeds=3))
    for each, right in zip(experiment.members, (70, 72, 74), strict=True):
        finish(workspace, each.run, right=right)
    found = results(workspace, experiment)
    ((point,),) = (each.points for each in found.series)
    assert point.values == (0.7, 0.72, 0.74)
    apart = 100 * stats.t.ppf(0.975, 2) * statistics.stdev(point.values) * math.sqrt(2)
    assert f"about {apart:.1f} points by luck alone" in found.sentence
    assert "70.0% to 74.0%" in found.sentence


def thawed(workspace: Workspace, plan: Plan, dataset: Dataset, best: float) -> tuple[Experiment, Results]:
    experiment = steering.begin(workspace, designs.blocks(plan, dataset))
    for each in experiment.members:
        finish(workspace, each.run, validation=best if each.role == "block6" else 0.5)
    chosen = next(each.run for each in experiment.members if each.role == "block6")
    finish(workspace, chosen, validation=best, right=66)
    experiment = experiments.changed(workspace, experiment.id, chosen=chosen)
    return experiment, results(workspace, experiment)


def test_blocks_show_validation_and_the_test_figure_of_the_chosen_one_alone(
    workspace: Workspace, plan: Plan, dataset: Dataset
) -> None:
    experiment, found = thawed(workspace, plan, dataset, 0.9)
    finish(workspace, experiment.members[0].run, validation=0.5, right=99)  # somebody looked by himself
    found = results(workspace, experiment)
    assert (found.split, found.test_figures) == ("validation", 1)
    (series,) = found.series
    assert [each.role for each in series.points][:2] == ["head", "stem"]
    assert {each.role: each.extra["test"] for each in series.points if each.extra["test"]} == {"block6": 0.66}
    expected = share(round(0.9 * VALIDATION), VALIDATION)
    best = next(each for each in series.points if each.role == "block6")
    assert expected is not None
    assert (best.low, best.high) == (expected.low, expected.high)
    assert found.sentence.startswith("Block 6 alone does best on validation: 90.0%")
    assert "That is clearly ahead of all others." in found.sentence
    assert "On the test photos it reaches 66.0%" in found.sentence


def test_a_best_block_that_is_not_clear_is_said_not_to_be(
    workspace: Workspace, plan: Plan, dataset: Dataset
) -> None:
    _experiment, found = thawed(workspace, plan, dataset, 0.52)
    assert "Against the head alone (50.0% (40.4% to 59.6%)) there is no clear difference" in found.sentence
    assert "clearly ahead" not in found.sentence


def test_backbones_are_ranked_by_their_probe_with_logme_beside_it(
    workspace: Workspace, plan: Plan, dataset: Dataset
) -> None:
    experiment = steering.begin(workspace, designs.backbones(plan, dataset, names=[LITE0, LITE1]))
    first, second = (each.run for each in experiment.members)
    finish(workspace, first, validation=0.7)
    finish(workspace, second, validation=0.95)
    write_json(workspace.experiments / experiment.id / FILE, {first: 0.9, second: 0.4})
    found = results(workspace, experiment)
    (probes,) = found.series
    assert [(each.role, each.extra["logme"]) for each in probes.points] == [(LITE1, 0.4), (LITE0, 0.9)]
    assert "EfficientNet-Lite1 does best on validation: 95.0%" in found.sentence
    assert "LogME puts EfficientNet-Lite0 first." in found.sentence
    assert found.test_figures == 0


def test_a_member_that_was_given_more_epochs_is_left_out_and_said_to_be(
    workspace: Workspace, plan: Plan, dataset: Dataset
) -> None:
    experiment = amounts(workspace, plan, dataset)
    fill(workspace, experiment, {
        (role, x): [80, 81, 82] for role in ("transfer", "scratch") for x in (2, 4)})
    go_on(workspace, RunFolder.open(workspace, experiment.members[0].run), right=99)
    found = results(workspace, now(workspace, experiment))
    assert found.series[0].points[0].values == (0.81, 0.82)
    assert "1 run was given more epochs than the others since, and is left out." in found.sentence
    assert not found.complete


def test_one_that_ended_early_and_went_on_to_as_many_epochs_has_gone_on_too(
    workspace: Workspace, plan: Plan, dataset: Dataset
) -> None:
    early = replace(plan, recipe=replace(plan.recipe, epochs=8, early_stopping=2))
    experiment = steering.begin(workspace, designs.seeds(early, dataset, seeds=2))
    for each in experiment.members:
        rows_ = finish(workspace, each.run, right=80).history()
        worse = [replace(rows_[0], epoch=epoch, val_accuracy=0.1, val_loss=2.0) for epoch in (2, 3)]
        RunFolder.open(workspace, each.run).write_history([replace(rows_[1], epoch=1), *worse])
    assert len(results(workspace, experiment).series[0].points[0].values) == 2
    run = RunFolder.open(workspace, experiment.members[0].run)
    go_on(workspace, run, right=85)
    assert run.plan().recipe.epochs == 8
    assert results(workspace, experiment).series[0].points[0].values == (0.8,)


def test_looks_that_somebody_took_by_himself_do_not_turn_validation_into_test(
    workspace: Workspace, plan: Plan, dataset: Dataset
) -> None:
    experiment = steering.begin(
        workspace, designs.seeds(replace(plan, test_at_end=False), dataset, seeds=3))
    for each, right in zip(experiment.members, (80, None, None), strict=True):
        finish(workspace, each.run, right=right)
    found = results(workspace, experiment)
    assert (found.split, len(found.series[0].points[0].values)) == ("validation", 3)


def test_of_equal_blocks_the_one_that_was_chosen_is_named(
    workspace: Workspace, plan: Plan, dataset: Dataset
) -> None:
    experiment = steering.begin(workspace, designs.blocks(plan, dataset))
    for each in experiment.members:
        best = each.role in ("block4", "block6")
        finish(workspace, each.run, validation=0.88 if best else 0.5, right=66 if best else None)
    chosen = next(each.run for each in experiment.members if each.role == "block6")
    experiment = experiments.changed(workspace, experiment.id, chosen=chosen)
    said = results(workspace, experiment).sentence
    assert said.startswith("Block 6 alone does best on validation")
    assert "On the test photos it reaches 66.0%" in said
    assert "was chosen" not in said


def test_where_another_block_does_better_later_the_chosen_one_is_named_with_its_test_figure(
    workspace: Workspace, plan: Plan, dataset: Dataset
) -> None:
    experiment, _found = thawed(workspace, plan, dataset, 0.8)
    later = next(each.run for each in experiment.members if each.role == "block4")
    finish(workspace, later, validation=0.95)
    said = results(workspace, experiment).sentence
    assert said.startswith("Block 4 alone does best on validation: 95.0%")
    assert "Block 6 was chosen, by what was known then. On the test photos it reaches 66.0%" in said


def test_of_two_real_trainings_that_are_equal_the_chosen_one_comes_first_and_alone_is_tested(
    workspace: Workspace, plan: Plan, dataset: Dataset
) -> None:
    experiment = steering.begin(workspace, designs.backbones(plan, dataset, names=[LITE0, LITE1]))
    real = tuple(
        replace(each, run=steer.create(workspace, variants.verifying(plan, each.role), wait=False).id,
                verifies=True)
        for each in experiment.members
    )
    members = (*experiment.members, *real)
    experiment = experiments.changed(workspace, experiment.id, members=members, chosen=real[1].run)
    for each in members:
        finish(workspace, each.run, validation=0.8, right=70 if each.verifies else None)
    found = results(workspace, experiment)
    assert [each.role for each in found.series[1].points] == [LITE1, LITE0]
    assert [each.extra["test"] for each in found.series[1].points] == [0.7, None]
    assert found.test_figures == 1
    assert "Trained for real, EfficientNet-Lite1 reaches 80.0%" in found.sentence


def test_a_limit_that_draws_other_photos_for_each_seed_is_said(
    workspace: Workspace, plan: Plan, dataset: Dataset
) -> None:
    drawn = "each seed draws the photos that it leaves, test photos too"
    for limit, seeds in ((None, 2), (12, 1), (12, 2)):
        experiment = steering.begin(
            workspace, designs.seeds(replace(plan, limit=limit), dataset, seeds=seeds))
        for each in experiment.members:
            finish(workspace, each.run, right=80)
        assert (drawn in results(workspace, experiment).interval) == (limit == 12 and seeds == 2)


def test_uneven_classes_are_said_to_be_also_where_their_mean_is_whole(
    workspace: Workspace, plan: Plan, dataset: Dataset
) -> None:
    experiment = amounts(workspace, plan, dataset, seeds=1)
    for each in experiment.members:
        finish(workspace, each.run, right=80)
    assert "uneven" not in results(workspace, experiment).interval
    members = tuple(replace(each, x=3.0 if each.x == 4 else each.x) for each in experiment.members)
    experiment = experiments.changed(workspace, experiment.id, members=members)
    assert "Classes are uneven" in results(workspace, experiment).interval


@pytest.mark.parametrize("damage", ["nan", "inf"])
def test_an_epoch_that_is_no_number_does_not_take_the_result_away(
    workspace: Workspace, plan: Plan, dataset: Dataset, damage: str
) -> None:
    experiment, _found = thawed(workspace, plan, dataset, 0.9)
    path = RunFolder.open(workspace, experiment.members[0].run).path / "history.csv"
    path.write_text(path.read_text().replace(",0.5,0.001", f",{damage},0.001"))
    assert damage in path.read_text()
    roles = [each.role for each in results(workspace, experiment).series[0].points]
    assert "head" not in roles
    assert "block6" in roles


@pytest.mark.parametrize("damage", [{"value": "x"}, {"value": float("nan")}, {"images": 0}, {"low": 0.99}])
def test_test_figures_that_are_none_do_not_take_the_result_away(
    workspace: Workspace, plan: Plan, dataset: Dataset, damage: dict[str, object]
) -> None:
    experiment = amounts(workspace, plan, dataset, seeds=1)
    for each in experiment.members:
        finish(workspace, each.run, right=80)
    folder = RunFolder.open(workspace, experiment.members[0].run)
    report: Any = folder.report()
    report["test"]["accuracy"].update(damage)
    (folder.path / "report.json").write_text(json.dumps(report))
    assert [len(each.points) for each in results(workspace, experiment).series] == [1, 2]


def test_a_table_has_the_same_columns_in_every_row(
    workspace: Workspace, plan: Plan, dataset: Dataset
) -> None:
    _experiment, found = thawed(workspace, plan, dataset, 0.9)
    table = rows(found)
    assert len({tuple(row) for row in table}) == 1
    assert [row["what"] for row in table if row["test"] is not None] == ["Block 6"]
    assert table[0]["values"] == "0.500000"


def test_a_run_that_was_deleted_is_left_out(workspace: Workspace, plan: Plan, dataset: Dataset) -> None:
    experiment = amounts(workspace, plan, dataset, seeds=1)
    missing = replace(experiment.members[0], run="20260101-000000-gone")
    members = (missing, *experiment.members[1:])
    experiment = experiments.changed(workspace, experiment.id, members=members)
    for each in members[1:]:
        finish(workspace, each.run, right=80)
    found = results(workspace, experiment)
    assert [len(each.points) for each in found.series] == [1, 2]
    assert "1 run was deleted or cannot be read, and is left out." in found.sentence
