from __future__ import annotations

import math
import statistics
from dataclasses import replace

import pytest
from fake_runs import VALIDATION, end, finish, now
from scipy import stats

from core.data.dataset import Dataset
from core.experiments import design as designs
from core.experiments import experiment as experiments
from core.experiments import steering
from core.experiments.experiment import Experiment
from core.experiments.results import Results, results, rows
from core.experiments.scores import FILE
from core.files import write_json
from core.insight.metrics import share
from core.runs import steer
from core.runs.status import State
from core.training.plan import Plan
from core.training.presets import LP_FT
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


def test_several_runs_give_their_mean_with_the_t_interval_over_runs(
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
    low, high = stats.t.interval(
        0.95, 2, statistics.fmean(point.values), statistics.stdev(point.values) / math.sqrt(3))
    assert point.values == (0.8, 0.82, 0.84)
    assert (point.mean, point.low, point.high) == pytest.approx((0.82, low, high))
    assert found.split == "test"
    assert found.test_figures == 12
    assert found.complete
    assert found.sentence == (
        "With 2 photos a class, transfer reaches 72.0% ± 5.0; from scratch 51.0% ± 2.5. "
        "With 4 photos a class, transfer reaches 82.0% ± 5.0; from scratch 53.0% ± 2.5. "
        "Transfer is clearly ahead with every amount of data."
    )
    assert "t-intervals over runs" in found.interval
    assert scratch.points[0].label == "2 a class"


@pytest.mark.parametrize(
    ("small", "large", "verdict"),
    [
        (([70, 72, 74], [70, 72, 75]), ([70, 72, 74], [71, 72, 74]), "There is no clear difference"),
        (([50, 51, 52], [80, 81, 82]), ([50, 51, 52], [80, 81, 82]),
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
    assert found.series[0].points[0].low == expected.low
    assert "no clear difference" in found.sentence


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
    damaged = finish(workspace, experiment.members[2].run, right=80)
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


def test_controls_stand_beside_their_run_and_the_most_frequent_class(
    workspace: Workspace, plan: Plan
) -> None:
    run = finish(workspace, steer.create(workspace, LP_FT.applied(plan), wait=False).id, right=90)
    experiment = steering.begin(workspace, designs.controls(workspace, run.id))
    for each, right in zip(experiment.members, (40, 88, 70), strict=True):
        finish(workspace, each.run, right=right)
    found = results(workspace, experiment)
    (series,) = found.series
    assert [(each.role, each.mean) for each in series.points] == [
        ("majority", 0.5), ("scratch", 0.4), ("head", 0.88), ("all", 0.7), ("run", 0.9)]
    assert found.test_figures == 4
    assert "Clearly more than: always the most frequent class 50.0%, from scratch 40.0%, everything learns" \
        in found.sentence
    assert "No clear difference to: head only 88.0%" in found.sentence


def test_a_run_that_is_its_own_control_stands_there_once(workspace: Workspace, plan: Plan) -> None:
    run = finish(workspace, steer.create(workspace, plan, wait=False).id, right=90)
    experiment = steering.begin(workspace, designs.controls(workspace, run.id))
    (series,) = results(workspace, experiment).series
    assert [each.label for each in series.points] == ["Most frequent class", "This run (head only)"]


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
    finish(workspace, experiment.members[1].run, right=80)
    assert [each.name for each in results(workspace, experiment).series] == ["scratch"]
