"""Figures on labelled photos and the temperature; what the model says is written by hand."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import log_loss

from core.data.dataset import Dataset
from core.data.intake import take_in
from core.errors import BadInput, Stopped
from core.insight.predictions import Predictions
from core.runs import studied
from core.runs.folder import RunFolder
from core.runs.work import evaluation_of, looks
from core.studies import evaluating, predicting
from core.studies.evaluating import (
    evaluated,
    figures,
    fit_temperature,
    is_own_test,
    kept_fit,
    kept_temperature,
    looked,
)
from core.studies.target import Target, chosen
from core.training.plan import Plan
from core.workspace import Workspace
from tests.conftest import make_photos

MODEL = SimpleNamespace(size=24, keras=SimpleNamespace(
    predict_on_batch=lambda images: np.tile(np.asarray([[0.75, 0.25]], np.float32), (len(images), 1))))


@pytest.fixture
def many(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return take_in(make_photos(tmp_path_factory.mktemp("many") / "photos", each=60), workspace)


@pytest.fixture
def run(workspace: Workspace, many: Dataset) -> RunFolder:
    made = RunFolder.create(workspace, Plan(many.id, many.title, "efficientnet-lite0"))
    made.model.write_bytes(b"a model")
    made.write_report({"version": 1})
    return made


def said_of(workspace: Workspace, run: RunFolder, split: str, sure: float = 0.99) -> Predictions:
    """Keep answers, too sure by far: every third photo is taken for the other class."""
    photos = chosen(workspace, run, Target("", split))
    labels = photos.labels
    answer = np.where(np.arange(len(labels)) % 3 == 0, 1 - labels, labels)
    chances = np.full((len(labels), 2), 1 - sure, dtype=np.float32)
    chances[np.arange(len(labels)), answer] = sure
    found = Predictions(photos.classes, tuple(item.path for item in photos.items), labels, chances)
    studied.keep_predictions(run, Target("", split).key, found)
    return found


def test_the_test_photos_are_measured_with_the_first_look_and_counted_once(
    workspace: Workspace, run: RunFolder
) -> None:
    said = said_of(workspace, run, "test")
    assert evaluation_of(run) is None
    for _each in range(2):
        looked(workspace, run, Target(), lambda *_given: None)
        found = evaluation_of(run)
        assert found is not None
        assert (found.accuracy.right, found.accuracy.images) == (int(said.right.sum()), len(said))
        assert looks(run.report() or {}) == 1


def test_the_test_photos_by_the_datasets_id_are_the_same(
    workspace: Workspace, run: RunFolder, many: Dataset
) -> None:
    said_of(workspace, run, "test")
    assert is_own_test(run, Target(many.id, "test"))
    assert not is_own_test(run, Target("", "validation"))
    looked(workspace, run, Target(many.id, "test"))
    assert evaluation_of(run) is not None


def test_a_look_at_all_photos_is_one_at_the_test_photos(workspace: Workspace, run: RunFolder) -> None:
    said_of(workspace, run, "test")
    said_of(workspace, run, "all")
    looked(workspace, run, Target("", "all"))
    assert looks(run.report() or {}) == 1


def test_a_first_look_is_told_of_and_a_cancelled_one_does_not_count(
    workspace: Workspace, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_phase: str, done: int, total: int | None) -> None:
        if done and done == total:
            raise Stopped("It was cancelled.")

    monkeypatch.setattr("core.insight.predict.loaded", lambda _path: MODEL)
    with pytest.raises(Stopped):
        looked(workspace, run, Target(), stop)
    assert looks(run.report() or {}) == 0
    assert predicting.kept(run, Target(), chosen(workspace, run, Target())) is None
    looked(workspace, run, Target())
    assert looks(run.report() or {}) == 1


def test_answers_of_a_model_that_changed_meanwhile_are_not_kept(
    workspace: Workspace, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained_further(*_given: object) -> None:
        run.model.write_bytes(b"the model after more epochs")

    monkeypatch.setattr("core.insight.predict.loaded", lambda _path: MODEL)
    with pytest.raises(BadInput, match="trained further meanwhile"):
        predicting.predictions(workspace, run, Target("", "validation"), trained_further)
    photos = chosen(workspace, run, Target("", "validation"))
    assert predicting.kept(run, Target("", "validation"), photos) is None


def test_a_temperature_of_a_model_that_changed_meanwhile_is_not_kept(
    workspace: Workspace, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    said_of(workspace, run, "validation")

    def fitted(_found: Predictions) -> float:
        run.model.write_bytes(b"the model after more epochs")
        return 2.0

    monkeypatch.setattr(evaluating, "fitted_temperature", fitted)
    with pytest.raises(BadInput, match="trained further meanwhile"):
        fit_temperature(workspace, run)
    assert kept_temperature(run) is None


def test_a_look_at_other_photos_is_none_at_the_test_photos(workspace: Workspace, run: RunFolder) -> None:
    said_of(workspace, run, "validation")
    looked(workspace, run, Target("", "validation"))
    assert evaluation_of(run) is None


def test_the_baseline_is_the_commonest_class_that_was_learned(
    workspace: Workspace, run: RunFolder, many: Dataset
) -> None:
    found = evaluated(workspace, run, said_of(workspace, run, "test"))
    counts = [sum(item.label == at for item in many.of_split("train")) for at in range(2)]
    assert counts[found.majority_class] == max(counts)
    assert found.majority.right == sum(found.confusion[found.majority_class])


def test_a_temperature_is_fitted_on_validation_photos_and_kept(
    workspace: Workspace, run: RunFolder, many: Dataset
) -> None:
    assert kept_temperature(run) is None
    said = said_of(workspace, run, "validation")
    fit = fit_temperature(workspace, run)
    assert fit.images == len(many.of_split("validation"))
    assert fit.value > 1
    assert fit.loss_after < fit.loss_before == pytest.approx(log_loss(said.labels, said.probabilities))
    assert kept_fit(run) == fit
    assert kept_temperature(run) == fit.value


def test_the_temperature_of_another_model_is_not_found(workspace: Workspace, run: RunFolder) -> None:
    said_of(workspace, run, "validation")
    fit_temperature(workspace, run)
    run.model.write_bytes(b"the model after more epochs")
    assert kept_temperature(run) is None


@pytest.mark.parametrize(
    "damage", [{"value": 0}, {"value": "x"}, {"value": True}, {"value": 1e9}, {"images": 0}, {"images": None}]
)
def test_a_damaged_temperature_counts_as_none(
    workspace: Workspace, run: RunFolder, damage: dict[str, object]
) -> None:
    said_of(workspace, run, "validation")
    fit_temperature(workspace, run)
    record = dict(studied.kept_record(run, evaluating.TEMPERATURE) or {})
    studied.keep_record(run, evaluating.TEMPERATURE, {**record, **damage})
    assert kept_temperature(run) is None


def test_validation_photos_without_a_mistake_are_refused_and_nothing_is_kept(
    workspace: Workspace, run: RunFolder
) -> None:
    photos = chosen(workspace, run, Target("", "validation"))
    chances = np.full((len(photos.labels), 2), 0.25, dtype=np.float32)
    chances[np.arange(len(photos.labels)), photos.labels] = 0.75
    said = Predictions(photos.classes, tuple(item.path for item in photos.items), photos.labels, chances)
    studied.keep_predictions(run, "own-validation", said)
    with pytest.raises(BadInput, match="do not tell"):
        fit_temperature(workspace, run)
    assert kept_temperature(run) is None


def test_figures_are_json_without_gaps(workspace: Workspace, run: RunFolder) -> None:
    said = said_of(workspace, run, "test")
    found = figures(said).to_json()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["images"] == len(said)
    one = predicting.kept(run, Target(), chosen(workspace, run, Target()))
    assert one is not None
    assert figures(one).to_json() == found
