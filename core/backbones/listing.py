"""The catalogue for ``python -m core backbones``, as JSON and as a table."""

from __future__ import annotations

from core.backbones.architecture import Block
from core.backbones.catalogue import BACKBONES, LARGEST_SIZE, Backbone
from core.backbones.stored import PackagedWeights
from core.files import JsonObject
from core.i18n import _


def backbones_json() -> list[JsonObject]:
    """Return every backbone as a JSON object; ``imagenet_top1`` is a share, null where unknown."""
    return [_backbone(backbone) for backbone in BACKBONES.values()]


def _backbone(backbone: Backbone) -> JsonObject:
    return {
        "name": backbone.name,
        "title": backbone.title,
        "family": backbone.family,
        "description": backbone.description,
        "input_size": backbone.input_size,
        "features": backbone.features,
        "parameters": backbone.parameters,
        "trainable_parameters": backbone.trainable_parameters,
        "multiply_adds": backbone.multiply_adds,
        "image_sizes": [backbone.smallest_size, LARGEST_SIZE],
        "weights": _weights(backbone),
        "licence": backbone.licence or None,
        "licence_source": backbone.licence_source or None,
        "paper": backbone.paper,
        "imagenet_top1": backbone.imagenet_top1,
        "imagenet_top1_source": backbone.imagenet_top1_source or None,
        "blocks": [_block(block) for block in backbone.blocks],
    }


def _weights(backbone: Backbone) -> JsonObject:
    stored = backbone.stored
    answer: JsonObject = {"source": stored.source, "state": stored.state}
    if isinstance(stored, PackagedWeights):
        return {**answer, "package": stored.package}
    return {**answer, "file": stored.file, "url": stored.url, "bytes": stored.bytes}


def _block(block: Block) -> JsonObject:
    return {
        "name": block.name,
        "layers": block.layers,
        "parameters": block.parameters,
        "trainable_parameters": block.trainable_parameters,
        "output_shape": list(block.output_shape),
        "multiply_adds": block.multiply_adds,
    }


def backbones_text() -> str:
    """Return a table of the backbones for a terminal, one line each under a heading."""
    heading = (_("name"), _("input"), _("blocks"), _("parameters"), _("multiply-adds"), _("weights"))
    states = {"ready": _("ready"), "missing": _("missing"), "download": _("to download")}
    rows = [heading] + [
        (
            backbone.name,
            f"{backbone.input_size}x{backbone.input_size}",
            f"{len(backbone.blocks)}",
            f"{backbone.parameters:,}",
            f"{backbone.multiply_adds / 1e6:,.0f} M",
            states[backbone.stored.state],
        )
        for backbone in BACKBONES.values()
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(heading))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
