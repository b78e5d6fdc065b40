from __future__ import annotations

import pytest

from core.backbones import catalogue
from core.training.counts import block_title
from pages.ui import block_map as module
from pages.ui.block_map import parameters_text, shape_text


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1k"),
        (47_600, "48k"),
        (999_499, "999k"),
        (999_500, "1.0 M"),
        (1_995_000, "2.0 M"),
        (23_564_800, "23.6 M"),
        (999_949_999, "999.9 M"),
        (999_950_000, "1.0 bn"),
        (24_581_200_000, "24.6 bn"),
    ],
)
def test_parameters_are_short(parameters: int, text: str) -> None:
    assert parameters_text(parameters) == text


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
    tile = module._tile(block)
    assert tile["label"] == f"Block 2: output 56×56×24, {block.parameters:,} parameters"
    assert tile["count"] == parameters_text(block.parameters)


def test_names_from_the_browser_are_checked() -> None:
    blocks = catalogue.get("efficientnet-lite0").blocks
    names = module._names(["x", 3, "top", None, "stem"])
    assert module._in_order(blocks, names) == ("stem", "top")
    assert module._names("top") == ()
