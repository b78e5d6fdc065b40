"""Plans made of a plan: from scratch, the head alone, other blocks, a probe; all with the same budget."""

from __future__ import annotations

from dataclasses import replace

from core.backbones import catalogue
from core.data.dataset import Dataset
from core.training.counts import gentler_rate
from core.training.plan import Head, Plan, Recipe
from core.training.presets import FEATURES, LP_FT
from core.training.presets import SCRATCH as FROM_SCRATCH
from core.training.stages import unreached
from core.training.start import RANDOM, Start


def with_seed(plan: Plan, seed: int) -> Plan:
    """Return a plan with another seed."""
    return replace(plan, recipe=replace(plan.recipe, seed=seed))


def limited(plan: Plan, dataset: Dataset) -> Dataset:
    """Return what a plan's limit leaves of a dataset."""
    return dataset if plan.limit is None else dataset.limited(plan.limit, plan.recipe.seed)


def from_scratch(plan: Plan) -> Plan:
    """Return a plan that starts at random and trains everything with the budget of another.

    Photos, what is done to them, epochs, batch size and head stay. How it learns is the recipe for that,
    since what is gentle enough for pretrained blocks is too slow for new ones. It does not end early.
    """
    own, recipe = FROM_SCRATCH.recipe, plan.recipe
    new = replace(
        own, epochs=recipe.epochs, batch_size=recipe.batch_size, seed=recipe.seed, augment=recipe.augment,
        views=recipe.views, class_weights=recipe.class_weights, label_smoothing=recipe.label_smoothing,
        warmup=min(own.warmup, recipe.epochs - 1),
    )
    blocks = catalogue.get(plan.backbone).block_names
    return replace(plan, weights=Start(RANDOM), history=(), trainable=blocks, recipe=new)


def head_alone(plan: Plan) -> Plan:
    """Return a plan in which the pretrained backbone stays as it is, with the budget of another."""
    pretrained = _pretrained(plan)
    if not pretrained.trainable:
        return pretrained
    # The rate of a plan whose blocks learn is for these.
    recipe = replace(
        pretrained.recipe, method="single", learning_rate=pretrained.recipe.head_rate, lr_factor=1.0)
    return replace(pretrained, trainable=(), recipe=recipe)


def with_blocks(plan: Plan, blocks: tuple[str, ...]) -> Plan:
    """Return a plan in which these pretrained blocks learn, with the budget of another.

    A rate that is too high for them is made gentler. The head then goes first and has that rate: at the
    gentle one it would learn less than where it is alone, and blocks would seem to do harm. What thaws block
    by block has the head first and then all of them at one rate: else most would have no turn in so many
    epochs, or learn next to nothing.
    """
    chosen = _all_in_turn(replace(_pretrained(plan), trainable=blocks))
    gentle, recipe = gentler_rate(chosen), chosen.recipe
    if gentle is None:
        return chosen
    if recipe.method == "single" and recipe.epochs > 1:
        recipe = replace(
            recipe, method="lp-ft", head_rate=recipe.learning_rate, stage_epochs=_head_epochs(recipe))
    return replace(chosen, recipe=replace(recipe, learning_rate=gentle))


def _all_in_turn(plan: Plan) -> Plan:
    """Return a plan of stages as one that every block learns in; another as it is."""
    recipe = plan.recipe
    if recipe.method == "gradual":
        plan = replace(plan, recipe=replace(recipe, method="lp-ft", lr_factor=1.0))
    if unreached(plan):
        recipe = replace(plan.recipe, method="single") if recipe.epochs == 1 else replace(
            plan.recipe, stage_epochs=_head_epochs(recipe))
        plan = replace(plan, recipe=recipe)
    return plan


def _head_epochs(recipe: Recipe) -> int:
    """Return how long the head goes first: a third of all epochs at the most."""
    return max(1, min(recipe.stage_epochs, recipe.epochs // 3))


def probe(plan: Plan, backbone: str) -> Plan:
    """Return a linear probe: one layer on what a pretrained backbone sees, without dropout.

    It is not augmented and keeps what the backbone sees, which LogME is computed from.
    """
    recipe = replace(FEATURES.recipe, seed=plan.recipe.seed, batch_size=plan.recipe.batch_size)
    return replace(
        plan, backbone=backbone, trainable=(), head=Head(dropout=0.0), recipe=recipe, weights=Start(),
        history=(), image_size=None, cache=True, test_at_end=False,
    )


def verifying(plan: Plan, backbone: str) -> Plan:
    """Return the real training that a probe's promise is verified by: head first, then the last blocks."""
    chosen = replace(
        plan, backbone=backbone, trainable=(), weights=Start(), history=(), image_size=None,
        # Two are trained, and the one that is chosen is looked at alone.
        test_at_end=False,
    )
    new = LP_FT.applied(chosen)
    return replace(new, recipe=replace(new.recipe, batch_size=plan.recipe.batch_size))


def is_control(plan: Plan, role: str) -> bool:
    """Tell whether a plan is by itself what a control of that role would be, however it learns."""
    every = plan.trainable == catalogue.get(plan.backbone).block_names
    random = plan.weights.source == RANDOM
    return {
        "scratch": random and every,
        "head": not random and not plan.trainable,
        "all": not random and every and gentler_rate(plan) is None and not unreached(plan),
    }[role]


def as_begun(plan: Plan, role: str, *, verifies: bool = False) -> Plan:
    """Return the plan that a member began with as far as it goes, for how long it was to learn.

    Args:
        plan: What the experiment was made of.
        role: What the member is there for, see :class:`core.experiments.design.Planned`.
        verifies: Whether it trains one of the best backbones of a ranking for real.
    """
    if verifies:
        return verifying(plan, role)
    if role in catalogue.BACKBONES:
        return probe(plan, role)
    if role == "scratch":
        return from_scratch(plan)
    if role in ("transfer", "seed"):
        return plan
    blocks = catalogue.get(plan.backbone).block_names
    return head_alone(plan) if role == "head" else with_blocks(plan, blocks if role == "all" else (role,))


def as_compared(plan: Plan) -> Plan:
    """Return a plan without what changes nothing that it learns: the cache, the title, the last look."""
    return replace(plan, dataset_title="", cache=True, test_at_end=True)


def _pretrained(plan: Plan) -> Plan:
    if plan.weights.source != RANDOM:
        return plan
    return replace(plan, weights=Start(), history=())
