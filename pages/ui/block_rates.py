"""The learning rate of each block, as the block map shows it: a share of the head's."""

from __future__ import annotations

from collections.abc import Iterable

from core.i18n import _
from core.training import stages
from core.training.plan import Plan
from pages.ui.fields import rate_text

_SMALLEST = 0.001
_TINY = 1e-7

Words = tuple[str, str]
"""What is shown on a tile, and how it is said to who does not see it."""


def share_text(share: float) -> str:
    """Return a share of the head's rate: ``"×0.38"``, ``"×0.055"``, ``"<×0.001"``."""
    if share < _SMALLEST:
        return f"<×{_SMALLEST:g}"
    return f"×{share:.2g}" if share < 1 else "×1"


def block_words(plan: Plan) -> dict[str, Words]:
    """Return the rate of each block in words; nothing where all blocks learn at one rate."""
    if plan.recipe.lr_factor >= 1:
        return {}
    top = plan.recipe.learning_rate
    return {
        name: (
            _("rate {share}").format(share=share_text(rate / top)),
            _("learns at {rate}, {share} of the head's rate").format(
                rate=small_text(rate), share=_spoken(rate / top)),
        )
        for name, rate in stages.block_rates(plan).items()
    }


def legend_text(plan: Plan) -> str:
    """Return what the shares on the map are of; empty where there are none."""
    if plan.recipe.lr_factor >= 1:
        return ""
    return _("rate: a share of the head's, which is {rate}").format(
        rate=rate_text(plan.recipe.learning_rate))


def span_text(plan: Plan, names: Iterable[str]) -> str:
    """Return from which rate to which the head and some blocks learn: ``"0.0003 to 0.000043"``."""
    rates = stages.block_rates(plan)
    top = plan.recipe.learning_rate
    lowest = min((rates[name] for name in names), default=top)
    if plan.recipe.lr_factor >= 1 or lowest >= top:
        return rate_text(top)
    return _("{high} to {low}").format(high=rate_text(top), low=small_text(lowest))


def small_text(rate: float) -> str:
    """Return a rate in two digits: ``"0.00011"``; of a tiny one that it is: ``"under 0.0000001"``."""
    if rate < _TINY:
        return _("under {rate}").format(rate=rate_text(_TINY))
    return rate_text(float(f"{rate:.2g}"))


def _spoken(share: float) -> str:
    return _("less than {share}").format(share=_SMALLEST) if share < _SMALLEST else f"{share:.2g}"
