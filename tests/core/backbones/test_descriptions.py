"""What is said of the backbones is true of them."""

from __future__ import annotations

import pytest

from core.backbones.catalogue import BACKBONES, LITE_SCALES
from core.backbones.descriptions import described

LITE0, LITE1, LITE2 = LITES = [BACKBONES[name] for name in LITE_SCALES]


def test_descriptions_say_what_the_numbers_say() -> None:
    assert LITE0.parameters == min(backbone.parameters for backbone in LITES)
    assert LITE0.multiply_adds == min(backbone.multiply_adds for backbone in LITES)
    assert LITE1.multiply_adds / LITE0.multiply_adds == pytest.approx(1.5, abs=0.1)
    assert 2 < LITE2.multiply_adds / LITE0.multiply_adds < 2.4
    assert LITE2.input_size == max(backbone.input_size for backbone in LITES)


def test_every_backbone_is_described_by_its_own_words_or_its_familys() -> None:
    assert all(backbone.description for backbone in BACKBONES.values())
    assert len({lite.description for lite in LITES}) == len(LITES)
    assert BACKBONES["resnet50"].description == described("", "ResNet")
