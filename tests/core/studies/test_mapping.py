from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.data.dataset import Dataset
from core.errors import BadInput, Stopped
from core.insight import projection
from core.insight.metrics import evaluate
from core.runs import studied
from core.runs.folder import RunFolder
from core.studies import mapping
from core.studies.embed import Embeddings
from core.studies.mapping import NAME, kept_photo_map, photo_map
from core.training.plan import Plan
from core.workspace import Workspace


@pytest.fixture
def run(workspace: Workspace, dataset: Dataset) -> RunFolder:
    folder = RunFolder.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    folder.model.write_bytes(b"a model")
    truth = [item.label for item in dataset.of_split("test")]
    folder.write_report({"version": 1, "test": evaluate(truth, truth, dataset.classes, 0).to_json()})
    return folder


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, dataset: Dataset) -> list[str]:
    """Features made by hand: mixed before, apart by class after; of every photo the first class is said."""
    asked: list[str] = []

    def made(_workspace: Workspace, _folder: RunFolder, when: str, _progress: Any = None) -> Embeddings:
        asked.append(when)
        labels = np.asarray([item.label for item in dataset.items])
        features = np.random.default_rng(0).normal(size=(len(labels), 6))
        if when == "trained":
            features += 50.0 * labels[:, None]
        chances = np.tile(np.asarray([0.75, 0.25], np.float32), (len(labels), 1))
        return Embeddings(
            tuple(item.path for item in dataset.items), features.astype(np.float32), chances)

    monkeypatch.setattr(mapping, "embeddings", made)
    # t-SNE itself takes most of a second.
    monkeypatch.setattr(projection, "neighbour_map", lambda features: projection.plane(features).points)
    return asked


@pytest.mark.usefixtures("asked")
def test_the_map_says_of_each_photo_where_it_lies_what_it_is_and_what_is_said(
    workspace: Workspace, run: RunFolder, dataset: Dataset
) -> None:
    found = photo_map(workspace, run)
    assert found.images == tuple(item.path for item in dataset.items)
    assert found.labels.tolist() == [item.label for item in dataset.items]
    assert found.said.tolist() == [0] * 16
    assert found.sure.tolist() == [0.75] * 16
    assert {method: points.shape for method, points in found.points.items()} == {
        "pca": (2, 16, 2), "tsne": (2, 16, 2)}
    assert found.perplexity == 5.0
    assert (found.unseen, found.of) == (False, 16)


@pytest.mark.usefixtures("asked")
def test_the_figure_beside_the_map_is_measured_before_and_after(workspace: Workspace, run: RunFolder) -> None:
    before, after = photo_map(workspace, run).own
    assert after.right == after.images == 16
    assert before.right < 16


def test_a_map_that_was_drawn_is_not_drawn_again(
    workspace: Workspace, run: RunFolder, dataset: Dataset, asked: list[str]
) -> None:
    found = photo_map(workspace, run)
    assert asked == ["start", "trained"]
    again = photo_map(workspace, run)
    assert asked == ["start", "trained"]
    assert again.own == found.own
    assert (again.points["tsne"] == found.points["tsne"]).all()
    run.model.write_bytes(b"another model")
    assert kept_photo_map(run, dataset) is None


@pytest.mark.usefixtures("asked")
def test_test_photos_that_were_not_measured_are_not_on_the_map(
    workspace: Workspace, run: RunFolder, dataset: Dataset
) -> None:
    run.write_report({"version": 1, "test": None})
    found = photo_map(workspace, run)
    assert found.images == tuple(item.path for item in dataset.items if item.split != "test")
    assert found.of == len(found.images)


def test_a_map_of_a_model_that_changed_meanwhile_is_not_kept(
    workspace: Workspace, run: RunFolder, dataset: Dataset, asked: list[str]
) -> None:
    def trained_further(*_given: object) -> None:
        if asked == ["start", "trained"]:
            run.model.write_bytes(b"the model after more epochs")

    with pytest.raises(BadInput, match="trained further meanwhile"):
        photo_map(workspace, run, trained_further)
    assert kept_photo_map(run, dataset) is None


@pytest.mark.usefixtures("asked")
def test_a_map_of_other_photos_or_classes_is_not_found(
    workspace: Workspace, run: RunFolder, dataset: Dataset
) -> None:
    photo_map(workspace, run)
    assert kept_photo_map(run, dataset) is not None
    turned = tuple(replace(item, label=1 - item.label) for item in dataset.items)
    assert kept_photo_map(run, replace(dataset, items=turned)) is None
    assert kept_photo_map(run, replace(dataset, items=dataset.items[:-1])) is None


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("damage", [
    {"said": np.full(16, 7, np.int32)}, {"labels": np.zeros(3, np.int32)}, {"sure": np.zeros(3, np.float32)},
    {"tsne": np.zeros((2, 16, 3), np.float32)}, {"pca": np.full((2, 16, 2), np.nan, np.float32)},
], ids=["said", "labels", "sure", "tsne", "pca"])
def test_a_damaged_map_is_not_found(
    workspace: Workspace, run: RunFolder, dataset: Dataset, damage: dict[str, Any]
) -> None:
    photo_map(workspace, run)
    kept = studied.kept_arrays(run, NAME)
    assert kept is not None
    studied.keep_arrays(run, NAME, kept.record, {**kept.arrays, **damage})
    assert kept_photo_map(run, dataset) is None


@pytest.mark.usefixtures("asked")
def test_a_cancel_keeps_nothing(workspace: Workspace, run: RunFolder, dataset: Dataset) -> None:
    def stop(_phase: str, done: int, _total: int | None) -> None:
        if done == 2:
            raise Stopped("enough")

    with pytest.raises(Stopped):
        photo_map(workspace, run, stop)
    assert kept_photo_map(run, dataset) is None


@pytest.mark.usefixtures("asked")
def test_of_too_few_photos_there_is_no_map(
    workspace: Workspace, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection, "LEAST_PHOTOS", 17)
    with pytest.raises(BadInput, match="too few photos"):
        photo_map(workspace, run)
