"""The settings of a run, in groups: model, what learns and when, training, what was left off."""

from __future__ import annotations

import streamlit as st

from core.backbones import catalogue
from core.i18n import _, ngettext
from core.runs.listing import Listed
from core.training import fields as bounds
from core.training.counts import listed_blocks, shortcuts, what_learns
from core.training.plan import Plan
from core.training.presets import preset_in
from core.training.transfer import origin_text
from core.words import duration_text
from pages.ui.block_rates import share_text
from pages.ui.fields import rate_text, value_text
from pages.ui.pieces import caption, facts_card
from pages.ui.recipe_more import means_something
from pages.ui.reuse import views_text
from pages.ui.reuse_words import frozen_fact
from pages.ui.stage_map import stage_table

Facts = list[tuple[str, str]]
_MOST_NAMED = 3
_MAY_BE_OFF = (
    bounds.WARMUP, bounds.EARLY_STOPPING, bounds.CLASS_WEIGHTS, bounds.LABEL_SMOOTHING, bounds.WEIGHT_DECAY,
)


def run_settings(run: Listed) -> None:
    """Show everything that a run was asked for, with the time that it took."""
    plan = run.plan
    left, right = st.columns(2, gap="large")
    with left:
        facts_card(run.title, _model(plan))
        facts_card(_("What learns"), _blocks(plan))
    with right:
        facts_card(_("Training"), [*_training(plan), *_finer(plan)])
        facts_card(_("On this computer"), [frozen_fact(run.status), *_time(run)])
    if len(plan.trainable) > _MOST_NAMED:
        caption(_("Blocks that may learn: {blocks}.").format(blocks=listed_blocks(plan)))
    stage_table(plan)
    off = [field.title for field in _MAY_BE_OFF if not getattr(plan.recipe, field.name)]
    if off:
        caption(_("Not used: {settings}.").format(settings=", ".join(off)))
    known = preset_in(plan)
    if known is not None:
        caption(_("As the recipe “{recipe}” has it.").format(recipe=known.title))


def _model(plan: Plan) -> Facts:
    return [
        (catalogue.get(plan.backbone).title, _("backbone")),
        (origin_text(plan.weights.source), _("what it started from")),
        (_("{edge} px").format(edge=plan.size), _("photo size")),
        (bounds.POOLING.label(plan.head.pooling), _("pooling")),
        (f"{plan.head.hidden}" if plan.head.hidden else _("None"), _("extra layer")),
        (f"{plan.head.dropout:g}", _("dropout")),
    ]


def _blocks(plan: Plan) -> Facts:
    recipe = plan.recipe
    facts = [(blocks_text(plan), _("what learns"))]
    if not plan.trainable:
        return facts
    facts.append((bounds.METHOD.label(recipe.method), _("what learns when")))
    if recipe.method != "single":
        facts += [
            (f"{recipe.stage_epochs}", _("epochs a stage before the last")),
            (rate_text(recipe.head_rate), _("rate of the head alone")),
        ]
    if recipe.lr_factor < 1:
        facts.append((share_text(recipe.lr_factor), _("rate from block to block")))
    if means_something(bounds.NORMS, plan):
        facts.append((bounds.NORMS.label(recipe.norms), _("BatchNorm in blocks that learn")))
    return facts


def blocks_text(plan: Plan) -> str:
    """Say in a few words what may learn; of many blocks how many they are."""
    n = len(plan.trainable)
    if n <= _MOST_NAMED or plan.trainable == shortcuts(plan.backbone)["all"]:
        return what_learns(plan)
    return ngettext("{n} block", "{n} blocks", n).format(n=n)


def _training(plan: Plan) -> Facts:
    recipe = plan.recipe
    facts = [
        (f"{recipe.epochs}", _("epochs planned")),
        (f"{recipe.batch_size}", _("batch size")),
        (rate_text(recipe.learning_rate), _("learning rate")),
        (bounds.OPTIMIZER.label(recipe.optimizer), _("optimizer")),
        (bounds.SCHEDULE.label(recipe.schedule), _("schedule")),
        (bounds.AUGMENT.label(recipe.augment), _("augmentation")),
    ]
    if recipe.augment != "none":
        facts.append((views_text(recipe.views), _("views a photo")))
    if plan.train_per_class is not None:
        facts.append((f"{plan.train_per_class:,}", _("training photos a class at most")))
    return [*facts, (f"{recipe.seed}", _("seed"))]


def _finer(plan: Plan) -> Facts:
    words = {
        "warmup": _("warm-up, in epochs"), "early_stopping": _("early stopping, in epochs without gain"),
        "class_weights": _("rare classes weighed more"), "label_smoothing": _("label smoothing"),
        "weight_decay": _("weight decay"),
    }
    return [
        (value_text(field, getattr(plan.recipe, field.name)), words[field.name])
        for field in _MAY_BE_OFF if getattr(plan.recipe, field.name)
    ]


def _time(run: Listed) -> Facts:
    if run.status.state.active:
        return []
    took = run.status.elapsed_s
    return [(_("not available") if took is None else duration_text(took), _("time taken"))]
