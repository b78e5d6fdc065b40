"""Backbones as cards, one of which is chosen: a few in a row, or many in a box that scrolls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.i18n import _
from pages.ui.component import choices_seen, on_choice, register, unseen_choice


@dataclass(frozen=True)
class Bar:
    """One thin bar of a card.

    Args:
        label: What it measures, one word.
        share: How full it is, from 0 to 1; None where it is not known.
        text: The figure beside it.
    """

    label: str
    share: float | None
    text: str


@dataclass(frozen=True)
class Badge:
    """Whether a card's weights are at hand.

    Args:
        text: In few words: "Ready", "Download 59 MB".
        tone: The sign before them: a tick, an arrow down or a warning.
    """

    text: str
    tone: Literal["ready", "fetch", "missing"]


@dataclass(frozen=True)
class Card:
    """One backbone to choose; all texts are shown letter by letter."""

    name: str
    title: str
    subtitle: str
    bars: tuple[Bar, ...] = ()
    note: str = ""
    badge: Badge | None = None


def backbone_cards(
    cards: Sequence[Card],
    chosen: str,
    *,
    key: str,
    label: str | None = None,
    locked: bool = False,
    scroll: bool = False,
    empty: str = "",
    on_change: Callable[[str], None] | None = None,
) -> str:
    """Show the cards and return the name of the chosen one.

    Args:
        cards: The cards, in order.
        chosen: The name of the card that is chosen now.
        key: The component's key, unique on the page.
        label: The group's accessible name; "Backbone" unless told.
        locked: True shows the choice but lets none be made.
        scroll: True for many cards: compact, up to four side by side, in a box that scrolls inside
            itself and begins at the chosen one.
        empty: The sentence that stands in place of no cards.
        on_change: Called with the new name before the script runs again.

    Returns:
        The name that a person chose since the last run, else ``chosen``.
    """
    names = {card.name for card in cards}
    choice = unseen_choice(key)
    now = choice.value if choice and choice.value in names else chosen

    def tell(name: Any) -> None:
        if on_change is not None and name in names:
            on_change(name)

    register("backbone_cards", with_files=("shelf", "scroll_box", "radio_cards"))(
        key=key,
        data={
            "cards": [_card(card) for card in cards],
            "chosen": now,
            "seen": choices_seen(key),
            "label": label or _("Backbone"),
            "locked": locked,
            "scroll": scroll,
            "empty": empty if not cards else "",
        },
        on_choice_change=on_choice(key, tell if on_change else None),
    )
    return now


def _card(card: Card) -> dict[str, Any]:
    bars = [
        {"label": bar.label, "share": min(1.0, max(0.0, bar.share or 0.0)), "text": bar.text}
        for bar in card.bars
    ]
    figures = [_("{label} {figure}").format(label=bar.label, figure=bar.text) for bar in card.bars]
    badge = card.badge.text if card.badge else ""
    said = (card.title, card.subtitle, badge, *figures, card.note)
    spoken = ". ".join(part for part in said if part)
    return {
        "name": card.name,
        "title": card.title,
        "subtitle": card.subtitle,
        "note": card.note,
        "bars": bars,
        "badge": {"text": card.badge.text, "tone": card.badge.tone} if card.badge else None,
        "label": spoken,
    }
