"""Model: choose a backbone, decide block by block what may learn, and put a head on it."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.backbones import catalogue
from core.backbones.catalogue import Backbone
from core.data.dataset import Dataset
from core.drafts import Draft
from core.i18n import _
from core.training import fields as bounds
from core.training.counts import Counts, counts, shortcuts
from core.training.plan import Head
from pages.ui import fields, state
from pages.ui.backbone_cards import Bar, Card, backbone_cards
from pages.ui.block_map import block_map, parameters_text
from pages.ui.locked import locked
from pages.ui.pieces import caption, facts_card, lede
from pages.ui.places import PLACES


def main() -> None:
    journey = state.stand()
    st.title(_("Model"), anchor=False)
    lede(_("Choose who teaches, then decide how much of it may change."))
    if locked(journey, "model") or journey.dataset is None:
        return
    draft = state.update(model_seen=True)
    _backbone(draft)
    _what_may_learn(state.draft(), journey.dataset)
    head, takes = st.columns([1, 1], gap="large")
    with head:
        _head(state.draft())
    with takes:
        _takes(counts(state.draft().plan(), len(journey.dataset.classes)))
    if st.button(_("Continue to Train"), type="primary", icon=":material/arrow_forward:",
                 icon_position="right"):
        state.set_up()
        st.switch_page(PLACES["train"].script)


def _backbone(draft: Draft) -> None:
    st.subheader(_("Backbone"), anchor=False)
    cards = [_card(each) for each in catalogue.BACKBONES.values()]
    chosen = backbone_cards(cards, draft.backbone, key="backbones")
    if chosen != draft.backbone:
        state.keep(draft.with_backbone(chosen))
    caption(_("Size is parameters, work is multiply-adds for one photo. ImageNet accuracy is as published "
              "for the original weights, not measured here. Weights: {licence}, already on this "
              "computer.").format(licence=catalogue.get(chosen).licence))


def _card(backbone: Backbone) -> Card:
    largest = list(catalogue.BACKBONES.values())
    published = (
        _("ImageNet top-1: {share}").format(share=f"{backbone.imagenet_top1:.1%}")
        if backbone.imagenet_top1 is not None else _("ImageNet top-1: not available")
    )
    missing = "" if backbone.stored.state == "ready" else _("Weights are missing. ")
    return Card(
        name=backbone.name, title=backbone.title,
        subtitle=_("{size} px photos").format(size=backbone.input_size),
        bars=(
            Bar(_("Size"), backbone.parameters / max(each.parameters for each in largest),
                parameters_text(backbone.parameters)),
            Bar(_("Work"), backbone.multiply_adds / max(each.multiply_adds for each in largest),
                parameters_text(backbone.multiply_adds)),
        ),
        note=missing + published,
    )


def _what_may_learn(draft: Draft, dataset: Dataset) -> None:
    backbone = catalogue.get(draft.backbone)
    usual = shortcuts(draft.backbone)
    words = {"none": _("Head only"), "last": _("Last block"), "all": _("Everything")}
    now = next((name for name, blocks in usual.items() if blocks == draft.trainable), None)
    title, presets = st.columns([1, 1], vertical_alignment="bottom")
    title.subheader(_("What may learn"), anchor=False)

    def use_shortcut() -> None:
        picked = st.session_state["shortcut"]
        if picked is not None:
            state.update(trainable=usual[picked])

    # The control follows the map: it shows a shortcut only while the blocks are just that.
    st.session_state["shortcut"] = now
    with presets.container(horizontal=True, horizontal_alignment="right"):
        st.segmented_control(
            _("Shortcuts"), list(words), format_func=words.__getitem__, key="shortcut",
            on_change=use_shortcut, label_visibility="collapsed",
        )
    head = counts(draft.plan(), len(dataset.classes)).head

    def use_blocks(names: tuple[str, ...]) -> None:
        state.update(trainable=names)

    block_map(
        backbone.blocks, draft.trainable, head_parameters=head, key="map", on_change=use_blocks
    )


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


def _takes(found: Counts) -> None:
    facts_card(
        _("What this will train"),
        [
            (parameters_text(found.learning), _("learning, {share} of all").format(
                share=_share(found.share))),
            (parameters_text(found.frozen), _("frozen, kept as they are")),
            (parameters_text(found.total), _("parameters in all")),
            (parameters_text(found.head), _("of them new, in the head")),
        ],
    )
    if found.norm:
        caption(_("{n} of the frozen ones are BatchNorm's in blocks that learn. They stay as they are: "
                  "what few photos would teach them does more harm than good.").format(
            n=parameters_text(found.norm)))


def _share(share: float) -> str:
    return f"{share:.1%}" if share < 0.1 else f"{share:.0%}"


main()
