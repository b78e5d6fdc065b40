"""A training that has to fetch its weights first, and one whose weights do not fit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.backbones import build, download
from core.backbones.catalogue import get
from core.backbones.kept import keep
from core.data.dataset import Dataset
from core.errors import Stopped
from core.runs import lineage
from core.runs import listener as listeners
from core.runs.folder import RunFolder
from core.runs.status import State, Status
from core.runs.wishes import Leaving, Wish
from core.runs.work import carry_out
from core.training.plan import Plan, Recipe
from core.training.start import Start
from core.workspace import Workspace
from tests.waiting import until

pytestmark = pytest.mark.slow

NAME = "mobilenetv3small"
STORED = get(NAME).stored
PATIENCE_S = 60


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Keras would download, with random numbers in it."""
    path = tmp_path_factory.mktemp("weights") / "small.weights.h5"
    build.build(NAME, weights="none", image_size=32, seed=3).save_weights(path)
    return path


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(download, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(listeners, "STATUS_EVERY_S", 0.0)
    return tmp_path / "keras" / "models"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Status]:
    """Every status that is written."""
    written: list[Status] = []
    original = RunFolder.write_status

    def write(self: RunFolder, status: Status) -> None:
        original(self, status)
        written.append(self.status())

    monkeypatch.setattr(RunFolder, "write_status", write)
    return written


def kept(workspace: Workspace, path: Path) -> str:
    with path.open("rb") as handle:
        return keep(workspace, path.name, handle)


def plan_of(dataset: Dataset, start: Start | None = None) -> Plan:
    return Plan(
        dataset.id, dataset.title, NAME, recipe=Recipe(epochs=1, batch_size=4), image_size=32,
        weights=start or Start(),
    )


@pytest.fixture
def run(workspace: Workspace, dataset: Dataset) -> RunFolder:
    return RunFolder.create(workspace, plan_of(dataset))


def served(monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None]) -> None:
    """Let ``write`` stand for Keras' download."""

    def arrive(self: Any) -> None:
        path = self._folder / "models" / self._stored.file
        path.parent.mkdir(parents=True)
        try:
            write(path)
        except OSError as error:
            self.error = error

    monkeypatch.setattr(download._Download, "run", arrive)


@pytest.fixture
def stop_at_assembly(monkeypatch: pytest.MonkeyPatch) -> None:
    def assemble(*_given: object) -> None:
        raise Stopped("Enough is known.")

    monkeypatch.setattr("core.training.model.assemble", assemble)


def half(path: Path) -> None:
    with path.open("wb") as handle:
        handle.truncate(STORED.bytes // 2)


def half_is_told(run: RunFolder) -> Callable[[], bool]:
    return lambda: 0.4 < (run.status().fetched or 0) < 0.6


@pytest.mark.zoo
def test_what_has_arrived_is_told_while_weights_are_downloaded_and_no_longer(
    workspace: Workspace, run: RunFolder, told: list[Status], weights: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def half_then_all(path: Path) -> None:
        half(path)
        until(half_is_told(run))
        path.write_bytes(weights.read_bytes())

    served(monkeypatch, half_then_all)
    ended = carry_out(workspace, run, Leaving())
    assert ended.state is State.FINISHED, ended.error
    phases = list(dict.fromkeys(status.phase for status in told))
    assert phases[:3] == ["starting", "downloading", "building"]
    assert "training" in phases
    shares = [status.fetched for status in told if status.phase == "downloading"]
    assert any(share is not None and 0.4 < share < 0.6 for share in shares)
    assert all(share is None or 0 <= share <= 1 for share in shares)
    assert {status.state for status in told if status.phase == "downloading"} == {State.PREPARING}
    assert {status.fetched for status in told if status.phase != "downloading"} == {None}


@pytest.mark.usefixtures("stop_at_assembly")
def test_weights_that_are_here_are_not_downloaded(
    workspace: Workspace, run: RunFolder, told: list[Status], weights: Path, cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    served(monkeypatch, lambda _path: pytest.fail("network"))
    cache.mkdir(parents=True)
    (cache / STORED.file).write_bytes(weights.read_bytes())
    carry_out(workspace, run, Leaving())
    assert [status.phase for status in told] == ["starting", "starting", "building", ""]


@pytest.mark.usefixtures("stop_at_assembly")
def test_from_scratch_nothing_is_downloaded(
    workspace: Workspace, dataset: Dataset, told: list[Status], monkeypatch: pytest.MonkeyPatch
) -> None:
    served(monkeypatch, lambda _path: pytest.fail("network"))
    run = RunFolder.create(workspace, plan_of(dataset, Start("none")))
    carry_out(workspace, run, Leaving())
    assert "building" in {status.phase for status in told}
    assert "downloading" not in {status.phase for status in told}


def test_weights_that_cannot_be_fetched_fail_the_run_and_the_file_is_named(
    workspace: Workspace, run: RunFolder, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half_then_nothing(path: Path) -> None:
        half(path)
        until(half_is_told(run))
        raise OSError("unreachable")

    served(monkeypatch, half_then_nothing)
    ended = carry_out(workspace, run, Leaving())
    assert ended.state is State.FAILED
    assert ended.error is not None
    assert ended.error.given == STORED.url
    assert STORED.file in ended.error.fix
    assert str(cache) in ended.error.fix
    assert (ended.phase, ended.fetched) == ("", None)
    assert run.status() == ended
    assert list(cache.iterdir()) == []
    assert not run.model.exists()


def test_a_stop_while_weights_are_downloaded_ends_the_run_and_drops_them(
    workspace: Workspace, run: RunFolder, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaving, end = Leaving(), threading.Event()

    def half_then_stopped(path: Path) -> None:
        half(path)
        until(half_is_told(run))
        leaving.ask(Wish.STOP)
        end.wait(PATIENCE_S)

    served(monkeypatch, half_then_stopped)
    try:
        ended = carry_out(workspace, run, leaving)
    finally:
        end.set()
    assert (ended.state, ended.error, ended.fetched) == (State.STOPPED, None, None)
    assert list(cache.iterdir()) == []
    assert not run.model.exists()


@pytest.fixture(scope="module")
def of_another(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a network that is no backbone of ours."""
    import keras

    path = tmp_path_factory.mktemp("another") / "another.weights.h5"
    keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="conv")]).save_weights(path)
    return path


def test_a_download_that_does_not_fit_fails_the_run(
    workspace: Workspace, run: RunFolder, of_another: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served(monkeypatch, lambda path: path.write_bytes(of_another.read_bytes()) and None)
    ended = carry_out(workspace, run, Leaving())
    assert ended.state is State.FAILED
    assert ended.error is not None
    assert "do not fit MobileNetV3Small" in ended.error.what


def test_a_file_of_ones_own_that_does_not_fit_fails_the_run_and_says_where(
    workspace: Workspace, dataset: Dataset, of_another: Path
) -> None:
    start = Start("file", kept(workspace, of_another))
    run = RunFolder.create(workspace, plan_of(dataset, start))
    ended = carry_out(workspace, run, Leaving())
    assert ended.state is State.FAILED
    assert ended.error is not None
    assert "do not fit MobileNetV3Small" in ended.error.what
    assert start.name in ended.error.given
    assert ended.error.fix
    assert not run.model.exists()


def test_a_file_of_ones_own_that_fits_is_what_the_backbone_starts_from(
    workspace: Workspace, dataset: Dataset, weights: Path
) -> None:
    import numpy as np

    from core.training import model as models
    from core.training.model import body_of

    plan = plan_of(dataset, Start("file", kept(workspace, weights)))
    found = body_of(models.assemble(plan, 2, lineage.weights_file(workspace, plan))).get_weights()
    expected = build.build(NAME, weights="none", image_size=32, seed=3).get_weights()
    assert len(found) == len(expected) > 100
    assert all(map(np.array_equal, found, expected))
