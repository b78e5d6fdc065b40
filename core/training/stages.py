"""The stages of a training: what learns when, and how fast. By arithmetic, no TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.backbones import catalogue
from core.i18n import _
from core.training.counts import block_title, learning_in
from core.training.plan import Plan

WHOLE, HEAD = "fit", "head"


@dataclass(frozen=True)
class Stage:
    """Some epochs of a training in which the same blocks learn.

    Attributes:
        name: What the history calls it: ``fit`` where everything that may learn does so from the
            begin, or in the last stage of head first; ``head`` where the head alone does; else the name
            of the block that was thawed last.
        first: How many epochs come before it.
        end: How many epochs have passed when it is over.
        trainable: The blocks that learn in it, in the backbone's order.
        last: Whether it is the last that the plan knows, however many epochs there are.
    """

    name: str
    first: int
    end: int
    trainable: tuple[str, ...]
    last: bool

    @property
    def epochs(self) -> int:
        """How many epochs it takes."""
        return self.end - self.first


def stages_of(plan: Plan) -> tuple[Stage, ...]:
    """Return the stages of a plan, in the order in which they are gone through.

    Head first is linear probing, then fine-tuning: A. Kumar et al., "Fine-Tuning can Distort Pretrained
    Features and Underperform Out-of-Distribution", ICLR 2022, https://arxiv.org/abs/2202.10054. Block by
    block is gradual unfreezing: J. Howard and S. Ruder, "Universal Language Model Fine-tuning for Text
    Classification", ACL 2018, https://arxiv.org/abs/1801.06146.

    NOTE: in which stage an epoch lies depends on nothing but its number: so a training goes on in the
    right one, and keeps to it when it is given more epochs. Stages that the epochs do not reach are left
    out; see :func:`unreached`.
    """
    known = _known(plan)
    stages, first, epochs = [], 0, plan.recipe.epochs
    for at, (name, trainable) in enumerate(known):
        last = at == len(known) - 1
        end = epochs if last else min(epochs, first + plan.recipe.stage_epochs)
        if first < epochs:
            stages.append(Stage(name, first, end, trainable, last))
        first = end
    return tuple(stages)


def stage_at(plan: Plan, epoch: int) -> Stage:
    """Return the stage of an epoch, counted from 0; the last one beyond the end."""
    stages = stages_of(plan)
    return next((each for each in stages if epoch < each.end), stages[-1])


def unreached(plan: Plan) -> tuple[str, ...]:
    """Return the blocks that may learn and never do, because the epochs end before their stage."""
    reached = stages_of(plan)[-1].trainable
    return tuple(name for name in plan.trainable if name not in reached)


def epochs_needed(plan: Plan) -> int:
    """Return how many epochs it takes for every stage to come about."""
    return (len(_known(plan)) - 1) * plan.recipe.stage_epochs + 1


def plan_of(plan: Plan, stage: Stage) -> Plan:
    """Return a stage as a plan of its own: its blocks, epochs and rates, all at once.

    What holds for the last stage alone (schedule, warm-up, early stopping) is not in the others.
    """
    recipe = plan.recipe
    if recipe.method == "single" or not plan.trainable:
        return plan
    alone = not stage.trainable
    recipe = replace(
        recipe, method="single", epochs=stage.epochs,
        learning_rate=recipe.head_rate if alone else recipe.learning_rate,
    )
    if not stage.last:
        recipe = replace(recipe, schedule="constant", warmup=0, early_stopping=0)
    return replace(plan, trainable=stage.trainable, recipe=recipe)


def last_of(plan: Plan) -> Plan:
    """Return the last stage that a plan reaches, as a plan of its own."""
    return plan_of(plan, stages_of(plan)[-1])


def stage_title(name: str) -> str:
    """Return a stage's name, as the history has it, in words."""
    if name == WHOLE:
        return _("all that may learn")
    if name == HEAD:
        return _("head only")
    return _("{block} joins").format(block=block_title(name))


def block_rates(plan: Plan) -> dict[str, float]:
    """Return the learning rate of each block of the backbone, whether or not it learns.

    The head learns at the plan's rate, the block next to it at that times the plan's factor, and so on
    towards the input.
    """
    names = catalogue.get(plan.backbone).block_names
    recipe = plan.recipe
    return {
        name: recipe.learning_rate * recipe.lr_factor ** (len(names) - at)
        for at, name in enumerate(names)
    }


def _known(plan: Plan) -> Sequence[tuple[str, tuple[str, ...]]]:
    """Return name and blocks of every stage, whether or not the epochs reach it."""
    if plan.recipe.method == "single" or not plan.trainable:
        return [(WHOLE, plan.trainable)]
    head = (HEAD, ())
    if plan.recipe.method == "lp-ft":
        return [head, (WHOLE, plan.trainable)]
    return [head, *_block_by_block(plan)]


def _block_by_block(plan: Plan) -> list[tuple[str, tuple[str, ...]]]:
    """Thaw from the head towards the input; a block in which nothing learns joins the next one."""
    blocks = {block.name: block for block in catalogue.get(plan.backbone).blocks}
    stages: list[tuple[str, tuple[str, ...]]] = []
    thawed: tuple[str, ...] = ()
    for name in reversed(plan.trainable):
        thawed = (name, *thawed)
        if learning_in([blocks[name]], norms=plan.norms_learn):
            stages.append((name, thawed))
    if not stages:
        return [(WHOLE, plan.trainable)]
    # What lies below the last block that learns anything is thawed with it.
    stages[-1] = (stages[-1][0], plan.trainable)
    return stages
