"""What a plan takes over from the network before, M0, into the new one, M1: which parameters, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.i18n import _
from core.training.counts import counts
from core.training.plan import Plan
from core.training.start import RANDOM

Kind = Literal["copied_frozen", "copied_trained", "new", "random"]


@dataclass(frozen=True)
class Part:
    """Some of the new network's parameters.

    Attributes:
        kind: ``copied_frozen``, ``copied_trained``, ``new`` (trained from a random start) or
            ``random`` (neither copied nor trained).
        parameters: How many.
        share: Of all of the new network, 0 to 1.
    """

    kind: Kind
    parameters: int
    share: float


def parts(plan: Plan, classes: int) -> tuple[Part, ...]:
    """Return the parameters of a plan's model by where they come from and what becomes of them.

    Args:
        plan: A checked plan.
        classes: How many classes its head tells apart.

    Returns:
        The parts that hold anything; their parameters add up to the model's.
    """
    found = counts(plan, classes)
    # BatchNorm's statistics are not learned by gradients, but they follow the photos all the same.
    following = found.norm if plan.norms_learn else 0
    learning = found.learning - found.head + following
    if plan.weights.source == RANDOM:
        named: tuple[tuple[Kind, int], ...] = (
            ("random", found.frozen - following), ("new", found.head + learning),
        )
    else:
        frozen = found.frozen - following
        named = (("copied_frozen", frozen), ("copied_trained", learning), ("new", found.head))
    return tuple(Part(kind, count, count / found.total) for kind, count in named if count)


def origin_text(source: str) -> str:
    """Say in a few words where weights come from, by :attr:`core.training.start.Start.source`."""
    return {
        "pretrained": _("ImageNet weights"),
        "none": _("random weights"),
        "file": _("weights of your file"),
        "run": _("weights of an earlier run"),
    }[source]
