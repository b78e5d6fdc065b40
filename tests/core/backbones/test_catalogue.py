from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from core.backbones import catalogue
from core.backbones.catalogue import BACKBONES, LITE_SCALES, get, parse_trainable
from core.backbones.efficientnet_lite import round_filters
from core.errors import BadInput, NotFound

ROOT = Path(__file__).resolve().parents[3]
LITES = tuple(BACKBONES[name] for name in LITE_SCALES)
LITE0, LITE1, LITE2 = LITES
ZOO = tuple(backbone for backbone in BACKBONES.values() if backbone.constructor)
BLOCKS = ("stem", "block1", "block2", "block3", "block4", "block5", "block6", "block7", "top")


def test_the_catalogue_needs_neither_tensorflow_nor_numpy() -> None:
    code = (
        "import sys, core.backbones.catalogue, core.backbones.listing\n"
        "core.backbones.listing.backbones_json()\n"
        "print([m for m in ('numpy', 'tensorflow', 'keras') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("backbone", LITES, ids=lambda backbone: backbone.name)
def test_blocks_run_from_stem_to_top(backbone: catalogue.Backbone) -> None:
    assert backbone.block_names == BLOCKS
    assert backbone.output_shape[2] == backbone.features == 1280


@pytest.mark.parametrize(
    ("backbone", "published"), [(LITE0, 4_652_008), (LITE1, 5_416_680), (LITE2, 6_092_072)]
)
def test_what_can_learn_adds_up_to_the_original_count(
    backbone: catalogue.Backbone, published: int
) -> None:
    classifier = 1280 * 1000 + 1000
    assert backbone.trainable_parameters + classifier == published


def test_a_block_counts_what_its_layers_hold() -> None:
    stem = LITE0.block("stem")
    assert stem.layers == 3
    assert stem.parameters == 3 * 3 * 3 * 32 + 4 * 32
    assert stem.trainable_parameters == 3 * 3 * 3 * 32 + 2 * 32
    assert stem.norm_parameters == 2 * 32
    assert stem.output_shape == (112, 112, 32)
    assert stem.multiply_adds == 112 * 112 * 3 * 3 * 3 * 32


def test_odd_sizes_round_up_as_padding_does() -> None:
    assert [block.output_shape[0] for block in LITE2.blocks] == [130, 130, 65, 33, 17, 17, 9, 9, 9]


@pytest.mark.parametrize(
    ("given", "rounded"), [(17.6, 16), (26.4, 24), (44, 48), (211.2, 208), (3, 8), (12, 16)]
)
def test_filters_round_to_eights(given: float, rounded: int) -> None:
    assert round_filters(given) == rounded


def test_published_accuracy_comes_with_its_source() -> None:
    assert [backbone.imagenet_top1 for backbone in LITES] == [0.751, 0.767, 0.776]
    assert all("tensorflow/tpu" in backbone.imagenet_top1_source for backbone in LITES)
    assert all(0.6 < backbone.imagenet_top1 < 0.9 for backbone in ZOO)
    assert all("keras.io" in backbone.imagenet_top1_source for backbone in ZOO)


def test_every_backbone_says_its_licence_and_its_paper() -> None:
    for backbone in BACKBONES.values():
        assert backbone.licence
        assert backbone.licence_source
        assert "https://" in backbone.paper


def test_every_size_is_refused_outside_the_range_that_is_named() -> None:
    for backbone in BACKBONES.values():
        backbone.check_size(backbone.smallest_size)
        backbone.check_size(catalogue.LARGEST_SIZE)
        for size in (backbone.smallest_size - 1, catalogue.LARGEST_SIZE + 1, 64.5, True, "224"):
            with pytest.raises(BadInput) as caught:
                backbone.check_size(size)
            assert str(backbone.smallest_size) in caught.value.fix


def test_features_shrink_and_work_grows_with_the_image() -> None:
    for backbone in BACKBONES.values():
        small = backbone.blocks_at(backbone.smallest_size)
        large = backbone.blocks_at(backbone.input_size + 1)
        for before, after in zip(small, large, strict=True):
            assert after.output_shape[0] >= before.output_shape[0] >= 1
            assert after.output_shape[2] == before.output_shape[2]
            assert after.multiply_adds >= before.multiply_adds
            assert after.parameters == before.parameters


def test_names_are_found_or_the_closest_is_offered() -> None:
    assert get("efficientnet-lite1") is LITE1
    assert get("ResNet50V2") is get("resnet50v2") is BACKBONES["resnet50v2"]
    with pytest.raises(NotFound) as caught:
        get("efficientnet-lite")
    assert "efficientnet-lite" in caught.value.fix
    with pytest.raises(NotFound) as caught:
        get("zzz")
    assert all(name in caught.value.fix for name in BACKBONES)


def test_an_unknown_block_is_not_found() -> None:
    with pytest.raises(NotFound):
        LITE0.block("block8")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all", BLOCKS),
        ("none", ()),
        ("top", ("top",)),
        ("block6,block7,top", ("block6", "block7", "top")),
        (" Top , block6 ,block7,top", ("block6", "block7", "top")),
    ],
)
def test_trainable_blocks_are_read_in_block_order(text: str, expected: tuple[str, ...]) -> None:
    assert parse_trainable(LITE0, text) == expected


@pytest.mark.parametrize("text", ["", "block8", "block6,,top", "all,top", "none,none", "block6 block7"])
def test_other_trainable_texts_are_refused_with_the_valid_names(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_trainable(LITE0, text)
    assert "block7" in caught.value.fix


def test_the_error_names_the_unknown_block() -> None:
    with pytest.raises(BadInput) as caught:
        parse_trainable(LITE0, "block6,blok7")
    assert caught.value.given == "blok7"


@pytest.mark.parametrize("backbone", LITES, ids=lambda backbone: backbone.name)
def test_the_weight_files_name_carries_its_checksum(backbone: catalogue.Backbone) -> None:
    assert backbone.stored.file.endswith(f"-{backbone.stored.sha256[:8]}.pth")


def test_weights_are_ready_only_where_their_file_is() -> None:
    assert LITE0.stored.state == "ready"
    for change in ({"module": "no_such_module_here"}, {"file": "models/none.pth"}):
        assert dataclasses.replace(LITE0.stored, **change).state == "missing"
