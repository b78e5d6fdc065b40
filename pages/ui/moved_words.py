"""What moved, in words: the figures of a block, and which block changed most."""

from __future__ import annotations

import math
from collections.abc import Mapping

from core.i18n import _
from core.studies.moving import BlockMove, Moving
from core.training.counts import block_title
from pages.ui.block_rates import Words

_HARDLY = 0.001
_NEARLY = 0.995
_SAME = 1 - 1e-6


def moved_text(share: float | None) -> str:
    """Return how far weights moved, short: ``"1.1%"``, ``"<0.1%"``, ``"0%"``."""
    if share is None:
        return _("not available")
    if share == 0:
        return "0%"
    return f"<{_HARDLY:.1%}" if share < _HARDLY else f"{share:.1%}"


def exact_moved(share: float | None) -> str:
    """Return how far weights moved in three digits: ``"1.10%"``, ``"0.00123%"``."""
    if share is None:
        return _("not available")
    return "0%" if share == 0 else f"{100 * share:#.3g}%".replace(".%", "%")


def alike_text(cka: float | None) -> str:
    """Return how alike features are, short; what is not quite the same does not read as 1."""
    if cka is None:
        return _("not available")
    if cka >= _SAME:
        return "1"
    return ">0.99" if cka >= _NEARLY else f"{cka:.2f}"


def tile_words(found: Moving) -> dict[str, Words]:
    """Return what each block's tile shows, two lines, and how it is said to who does not see it."""
    return {block.block: _tile(block) for block in found.blocks}


def _tile(block: BlockMove) -> Words:
    moved, alike = moved_text(block.weights), alike_text(block.cka)
    seen = [] if block.weights is None else [_("moved {share}").format(share=moved)]
    seen += [] if block.cka is None else [_("CKA {alike}").format(alike=alike)]
    seen = seen or [_("not available")]
    spoken = _("weights moved: {share}, likeness of its features (CKA): {alike}").format(
        share=moved, alike=alike)
    return "\n".join(seen), spoken


def warmth_of(found: Moving) -> Mapping[str, float]:
    """Return how warm each block is drawn, 0 to 1: 1 for the one that moved furthest; none that is not known.

    NOTE: the root of the share, because between blocks the change often differs tenfold.
    """
    most = max((block.weights or 0.0 for block in found.blocks), default=0.0)
    return {
        block.block: math.sqrt(block.weights / most) if most > 0 else 0.0
        for block in found.blocks if block.weights is not None
    }


def verdict(found: Moving) -> tuple[str, str]:
    """Return what the figures come to: a few strong words, and a sentence."""
    by_weights = [block for block in found.blocks if block.weights]
    if not by_weights:
        return _still(found)
    furthest = max(by_weights, key=lambda block: block.weights or 0.0)
    strong = _("{block} moved furthest.").format(block=block_title(furthest.block))
    measured = [block for block in found.blocks if block.cka is not None]
    if not measured:
        return strong, _("Its weights changed by {share}.").format(share=moved_text(furthest.weights))
    least = min(measured, key=lambda block: block.cka or 0.0)
    return strong, _(
        "Its weights changed by {share}. The features of {least} are least like those of before "
        "(CKA {alike})."
    ).format(share=moved_text(furthest.weights), least=block_title(least.block), alike=alike_text(least.cka))


def _still(found: Moving) -> tuple[str, str]:
    """Return what to say where no block is known to have moved."""
    unknown = [block.block for block in found.blocks if block.weights is None]
    if not unknown:
        return _("Nothing moved."), _(
            "The backbone is as it was before the training: only the head has learned.")
    why = _("A share is not available where a block’s weights are no finite numbers, or were all 0.")
    if len(unknown) == len(found.blocks):
        return _("How far it moved is not available."), why
    return _("What is known did not move."), _("Not available: {blocks}. {why}").format(
        blocks=", ".join(block_title(block) for block in unknown), why=why)


def photos_text(photos: int, unseen: bool) -> str:
    """Say which photos something was measured on."""
    if unseen:
        return _("{n} photos of validation and test").format(n=f"{photos:,}")
    return _("{n} photos, with those that it learned from").format(n=f"{photos:,}")
