from __future__ import annotations

import re
from dataclasses import replace

from core.data.dataset import Dataset
from core.export.model_card import escaped, model_card
from core.training.start import RANDOM, Start
from tests.core.export.found import HOSTILE, bare, full

HEADINGS = [
    "Model details", "Intended use", "Factors", "Metrics", "Evaluation data", "Training data",
    "Quantitative analyses", "Ethical considerations", "Caveats and recommendations",
]


def test_the_card_has_the_usual_headings_in_their_order(dataset: Dataset) -> None:
    for found in (full(dataset), bare()):
        assert re.findall(r"^## (.+)$", model_card(found), re.MULTILINE) == HEADINGS


def test_the_head_names_the_licence_only_of_weights_that_are_in_the_model(dataset: Dataset) -> None:
    found = full(dataset)
    head = model_card(found).split("---")[1]
    assert "license: apache-2.0" in head
    assert 'base_model: "EfficientNet-Lite0"' in head
    scratch = replace(found, plan=replace(found.plan, weights=Start(RANDOM)))
    assert "license:" not in model_card(scratch).split("---")[1]


def test_the_training_is_dated_and_not_the_card(dataset: Dataset) -> None:
    card = model_card(full(dataset))
    assert "Date of the training: 2025-12-24" in card
    assert "2026-01-31" not in card
    assert "Date of the training: not available" in model_card(bare())


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
    assert "a \\| b \\# c" in card


def test_escaping_keeps_every_letter() -> None:
    assert escaped("shirt_1 (a*b)").replace("\\", "") == "shirt_1 (a*b)"
