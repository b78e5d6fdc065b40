"""Model: choose a backbone, what it starts from, block by block what may learn, and a head."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.backbones import catalogue
from core.backbones.catalogue import LARGEST_SIZE, Backbone
from core.data.dataset import Dataset
from core.drafts import Draft
from core.i18n import _
from core.training import fields as bounds
from core.training.counts import counts, shortcuts
from core.training.plan import Head
from core.training.start import RANDOM
from pages.ui import fields, state
from pages.ui.amounts import parameters_text, work_text
from pages.ui.block_map import Told, block_map
from pages.ui.block_rates import block_words, legend_text
from pages.ui.expected import takes, transferred
from pages.ui.gallery import choose_backbone
from pages.ui.locked import locked
from pages.ui.options import Option, options
from pages.ui.pieces import caption, lede, note
from pages.ui.places import PLACES
from pages.ui.recipe_choice import recipe_choice
from pages.ui.start_from import follow_backbone, forget_size, start_from


def main() -> None:
    journey = state.stand()
    st.title(_("Model"), anchor=False)
    lede(_("Choose who teaches, then decide how much of it may change."))
    if locked(journey, "model") or journey.dataset is None:
        return
    recipe_choice(state.update(model_seen=True))
    _backbone(state.draft())
    _start(state.draft())
    _what_may_learn(state.draft(), journey.dataset)
    head, card = st.columns([1, 1], gap="large")
    with head:
        _head(state.draft())
    with card:
        takes(state.draft().plan(), journey.dataset)
    if st.button(_("Continue to Train"), type="primary", icon=":material/arrow_forward:",
                 icon_position="right"):
        state.set_up()
        st.switch_page(PLACES["train"].script)


def _backbone(draft: Draft) -> None:
    st.subheader(_("Backbone"), anchor=False)
    chosen = choose_backbone(draft.backbone)
    if chosen != draft.backbone:
        state.keep(draft.with_backbone(chosen))
        follow_backbone()
        forget_size()
    _about(catalogue.get(chosen))


def _about(backbone: Backbone) -> None:
    published = (
        _("ImageNet top-1 {share} as published, not measured here ({source})").format(
            share=f"{backbone.imagenet_top1:.1%}", source=backbone.imagenet_top1_source)
        if backbone.imagenet_top1 is not None else _("ImageNet top-1: not available")
    )
    note(backbone.title, backbone.description, sign="info")
    caption(_("{parameters} parameters, {work} multiply-adds a photo, {blocks} blocks. {published}. Paper: "
              "{paper}.").format(
        parameters=parameters_text(backbone.parameters), work=work_text(backbone.multiply_adds),
        blocks=len(backbone.blocks), published=published, paper=backbone.paper))


def _start(draft: Draft) -> None:
    backbone = catalogue.get(draft.backbone)
    weights, size = st.columns([3, 1], gap="large")
    with weights:
        start_from(draft)
    with size:
        # NOTE: a key for each backbone: a second tab may have chosen another meanwhile.
        key = f"image_size-{backbone.name}"
        fields.begin_with(key, draft.image_size or backbone.input_size)
        edge = int(st.number_input(
            _("Photo size"), min_value=backbone.smallest_size, max_value=LARGEST_SIZE, step=1,
            key=key,
            help=_("Edge in pixels, from {low} to {high}. {usual} is what it was trained on; smaller is "
                   "quicker and sees less.").format(
                low=backbone.smallest_size, high=f"{LARGEST_SIZE:,}", usual=backbone.input_size),
        ))
    wanted = None if edge == backbone.input_size else edge
    if wanted != draft.image_size:
        state.keep(replace(state.draft(), image_size=wanted))


def _what_may_learn(draft: Draft, dataset: Dataset) -> None:
    backbone = catalogue.get(draft.backbone)
    usual = shortcuts(draft.backbone)
    words = {"none": _("Head only"), "last": _("Last block"), "all": _("Everything")}
    now = next((name for name, blocks in usual.items() if blocks == draft.trainable), "")
    title, presets = st.columns([1, 1], vertical_alignment="bottom")
    title.subheader(_("What may learn"), anchor=False)

    def use_shortcut(name: str) -> None:
        state.update(trainable=usual[name])

    with presets:
        # It follows the map: a shortcut is marked only while the blocks are just that.
        options([Option(name, title) for name, title in words.items()], now, key="shortcut",
                label=_("Shortcuts"), on_change=use_shortcut)
    draft = state.draft()
    plan = draft.plan()

    def use_blocks(names: tuple[str, ...]) -> None:
        state.update(trainable=names)

    block_map(
        backbone.blocks_at(plan.size), draft.trainable,
        head_parameters=counts(plan, len(dataset.classes)).head, key="map", on_change=use_blocks,
        from_scratch=plan.weights.source == RANDOM,
        told=Told(rates=block_words(plan), labels={"rate": legend_text(plan)}),
    )
    transferred(plan, dataset)


def _head(draft: Draft) -> None:
    st.subheader(_("Head"), anchor=False)
    head = Head(
        pooling=fields.choice(bounds.POOLING, draft.head.pooling, key="pooling"),
        hidden=int(fields.few(bounds.HIDDEN, draft.head.hidden, _("None"), key="hidden")),
        dropout=round(fields.slider(bounds.DROPOUT, draft.head.dropout, key="dropout"), 2),
    )
    if head != draft.head:
        state.keep(replace(draft, head=head))
        # The head's tile and the counts stand above; they follow in a second run.
        st.rerun()


main()
