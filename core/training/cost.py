"""What a training step costs in multiply-adds, by arithmetic on the blocks."""

from __future__ import annotations

from collections.abc import Collection

from core.backbones import catalogue
from core.training.plan import Plan


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
