"""What the run folder says while the engine works."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.data.dataset import Dataset
from core.runs import listener as listeners
from core.runs.folder import RunFolder
from core.runs.listener import FolderListener
from core.runs.status import Status
from core.training.events import BatchRow, CacheUse, EpochRow, Extraction, Step
from core.training.plan import Plan, Recipe
from core.workspace import Workspace

USE = CacheUse("block7", 3, 13, 4096, image_s=0.02, compared_s=9.5)
ROW = EpochRow(1, "fit", 0.7, 0.5, 0.6, 0.75, 1e-3, 2.0)


@pytest.fixture
def plan(dataset: Dataset) -> Plan:
    return Plan(dataset.id, dataset.title, "efficientnet-lite0", recipe=Recipe(epochs=2))


@pytest.fixture
def folder(workspace: Workspace, plan: Plan) -> RunFolder:
    return RunFolder.create(workspace, plan)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


def test_steps_are_written_a_few_times_a_second_and_phases_at_once(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(listeners.time, "monotonic", clock.monotonic)
    written: list[int] = []
    original = RunFolder.write_status

    def write(self: RunFolder, status: Status) -> None:
        written.append(status.step)
        original(self, status)

    monkeypatch.setattr(RunFolder, "write_status", write)
    listener = FolderListener(folder, folder.status())
    listener.phase("training")
    for step in range(1, 101):
        clock.now += 1 / 64
        listener.step(Step(1, step, 100, step / 100, None, None))
    assert written == [0, 16, 32, 48, 64, 80, 96]
    assert listener.status.step == 100
    listener.phase("validating")
    assert folder.status().step == 100
    assert folder.status().phase == "validating"


def test_photos_that_the_frozen_part_has_seen_are_written_a_few_times_a_second(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(listeners.time, "monotonic", clock.monotonic)
    listener = FolderListener(folder, folder.status())
    listener.phase("extracting")
    written = []
    for seen in range(1, 65):
        clock.now += 1 / 64
        listener.extracted(Extraction(seen, 64, None, None))
        written.append(folder.status().extracted or 0)
    assert sorted(set(written)) == [0, 16, 32, 48, 64]


def test_another_phase_takes_the_count_of_photos_away(folder: RunFolder) -> None:
    listener = FolderListener(folder, folder.status())
    listener.phase("extracting")
    listener.extracted(Extraction(3, 16, None, None))
    assert (listener.status.extracted, listener.status.to_extract) == (3, 16)
    listener.phase("training")
    assert (folder.status().extracted, folder.status().to_extract) == (None, None)


def test_how_the_cache_is_used_is_shown_at_once(folder: RunFolder) -> None:
    listener = FolderListener(folder, folder.status())
    for use in (CacheUse(None, reason="It is switched off."), USE):
        listener.cache(use)
        assert folder.status().cache == use


def test_every_epoch_and_point_of_the_curve_is_written(folder: RunFolder) -> None:
    listener = FolderListener(folder, folder.status())
    rows = [replace(ROW, epoch=n) for n in (1, 2, 3)]
    for row in rows:
        listener.batch(BatchRow(row.epoch, 1.0, 0.5))
        listener.epoch(row)
        assert folder.history()[-1] == row
    assert folder.history() == tuple(rows)
    assert len(folder.batches()) == 3
