from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.data.dataset import Dataset
from core.data.intake import take_in
from core.errors import BadInput, Stopped
from core.insight.overlay import EDGE
from core.runs import studied
from core.runs.folder import RunFolder
from core.studies import auditing
from core.studies.auditing import (
    NAME,
    audit_of_run,
    audited,
    backbone_features,
    features_of,
    kept_audit,
)
from core.studies.embed import Embeddings
from core.training.plan import Plan
from core.training.start import FILE, RANDOM, RUN, Start
from core.workspace import Workspace
from tests.conftest import make_photos


@pytest.fixture
def dataset(tmp_path: Path, workspace: Workspace) -> Dataset:
    """16 photos in two classes and a cut and crushed copy of one of them."""
    folder = make_photos(tmp_path / "colours")
    rough = np.random.default_rng(1).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    image = Image.fromarray(rough).resize((160, 120), Image.Resampling.BICUBIC)
    image.save(folder / "red" / "one.png")
    image.crop((4, 6, 155, 117)).save(folder / "blue" / "two.jpg", quality=30)
    return take_in(folder, workspace)


@pytest.fixture
def run(workspace: Workspace, dataset: Dataset) -> RunFolder:
    folder = RunFolder.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    folder.model.write_bytes(b"a model")
    return folder


def features(dataset: Dataset) -> np.ndarray:
    rows = np.random.default_rng(0).normal(size=(len(dataset.items), 32)).astype(np.float32)
    one, two = (at for at, item in enumerate(dataset.items) if item.name.endswith(("one.png", "two.jpg")))
    rows[one] = rows[two]
    return rows


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, dataset: Dataset) -> list[str]:
    """Features made by hand."""
    asked: list[str] = []

    def made(_workspace: Workspace, _folder: RunFolder, when: str, _progress: Any = None) -> Embeddings:
        asked.append(when)
        return Embeddings(
            tuple(item.path for item in dataset.items), features(dataset),
            np.zeros((len(dataset.items), 2), np.float32))

    monkeypatch.setattr(auditing, "embeddings", made)
    return asked


def test_the_copy_in_the_files_themselves_is_found(dataset: Dataset) -> None:
    found = audited(dataset, features(dataset))
    named = {item.path: item.name for item in dataset.items}
    (pair,) = found.twins
    assert {named[pair.first], named[pair.second]} == {"red/one.png", "blue/two.jpg"}


def test_what_was_found_is_kept_with_the_run_and_of_its_model_alone(
    workspace: Workspace, run: RunFolder, dataset: Dataset, asked: list[str]
) -> None:
    assert kept_audit(run, dataset) is None
    found = audit_of_run(workspace, run)
    assert asked == ["start"]
    assert kept_audit(run, dataset) == found
    run.model.write_bytes(b"another model")
    assert kept_audit(run, dataset) is None


def test_findings_of_other_photos_or_of_what_was_damaged_are_passed_over(
    workspace: Workspace, run: RunFolder, dataset: Dataset, asked: list[str]
) -> None:
    audit_of_run(workspace, run)
    assert kept_audit(run, replace(dataset, items=dataset.items[1:])) is None
    record = studied.kept_record(run, NAME)
    assert record is not None
    found = dict(record["found"])  # type: ignore[call-overload]
    strange = {
        "image": dataset.items[0].path, "everywhere": True, "distance": 1.0, "usual": 0.5, "typical": None,
        "near": None}
    studied.keep_record(run, NAME, {**record, "found": {**found, "strange": [strange]}})
    assert kept_audit(run, dataset) is not None
    gone = [{**strange, name: "images/999999.png"} for name in ("image", "typical", "near")]
    for damaged in ({**found, "images": None}, *({**found, "strange": [each]} for each in gone), [], {}):
        studied.keep_record(run, NAME, {**record, "found": damaged})
        assert kept_audit(run, dataset) is None


def test_findings_without_photos_to_compare_with_are_looked_for_anew(
    workspace: Workspace, run: RunFolder, dataset: Dataset, asked: list[str]
) -> None:
    audit_of_run(workspace, run)
    record = studied.kept_record(run, NAME)
    assert record is not None
    found = dict(record["found"])  # type: ignore[call-overload]
    assert found["mislabelled"]
    earlier = [
        {name: value for name, value in each.items() if not name.startswith("near")}
        for each in found["mislabelled"]
    ]
    studied.keep_record(run, NAME, {**record, "found": {**found, "mislabelled": earlier}})
    assert kept_audit(run, dataset) is None


def test_a_photo_that_is_gone_is_named(dataset: Dataset) -> None:
    for item in dataset.items:
        dataset.file(item).unlink()
    with pytest.raises(BadInput) as error:
        audited(dataset, features(dataset))
    assert any(dataset.file(item).name in error.value.given for item in dataset.items)


def test_a_stop_keeps_nothing(
    workspace: Workspace, run: RunFolder, dataset: Dataset, asked: list[str]
) -> None:
    def stop(phase: str, _done: int, _total: int | None) -> None:
        if "wrong labels" in phase:
            raise Stopped("It was cancelled.")

    with pytest.raises(Stopped):
        audit_of_run(workspace, run, stop)
    assert asked
    assert kept_audit(run, dataset) is None


def test_photos_are_judged_by_what_has_not_learned_their_labels_where_it_has_learned_anything() -> None:
    plan = Plan("d", "d", "efficientnet-lite0")
    assert features_of(plan) == "start"
    assert features_of(replace(plan, weights=Start(FILE, "a.keras"))) == "start"
    assert features_of(replace(plan, weights=Start(RUN, "a-run"))) == "start"
    assert features_of(replace(plan, weights=Start(RANDOM))) == "trained"


def test_pictures_are_read_small_and_grey(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: set[tuple[int, ...]] = set()
    make = auditing._in_grey

    def seen(images: np.ndarray) -> list[np.ndarray]:
        shapes.update(each.shape[1:] for each in make(images))
        return make(images)

    monkeypatch.setattr(auditing, "_in_grey", seen)
    audited(dataset, features(dataset))
    assert shapes == {(EDGE, EDGE)}


@pytest.mark.zoo
def test_another_family_with_random_weights_is_audited_too(dataset: Dataset) -> None:
    plan = Plan(dataset.id, dataset.title, "mobilenetv3small", weights=Start(RANDOM), image_size=32)
    found = backbone_features(dataset, plan.checked())
    assert found.shape[0] == len(dataset.items)
    assert audited(dataset, found).images == len(dataset.items)
