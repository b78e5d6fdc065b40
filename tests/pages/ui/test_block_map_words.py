from __future__ import annotations

import pytest

from core.backbones import catalogue
from core.training.counts import block_title
from pages.ui import block_map as module
from pages.ui.amounts import parameters_text
from pages.ui.block_map import shape_text


def test_shape_reads_height_width_channels() -> None:
    assert shape_text((14, 14, 80)) == "14×14×80"


@pytest.mark.parametrize(
    ("name", "title"),
    [("stem", "Stem"), ("block6", "Block 6"), ("top", "Top"), ("other", "other")],
)
def test_blocks_have_titles(name: str, title: str) -> None:
    assert block_title(name) == title


def test_a_tile_tells_its_figures_in_full_to_a_screen_reader() -> None:
    block = catalogue.get("efficientnet-lite0").blocks[2]
    tile = module._tile(block, module.Told(), compact=False)
    assert tile["label"] == f"Block 2: output 56×56×24, {block.parameters:,} parameters"
    assert tile["count"] == parameters_text(block.parameters)


def test_names_from_the_browser_are_checked() -> None:
    blocks = catalogue.get("efficientnet-lite0").blocks
    names = module._names(["x", 3, "top", None, "stem"])
    assert module._in_order(blocks, names) == ("stem", "top")
    assert module._names("top") == ()
