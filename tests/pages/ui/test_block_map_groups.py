from __future__ import annotations

from typing import Any

import pytest
from mounting import mounted_by

from core.backbones import catalogue
from pages.ui import block_map as module
from pages.ui.block_map import Told, block_map, grouped

MANY = catalogue.get("mobilenetv2").blocks
FEW = catalogue.get("efficientnet-lite0").blocks


@pytest.fixture
def mounted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What each map passes to the browser."""
    return mounted_by(module, monkeypatch)


@pytest.mark.parametrize("name", catalogue.BACKBONES)
def test_groups_hold_every_block_once_and_in_order(name: str) -> None:
    blocks = catalogue.get(name).blocks
    groups = grouped(blocks)
    assert bool(groups) == (len(blocks) > module.ROW_HOLDS)
    if groups:
        assert tuple(block for group in groups for block in group) == blocks


def test_a_group_has_one_output_height_and_the_next_one_another() -> None:
    heights = [{block.output_shape[0] for block in group} for group in grouped(MANY)]
    assert heights == [{112}, {56}, {28}, {14}, {7}]


def test_a_dozen_blocks_stay_in_one_row_with_full_shapes(mounted: list[dict[str, Any]]) -> None:
    for name in ("efficientnet-lite0", "inceptionv3"):
        blocks = catalogue.get(name).blocks
        block_map(blocks, (), head_parameters=10, key="map")
        assert mounted[-1]["groups"] == []
        assert mounted[-1]["blocks"][0]["shape"] == module.shape_text(blocks[0].output_shape)


def test_groups_and_head_make_up_the_tiles(mounted: list[dict[str, Any]]) -> None:
    block_map(MANY, (), head_parameters=10, key="map")
    sent = mounted[-1]
    assert sum(group["members"] for group in sent["groups"]) == len(sent["blocks"]) - 1
    assert sent["blocks"][-1]["fixed"] is True


def test_a_tile_in_a_group_shows_channels_and_still_speaks_the_whole_shape(
    mounted: list[dict[str, Any]],
) -> None:
    block_map(MANY, (), head_parameters=10, key="map")
    stem = mounted[-1]["blocks"][0]
    assert stem["shape"] == "×32"
    assert "112×112×32" in stem["label"]


def test_a_group_says_its_size_and_how_many_learn(mounted: list[dict[str, Any]]) -> None:
    block_map(MANY, (), head_parameters=10, key="map")
    first = mounted[-1]["groups"][0]
    assert first["size"] == "112×112"
    assert first["many"] == "2 blocks"
    assert first["label"] == "Output 112×112, 2 blocks"
    assert first["all"] == "All 2 blocks with output 112×112 learn"
    assert first["summaries"] == ["0 of 2 learn", "1 of 2 learns", "2 of 2 learn"]


def test_a_group_of_one_block_has_no_number(mounted: list[dict[str, Any]]) -> None:
    block_map(catalogue.get("nasnetlarge").blocks, (), head_parameters=10, key="map")
    first = mounted[-1]["groups"][0]
    assert (first["members"], first["many"], first["label"]) == (1, "", "Output 165×165, 1 block")


def test_groups_that_learn_and_the_last_one_are_open_at_first(mounted: list[dict[str, Any]]) -> None:
    block_map(MANY, ("block4",), head_parameters=10, key="map")
    assert [group["open"] for group in mounted[-1]["groups"]] == [False, False, True, False, True]


def test_from_scratch_frozen_means_frozen_at_random(mounted: list[dict[str, Any]]) -> None:
    for blocks in (FEW, MANY):
        block_map(blocks, (), head_parameters=10, key="map")
        block_map(blocks, (), head_parameters=10, key="map", from_scratch=True)
        usual, scratch = mounted[-2:]
        assert usual["words"].pop("frozen") == "frozen, kept as it is"
        assert scratch["words"].pop("frozen") == "frozen at random"
        assert usual == scratch


def test_own_words_win_over_those_for_scratch(mounted: list[dict[str, Any]]) -> None:
    block_map(
        FEW, (), head_parameters=1, key="map", from_scratch=True, told=Told(labels={"frozen": "still"}))
    assert mounted[-1]["words"]["frozen"] == "still"
