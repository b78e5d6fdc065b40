"""How the edge of a feature map follows from the edge of the image, layer by layer.

Every step that changes the edge is one rule; a level is the edge after a chain of rules. With it the
shapes and multiply-adds of a backbone at any image size are arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

Kind = Literal["input", "same", "valid", "pad", "pad_for_stride", "one"]


@dataclass(frozen=True)
class Level:
    """The edge of a feature map, made from that of an earlier level.

    Attributes:
        parent: Index of the level that it is made from; 0 is the image.
        kind: ``same`` and ``valid`` are windows with such padding, ``pad`` adds ``kernel`` pixels
            (or takes them away), ``pad_for_stride`` is what Keras' ``correct_pad`` adds before a
            window of ``kernel`` with stride 2, ``one`` is a single pixel, ``input`` the image.
        kernel: Edge of the window, or the pixels that ``pad`` adds in all.
        stride: Step of the window.
    """

    parent: int
    kind: Kind
    kernel: int = 1
    stride: int = 1

    def edge(self, before: int) -> int:
        """Return the edge that follows from the parent's."""
        if self.kind == "same":
            return ceil(before / self.stride)
        if self.kind == "valid":
            return (before - self.kernel) // self.stride + 1
        if self.kind == "pad":
            return before + self.kernel
        if self.kind == "pad_for_stride":
            return before + 2 * (self.kernel // 2) - (1 - before % 2)
        return 1 if self.kind == "one" else before


def edges(levels: Sequence[Level], image_size: int) -> tuple[int, ...]:
    """Return the edge of every level for an image of that edge; a parent comes before its children."""
    found: list[int] = []
    for level in levels:
        found.append(level.edge(found[level.parent] if found else image_size))
    return tuple(found)
