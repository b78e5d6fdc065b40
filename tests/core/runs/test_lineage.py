"""Runs that go on from runs: M0, M1, M2."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.backbones.kept import keep
from core.data.intake import take_in
from core.errors import BadInput, NotFound
from core.runs.folder import RunFolder
from core.runs.lineage import going_on_from, weights_file
from core.runs.listing import with_model
from core.runs.status import State
from core.runs.wishes import Leaving
from core.runs.work import carry_out
from core.training.plan import Head, Plan, Recipe
from core.training.start import Ancestor, Start
from core.workspace import Workspace
from tests.conftest import make_photos

NEW = Plan("others", "Others", "efficientnet-lite0", recipe=Recipe(epochs=3), limit=50)
BEFORE = Plan(
    "flowers", "Flowers – 花", "resnet50", ("stage5",), image_size=96, weights=Start("none"),
    head=Head("max"),
)


def run_of(workspace: Workspace, plan: Plan = BEFORE) -> RunFolder:
    """Make a run that has a model."""
    run = RunFolder.create(workspace, plan)
    run.model.write_bytes(b"model")
    return run


def test_what_goes_on_takes_backbone_size_and_history_and_nothing_else(workspace: Workspace) -> None:
    run = run_of(workspace)
    plan = going_on_from(NEW, run)
    assert plan == replace(
        NEW, backbone="resnet50", image_size=96, weights=Start("run", run.id),
        history=(Ancestor(run.id, "Flowers – 花", ("stage5",), "none"),),
    )
    assert plan.checked() == plan


def test_blocks_stay_where_the_backbone_is_the_same(workspace: Workspace) -> None:
    run = run_of(workspace)
    same = replace(NEW, backbone="resnet50", trainable=("stage4", "stage5"))
    assert going_on_from(same, run).trainable == ("stage4", "stage5")
    assert going_on_from(replace(NEW, trainable=("block7", "top")), run).trainable == ()


def test_the_history_grows_with_each_run_the_first_first(workspace: Workspace) -> None:
    m0 = run_of(workspace)
    m1 = run_of(workspace, replace(going_on_from(NEW, m0), dataset_title="Digits"))
    m2 = going_on_from(NEW, m1)
    assert [(each.run, each.dataset_title, each.source) for each in m2.history] == [
        (m0.id, "Flowers – 花", "none"), (m1.id, "Digits", "run"),
    ]
    assert [each.trainable for each in m2.history] == [("stage5",), ()]


def test_a_run_without_a_model_cannot_be_gone_on_from(workspace: Workspace) -> None:
    run = run_of(workspace)
    assert [each.id for each in with_model(workspace)] == [run.id]
    run.model.unlink()
    assert with_model(workspace) == []
    with pytest.raises(BadInput, match="no model"):
        going_on_from(NEW, run)
    with pytest.raises(BadInput, match="no model"):
        weights_file(workspace, replace(NEW, weights=Start("run", run.id)))


def test_a_run_with_a_damaged_plan_cannot_be_gone_on_from(workspace: Workspace) -> None:
    run = run_of(workspace)
    (run.path / "plan.json").write_text("{")
    with pytest.raises(BadInput, match="damaged"):
        going_on_from(NEW, run)


def test_each_start_has_its_file_or_needs_none(workspace: Workspace) -> None:
    assert weights_file(workspace, NEW) is None
    assert weights_file(workspace, replace(NEW, weights=Start("none"))) is None
    name = keep(workspace, "mine.h5", io.BytesIO(b"weights"))
    assert weights_file(workspace, replace(NEW, weights=Start("file", name))) == workspace.weights / name
    run = run_of(workspace)
    assert weights_file(workspace, replace(NEW, weights=Start("run", run.id))) == run.model


def test_what_is_gone_is_named(workspace: Workspace) -> None:
    with pytest.raises(NotFound, match="20260101-gone"):
        weights_file(workspace, replace(NEW, weights=Start("run", "20260101-gone")))
    with pytest.raises(NotFound, match=r"0123456789ab-gone\.h5"):
        weights_file(workspace, replace(NEW, weights=Start("file", "0123456789ab-gone.h5")))


@dataclass(frozen=True)
class Row:
    """Three trainings, each going on from the one before; leave them as they are."""

    workspace: Workspace
    runs: tuple[RunFolder, RunFolder, RunFolder]


def body_weights(model: Any) -> list[np.ndarray]:
    from core.training.model import body_of

    return [np.asarray(weight) for layer in body_of(model).layers for weight in layer.weights]


def saved_body(run: RunFolder) -> list[np.ndarray]:
    from core.training.model import load_model

    return body_weights(load_model(run.model)[0])


def same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    assert len(one) == len(other) > 100
    return all(map(np.array_equal, one, other))


@pytest.fixture(scope="module")
def row(tmp_path_factory: pytest.TempPathFactory) -> Row:
    """M0 learns its end from scratch, M1 its head on other classes at another size, M2 its top too."""
    folder = tmp_path_factory.mktemp("row")
    workspace = Workspace.open(folder / "workspace")
    two = take_in(make_photos(folder / "two", each=10), workspace)
    three = take_in(make_photos(folder / "three", each=8, classes=("blue", "green", "red")), workspace)
    recipe = Recipe(epochs=1, batch_size=4, learning_rate=1e-2, seed=5)
    trained: list[RunFolder] = []

    def train(plan: Plan) -> RunFolder:
        run = RunFolder.create(workspace, plan)
        ended = carry_out(workspace, run, Leaving())
        assert ended.state is State.FINISHED, ended.error
        trained.append(run)
        return run

    m0 = train(Plan(
        two.id, "Two", "mobilenet", ("block12", "block13"), recipe=recipe, weights=Start("none"),
        image_size=32,
    ))
    other = Plan(three.id, "Three", "mobilenet", recipe=replace(recipe, seed=6))
    m1 = train(replace(going_on_from(other, m0), image_size=48))
    train(replace(going_on_from(other, m1), dataset=two.id, trainable=("block13",)))
    return Row(workspace, (trained[0], trained[1], trained[2]))


def at_first(row: Row, run: RunFolder, classes: int) -> list[np.ndarray]:
    """Return the body of a run as it was before it learned."""
    from core.training import model as models

    plan = run.plan()
    return body_weights(models.assemble(plan, classes, weights_file(row.workspace, plan)))


@pytest.mark.zoo
def test_m1_begins_with_the_very_body_of_m0_and_frozen_it_ends_with_it(row: Row) -> None:
    m0, m1, _m2 = row.runs
    assert same(at_first(row, m1, 3), saved_body(m0))
    assert same(saved_body(m1), saved_body(m0))


@pytest.mark.zoo
def test_m0_itself_has_learned(row: Row) -> None:
    from core.training import model as models

    assert not same(body_weights(models.assemble(row.runs[0].plan(), 2)), saved_body(row.runs[0]))


@pytest.mark.zoo
def test_m2_begins_with_the_body_of_m1_and_changes_what_learns(row: Row) -> None:
    _m0, m1, m2 = row.runs
    first, last = at_first(row, m2, 2), saved_body(m2)
    assert same(first, saved_body(m1))
    assert not same(first, last)
    changed = [at for at, (one, other) in enumerate(zip(first, last, strict=True))
               if not np.array_equal(one, other)]
    assert min(changed) > len(first) // 2


@pytest.mark.zoo
def test_classes_and_image_size_are_each_runs_own(row: Row) -> None:
    from core.training.model import load_model

    found = [load_model(run.model) for run in row.runs]
    assert [classes for _model, classes in found] == [
        ("blue", "red"), ("blue", "green", "red"), ("blue", "red"),
    ]
    assert [model.input_shape[1] for model, _classes in found] == [32, 48, 48]


@pytest.mark.zoo
def test_the_history_is_in_the_plan_of_each_run(row: Row) -> None:
    m0, m1, m2 = row.runs
    first, second = m2.plan().history
    assert (first.run, first.dataset_title, first.source) == (m0.id, "Two", "none")
    assert first.trainable == ("block12", "block13")
    assert second == Ancestor(m1.id, "Three", (), "run")
    assert m1.plan().history == (first,)
    assert m0.plan().history == ()
    assert m2.plan().weights == Start("run", m1.id)


def without_model(run: RunFolder) -> None:
    run.model.unlink()


def without_folder(run: RunFolder) -> None:
    shutil.rmtree(run.path)


def with_a_damaged_model(run: RunFolder) -> None:
    run.model.write_bytes(b"PK\x03\x04 no more")


@pytest.mark.zoo
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (without_model, "no model"), (without_folder, "no longer in the workspace"),
        (with_a_damaged_model, "cannot be read"),
    ],
)
def test_a_run_that_has_lost_what_it_starts_from_fails_and_says_so(
    workspace: Workspace, photos: Path, damage: Callable[[RunFolder], None], said: str
) -> None:
    dataset = take_in(photos, workspace)
    before = run_of(workspace, replace(BEFORE, backbone="mobilenet", trainable=(), image_size=32))
    run = RunFolder.create(workspace, going_on_from(replace(NEW, dataset=dataset.id, limit=None), before))
    damage(before)
    ended = carry_out(workspace, run, Leaving())
    assert ended.state is State.FAILED
    assert ended.error is not None
    assert said in ended.error.what
    assert not run.model.exists()
