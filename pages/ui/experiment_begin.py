"""Beginning an experiment: which kind, with what, how many runs and how long before it starts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import streamlit as st

from core.backbones import catalogue
from core.data.dataset import Dataset
from core.errors import ThawError
from core.experiments import design, forecast, steering
from core.experiments.design import Design
from core.i18n import _, ngettext
from core.journey import Journey
from core.training.calibration import Wanted
from core.training.counts import gentler_rate, what_learns
from core.training.plan import Plan
from core.training.presets import LP_FT, SCRATCH, preset_in
from core.training.speed import measured
from pages.ui import state
from pages.ui.amounts import state_text
from pages.ui.backbone_cards import Card, backbone_cards
from pages.ui.escape import one_line
from pages.ui.experiment_words import BEGUN_HERE, kind_sentence, kind_title, runs_text, time_text
from pages.ui.fields import begin_with, rate_text
from pages.ui.measuring import measure_button, measuring
from pages.ui.pieces import caption, facts_card
from pages.ui.places import PLACES
from pages.web.script_error import describe

_KIND, _SETUP, _BEGUN = "experiment_kind", "experiment_setup", "experiment_begun"
_NAMES = "experiment-backbones"
_SEEDS = {"data-size": (1, 2, 3, 5), "blocks": (1, 2, 3), "seeds": (3, 5, 10)}
_USUAL_SEEDS = {"data-size": 3, "blocks": 1, "seeds": 5}
# So many are offered beside the backbone that is chosen: those that need no download.
_USUAL_BACKBONES = 3


def begin_one(journey: Journey) -> None:
    """Show the kinds as cards, what the chosen one runs with, and the button that begins it."""
    dataset = journey.dataset
    if dataset is None or not dataset.usable:
        st.markdown(_("Choose photos first: an experiment runs on your own."))
        if st.button(_("Go to {page}").format(page=PLACES["data"].title), type="primary",
                     icon=":material/arrow_forward:", icon_position="right"):
            st.switch_page(PLACES["data"].script)
        return
    plan = state.draft().plan()
    designs = {kind: _designed(kind, plan, dataset) for kind in BEGUN_HERE}
    kind = backbone_cards(
        [_card(each, designs[each], dataset) for each in BEGUN_HERE],
        st.session_state.get(_KIND, BEGUN_HERE[0]), key="experiment-kinds", label=_("Experiment"),
    )
    st.session_state[_KIND] = kind
    _setup(kind, plan, dataset)
    _chosen(designs[kind], plan, dataset)


def _card(kind: str, made: Design | ThawError, dataset: Dataset) -> Card:
    note = ""
    if isinstance(made, Design):
        time = forecast.expected_seconds(state.workspace(), made, dataset)
        note = f"{runs_text(run_count(made))} · {time_text(time)}"
    return Card(kind, kind_title(kind), kind_sentence(kind), note=note)


def _designed(kind: str, plan: Plan, dataset: Dataset) -> Design | ThawError:
    """Return what would be run, or why nothing can be."""
    try:
        if kind == "data-size":
            sizes = _kept(_sizes_key(dataset), None)
            return design.data_size(plan, dataset, sizes=sizes, seeds=_seeds_of(kind))
        if kind == "blocks":
            return design.blocks(plan, dataset, seeds=_seeds_of(kind))
        if kind == "seeds":
            return design.seeds(plan, dataset, seeds=_seeds_of(kind))
        # NOTE: as the control has them: which ones need no download may change while it is shown.
        names = st.session_state.get(_NAMES, _kept("names", _usual_backbones(plan)))
        return design.backbones(plan, dataset, names=names)
    except ThawError as error:
        return error


def _kept(name: str, usual: Any) -> Any:
    return st.session_state.get(_SETUP, {}).get(name, usual)


def _keep(name: str, key: str) -> None:
    """Keep what a control says: controls forget it when the page is left."""
    st.session_state[_SETUP] = {**st.session_state.get(_SETUP, {}), name: st.session_state[key]}


def _seeds_of(kind: str) -> int:
    return int(_kept(f"seeds-{kind}", _USUAL_SEEDS[kind]))


def _sizes_key(dataset: Dataset) -> str:
    return f"sizes-{dataset.id}"


def _setup(kind: str, plan: Plan, dataset: Dataset) -> None:
    """Show the few things that are chosen for an experiment itself."""
    if kind == "backbones":
        _choose_backbones(plan)
        return
    with st.container(horizontal=True, gap="large"):
        if kind == "data-size":
            _choose_sizes(plan, dataset)
        _choose_seeds(kind)


def _choose_seeds(kind: str) -> None:
    key = f"experiment-seeds-{kind}"
    begin_with(key, _seeds_of(kind))
    st.segmented_control(
        _("Runs") if kind == "seeds" else _("Repeats"), _SEEDS[kind], key=key, required=True,
        on_change=_keep, args=(f"seeds-{kind}", key),
        help=_("How often each is trained, every time from another random start. More repeats make the "
               "intervals narrower and take longer."),
    )


def _choose_sizes(plan: Plan, dataset: Dataset) -> None:
    try:
        usual = _sizes(design.data_size(plan, dataset))
    except ThawError:
        return  # why is said where the button would be
    name, key = _sizes_key(dataset), f"experiment-{_sizes_key(dataset)}"
    options = sorted({*usual, *_between(usual)})
    begin_with(key, [each for each in _kept(name, usual) if each in options])
    st.pills(
        _("Training photos a class"), options, selection_mode="multi", key=key,
        format_func=lambda each: f"{each:,}", on_change=_keep, args=(name, key), wrap=True,
        help=_("The sizes at which both are trained. The photos of a smaller size are among those of a "
               "larger one."),
    )


def _sizes(made: Design) -> list[int]:
    return sorted({each.plan.train_per_class for each in made.members if each.plan.train_per_class})


def _between(sizes: Sequence[int]) -> list[int]:
    """Return a size between each two, so that there is something to add."""
    return [round(math.sqrt(one * two)) for one, two in pairwise(sizes) if two > one + 1]


def _choose_backbones(plan: Plan) -> None:
    begin_with(_NAMES, list(_kept("names", _usual_backbones(plan))))
    st.multiselect(
        _("Backbones"), list(catalogue.BACKBONES), key=_NAMES, max_selections=design.MOST_BACKBONES,
        format_func=_backbone_label, on_change=_keep, args=("names", _NAMES),
        placeholder=_("Choose two or more"),
        help=_("Of each the head alone is trained on what the backbone sees in your photos. The best two "
               "by validation are then trained in full."),
    )


def _backbone_label(name: str) -> str:
    backbone = catalogue.get(name)
    if backbone.stored.state == "ready":
        return backbone.title
    return _("{backbone} ({state})").format(backbone=backbone.title, state=state_text(backbone))


def _usual_backbones(plan: Plan) -> tuple[str, ...]:
    ready = [
        name for name, each in catalogue.BACKBONES.items()
        if each.stored.state == "ready" and name != plan.backbone
    ]
    return (plan.backbone, *ready[:_USUAL_BACKBONES])


def _chosen(made: Design | ThawError, plan: Plan, dataset: Dataset) -> None:
    """Show what the chosen experiment runs with, and the button."""
    if isinstance(made, ThawError):
        st.info(describe(made), icon=":material/info:")
        return
    seconds = forecast.expected_seconds(state.workspace(), made, dataset)
    facts_card(_("Before it starts"), [
        (runs_text(run_count(made)), _("one after another, in the queue")),
        (time_text(seconds), _("in all, on this computer")),
    ])
    caption(runs_with(plan, dataset, made.kind))
    measuring("experiment-stop-measuring")
    with st.container(horizontal=True, vertical_alignment="center"):
        # NOTE: another key after each one that was begun: a second press before the page is drawn anew would
        # begin another.
        count = st.session_state.get(_BEGUN, 0)
        begun = st.button(
            _("Begin this experiment"), key=f"experiment-begin-{count}", type="primary",
            icon=":material/science:",
        )
        if seconds is None:
            measure_button(
                _("Measure this computer"), not_measured(made), key="experiment-measure",
                words=_("A few steps with each backbone on noise; half a minute for most. Then the time is "
                        "known before the experiment starts."),
            )
    if begun:
        with state.told():
            with st.spinner(_("Putting its runs into the queue")):
                state.thaw().make_way()
                steering.begin(state.workspace(), made, by=state.who(), expected_s=seconds)
            st.session_state[_BEGUN] = count + 1
            st.rerun()


def run_count(made: Design) -> int:
    """Return how many runs an experiment makes, those of the end of a ranking among them."""
    in_full = min(design.VERIFIED, len(made.members)) if made.kind == "backbones" else 0
    return made.to_run + in_full


def runs_with(plan: Plan, dataset: Dataset, kind: str) -> str:
    """Say what all runs of an experiment have in common: the plan that is set up."""
    count = len(dataset.of_split("train"))
    photos = ngettext(
        "{n} training photo of “{photos}”", "{n} training photos of “{photos}”", count,
    ).format(n=f"{count:,}", photos=one_line(dataset.title, 60))
    if kind == "backbones":
        return _("Of each a probe: the head alone on what the backbone sees of {photos}. The best two by "
                 "validation are then trained by the recipe “{recipe}”.").format(
            photos=photos, recipe=LP_FT.title)
    recipe = preset_in(plan)
    epochs = ngettext("{n} epoch", "{n} epochs", plan.recipe.epochs).format(n=plan.recipe.epochs)
    said = [
        catalogue.get(plan.backbone).title, "" if kind == "blocks" else what_learns(plan),
        "" if recipe is None else _("recipe “{title}”").format(title=recipe.title), epochs, photos,
    ]
    text = _("Runs with what is set up on the pages Model and Train: {what}.").format(
        what=" · ".join(each for each in said if each))
    return f"{text} {_what_else(plan, kind)}".strip()


def _what_else(plan: Plan, kind: str) -> str:
    """Say where runs of an experiment cannot do just as the plan says."""
    if kind == "data-size":
        return _("From scratch every block learns, for as many epochs, as in the recipe “{recipe}”.").format(
            recipe=SCRATCH.title)
    names = catalogue.get(plan.backbone).block_names
    gentle = gentler_rate(replace(plan, trainable=names[-1:])) if kind == "blocks" else None
    if gentle is None:
        return ""
    return _("Its learning rate is high for blocks: they learn at {rate}, after the head.").format(
        rate=rate_text(gentle))


def not_measured(made: Design) -> list[Wanted]:
    """Return what would have to be measured for the time to be known."""
    wanted = dict.fromkeys((each.plan.backbone, each.plan.size) for each in made.members)
    return [
        Wanted(name, size) for name, size in wanted
        if (known := measured(state.workspace(), name, size)) is None or not known.anchors
    ]
