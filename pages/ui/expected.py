"""What a plan will train and take: parameters, time and memory, before it starts."""

from __future__ import annotations

import streamlit as st

from core.backbones import catalogue
from core.data.dataset import Dataset
from core.i18n import _, ngettext
from core.training import known_rows
from core.training.calibration import Wanted
from core.training.cost import step_share
from core.training.counts import Counts, counts
from core.training.estimate import Estimate, Photos, estimate, photos_of
from core.training.plan import Plan
from core.training.speed import measured
from core.training.stages import last_of
from core.training.start import RANDOM
from core.training.transfer import origin_text, parts
from core.words import about_text, bytes_text
from pages.ui import state
from pages.ui.amounts import parameters_text
from pages.ui.escape import one_line
from pages.ui.measuring import measure_button, measuring
from pages.ui.pieces import caption, facts_card
from pages.ui.transfer_map import Part, transfer_map


def expected(plan: Plan, dataset: Dataset) -> Estimate | None:
    """Return what the plan will take, from what was measured on this computer; ``None`` before that."""
    known = measured(state.workspace(), plan.backbone, plan.size)
    if known is None:
        return None
    there = known_rows.found_by_stage(state.workspace(), plan, dataset)
    photos = _photos(dataset, dataset.id, plan.size)
    return estimate(plan, photos, len(dataset.classes), known, found=there)


@st.cache_data(max_entries=16, show_spinner=False)
def _photos(_dataset: Dataset, dataset_id: str, image_size: int) -> Photos:
    return photos_of(_dataset, image_size)


def expected_text(found: Estimate, plan: Plan) -> str:
    """Say what a training will take, in one line."""
    sentence = (
        _("At most about {time} and {memory} of memory for {epochs}, from a measurement on this computer.")
        if plan.recipe.early_stopping
        else _("About {time} and {memory} of memory for {epochs}, from a measurement on this computer.")
    )
    return sentence.format(
        time=about_text(found.seconds), memory=bytes_text(found.peak_bytes), epochs=_epochs(plan))


def _epochs(plan: Plan) -> str:
    count = plan.recipe.epochs
    return ngettext("{n} epoch", "{n} epochs", count).format(n=count)


def takes(plan: Plan, dataset: Dataset) -> None:
    """Show the card of what the plan will take, and the way to have it measured."""
    found = counts(last_of(plan), len(dataset.classes))
    guess = expected(plan, dataset)
    time = _("not measured") if guess is None else f"≈ {about_text(guess.seconds)}"
    memory = _("not measured") if guess is None else bytes_text(guess.peak_bytes)
    facts_card(
        _("What this will take"),
        [
            (parameters_text(found.learning), _("learning, {share} of all").format(
                share=_share(found.share))),
            (parameters_text(found.frozen), _("frozen, kept as they are")),
            (time, _("{epochs} on this computer").format(epochs=_epochs(plan))),
            (memory, _("memory at the most")),
        ],
    )
    if guess is None:
        measure_button(
            _("Measure this computer"), [Wanted(plan.backbone, plan.size)], key="measure",
            words=_("A few steps with {backbone} on noise; half a minute for most, longer for the "
                    "largest.").format(backbone=catalogue.get(plan.backbone).title),
        )
    measuring("stop_measuring")
    if not plan.norms_learn:
        _norm_words(found)


def _norm_words(found: Counts) -> None:
    if found.norm:
        caption(_("{n} of the frozen ones are BatchNorm's in blocks that learn. They stay as they are: "
                  "what few photos would teach them does more harm than good.").format(
            n=parameters_text(found.norm)))


def _share(share: float) -> str:
    if share < 0.001:
        return _("less than 0.1%")
    return f"{share:.1%}" if share < 0.1 else f"{share:.0%}"


def transferred(plan: Plan, dataset: Dataset) -> None:
    """Show what is copied from the old model into the new one, what learns, what is new."""
    words = {
        "copied_frozen": (_("copied, frozen"), _("as they are in the old model")),
        "copied_trained": (_("copied, trained"), _("start as they are, then learn")),
        "new": (_("new, trained"), _("the head, drawn at random")),
        "random": (_("random, frozen"), _("drawn at random, and left so")),
    }
    if plan.weights.source == RANDOM:
        words["new"] = (_("new, trained"), _("all drawn at random"))
    rows = [
        Part(each.kind, words[each.kind][0], parameters_text(each.parameters), each.share,
             words[each.kind][1])
        for each in parts(plan, len(dataset.classes))
    ]
    title = catalogue.get(plan.backbone).title
    first = plan.history[0].source if plan.history else plan.weights.source
    history = [f"{title}, {origin_text(first)}", *(one_line(each.dataset_title, 40) for each in plan.history)]
    source = (
        _("{backbone} as trained on “{photos}”").format(
            backbone=title, photos=one_line(plan.history[-1].dataset_title, 40))
        if plan.history else history[0]
    )
    n = len(dataset.classes)
    target = ngettext("your model, {n} class", "your model, {n} classes", n).format(n=n)
    transfer_map(rows, key="transfer", source=source, target=target, history=history,
                 step_share=step_share(plan))
