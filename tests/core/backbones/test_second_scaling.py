from __future__ import annotations

import json
from math import sqrt
from typing import Any

import pytest

from core.backbones.second_scaling import SPREAD, scales_again

SECOND = [1 / sqrt(spread) for spread in SPREAD]


def model(*scales: Any, within: int = 0) -> str:
    config: Any = {"layers": [{"class_name": "Rescaling", "config": {"scale": scale}} for scale in scales]}
    for _ in range(within):
        config = {"layers": [{"class_name": "Functional", "config": config}]}
    return json.dumps(config)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (model(1 / 255, SECOND), True),
        (model(1 / 255, SECOND, within=3), True),
        (model(1 / 255), False),
        (model(1 / 127.5, 1 / 255), False),
        (model(1 / 255, [1.0, 1.0, 1.0]), False),
        (model(1 / 255, SECOND[:2]), False),
        (model(None, "text", ["a", "b", "c"], {"a": 1}), False),
        ('{"class_name": "Rescaling"}', False),
        ("[]", False),
    ],
)
def test_the_configuration_decides_by_the_scale_itself(config: str, expected: bool) -> None:
    assert scales_again(config, ("rescaling", "rescaling_1")) is expected
    assert scales_again(config, ()) is expected


@pytest.mark.parametrize("config", ["", "{", "[" * 100_000])
def test_without_a_configuration_the_layers_beside_are_counted(config: str) -> None:
    assert scales_again(config, ("rescaling", "conv2d", "rescaling_1"))
    assert not scales_again(config, ("rescaling", "conv2d"))
