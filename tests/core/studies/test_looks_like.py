from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.data.dataset import Dataset
from core.data.images import load_array
from core.runs import studied
from core.runs.folder import RunFolder
from core.studies import looks_like as module
from core.studies.embed import embeddings
from core.studies.looks_like import KEPT, LooksLike, looks_like
from core.training.plan import Plan
from core.workspace import Workspace
from tests.core.conftest import Trained


@pytest.fixture
def run(workspace: Workspace, dataset: Dataset) -> RunFolder:
    return make(workspace, dataset)


def make(workspace: Workspace, dataset: Dataset, **plan: Any) -> RunFolder:
    folder = RunFolder.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0", **plan))
    folder.model.write_bytes(b"a model")
    return folder


def keep(run: RunFolder, items: tuple[Any, ...]) -> np.ndarray:
    features = np.random.default_rng(0).normal(size=(len(items), 6)).astype(np.float32)
    studied.keep_arrays(run, "embeddings-trained", {}, {
        "images": np.asarray([item.path for item in items]), "features": features,
        "probabilities": np.zeros((len(items), 2), np.float32),
    })
    return features


def seeing(found: LooksLike, features: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(found, "_seen", lambda images: features[: len(images)])


def test_before_the_features_are_computed_nothing_is_known(workspace: Workspace, run: RunFolder) -> None:
    assert looks_like(workspace, run) is None


def test_the_most_alike_training_photos_are_told_and_no_others(
    workspace: Workspace, run: RunFolder, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = keep(run, dataset.items)
    found = looks_like(workspace, run)
    assert found is not None
    photo = dataset.items.index(dataset.of_split("train")[2])
    test_photo = dataset.items.index(dataset.of_split("test")[0])
    seeing(found, 5 * features[[photo, test_photo]], monkeypatch)
    one, other = found([np.zeros((8, 8, 3), np.uint8)] * 2, k=3)
    assert one[0].index == photo
    assert one[0].item == dataset.items[photo]
    assert one[0].name == dataset.classes[one[0].item.label]
    assert one[0].similarity == pytest.approx(1, abs=1e-5)
    assert len(one) == len(other) == 3
    assert all(each.item.split == "train" for each in (*one, *other))
    assert found([]) == []


def test_of_a_limited_run_the_places_are_those_in_the_whole_dataset(
    workspace: Workspace, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make(workspace, dataset, train_per_class=2)
    items = module.own_dataset(workspace, run).items
    features = keep(run, items)
    found = looks_like(workspace, run)
    assert found is not None
    at = next(at for at, item in reversed(list(enumerate(items))) if item.split == "train")
    seeing(found, features[[at]], monkeypatch)
    ((best, *_rest),) = found([np.zeros((8, 8, 3), np.uint8)])
    assert dataset.items[best.index] == best.item == items[at]


def test_it_is_made_once_a_model_and_the_least_recent_is_let_go(
    workspace: Workspace, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone: list[object] = []

    def let_go(found: LooksLike) -> None:
        gone.append(found)

    monkeypatch.setattr(LooksLike, "let_go", let_go)
    runs = [make(workspace, dataset) for _each in range(KEPT + 1)]
    for run in runs:
        keep(run, dataset.items)
    first = looks_like(workspace, runs[0])
    assert looks_like(workspace, runs[0]) is first
    for run in runs[1:]:
        looks_like(workspace, run)
    assert first in gone
    assert looks_like(workspace, runs[0]) is not first


@pytest.mark.slow
def test_a_training_photo_looks_most_like_itself_to_the_real_model(trained: Trained) -> None:
    embeddings(trained.workspace, trained.run, "trained")
    found = looks_like(trained.workspace, trained.run)
    assert found is not None
    item = trained.dataset.of_split("train")[3]
    size = trained.plan.size
    image = load_array(Path(trained.dataset.file(item)), size)
    for _again in range(2):
        ((best, *others),) = found([image])
        assert best.item == item
        assert best.similarity == pytest.approx(1, abs=1e-3)
        assert others
        found.let_go()


def test_what_is_ready_is_not_read_from_the_disk_again(
    workspace: Workspace, run: RunFolder, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(run, dataset.items)
    found = looks_like(workspace, run)
    monkeypatch.setattr(module, "kept_embeddings", lambda *_given: pytest.fail("read again"))
    assert looks_like(workspace, run) is found is not None
