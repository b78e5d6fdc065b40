from __future__ import annotations

import re
from dataclasses import replace

import pytest

from core.data.dataset import Dataset
from core.export.model_card import escaped, model_card
from tests.core.export.found import HOSTILE, bare, full

HEADINGS = [
    "Model details", "Intended use", "Factors", "Metrics", "Evaluation data", "Training data",
    "Quantitative analyses", "Ethical considerations", "Caveats and recommendations",
]


def test_the_card_has_the_usual_headings_in_their_order(dataset: Dataset) -> None:
    for found in (full(dataset), bare()):
        assert re.findall(r"^## (.+)$", model_card(found), re.MULTILINE) == HEADINGS


def test_the_head_names_the_backbone_and_gives_the_model_no_licence_of_its_own(dataset: Dataset) -> None:
    card = model_card(full(dataset))
    head = card.split("---")[1]
    assert 'base_model: "EfficientNet-Lite0"' in head
    assert "license:" not in head
    assert "Licence of the backbone's ImageNet weights: Apache-2.0" in card


def test_the_training_is_dated_and_not_the_card(dataset: Dataset) -> None:
    card = model_card(full(dataset))
    assert "Date of the training: 2025-12-24" in card
    assert "2026-01-31" not in card
    assert "Date of the training: not available" in model_card(bare())


def test_what_earlier_runs_learned_from_is_said_of_the_test_photos(dataset: Dataset) -> None:
    found = full(dataset)
    assert "No run that it starts from learned from them either." in model_card(found)
    assert "learned from 7 of them" in model_card(replace(found, learned_before=7))
    assert "is not known" in model_card(replace(found, learned_before=None))


def test_what_only_people_know_is_left_as_a_blank(dataset: Dataset) -> None:
    assert model_card(full(dataset)).count("**To fill in:**") == 5


def test_figures_come_with_their_intervals(dataset: Dataset) -> None:
    found = full(dataset)
    assert found.measured is not None
    accuracy = found.measured.accuracy
    card = model_card(found)
    assert f"Accuracy: {accuracy.value:.1%} ({accuracy.low:.1%} to {accuracy.high:.1%})" in card
    assert "not available" not in card.lower()
    assert "not looked at" in model_card(bare())


def test_hostile_names_are_no_markdown_and_no_html(dataset: Dataset) -> None:
    hostile = replace(dataset, title=HOSTILE, classes=(HOSTILE, "a | b\n# c"))
    card = model_card(full(hostile, title=HOSTILE))
    assert not re.search(r"(?<!\\)<img|(?<!\\)!\[|(?<!\\)\]\(", card)
    assert "\n# c" not in card
    assert "a \\| b # c" in card


def test_escaping_keeps_every_letter() -> None:
    assert escaped("shirt_1 (a*b)").replace("\\", "") == "shirt_1 (a*b)"


@pytest.mark.parametrize(("given", "shown"), [
    ("EfficientNet-Lite0", "EfficientNet-Lite0"), ("# head", "\\# head"), ("- item", "\\- item"),
    ("1. item", "1\\. item"), ("500", "500"), ("!x", "\\!x"), ("<b>", "\\<b\\>"), ("", ""),
])
def test_only_what_markdown_would_read_is_escaped(given: str, shown: str) -> None:
    assert escaped(given) == shown
