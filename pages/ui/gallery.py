"""The gallery of backbones: filtered and sorted, as cards, as a table, or accuracy against speed."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from functools import cache

import streamlit as st

from core.backbones import catalogue, gallery
from core.backbones.catalogue import Backbone
from core.backbones.gallery import Order
from core.i18n import _, ngettext
from core.training.calibration import Wanted
from core.training.speed import Measured, all_measured
from pages.ui import state
from pages.ui.accuracy_plot import accuracy_plot
from pages.ui.amounts import parameters_text, speed_text, state_text, work_text
from pages.ui.backbone_cards import Badge, Bar, Card, backbone_cards
from pages.ui.measuring import measure_button
from pages.ui.pieces import caption

CARDS, TABLE, PLOT = "cards", "table", "plot"


def choose_backbone(now: str) -> str:
    """Show the gallery and return the name of the chosen backbone."""
    measured = all_measured(state.workspace(), catalogue.BACKBONES)
    shown = _filtered(measured)
    if st.session_state.get("gallery_view", CARDS) == TABLE:
        return _table(shown, now, measured)
    if st.session_state.get("gallery_view") == PLOT:
        _plot(shown, now, measured)
        return now
    return backbone_cards(
        [_card(each, measured.get(each.name)) for each in shown], now, key="backbones", scroll=True,
        empty=_("No backbone is like that. Try fewer words or another family."),
    )


def _filtered(measured: dict[str, Measured]) -> list[Backbone]:
    words, family, order, view = st.columns([3, 3, 3, 4], vertical_alignment="bottom")
    searched = words.text_input(
        _("Search"), key="gallery_words", placeholder=_("resnet, b0 …"), icon=":material/search:",
        max_chars=60,
    )
    chosen_family = family.selectbox(
        _("Family"), ["", *gallery.families()], key="gallery_family",
        format_func=lambda each: each or _("All families"),
    )
    names = _order_names()
    chosen_order: Order = order.selectbox(
        _("Order"), list(names), key="gallery_order", format_func=names.__getitem__
    ) or "listed"
    views = {CARDS: _("Cards"), TABLE: _("Table"), PLOT: _("Plot")}
    with view:
        st.segmented_control(
            _("Show as"), list(views), key="gallery_view", default=CARDS, required=True,
            format_func=views.__getitem__,
        )
    ready = st.toggle(_("Only those whose weights are on this computer"), key="gallery_ready")
    return gallery.chosen(
        searched or "", chosen_family or "", ready_only=ready, order=chosen_order,
        images_per_s={name: each.images_per_s for name, each in measured.items()},
    )


def _order_names() -> dict[Order, str]:
    return {
        "listed": _("By family"), "accuracy": _("Most accurate first"), "parameters": _("Smallest first"),
        "multiply_adds": _("Least work first"), "speed": _("Fastest here first"), "name": _("By name"),
    }


def _card(backbone: Backbone, measured: Measured | None) -> Card:
    stored = backbone.stored.state
    tones = {"ready": "ready", "download": "fetch", "missing": "missing"}
    top1 = (
        _("ImageNet {share}").format(share=f"{backbone.imagenet_top1:.1%}")
        if backbone.imagenet_top1 is not None else _("ImageNet: not available")
    )
    speed = "" if measured is None else f" · {speed_text(measured.images_per_s)}"
    return Card(
        name=backbone.name, title=backbone.title,
        subtitle=_("{size} px photos").format(size=backbone.input_size),
        bars=(
            Bar(_("Size"), _log_share(backbone.parameters, *_extremes("parameters")),
                parameters_text(backbone.parameters)),
            Bar(_("Work"), _log_share(backbone.multiply_adds, *_extremes("multiply_adds")),
                work_text(backbone.multiply_adds)),
        ),
        note=f"{top1} · {backbone.licence or _('licence not available')}{speed}",
        badge=Badge(state_text(backbone), tones[stored]),  # type: ignore[arg-type]
    )


@cache
def _extremes(figure: str) -> tuple[int, int]:
    """Return the least and the most that any backbone has of a figure."""
    everyone = [getattr(each, figure) for each in catalogue.BACKBONES.values()]
    return min(everyone), max(everyone)


def _log_share(value: int, least: int, most: int) -> float:
    """Return where a value stands between the least and the most of all, each doubling as wide."""
    low, high = math.log(least), math.log(most)
    return 0.08 + 0.92 * (math.log(value) - low) / (high - low)


def _table(shown: Sequence[Backbone], now: str, measured: dict[str, Measured]) -> str:
    import pandas as pd

    rows = pd.DataFrame(
        {
            _("Backbone"): [each.title for each in shown],
            _("Family"): [each.family for each in shown],
            _("Size (M)"): [each.parameters / 1e6 for each in shown],
            _("Work (G)"): [each.multiply_adds / 1e9 for each in shown],
            _("Edge (px)"): [each.input_size for each in shown],
            _("Top-1 (%)"): [
                None if each.imagenet_top1 is None else 100 * each.imagenet_top1 for each in shown
            ],
            _("Photos/s here"): [
                measured[each.name].images_per_s if each.name in measured else None for each in shown
            ],
            _("Weights"): [state_text(each) for each in shown],
            _("Licence"): [each.licence or _("not available") for each in shown],
        }
    )
    formats = {1: None, 2: "%.1f", 3: "%.2f", 4: "%d", 5: "%.1f", 6: "%.1f"}
    columns = {
        name: st.column_config.NumberColumn(format=formats[at])
        for at, name in enumerate(rows.columns) if formats.get(at)
    }
    # NOTE: a row is kept by its number, which means another backbone once the list is another.
    listed = zlib.crc32(" ".join(each.name for each in shown).encode())
    event = st.dataframe(
        rows, key=f"gallery_table-{listed}", hide_index=True, on_select="rerun", selection_mode="single-row",
        column_config=columns, height=430, placeholder=_("not available"),
    )
    caption(_("Choose a row by the box at its left; a column's head sorts by it. Size is millions of "
              "parameters, work billions of multiply-adds a photo, top-1 the published share of ImageNet "
              "photos named right."))
    picked = event["selection"]["rows"]
    name = shown[picked[0]].name if picked and picked[0] < len(shown) else ""
    fresh = name and name != st.session_state.get("gallery_picked")
    st.session_state["gallery_picked"] = name
    return name if fresh else now


def _plot(shown: Sequence[Backbone], now: str, measured: dict[str, Measured]) -> None:
    accuracy_plot(shown, now, measured)
    others = [each for each in shown if each.name not in measured]
    ready = [each for each in others if each.stored.state == "ready"]
    known = len(shown) - len(others)
    caption(
        ngettext(
            "{n} of the {all} shown is measured on this computer. Until then work stands in for time.",
            "{n} of the {all} shown are measured on this computer. Until then work stands in for time.",
            known,
        ).format(n=known, all=len(shown))
    )
    with st.container(horizontal=True):
        measure_button(
            _("Measure those that are ready"), [_quick(each) for each in ready],
            key="measure_ready", words=_("About 10 seconds each."),
        )
        measure_button(
            _("Measure all {n} shown").format(n=len(others)), [_quick(each) for each in others],
            key="measure_shown", words=_("About 10 to 30 seconds each; nothing is downloaded."),
        )


def _quick(backbone: Backbone) -> Wanted:
    return Wanted(backbone.name, backbone.input_size, quick=True)
