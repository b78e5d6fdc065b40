"""``keras.applications`` as data: the table that ``core.backbones.describe`` wrote, read once."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from core.backbones.architecture import Block
from core.backbones.spatial import Level, edges
from core.backbones.stored import HostedWeights

_TABLE = Path(__file__).with_name("keras_applications.json")
_BYTES_A_WEIGHT = 4


@dataclass(frozen=True)
class BlockRow:
    """One block: counts, and what depends on the image's size by level of the feature map."""

    name: str
    layers: int
    parameters: int
    trainable: int
    norm: int
    level: int
    channels: int
    multiply_adds: tuple[tuple[int, int], ...]
    activations: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Row:
    """One constructor of ``keras.applications``.

    Attributes:
        constructor: Its name there.
        input_size: Keras' default edge, in pixels.
        min_size: The smallest edge that Keras allows.
        hosted: The ImageNet weights without the classifier.
        levels: How the feature maps' edges follow from the image's.
        blocks: From input to output.
    """

    constructor: str
    input_size: int
    min_size: int
    hosted: HostedWeights
    levels: tuple[Level, ...] = field(repr=False)
    blocks: tuple[BlockRow, ...] = field(repr=False)

    def blocks_at(self, image_size: int) -> tuple[Block, ...]:
        """Return the blocks' figures for images of that edge, in pixels."""
        edge = edges(self.levels, image_size)
        return tuple(
            Block(
                name=block.name,
                layers=block.layers,
                parameters=block.parameters,
                trainable_parameters=block.trainable,
                norm_parameters=block.norm,
                output_shape=(edge[block.level], edge[block.level], block.channels),
                multiply_adds=sum(edge[level] ** 2 * each for level, each in block.multiply_adds),
                activations=sum(edge[level] ** 2 * each for level, each in block.activations),
            )
            for block in self.blocks
        )


def _block_row(block: dict[str, Any]) -> BlockRow:
    fields: dict[str, Any] = {
        name: tuple(map(tuple, value)) if isinstance(value, list) else value
        for name, value in block.items()
    }
    return BlockRow(**fields)


@cache
def _rows() -> dict[str, Row]:
    rows = {}
    for each in json.loads(_TABLE.read_text(encoding="utf-8")):
        blocks = tuple(_block_row(block) for block in each["blocks"])
        size = _BYTES_A_WEIGHT * sum(block.parameters for block in blocks)
        rows[each["constructor"]] = Row(
            constructor=each["constructor"], input_size=each["input_size"],
            min_size=each["min_size"], hosted=HostedWeights(**each["weights"], bytes=size),
            levels=tuple(Level(*level) for level in each["levels"]), blocks=blocks,
        )
    return rows


def row(constructor: str) -> Row:
    """Return what is known of a constructor; raises KeyError for an unknown one."""
    return _rows()[constructor]
