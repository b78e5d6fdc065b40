from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.backbones import catalogue
from core.data.dataset import Dataset
from core.data.intake import take_in
from core.errors import BadInput, Stopped
from core.insight.metrics import evaluate
from core.runs import studied
from core.runs.folder import RunFolder
from core.runs.status import State
from core.runs.wishes import Leaving
from core.runs.work import carry_out
from core.studies import moving as module
from core.studies.moving import BlockMove, Moving, kept_moving, moving, photos_to_look_at
from core.training.plan import Head, Plan, Recipe
from core.training.start import RANDOM, Start
from core.workspace import Workspace
from tests.conftest import make_photos
from tests.core.conftest import Trained

FOUND = Moving((BlockMove("stem", 0.0, 1.0), BlockMove("top", 0.02, None)), 40, unseen=True)


@pytest.fixture
def run(workspace: Workspace, dataset: Dataset) -> RunFolder:
    folder = RunFolder.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    folder.model.write_bytes(b"a model")
    return folder


def test_photos_that_it_has_not_learned_from_are_taken(tmp_path: Path, workspace: Workspace) -> None:
    dataset = take_in(make_photos(tmp_path / "many", each=40), workspace)
    run = RunFolder.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    test = look_at_test(run, dataset)
    found = photos_to_look_at(run, dataset, 512)
    assert found.unseen
    assert found.items == tuple(item for item in dataset.items if item.split != "train")
    assert found.of == len(found.items) > len(test)
    fewer = photos_to_look_at(run, dataset, 10)
    assert np.bincount([item.label for item in fewer.items]).tolist() == [5, 5]
    assert fewer == photos_to_look_at(run, dataset, 10)
    assert fewer.of == found.of


def test_test_photos_are_taken_only_once_they_were_measured(tmp_path: Path, workspace: Workspace) -> None:
    dataset = take_in(make_photos(tmp_path / "many", each=80), workspace)
    run = RunFolder.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    found = photos_to_look_at(run, dataset, 512)
    assert found.unseen
    assert found.items == dataset.of_split("validation")


def test_where_these_are_few_training_photos_are_taken_too_and_that_is_said(
    run: RunFolder, dataset: Dataset
) -> None:
    found = photos_to_look_at(run, dataset, 512)
    assert not found.unseen
    assert found.items == tuple(item for item in dataset.items if item.split != "test")
    look_at_test(run, dataset)
    assert photos_to_look_at(run, dataset, 512).items == dataset.items


def look_at_test(run: RunFolder, dataset: Dataset) -> list[int]:
    """Write a report that says that the test photos were looked at."""
    truth = [item.label for item in dataset.of_split("test")]
    run.write_report({"version": 1, "test": evaluate(truth, truth, dataset.classes, 0).to_json()})
    return truth


def test_what_moved_in_a_model_that_changed_meanwhile_is_not_kept(
    workspace: Workspace, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def computed(*_given: object) -> Moving:
        run.model.write_bytes(b"the model after more epochs")
        return FOUND

    monkeypatch.setattr(module, "_computed", computed)
    with pytest.raises(BadInput, match="trained further meanwhile"):
        moving(workspace, run)
    assert kept_moving(run) is None


def test_what_was_found_out_is_found_again_until_the_model_changes(run: RunFolder) -> None:
    assert kept_moving(run) is None
    studied.keep_record(run, module.NAME, asdict(FOUND))
    assert kept_moving(run) == FOUND
    run.model.write_bytes(b"another model")
    assert kept_moving(run) is None


@pytest.mark.parametrize(
    "damage", [{"blocks": None}, {"blocks": [{"block": "stem"}]}, {"photos": "many"},
               {"blocks": [{"block": "stem", "weights": "x", "cka": None}]}],
)
def test_a_damaged_record_is_not_found(run: RunFolder, damage: dict[str, Any]) -> None:
    studied.keep_record(run, module.NAME, asdict(FOUND) | damage)
    assert kept_moving(run) is None


@pytest.mark.slow
def test_of_a_run_that_learned_the_head_alone_nothing_has_moved(trained: Trained, tmp_path: Path) -> None:
    workspace, folder = copied(trained, tmp_path)
    told: list[str] = []
    found = moving(workspace, folder, lambda phase, _done, _total: told.append(phase))
    assert [block.block for block in found.blocks] == list(catalogue.get("efficientnet-lite0").block_names)
    assert {block.weights for block in found.blocks} == {0.0}
    assert [block.cka for block in found.blocks] == [pytest.approx(1.0, abs=1e-6)] * len(found.blocks)
    assert len(dict.fromkeys(told)) == 4
    told.clear()
    assert moving(workspace, folder, lambda phase, _done, _total: told.append(phase)) == found
    assert told == []


@pytest.mark.slow
def test_a_cancel_leaves_nothing_behind(trained: Trained, tmp_path: Path) -> None:
    workspace, folder = copied(trained, tmp_path)

    def stop(_phase: str, done: int, _total: int | None) -> None:
        if done:
            raise Stopped("enough")

    with pytest.raises(Stopped):
        moving(workspace, folder, stop)
    assert kept_moving(folder) is None


@pytest.mark.zoo
def test_of_a_stopped_run_from_scratch_what_learned_has_moved_from_where_it_began(
    workspace: Workspace, dataset: Dataset
) -> None:
    blocks = catalogue.get("mobilenet-v3-small").block_names
    learned = blocks[-2:]
    plan = Plan(
        dataset.id, dataset.title, "mobilenet-v3-small", trainable=learned, weights=Start(RANDOM),
        image_size=64, head=Head(pooling="max"), recipe=Recipe(epochs=1, batch_size=4, learning_rate=1e-2),
    )
    folder = RunFolder.create(workspace, plan)
    ended = carry_out(workspace, folder, Leaving())
    assert ended.state is State.FINISHED
    folder.write_status(replace(ended, state=State.STOPPED))
    found = moving(workspace, folder)
    assert tuple(block.block for block in found.blocks if block.weights) == learned
    frozen = [block for block in found.blocks if block.block not in learned]
    assert {block.weights for block in frozen} == {0.0}
    assert [block.cka for block in frozen] == [pytest.approx(1.0, abs=1e-5)] * len(frozen)


def copied(trained: Trained, tmp_path: Path) -> tuple[Workspace, RunFolder]:
    shutil.copytree(trained.workspace.root, tmp_path / "copied")
    workspace = Workspace.open(tmp_path / "copied")
    return workspace, RunFolder(workspace.run_dir(trained.run.id))
