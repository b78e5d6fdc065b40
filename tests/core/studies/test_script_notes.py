"""What a script says that it cannot do as its run did."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from core.data.dataset import Dataset
from core.runs.folder import RunFolder
from core.runs.status import State
from core.studies.script_notes import notes_on
from core.training.events import EpochRow
from core.training.plan import Plan, Recipe
from core.workspace import Workspace

RATE = 1e-3


def row(epoch: int, rate: float = RATE) -> EpochRow:
    return EpochRow(epoch, "fit", 1.0, 0.5, 1.0, 0.5, rate, 1.0)


@pytest.fixture
def finished(workspace: Workspace, dataset: Dataset) -> RunFolder:
    folder = RunFolder.create(workspace, Plan(dataset.id, dataset.title, "resnet50"))
    folder.write_status(folder.status().ending(State.FINISHED))
    return folder


def plan_of(folder: RunFolder, **recipe: object) -> Plan:
    return replace(folder.plan(), recipe=Recipe(**recipe))


def cosine(epochs: int) -> list[EpochRow]:
    return [row(n, RATE * (1 + math.cos(math.pi * n / epochs)) / 2) for n in range(1, epochs + 1)]


def test_of_a_run_that_went_to_its_end_there_is_nothing_to_say(finished: RunFolder, dataset: Dataset) -> None:
    plan = plan_of(finished, epochs=4, schedule="cosine")
    assert notes_on(finished, plan, dataset, cosine(4), None) == []


def test_a_curve_that_was_planned_for_fewer_epochs_is_seen(finished: RunFolder, dataset: Dataset) -> None:
    plan = plan_of(finished, epochs=4, schedule="cosine")
    history = [*cosine(2), row(3, RATE * 0.1464), row(4, 0.0)]
    (note,) = notes_on(finished, plan, dataset, history, None)
    assert "given more epochs later" in note


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_a_warm_up_goes_as_planned(finished: RunFolder, dataset: Dataset, schedule: str) -> None:
    plan = plan_of(finished, epochs=4, schedule=schedule, warmup=2, batch_size=4)
    later = [RATE, RATE] if schedule == "constant" else [RATE / 2, 0.0]
    history = [row(1, RATE / 2), row(2), *(row(n, rate) for n, rate in zip((3, 4), later, strict=True))]
    assert notes_on(finished, plan, dataset, history, None) == []
    assert notes_on(finished, plan, dataset, [row(1), *history[1:]], None) != []


def test_a_run_that_was_left_is_said_to_be(finished: RunFolder, dataset: Dataset) -> None:
    finished.write_status(finished.status().ending(State.STOPPED))
    plan = plan_of(finished, epochs=4)
    assert notes_on(finished, plan, dataset, [row(1)], 1) == [
        "The run was left after 1 of 4 planned epochs; this trains as many."]
    assert "before its first epoch had ended" in notes_on(finished, plan, dataset, [], None)[0]


def test_photos_of_a_sample_are_said_to_lie_in_the_workspace(finished: RunFolder, dataset: Dataset) -> None:
    (note,) = notes_on(finished, finished.plan(), replace(dataset, source="sample:digits"), [], None)
    assert f"datasets/{dataset.id}" in note


def test_pictures_of_16_bits_are_counted(finished: RunFolder, dataset: Dataset) -> None:
    deep = Image.fromarray(np.full((8, 8), 4000, np.uint16))
    deep.save(dataset.file(dataset.items[0]))
    (note,) = notes_on(finished, finished.plan(), dataset, [], None)
    assert note.startswith("1 picture is of an unusual kind")
