from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from page_view import (
    HOSTILE,
    RunMaker,
    Visitor,
    calm,
    component,
    components,
    html_texts,
    labels,
    markdown_texts,
    words,
)
from streamlit.testing.v1 import AppTest

from core.data.dataset import Dataset
from core.runs import studied
from core.runs.folder import RunFolder
from core.runs.status import State
from core.studies import asking, mapping, moving
from core.studies.moving import BlockMove, Moving
from core.training.plan import Plan
from pages.ui import embedding_map as module

BLOCKS = ("stem", *(f"block{n}" for n in range(1, 8)), "top")


def opened(visitor: Visitor) -> AppTest:
    at = visitor.open("evaluate")
    at.segmented_control(key="evaluate_view").set_value("moved").run()
    return calm(at)


def with_moving(run: RunFolder) -> RunFolder:
    frozen = tuple(BlockMove(name, 0.0, 1.0) for name in BLOCKS[:-1])
    found = Moving((*frozen, BlockMove("top", 0.032, 0.5)), 39, unseen=True)
    studied.keep_record(run, moving.NAME, asdict(found))
    return run


def with_map(run: RunFolder, dataset: Dataset) -> RunFolder:
    count = len(dataset.items)
    studied.keep_arrays(run, mapping.NAME, {
        "explained": [[0.2, 0.1], [0.5, 0.25]], "own": [8, 12], "perplexity": 5.0, "unseen": False, "of": 40,
    }, {
        "images": np.asarray([item.path for item in dataset.items], np.str_),
        "labels": np.asarray([item.label for item in dataset.items], np.int32),
        "said": np.zeros(count, np.int32), "sure": np.full(count, 0.75, np.float32),
        "pca": np.arange(4 * count, dtype=np.float32).reshape(2, count, 2) / 3,
        "tsne": np.ones((2, count, 2), np.float32),
    })
    return run


def test_what_is_not_known_has_a_button_each_that_finds_it_out(visitor: Visitor, make_run: RunMaker) -> None:
    make_run(State.STOPPED)
    at = opened(visitor)
    assert "Find out what moved" in labels(at)
    assert "Draw the map" in labels(at)
    assert not components(at)


def test_a_button_begins_the_study_of_this_run(
    visitor: Visitor, make_run: RunMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    asked: list[tuple[str, str]] = []

    def ask(_jobs: object, about: str, kind: str, *_rest: object) -> str:
        asked.append((about, kind))
        return "job"

    monkeypatch.setattr(asking, "ask", ask)
    at = opened(visitor)
    for label in ("Find out what moved", "Draw the map"):
        next(each for each in at.button if each.label == label).click().run()
    assert asked == [(run.id, "moved"), (run.id, "embedding-map")]


def test_the_block_map_shows_how_far_each_block_moved(
    visitor: Visitor, make_run: RunMaker, dataset: Dataset
) -> None:
    plan = Plan(dataset.id, dataset.title, "efficientnet-lite0", trainable=("top",))
    with_moving(make_run(plan=plan))
    at = opened(visitor)
    drawn = component(at, "moved-map")
    assert drawn["locked"]
    assert drawn["learning"] == ["top"]
    assert drawn["warmth"] == {name: float(name == "top") for name in BLOCKS}
    tiles = {tile["name"]: tile for tile in drawn["blocks"]}
    assert tiles["top"]["rate"][0] == "moved 3.2%\nCKA 0.50"
    assert tiles["stem"]["joins"][0] == "moved 0%\nCKA 1"
    text = words(at)
    assert "Top moved furthest." in text
    assert "Top 3.20% 0.5000 learned" in text
    assert "on 39 photos of validation and test" in text


def test_the_map_is_told_photos_thumbnails_and_what_the_model_says(
    visitor: Visitor, make_run: RunMaker, dataset: Dataset
) -> None:
    with_map(make_run(), dataset)
    at = opened(visitor)
    drawn = component(at, "embedding-map")
    assert [plot["title"] for plot in drawn["plots"]] == ["Before the training", "After the training"]
    assert drawn["labels"] == [item.label for item in dataset.items]
    assert drawn["thumbs"][3] == f"/thaw/datasets/{dataset.id}/thumb/3?edge=160"
    assert drawn["sure"][0] == "75%"
    assert [each["count"] for each in drawn["classes"]] == ["8", "8"]
    text = words(at)
    assert "50.0% before: among their own class, 8 of 16" in text
    assert "75.0% after: among their own class, 12 of 16" in text
    assert "drawn by class from 40" in text
    assert "perplexity 5; Wattenberg" in text


def test_the_layout_can_be_changed_to_pca_and_its_share_is_said(
    visitor: Visitor, make_run: RunMaker, dataset: Dataset
) -> None:
    with_map(make_run(), dataset)
    at = opened(visitor)
    assert component(at, "embedding-map")["plots"][0]["x"] == [1.0] * 16
    at.segmented_control(key="map_method").set_value("pca").run()
    assert component(at, "embedding-map")["plots"][0]["x"][:3] == [0.0, 0.6667, 1.333]
    assert "They hold 30% of what parts the features before the training and 75% after it" in words(calm(at))


def test_thumbnails_are_counted_in_the_whole_dataset_of_which_a_run_used_a_part(
    visitor: Visitor, make_run: RunMaker, dataset: Dataset
) -> None:
    plan = Plan(dataset.id, dataset.title, "efficientnet-lite0", limit=12)
    part = dataset.limited(12)
    with_map(make_run(plan=plan), part)
    places = [dataset.items.index(item) for item in part.items]
    drawn = component(opened(visitor), "embedding-map")
    assert drawn["thumbs"] == [f"/thaw/datasets/{dataset.id}/thumb/{place}?edge=160" for place in places]


def test_what_moved_is_shown_also_where_the_photos_are_gone(visitor: Visitor, make_run: RunMaker) -> None:
    plan = Plan("20200101-000000-gone", "gone", "efficientnet-lite0")
    with_moving(make_run(plan=plan))
    at = opened(visitor)
    assert components(at) == {"moved-map"}
    assert len(at.error) == 1


def test_names_from_outside_stay_text(visitor: Visitor, make_run: RunMaker, hostile: Dataset) -> None:
    with_map(with_moving(make_run(of=hostile)), hostile)
    at = opened(visitor)
    assert component(at, "embedding-map")["classes"][0]["name"].startswith("![pic]")
    assert HOSTILE not in "".join(text for _field, text in markdown_texts(at))
    assert "<img" not in "".join(html_texts(at))


@pytest.mark.parametrize("tone", ["light", "dark"])
def test_of_the_first_seventy_classes_no_two_look_the_same(
    tone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "theme", lambda: tone)
    looks = [module.look_of(label) for label in range(70)]
    assert len(set(looks)) == 70
    assert len({colour for colour, _symbol in looks[:10]}) == 10
