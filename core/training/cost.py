"""What a training step costs in multiply-adds, by arithmetic on the blocks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from core.backbones import catalogue
from core.training import worth
from core.training.plan import Plan
from core.training.stages import plan_of, stages_of

# What a step on kept activations takes at the least, as a share of a pass of the whole backbone: seen with
# a head alone on Lite0.
_LEAST = 0.04


@dataclass(frozen=True)
class Cost:
    """What an epoch costs an image, in passes of the whole backbone.

    Attributes:
        epoch: The epoch itself.
        opening: What has to be done before it, where it is the first of a later stage.
    """

    epoch: float
    opening: float = 0.0


def epoch_costs(plan: Plan, amounts: worth.Amounts, plain: Collection[str] = ()) -> tuple[Cost, ...]:
    """Return what each epoch of a plan costs: later stages cost more than the one of the head alone.

    Args:
        plan: A checked plan.
        amounts: How many images there are.
        plain: The names of stages that are known to go the plain way; of others it is guessed.
    """
    costs: list[Cost] = []
    for stage in stages_of(plan):
        staged = plan_of(plan, stage)
        untested = amounts if stage.end == plan.recipe.epochs else replace(amounts, test=0)
        way_is_plain = stage.name in plain or worth.why_plain(staged, untested, None)
        reused = 0.0 if way_is_plain else worth.frozen_share(staged)
        whole = forward(plan)
        each = max(_LEAST, 1 - reused + backward(staged) / whole)
        costs += [Cost(each)] * stage.epochs
        if stage.first:
            costs[stage.first] = Cost(each, reused)
    return tuple(costs)


def backward(plan: Plan) -> int:
    """Return the multiply-adds of the gradients of one image.

    Gradients flow from the head down to the lowest block that learns: through every block above it (as
    much work as its forward pass), and into the weights of each block that learns (as much again).
    The head's own are left out, which are few but for a large dense layer.
    """
    return backward_of(plan, plan.trainable)


def backward_of(plan: Plan, trainable: Collection[str]) -> int:
    """Return :func:`backward` for other blocks than the plan's."""
    blocks = catalogue.get(plan.backbone).blocks_at(plan.size)
    learning = [at for at, block in enumerate(blocks) if block.name in trainable]
    if not learning:
        return 0
    into_weights = sum(blocks[at].multiply_adds for at in learning)
    # The lowest block passes gradients through its own layers too, all but the very first.
    through = sum(block.multiply_adds for block in blocks[learning[0] :])
    return into_weights + through


def forward(plan: Plan) -> int:
    """Return the multiply-adds of the backbone for one image."""
    return sum(block.multiply_adds for block in catalogue.get(plan.backbone).blocks_at(plan.size))


def step_share(plan: Plan) -> float:
    """Return what a step costs, as a share of a step that trains everything: 1/3 where all is frozen."""
    everything = forward(plan) + backward_of(plan, catalogue.get(plan.backbone).block_names)
    return (forward(plan) + backward(plan)) / everything
