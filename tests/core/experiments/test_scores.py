from __future__ import annotations

import logging

import numpy as np
import pytest
from fake_runs import finish

from core.activations.store import MADE_BY, Activations
from core.data.dataset import Dataset
from core.experiments import design as designs
from core.experiments import members, scores, steering
from core.experiments.experiment import Experiment
from core.insight.logme import logme
from core.training import known_rows
from core.training.plan import Plan
from core.workspace import Workspace

NAMES = ["efficientnet-lite0", "efficientnet-lite1"]
FEATURES = 6


@pytest.fixture
def ranking(workspace: Workspace, dataset: Dataset) -> Experiment:
    plan = Plan(dataset.id, dataset.title, NAMES[0])
    return steering.begin(workspace, designs.backbones(plan, dataset, names=NAMES))


def rows_of(dataset: Dataset) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    random = np.random.default_rng(3)
    return np.stack([
        random.normal(item.label, 1.0, FEATURES).astype(np.float32) for item in dataset.of_split("train")])


def keep(workspace: Workspace, plan: Plan, dataset: Dataset, *, left_out: int = 0) -> None:
    """Keep features of the training photos as a training does."""
    made_by = {"backbone": plan.backbone, "weights": "f00d", "cut": ["pooling"], "versions": {"keras": "3"}}
    keys = [known_rows.key(item.digest, "none", 0, 0) for item in dataset.of_split("train")][left_out:]
    with Activations(workspace, made_by, [(FEATURES,)], known_rows.label(plan)) as kept:
        writing = kept.writer()
        writing.append(keys, [rows_of(dataset)[left_out:]])
        writing.close()


def test_logme_is_that_of_what_was_kept_of_the_training_photos(
    workspace: Workspace, dataset: Dataset, ranking: Experiment
) -> None:
    plan = finish(workspace, ranking.members[0].run).plan()
    keep(workspace, plan, dataset)
    scores.complete(workspace, ranking, members.found(workspace, ranking))
    labels = [item.label for item in dataset.of_split("train")]
    assert scores.scores(workspace, ranking.id) == {ranking.members[0].run: logme(rows_of(dataset), labels)}


def test_it_is_not_available_where_not_all_photos_were_kept(
    workspace: Workspace, dataset: Dataset, ranking: Experiment
) -> None:
    for at, each in enumerate(ranking.members):
        plan = finish(workspace, each.run).plan()
        if at:
            keep(workspace, plan, dataset, left_out=1)
    scores.complete(workspace, ranking, members.found(workspace, ranking))
    assert scores.scores(workspace, ranking.id) == {each.run: None for each in ranking.members}


def test_features_of_another_backbone_are_not_taken(workspace: Workspace, dataset: Dataset) -> None:
    first, second = (Plan(dataset.id, dataset.title, name) for name in NAMES)
    keep(workspace, first, dataset)
    assert scores.features(workspace, second, dataset) is None
    found = scores.features(workspace, first, dataset)
    assert found is not None
    np.testing.assert_array_equal(found, rows_of(dataset))


def test_what_is_damaged_in_the_cache_is_passed_over(workspace: Workspace, dataset: Dataset) -> None:
    plan = Plan(dataset.id, dataset.title, NAMES[0])
    keep(workspace, plan, dataset)
    (made_by,) = workspace.cache.rglob(MADE_BY)
    made_by.write_text("{")
    assert scores.features(workspace, plan, dataset) is None


def test_a_score_that_cannot_be_computed_is_not_available(
    workspace: Workspace, ranking: Experiment, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fails(*_given: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(scores, "features", fails)
    finish(workspace, ranking.members[0].run)
    with caplog.at_level(logging.ERROR):
        scores.complete(workspace, ranking, members.found(workspace, ranking))
    assert scores.scores(workspace, ranking.id) == {ranking.members[0].run: None}
    assert "cannot be scored" in caplog.text


@pytest.mark.parametrize("text", ["{", "[1]", '{"a": "b"}', '{"a": NaN}', '{"a": 1%s}' % ("0" * 400)])
def test_a_damaged_file_of_scores_says_nothing(workspace: Workspace, ranking: Experiment, text: str) -> None:
    (workspace.experiments / ranking.id / scores.FILE).write_text(text)
    assert set(scores.scores(workspace, ranking.id).values()) <= {None}
