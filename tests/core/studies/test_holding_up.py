from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from core.data.dataset import Dataset
from core.errors import BadInput, NotFound, Stopped
from core.insight import predict
from core.insight.corruptions import CORRUPTIONS, STRENGTHS
from core.insight.metrics import evaluate
from core.insight.predict import Loaded
from core.runs.folder import RunFolder
from core.runs.work import evaluation_of
from core.studies import holding_up as study
from core.studies.holding_up import VERSIONS, HoldingUp, holding_up, kept_holding_up
from core.studies.target import Chosen, Target, chosen
from core.training.plan import Plan
from core.workspace import Workspace
from tests.core.conftest import Trained


class Reddish:
    """Says "red" where a photo is redder than blue and bright enough, else "blue"; counts what it saw."""

    def __init__(self) -> None:
        self.seen = 0

    def predict_on_batch(self, images: np.ndarray) -> np.ndarray:
        self.seen += len(images)
        means = images.astype(float).mean(axis=(1, 2))
        red = (means[:, 0] > means[:, 2]) & (means[:, 0] > 100)
        return np.stack([~red, red], axis=1).astype(np.float32)


@pytest.fixture
def oracle(monkeypatch: pytest.MonkeyPatch) -> Reddish:
    made = Reddish()
    monkeypatch.setattr(predict, "loaded", lambda _path: Loaded(made, ("blue", "red"), 24))
    return made


@pytest.fixture
def run(workspace: Workspace, dataset: Dataset) -> RunFolder:
    """A run whose test photos have been looked at."""
    folder = RunFolder.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    folder.model.write_bytes(b"a model")
    truth = [item.label for item in dataset.of_split("test")]
    folder.write_report({"version": 1, "test": evaluate(truth, truth, dataset.classes, 0).to_json()})
    return folder


def photos_of(workspace: Workspace, run: RunFolder, split: str = "test") -> Chosen:
    return chosen(workspace, run, Target("", split))


def test_every_corruption_at_every_strength_is_measured_on_the_same_photos(
    workspace: Workspace, run: RunFolder, oracle: Reddish
) -> None:
    found = holding_up(workspace, run)
    photos = photos_of(workspace, run)
    reds = int(photos.labels.sum())
    assert 0 < reds < len(photos.items)
    assert (found.clean.right, found.clean.images) == (len(photos.items), len(photos.items))
    assert set(found.worse) == {(name, strength) for name in CORRUPTIONS for strength in STRENGTHS}
    assert {each.share.images for each in found.worse.values()} == {len(photos.items)}
    # Darkened to 35%, red is no longer bright enough for it; turning changes no mean.
    assert [each.lost for each in found.at("dark")] == [0, reds, reds]
    assert [each.share.right for each in found.at("turn")] == [len(photos.items)] * 3
    assert oracle.seen == len(VERSIONS) * len(photos.items)


def test_what_was_found_is_kept_with_all_its_figures_and_not_computed_again(
    workspace: Workspace, run: RunFolder, oracle: Reddish
) -> None:
    found = holding_up(workspace, run)
    seen = oracle.seen
    assert holding_up(workspace, run) == found
    assert oracle.seen == seen
    assert kept_holding_up(run, photos_of(workspace, run), "test") == found


def test_of_another_model_of_other_photos_or_of_other_strengths_it_is_not_found(
    workspace: Workspace, run: RunFolder, oracle: Reddish, monkeypatch: pytest.MonkeyPatch
) -> None:
    holding_up(workspace, run)
    photos = photos_of(workspace, run)
    assert kept_holding_up(run, photos_of(workspace, run, "validation"), "test") is None
    weaker = {name: each for name, each in CORRUPTIONS.items() if name != "jpeg"}
    with monkeypatch.context() as patch:
        patch.setattr(study, "CORRUPTIONS", weaker)
        assert kept_holding_up(run, photos, "test") is None
    run.model.write_bytes(b"another model")
    assert kept_holding_up(run, photos, "test") is None


@pytest.mark.parametrize(
    "damage",
    [
        [], "none", [[1, 0, 0]] * 3, [[1, 0]] * 16, [[99, 0, 0]] * 16, [[True, 0, 0]] * 16,
        [[1, 0, 0]] * 15 + [[1, 1, 0]], [[1, -1, -1]] * 16,
    ],
)
def test_damaged_figures_are_passed_over(
    workspace: Workspace, run: RunFolder, oracle: Reddish, damage: object
) -> None:
    holding_up(workspace, run)
    path = run.path / "studies" / "holding-up-test.json"
    kept = json.loads(path.read_text())
    path.write_text(json.dumps({**kept, "right_lost_won": damage}))
    assert kept_holding_up(run, photos_of(workspace, run), "test") is None


def test_it_tells_how_far_it_is_and_stops_between_two_versions(
    workspace: Workspace, run: RunFolder, oracle: Reddish
) -> None:
    told: list[tuple[int, int | None]] = []

    def progress(_phase: str, done: int, total: int | None) -> None:
        told.append((done, total))
        if done >= 2 * len(photos_of(workspace, run).items):
            raise Stopped("enough")

    with pytest.raises(Stopped):
        holding_up(workspace, run, "test", progress)
    count = len(photos_of(workspace, run).items)
    assert told[-1] == (2 * count, len(VERSIONS) * count)
    assert oracle.seen == 2 * count
    assert kept_holding_up(run, photos_of(workspace, run), "test") is None


def test_the_first_look_at_the_test_photos_is_counted_before(
    workspace: Workspace, run: RunFolder, oracle: Reddish, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[str] = []
    monkeypatch.setattr(study, "measure", lambda _workspace, folder, _progress: measured.append(folder.id))
    holding_up(workspace, run)
    assert measured == []
    run.write_report({"version": 1, "test": None})
    run.model.write_bytes(b"another model")
    holding_up(workspace, run, "validation")
    assert measured == []
    holding_up(workspace, run)
    assert measured == [run.id]


def test_figures_of_a_model_that_changed_meanwhile_are_not_kept(
    workspace: Workspace, run: RunFolder, oracle: Reddish
) -> None:
    def trained_further(*_given: object) -> None:
        run.model.write_bytes(b"the model after more epochs")

    with pytest.raises(BadInput, match="trained further meanwhile"):
        holding_up(workspace, run, "test", trained_further)
    assert kept_holding_up(run, photos_of(workspace, run), "test") is None


def test_answers_that_are_no_numbers_are_not_counted_as_a_class(
    workspace: Workspace, run: RunFolder, oracle: Reddish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oracle, "predict_on_batch", lambda images: np.full((len(images), 2), np.nan))
    with pytest.raises(BadInput, match="finite numbers"):
        holding_up(workspace, run)


def test_a_dataset_that_is_gone_is_said(workspace: Workspace, run: RunFolder, dataset: Dataset) -> None:
    dataset.folder.rename(dataset.folder.with_name("elsewhere"))
    with pytest.raises(NotFound):
        holding_up(workspace, run)


def test_a_loss_is_tested_on_the_same_photos_and_corrected_for_all_figures() -> None:
    counts = [[50, 0, 0], [30, 20, 0], *[[50, 1, 1]] * 14]
    found: HoldingUp = study._from_counts("test", counts, 60)
    first, *others = found.worse.values()
    assert first.p == pytest.approx(15 * 2 * 0.5**20)
    assert {each.p for each in others} == {1.0}


@pytest.mark.slow
def test_as_they_are_photos_of_a_real_run_are_as_right_as_its_report_says(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: dict[str, Any] = {}
    monkeypatch.setattr(
        study.studied, "keep_record", lambda _folder, name, record, **_mark: kept.update({name: record}))
    found = holding_up(trained.workspace, trained.run)
    report = evaluation_of(trained.run)
    assert report is not None
    assert found.clean == report.accuracy
    assert list(kept) == ["holding-up-test"]
