"""Choosing among the backbones: filtered and sorted, for the gallery."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from core.backbones.catalogue import BACKBONES, Backbone, plain_name

Order = Literal["listed", "parameters", "multiply_adds", "accuracy", "speed", "name"]
ORDERS: tuple[Order, ...] = ("listed", "parameters", "multiply_adds", "accuracy", "speed", "name")


def families() -> tuple[str, ...]:
    """Return the families' names, in the catalogue's order."""
    return tuple(dict.fromkeys(backbone.family for backbone in BACKBONES.values()))


def chosen(
    words: str = "",
    family: str = "",
    *,
    ready_only: bool = False,
    order: Order = "listed",
    images_per_s: Mapping[str, float] | None = None,
) -> list[Backbone]:
    """Return the backbones that match, in order.

    Args:
        words: Each must be somewhere in name, title or family, whatever its case; hyphens and
            underscores do not count.
        family: One of :func:`families`; empty for all.
        ready_only: Only those whose pretrained weights are on this machine.
        order: ``listed`` is the catalogue's; ``parameters`` and ``multiply_adds`` go from small to
            large, ``accuracy`` from the best, ``speed`` from the fastest as measured here. What is not
            known comes last.
        images_per_s: What was measured here, by name.
    """
    wanted = [plain_name(word) for word in words.split()]
    found = [
        backbone for backbone in BACKBONES.values()
        if all(word in plain_name(f"{backbone.name} {backbone.title} {backbone.family}") for word in wanted)
        and (not family or backbone.family == family)
        and (not ready_only or backbone.stored.state == "ready")
    ]
    key = _keys(images_per_s or {}).get(order)
    return found if key is None else sorted(found, key=key)


def _keys(images_per_s: Mapping[str, float]) -> dict[str, Callable[[Backbone], tuple[bool, float | str]]]:
    def rising(value: float | None) -> tuple[bool, float]:
        return value is None, value or 0.0

    def falling(value: float | None) -> tuple[bool, float]:
        return value is None, -(value or 0.0)

    return {
        "parameters": lambda each: rising(each.parameters),
        "multiply_adds": lambda each: rising(each.multiply_adds),
        "accuracy": lambda each: falling(each.imagenet_top1),
        "speed": lambda each: falling(images_per_s.get(each.name)),
        "name": lambda each: (False, each.title.lower()),
    }
