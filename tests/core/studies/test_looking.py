"""What a real model says of photos, and the features that it makes of them, kept in its run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import BadInput, Stopped
from core.insight import predict
from core.runs.folder import RunFolder
from core.runs.lineage import going_on_from
from core.runs.work import evaluation_of
from core.studies import embed, predicting
from core.studies.embed import embeddings, kept_embeddings, start_model
from core.studies.predicting import predictions
from core.studies.target import Target, chosen
from core.workspace import Workspace
from tests.core.conftest import Trained

pytestmark = pytest.mark.slow


@pytest.fixture
def copied(trained: Trained, tmp_path: Path) -> tuple[Workspace, RunFolder]:
    root = tmp_path / "copied"
    shutil.copytree(trained.workspace.root, root)
    workspace = Workspace.open(root)
    return workspace, RunFolder.open(workspace, trained.run.id)


def refuse(*_given: Any, **_named: Any) -> Any:
    pytest.fail("computed again")


def test_what_was_said_of_the_test_photos_at_the_end_is_kept(copied: tuple[Workspace, RunFolder]) -> None:
    workspace, run = copied
    photos = chosen(workspace, run, Target())
    found = predicting.kept(run, Target(), photos)
    test = evaluation_of(run)
    assert found is not None
    assert test is not None
    assert (len(found), int(found.right.sum())) == (test.accuracy.images, test.accuracy.right)


def test_predictions_are_those_of_the_model_and_computed_once(
    copied: tuple[Workspace, RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, run = copied
    target = Target(split="validation")
    found = predictions(workspace, run, target)
    photos = chosen(workspace, run, target)
    model = predict.loaded(run.model)
    answers = predict.predict(model, [photos.dataset.file(item) for item in photos.items], top=1)
    said = [row[0].name for row in answers if isinstance(row, list)]
    assert [found.classes[at] for at in found.said] == said
    monkeypatch.setattr(predicting, "answers", refuse)
    np.testing.assert_array_equal(predictions(workspace, run, target).probabilities, found.probabilities)


@pytest.mark.parametrize("when", ["start", "trained"])
def test_a_frozen_backbone_makes_the_same_features_before_and_after(
    copied: tuple[Workspace, RunFolder], when: embed.When, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, run = copied
    dataset = chosen(workspace, run, Target(split="all")).dataset
    first = embeddings(workspace, run, when)
    assert first.images == tuple(item.path for item in dataset.items)
    other = embeddings(workspace, run, "trained" if when == "start" else "start")
    np.testing.assert_allclose(first.features, other.features, atol=1e-4)
    assert np.abs(first.probabilities - other.probabilities).max() > 1e-3
    monkeypatch.setattr(embed, "passed", refuse)
    again = embeddings(workspace, run, when)
    np.testing.assert_array_equal(again.features, first.features)
    assert kept_embeddings(run, when, dataset) is not None


def test_a_run_whose_start_was_trained_further_is_not_compared_with_it(
    copied: tuple[Workspace, RunFolder],
) -> None:
    from core.backbones.build import block_layers
    from core.training.model import body_of, load_model, save_model

    workspace, before = copied
    run = RunFolder.create(workspace, going_on_from(before.plan(), before))
    shutil.copyfile(before.model, run.model)
    assert not start_model(workspace, run).compiled
    model, classes = load_model(before.model)
    layer = next(
        each for each in block_layers(body_of(model), run.plan().backbone)["block3"] if each.get_weights())
    layer.set_weights([1.25 * each for each in layer.get_weights()])
    save_model(model, classes, before.model)
    with pytest.raises(BadInput, match="trained further since"):
        start_model(workspace, run)


def test_a_cancelled_look_keeps_nothing(copied: tuple[Workspace, RunFolder]) -> None:
    workspace, run = copied

    def stop(_phase: str, done: int, _total: int | None) -> None:
        if done:
            raise Stopped("It was cancelled.")

    looks: list[Callable[[], object]] = [
        lambda: embeddings(workspace, run, "trained", stop),
        lambda: predictions(workspace, run, Target(split="train"), stop),
    ]
    for look in looks:
        with pytest.raises(Stopped):
            look()
    kept = {path.name for path in (run.path / "studies").iterdir()}
    assert kept == {"predictions-own-test.npz"}
