"""The stages of a training in words, as a table, on the block map and along the curves."""

from __future__ import annotations

from collections.abc import Sequence

from core.backbones import catalogue
from core.i18n import _, ngettext
from core.runs.listing import Listed
from core.runs.status import State
from core.training.counts import block_title, head_parameters, listed_blocks
from core.training.plan import Plan
from core.training.stages import HEAD, WHOLE, Stage, stage_at, stage_title, stages_of
from core.training.start import RANDOM
from pages.ui.block_map import Told, block_map
from pages.ui.block_rates import Words, block_words, legend_text, span_text
from pages.ui.component import Parts, emphasised
from pages.ui.fields import rate_text
from pages.ui.live_curves import Phase
from pages.ui.pieces import choice_table

_MOST_ROWS, _FIRST_ROWS, _LAST_ROWS = 7, 3, 2
_WATCHED = (State.PREPARING, State.TRAINING, State.PAUSED)


def learning_now(run: Listed) -> tuple[str, ...]:
    """Return the blocks that learn in the stage a run is in; of one that has ended, all that might."""
    if run.status.state not in _WATCHED:
        return run.plan.trainable
    told = run.status.learning
    return stage_at(run.plan, max(0, run.status.epoch - 1)).trainable if told is None else tuple(told)


def stage_now(run: Listed) -> int:
    """Return the number of the stage that a run is in, from 1."""
    learning, stages = learning_now(run), stages_of(run.plan)
    by_blocks = [at for at, each in enumerate(stages) if set(each.trainable) == set(learning)]
    # Where the figures and the plan do not fit together, the epoch decides.
    if len(by_blocks) == 1:
        return by_blocks[0] + 1
    return stages.index(stage_at(run.plan, max(0, run.status.epoch - 1))) + 1


def stage_map(run: Listed, classes: int | None) -> None:
    """Show which blocks learn just now and which join when, while a run with stages goes on.

    Args:
        run: The run.
        classes: How many classes its head tells apart; ``None`` where that is not known.
    """
    stages = stages_of(run.plan)
    if len(stages) < 2 or run.status.state not in _WATCHED:
        return
    plan, at = run.plan, stage_now(run)
    head = None if classes is None else head_parameters(plan, classes)
    block_map(
        catalogue.get(plan.backbone).blocks_at(plan.size), learning_now(run),
        head_parameters=head, key="stage-map", locked=True,
        from_scratch=plan.weights.source == RANDOM,
        told=Told(
            rates=block_words(plan), joins=join_words(stages, at), watched=stage_parts(stages, at),
            labels={"group": _("Blocks of the backbone: which of them learn just now"),
                    "learning": _("learns just now"), "rate": legend_text(plan)},
        ),
    )


def stage_parts(stages: Sequence[Stage], at: int) -> Parts:
    """Return which stage it is, what is new in it and how long it takes; ``at`` counts from 1."""
    stage = stages[at - 1]
    return emphasised(
        _("*Stage {at} of {all}: {what}*, {epochs}"), at=at, all=len(stages), what=stage_title(stage.name),
        epochs=epochs_text(stage))


def join_words(stages: Sequence[Stage], at: int) -> dict[str, Words]:
    """Return for each block that joins after the stage ``at``, from 1, in which epoch it does."""
    known = set(stages[at - 1].trainable)
    words = {}
    for stage in stages[at:]:
        for name in stage.trainable:
            if name in known:
                continue
            known.add(name)
            epoch = stage.first + 1
            words[name] = (
                _("from epoch {epoch}").format(epoch=epoch),
                _("learns from epoch {epoch} on").format(epoch=epoch),
            )
    return words


def epochs_text(stage: Stage) -> str:
    """Return the epochs of a stage: ``"epochs 6–15"``."""
    if stage.epochs == 1:
        return _("epoch {epoch}").format(epoch=stage.end)
    return _("epochs {first}–{end}").format(first=stage.first + 1, end=stage.end)


def stage_table(plan: Plan) -> None:
    """Show what learns in which epochs and at which rate; nothing where all does so at once."""
    stages = stages_of(plan)
    if plan.recipe.method == "single" or not plan.trainable:
        return
    choice_table(
        _("The stages of the training"), (_("Epochs"), _("What learns"), _("Learning rate")),
        stage_rows(plan, stages), chosen=-1,
    )


def stage_rows(plan: Plan, stages: Sequence[Stage]) -> list[tuple[str, str, str]]:
    """Return a row for each stage; of many those in the middle in one."""
    rows = [(_span(each), _learns(plan, each), _rates(plan, each)) for each in stages]
    if len(rows) <= _MOST_ROWS:
        return rows
    middle = stages[_FIRST_ROWS:-_LAST_ROWS]
    between = (
        f"{middle[0].first + 1}–{middle[-1].end}",
        ngettext("{n} stage more, a block each", "{n} stages more, a block each", len(middle)).format(
            n=len(middle)),
        "…",
    )
    return [*rows[:_FIRST_ROWS], between, *rows[-_LAST_ROWS:]]


def curve_stages(plan: Plan, position: float) -> list[Phase]:
    """Return the stages that have begun, for the curves; none where there is but one.

    Args:
        plan: The run's plan.
        position: How far the training is, in epochs.
    """
    stages = stages_of(plan)
    if len(stages) < 2:
        return []
    return [
        Phase(each.first, each.end, _mark(each), head_only=not each.trainable)
        for each in stages if each.first < position or each.first == 0
    ]


def _mark(stage: Stage) -> str:
    if stage.name == HEAD:
        return _("Head only")
    return _("+ chosen blocks") if stage.name == WHOLE else _("+ {block}").format(
        block=block_title(stage.name))


def _span(stage: Stage) -> str:
    return f"{stage.end}" if stage.epochs == 1 else f"{stage.first + 1}–{stage.end}"


def _learns(plan: Plan, stage: Stage) -> str:
    if stage.name == HEAD:
        return _("Head only")
    if stage.name != WHOLE:
        return _("{block} joins").format(block=block_title(stage.name))
    if len(plan.trainable) > _FIRST_ROWS:
        n = len(plan.trainable)
        return ngettext("Head and {n} block", "Head and {n} blocks", n).format(n=n)
    return _("Head, {blocks}").format(blocks=listed_blocks(plan))


def _rates(plan: Plan, stage: Stage) -> str:
    if not stage.trainable:
        return rate_text(plan.recipe.head_rate)
    return span_text(plan, stage.trainable)
