from __future__ import annotations

from dataclasses import replace

import pytest

from core import drafts
from core.drafts import Draft
from core.training.plan import Head, Recipe
from core.workspace import Workspace

BROWSER = "0123456789abcdef0123456789abcdef"


def test_what_was_chosen_is_found_again(workspace: Workspace) -> None:
    draft = Draft(
        dataset="some-photos", dataset_title="[x](y)", job="job1", trainable=("block7", "top"),
        head=Head(pooling="max", dropout=0.5, hidden=64), recipe=Recipe(epochs=3, augment="light"),
        model_seen=True, run="a-run",
    )
    drafts.save(workspace, BROWSER, draft)
    assert drafts.load(workspace, BROWSER) == draft


@pytest.mark.parametrize("content", ["", "{}", '{"plan": {"version": 99}}', '{"plan": []}'])
def test_a_damaged_file_gives_the_defaults(workspace: Workspace, content: str) -> None:
    (workspace.browsers / f"{BROWSER}.json").write_text(content)
    assert drafts.load(workspace, BROWSER) == Draft()


@pytest.mark.parametrize("browser", ["", "../x", "0" * 31, "G" * 32])
def test_a_name_that_is_not_ours_touches_no_file(workspace: Workspace, browser: str) -> None:
    drafts.save(workspace, browser, replace(Draft(), run="kept"))
    assert drafts.load(workspace, browser) == Draft()
    assert list(workspace.browsers.iterdir()) == []


def test_another_backbone_keeps_the_blocks_it_has_too() -> None:
    draft = Draft(trainable=("block6", "top")).with_backbone("efficientnet-lite2")
    assert draft.backbone == "efficientnet-lite2"
    assert draft.trainable == ("block6", "top")
