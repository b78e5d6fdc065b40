from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fake_runs import finish

from core.backbones import catalogue
from core.data.dataset import Dataset
from core.data.intake import take_in
from core.errors import BadInput, NotFound
from core.experiments import design as designs
from core.experiments import variants
from core.experiments.sizes import default_sizes, mean_a_class
from core.runs import steer
from core.runs.folder import RunFolder
from core.training.plan import Plan, Recipe
from core.training.presets import FEATURES, GRADUAL, LP_FT
from core.training.stages import block_rates, stages_of, unreached
from core.training.start import RANDOM, Start
from core.workspace import Workspace
from tests.conftest import make_photos

LITE0 = "efficientnet-lite0"


@pytest.fixture
def plan(dataset: Dataset) -> Plan:
    return FEATURES.applied(Plan(dataset.id, dataset.title, LITE0, recipe=Recipe(seed=4)))


@pytest.fixture
def uneven(tmp_path: Path, workspace: Workspace) -> Dataset:
    """Many photos of one class and few of another."""
    folder = make_photos(tmp_path / "uneven", each=40, classes=("blue",))
    return take_in(make_photos(folder, each=12, classes=("red",)), workspace)


def base_run(workspace: Workspace, plan: Plan, right: int | None = 80) -> RunFolder:
    return finish(workspace, steer.create(workspace, plan, wait=False).id, right=right)


def test_data_size_has_transfer_and_scratch_at_each_size_with_each_seed(plan: Plan, dataset: Dataset) -> None:
    design = designs.data_size(plan, dataset, sizes=[4, 2], seeds=3)
    assert [(each.seed, each.x, each.role) for each in design.members] == [
        (seed, x, role) for seed in (4, 5, 6) for x in (2, 4) for role in ("transfer", "scratch")
    ]
    assert design.to_run == 12
    for each in design.members:
        assert each.plan.train_per_class == each.x
        assert each.plan.recipe.seed == each.seed
        assert each.plan.test_at_end


def test_scratch_has_the_same_budget_and_everything_learns_from_random_weights(
    plan: Plan, dataset: Dataset
) -> None:
    plan = replace(plan, recipe=replace(plan.recipe, epochs=7, batch_size=16, augment="light", views=2))
    transfer, scratch = designs.data_size(plan, dataset, sizes=[2], seeds=1).members
    assert transfer.plan == replace(plan, train_per_class=2)
    for name in ("epochs", "batch_size", "augment", "views", "seed"):
        assert getattr(scratch.plan.recipe, name) == getattr(plan.recipe, name), name
    assert scratch.plan.weights == Start(RANDOM)
    assert scratch.plan.trainable == catalogue.get(LITE0).block_names
    assert scratch.plan.recipe.method == "single"


def test_one_epoch_from_scratch_has_no_warm_up(plan: Plan, dataset: Dataset) -> None:
    short = replace(plan, recipe=replace(plan.recipe, epochs=1))
    assert designs.data_size(short, dataset, sizes=[2], seeds=1).members[1].plan.recipe.warmup == 0


def test_sizes_go_evenly_from_a_few_to_all_there_are(uneven: Dataset) -> None:
    sizes = default_sizes(uneven)
    means = [mean_a_class(uneven, size) for size in sizes]
    assert sizes[-1] == max(sum(item.label == each for item in uneven.of_split("train")) for each in (0, 1))
    assert means[-1] == len(uneven.of_split("train")) / 2
    assert means == sorted(set(means))
    assert len(sizes) <= 5


def test_where_classes_are_uneven_x_is_the_mean_of_photos_a_class(uneven: Dataset, plan: Plan) -> None:
    few = sum(item.label == 1 for item in uneven.of_split("train"))
    (point, _scratch) = designs.data_size(plan, uneven, sizes=[few + 4], seeds=1).members
    assert point.plan.train_per_class == few + 4
    assert point.x == few + 2


def test_sizes_beyond_all_there_are_are_all_there_are_and_taken_once(plan: Plan, dataset: Dataset) -> None:
    design = designs.data_size(plan, dataset, sizes=[500, 1000], seeds=1)
    assert {each.plan.train_per_class for each in design.members} == {default_sizes(dataset)[-1]}
    assert design.to_run == 2


@pytest.mark.parametrize("sizes", [[], [0], [-3], [2.5], list(range(1, 40))], ids=str)
def test_sizes_that_cannot_be_are_refused(plan: Plan, dataset: Dataset, sizes: list[int]) -> None:
    with pytest.raises(BadInput):
        designs.data_size(plan, dataset, sizes=sizes)


@pytest.mark.parametrize("count", [0, -1, 21, True, 1.5])
def test_a_number_of_seeds_that_cannot_be_is_refused(plan: Plan, dataset: Dataset, count: int) -> None:
    with pytest.raises(BadInput):
        designs.seeds(plan, dataset, seeds=count)


def test_too_many_runs_are_refused(plan: Plan, dataset: Dataset) -> None:
    with pytest.raises(BadInput, match="so many runs"):
        designs.data_size(plan, dataset, sizes=[1, 2, 3, 4], seeds=20)


def test_what_starts_from_scratch_cannot_transfer(plan: Plan, dataset: Dataset) -> None:
    random = replace(plan, weights=Start(RANDOM))
    for make in (designs.data_size, designs.blocks):
        with pytest.raises(BadInput, match="from scratch"):
            make(random, dataset)


def test_blocks_thaw_one_at_a_time_beside_the_head_alone_and_leave_the_test_photos(
    plan: Plan, dataset: Dataset
) -> None:
    members = designs.blocks(plan, dataset).members
    assert [each.role for each in members] == ["head", *catalogue.get(LITE0).block_names]
    assert members[0].plan == replace(plan, test_at_end=False)
    for each in members[1:]:
        assert each.plan.trainable == (each.role,)
        assert not each.plan.test_at_end


def test_a_rate_too_high_for_blocks_is_made_gentler_and_the_head_goes_first_with_it(
    plan: Plan, dataset: Dataset
) -> None:
    recipe = designs.blocks(plan, dataset).members[3].plan.recipe
    assert (recipe.learning_rate, recipe.method, recipe.head_rate) == (1e-4, "lp-ft", 1e-3)
    assert recipe.epochs == plan.recipe.epochs
    assert 1 <= recipe.stage_epochs < recipe.epochs


def test_a_recipe_that_is_gentle_already_is_kept(plan: Plan, dataset: Dataset) -> None:
    gentle = LP_FT.applied(plan)
    head, *others = designs.blocks(gentle, dataset).members
    assert {each.plan.recipe for each in others} == {gentle.recipe}
    assert head.plan.recipe.learning_rate == gentle.recipe.head_rate


def test_seeds_follow_the_plans_own_and_change_nothing_else(plan: Plan, dataset: Dataset) -> None:
    members = designs.seeds(plan, dataset, seeds=3).members
    assert [each.plan for each in members] == [
        replace(plan, recipe=replace(plan.recipe, seed=seed)) for seed in (4, 5, 6)]


def test_backbones_are_probed_by_one_layer_and_leave_the_test_photos(plan: Plan, dataset: Dataset) -> None:
    members = designs.backbones(plan, dataset, names=[LITE0, "resnet50", LITE0]).members
    assert [each.plan.backbone for each in members] == [LITE0, "resnet50"]
    for each in members:
        assert each.plan.trainable == ()
        assert (each.plan.head.dropout, each.plan.head.hidden) == (0.0, 0)
        assert not each.plan.test_at_end
        assert each.plan.cache


@pytest.mark.parametrize("names", [[], [LITE0], [LITE0, LITE0]], ids=str)
def test_a_ranking_needs_several_backbones(plan: Plan, dataset: Dataset, names: list[str]) -> None:
    with pytest.raises(BadInput):
        designs.backbones(plan, dataset, names=names)


def test_an_unknown_backbone_is_refused(plan: Plan, dataset: Dataset) -> None:
    with pytest.raises(NotFound):
        designs.backbones(plan, dataset, names=[LITE0, "resnet999"])


def test_controls_have_the_budget_of_their_run(workspace: Workspace, plan: Plan) -> None:
    tuned = LP_FT.applied(replace(plan, train_per_class=3, limit=14))
    run = base_run(workspace, tuned)
    design = designs.controls(workspace, run.id)
    assert [each.role for each in design.members] == ["scratch", "head", "all"]
    assert design.base_run == run.id
    assert design.to_run == 3
    for each in design.members:
        for name in ("epochs", "batch_size", "seed"):
            assert getattr(each.plan.recipe, name) == getattr(tuned.recipe, name)
        assert (each.plan.train_per_class, each.plan.limit, each.plan.dataset) == (3, 14, plan.dataset)
    assert design.members[1].plan.trainable == ()
    assert design.members[2].plan.trainable == catalogue.get(LITE0).block_names


def test_everything_learns_in_the_control_of_a_run_that_thaws_block_by_block(
    workspace: Workspace, plan: Plan
) -> None:
    gradual = GRADUAL.applied(plan)
    assert unreached(replace(gradual, trainable=catalogue.get(LITE0).block_names))
    every = designs.controls(workspace, base_run(workspace, gradual).id).members[2].plan
    assert every.trainable == catalogue.get(LITE0).block_names
    assert unreached(every) == ()
    assert set(block_rates(every).values()) == {gradual.recipe.learning_rate}
    for name in ("epochs", "stage_epochs", "head_rate", "batch_size"):
        assert getattr(every.recipe, name) == getattr(gradual.recipe, name)
    assert every.recipe.method == "lp-ft"


@pytest.mark.parametrize(("epochs", "method", "first"), [(1, "single", 1), (4, "lp-ft", 1)])
def test_everything_learns_also_where_the_head_alone_would_take_all_epochs(
    workspace: Workspace, plan: Plan, epochs: int, method: str, first: int
) -> None:
    tuned = LP_FT.applied(plan)
    run = base_run(workspace, replace(tuned, recipe=replace(tuned.recipe, epochs=epochs)))
    every = designs.controls(workspace, run.id).members[2].plan
    assert unreached(every) == ()
    assert (every.recipe.epochs, every.recipe.method) == (epochs, method)
    assert method == "single" or stages_of(every)[0].epochs == first


def test_a_run_whose_blocks_have_no_turn_is_not_the_control_in_which_everything_learns(
    workspace: Workspace, plan: Plan
) -> None:
    gradual = replace(GRADUAL.applied(plan), trainable=catalogue.get(LITE0).block_names)
    run = base_run(workspace, gradual)
    assert [each.run for each in designs.controls(workspace, run.id).members] == ["", "", ""]


def test_nothing_is_chosen_without_validation_photos(plan: Plan, dataset: Dataset) -> None:
    without = replace(dataset, items=tuple(each for each in dataset.items if each.split != "validation"))
    with pytest.raises(BadInput, match="no validation part to choose a block by"):
        designs.blocks(plan, without)
    with pytest.raises(BadInput, match="no validation part to rank backbones by"):
        designs.backbones(plan, without, names=[LITE0, "resnet50"])


def test_what_verifies_a_ranking_leaves_the_test_photos(plan: Plan) -> None:
    assert not variants.verifying(plan, LITE0).test_at_end


def test_a_control_that_the_run_itself_is_is_not_run_again(workspace: Workspace, plan: Plan) -> None:
    run = base_run(workspace, plan)
    design = designs.controls(workspace, run.id)
    assert [each.run for each in design.members] == ["", run.id, ""]
    assert design.to_run == 2


def test_an_earlier_run_with_the_same_plan_is_borrowed_whatever_its_cache(
    workspace: Workspace, plan: Plan
) -> None:
    run = base_run(workspace, LP_FT.applied(plan))
    head = designs.controls(workspace, run.id).members[1].plan
    other_seed = base_run(workspace, replace(head, recipe=replace(head.recipe, seed=99)))
    unmeasured = base_run(workspace, head, right=None)
    assert [each.run for each in designs.controls(workspace, run.id).members] == ["", "", ""]
    same = base_run(workspace, replace(head, cache=False, dataset_title="Other title"))
    assert designs.controls(workspace, run.id).members[1].run == same.id
    assert len({run.id, other_seed.id, unmeasured.id, same.id}) == 4


def test_the_controls_of_a_run_whose_test_photos_nobody_saw_leave_them_too(
    workspace: Workspace, plan: Plan
) -> None:
    run = base_run(workspace, replace(LP_FT.applied(plan), test_at_end=False), right=None)
    assert not any(each.plan.test_at_end for each in designs.controls(workspace, run.id).members)


def test_only_a_finished_run_has_controls(workspace: Workspace, plan: Plan) -> None:
    run = steer.create(workspace, plan, wait=False)
    with pytest.raises(BadInput, match="not finished"):
        designs.controls(workspace, run.id)
    with pytest.raises(NotFound):
        designs.controls(workspace, "../runs")


def test_runs_are_named_so_that_people_understand_them(plan: Plan, dataset: Dataset) -> None:
    named = {
        designs.data_size(plan, dataset, sizes=[4], seeds=1): ("4 a class, transfer, seed 4", 0),
        designs.blocks(plan, dataset): ("Block 6, seed 4", 7),
        designs.seeds(plan, dataset): ("Seed 5", 1),
        designs.backbones(plan, dataset, names=[LITE0, "resnet50"]): ("Probe: ResNet50", 1),
    }
    for design, (name, at) in named.items():
        assert designs.name_of(design.kind, design.members[at]) == name
