"""The finer settings of a training: folded, with what of them is set differently from the usual in sight."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.backbones import catalogue
from core.data.dataset import Dataset
from core.i18n import _, ngettext
from core.training import fields as bounds
from core.training.counts import block_title, learning_in
from core.training.fields import Field
from core.training.plan import Plan, Recipe
from core.training.stages import block_rates, stages_of
from core.training.start import RANDOM
from pages.ui import fields
from pages.ui.block_rates import small_text
from pages.ui.escape import one_line
from pages.ui.fields import rate_text
from pages.ui.pieces import caption, note

_MORE: tuple[Field, ...] = (
    bounds.SCHEDULE, bounds.WARMUP, bounds.EARLY_STOPPING, bounds.LR_FACTOR, bounds.NORMS,
    bounds.CLASS_WEIGHTS, bounds.LABEL_SMOOTHING, bounds.WEIGHT_DECAY, bounds.OPTIMIZER, bounds.SEED,
)
_OF_BLOCKS = (bounds.LR_FACTOR, bounds.NORMS)


def more_settings(plan: Plan, dataset: Dataset) -> Recipe:
    """Show the finer settings, and return the plan's recipe with what is chosen."""
    with st.expander(_("More settings"), icon=":material/tune:"):
        recipe = _over_time(plan)
        if plan.trainable:
            recipe = _of_blocks(replace(plan, recipe=recipe))
        recipe = _of_photos(replace(plan, recipe=recipe), dataset)
        recipe = _of_weights(recipe)
    plan = replace(plan, recipe=recipe)
    said = unusual_text(plan)
    if said:
        caption(said)
    for strong, sentence in hints(plan):
        note(strong, sentence, sign="info")
    return recipe


def means_something(field: Field, plan: Plan) -> bool:
    """Tell whether one of the finer settings makes a difference to a plan."""
    if field is bounds.NORMS:
        return _norms_matter(plan)
    return bool(plan.trainable) or field not in _OF_BLOCKS


def unusual(plan: Plan) -> list[tuple[Field, str]]:
    """Return the finer settings that are not what a plan has unless told, each with its value in words."""
    usual = Recipe(optimizer=plan.recipe.optimizer).with_usual_decay(bounds.OPTIMIZER.default)
    found = []
    for field in _MORE:
        value = getattr(plan.recipe, field.name)
        known = bounds.OPTIMIZER.default if field is bounds.OPTIMIZER else getattr(usual, field.name)
        if value != known and means_something(field, plan):
            found.append((field, fields.value_text(field, value)))
    return found


def unusual_text(plan: Plan) -> str:
    """Say which of the finer settings are not the usual ones; empty for none."""
    said = "; ".join(f"{field.title}: {value}" for field, value in unusual(plan))
    return _("Set there: {settings}.").format(settings=said) if said else ""


def hints(plan: Plan) -> list[tuple[str, str]]:
    """Return what of the settings cannot come about in the epochs there are."""
    recipe, last = plan.recipe, stages_of(plan)[-1].epochs
    told = []
    if recipe.warmup and recipe.warmup >= last:
        told.append((
            _("The warm-up is too long."),
            ngettext(
                "The last stage has {n} epoch, so the rate never stays at its full value.",
                "The last stage has {n} epochs, so the rate never stays at its full value.", last,
            ).format(n=last),
        ))
    if recipe.early_stopping and recipe.early_stopping >= last:
        told.append((
            _("Nothing will end early."),
            ngettext(
                "The last stage has {n} epoch: too few for so long a wait.",
                "The last stage has {n} epochs: too few for so long a wait.", last,
            ).format(n=last),
        ))
    return told


def rates_text(plan: Plan) -> str:
    """Say at which rates the blocks of a plan learn."""
    top = rate_text(plan.recipe.learning_rate)
    if plan.recipe.lr_factor >= 1:
        return _("The head and all blocks learn at {rate}.").format(rate=top)
    lowest = plan.trainable[0]
    return _("From {high} at the head to {low} at {block}.").format(
        high=top, low=small_text(block_rates(plan)[lowest]), block=block_title(lowest))


def uneven_text(dataset: Dataset) -> str:
    """Say how many training photos the largest and the smallest class have."""
    counts = sorted((each for each in dataset.counts() if each.train), key=lambda each: each.train)
    if not counts:
        return _("How even the classes are is not available.")
    few, many = counts[0], counts[-1]
    if few.train == many.train:
        return ngettext(
            "All classes have {n} training photo, so it changes nothing.",
            "All classes have {n} training photos, so it changes nothing.", few.train,
        ).format(n=f"{few.train:,}")
    return _("Your training photos: {many} of “{large}”, {few} of “{small}”, {times} times as many.").format(
        many=f"{many.train:,}", large=one_line(many.name, 30), few=f"{few.train:,}",
        small=one_line(few.name, 30), times=f"{many.train / few.train:.1f}")


def _over_time(plan: Plan) -> Recipe:
    given = plan.recipe
    left, right = st.columns(2, gap="large")
    with left:
        schedule = fields.choice(bounds.SCHEDULE, given.schedule, key="schedule")
        patience = int(fields.few(
            bounds.EARLY_STOPPING, given.early_stopping, _("Off"), key="early_stopping"))
    with right:
        warmup = int(fields.few(bounds.WARMUP, given.warmup, _("None"), key="warmup"))
        if plan.trainable and plan.weights.source != RANDOM and not warmup:
            caption(_("Pretrained blocks learn: a warm-up of 1 keeps the first, large steps from them."))
    return replace(given, schedule=schedule, warmup=warmup, early_stopping=patience)


def _of_blocks(plan: Plan) -> Recipe:
    given = plan.recipe
    left, right = st.columns(2, gap="large")
    with left:
        factor = fields.few(bounds.LR_FACTOR, given.lr_factor, key="lr_factor")
        caption(rates_text(replace(plan, recipe=replace(given, lr_factor=factor))))
    norms = given.norms
    if _norms_matter(plan):
        with right:
            norms = fields.choice(bounds.NORMS, norms, key="norms")
            caption(
                _("Frozen: BatchNorm keeps the averages it learned in pretraining, which few photos could "
                  "only make worse.") if norms == "frozen" else
                _("Updating: BatchNorm learns its averages anew from your photos. With small batches they "
                  "are rough, and accuracy may suffer.")
            )
    return replace(given, lr_factor=factor, norms=norms)


def _of_photos(plan: Plan, dataset: Dataset) -> Recipe:
    given = plan.recipe
    left, right = st.columns(2, gap="large")
    with left:
        weights = fields.switch(bounds.CLASS_WEIGHTS, given.class_weights, key="class_weights")
        caption(uneven_text(dataset))
    with right:
        smoothing = fields.few(
            bounds.LABEL_SMOOTHING, given.label_smoothing, _("None"), key="label_smoothing")
    return replace(given, class_weights=weights, label_smoothing=smoothing)


def _of_weights(given: Recipe) -> Recipe:
    left, right = st.columns(2, gap="large")
    with left:
        optimizer = fields.choice(bounds.OPTIMIZER, given.optimizer, key="optimizer")
    chosen = replace(given, optimizer=optimizer).with_usual_decay(given.optimizer)
    if chosen.weight_decay != given.weight_decay:
        # The control is not on the page yet in this run, so that it may be told.
        fields.forget((bounds.WEIGHT_DECAY,))
    with right:
        decay = fields.few(bounds.WEIGHT_DECAY, chosen.weight_decay, _("None"), key="weight_decay")
    left, _right = st.columns(2, gap="large")
    with left:
        seed = int(fields.number(bounds.SEED, given.seed, key="seed"))
    return replace(chosen, weight_decay=decay, seed=seed)


def _norms_matter(plan: Plan) -> bool:
    """Tell whether pretrained blocks that learn have BatchNorm, which could be left to learn too."""
    if plan.weights.source == RANDOM or not plan.trainable:
        return False
    chosen = [each for each in catalogue.get(plan.backbone).blocks if each.name in plan.trainable]
    return learning_in(chosen, norms=True) != learning_in(chosen, norms=False)
