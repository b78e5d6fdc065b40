from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from core.data.dataset import Dataset
from core.runs import wishes
from core.runs.folder import RunFolder
from core.runs.listing import listed
from core.runs.status import State
from core.training.events import BatchRow, CacheUse, EpochRow
from core.training.plan import Plan
from core.workspace import Workspace
from pages.ui import live


@pytest.fixture(autouse=True)
def nothing_made() -> Iterator[None]:
    live._made.clear()
    yield
    live._made.clear()


@pytest.fixture
def folder(workspace: Workspace, dataset: Dataset) -> RunFolder:
    folder = RunFolder.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    folder.write_status(replace(
        folder.status(), state=State.TRAINING, phase="training", epoch=2, step=3, steps=4, progress=0.25))
    return folder


def told(workspace: Workspace, folder: RunFolder) -> dict[str, Any]:
    live._made.clear()
    made = live.live(workspace, folder.id)
    assert made is not None
    known: dict[str, Any] = json.loads(gzip.decompress(made.packed))
    return known


def turn(workspace: Workspace, folder: RunFolder) -> str:
    return live.turn_of(next(run for run in listed(workspace) if run.id == folder.id), ())


def test_it_says_how_far_a_run_is_and_has_no_curves_before_the_first_point(
    workspace: Workspace, folder: RunFolder
) -> None:
    known = told(workspace, folder)
    assert known["progress"]["share"] == 0.25
    assert known["progress"]["below_right"] == "step 3 of 4"
    assert known["curves"] is None


def test_it_has_what_the_strip_shows_and_another_turn_once_the_work_ends(
    workspace: Workspace, folder: RunFolder
) -> None:
    at_work = told(workspace, folder)["strip"]
    assert (at_work["figure"], at_work["state"]) == ("25%", "training")
    assert "Epoch 2 of 10" in at_work["detail"]
    for other in (State.PREPARING, State.PAUSED, State.FINISHED):
        folder.write_status(replace(folder.status(), state=other))
        assert (told(workspace, folder)["strip"]["turn"] == at_work["turn"]) is other.at_work


def test_it_has_the_points_and_the_epochs(workspace: Workspace, folder: RunFolder) -> None:
    folder.append_batch(BatchRow(0.5, 1.5, 0.25))
    folder.write_history([EpochRow(1, "fit", 1.25, 0.5, None, None, 1e-3, 2.0)])
    accuracy, loss = told(workspace, folder)["curves"]["charts"]
    assert (accuracy["batch_x"], accuracy["batch"]) == ([0.5], [25.0])
    assert (loss["epoch_x"], loss["training"], loss["validation"]) == ([1], [1.25], [None])


def test_it_is_made_once_for_all_who_ask_soon_after_each_other(
    workspace: Workspace, folder: RunFolder
) -> None:
    first = live.live(workspace, folder.id)
    assert first is not None
    # Held as made just now, whatever the time that the machine takes.
    live._made[folder.id] = now = replace(first, at=first.at + 3600)
    assert live.fresh(folder.id) is now
    assert live.live(workspace, folder.id) is now


def test_what_is_old_is_made_anew(workspace: Workspace, folder: RunFolder) -> None:
    first = live.live(workspace, folder.id)
    assert first is not None
    live._made[folder.id] = replace(first, at=first.at - 2 * live.FRESH_S)
    assert live.fresh(folder.id) is None
    assert live.live(workspace, folder.id) is not first


def test_of_a_run_that_is_gone_nothing_is_known(workspace: Workspace) -> None:
    assert live.live(workspace, "20260101-000000-gone") is None


def test_progress_does_not_turn_the_page(workspace: Workspace, folder: RunFolder) -> None:
    before = turn(workspace, folder)
    folder.write_status(replace(folder.status(), epoch=3, step=1, progress=0.4, phase="validating"))
    assert turn(workspace, folder) == before == told(workspace, folder)["turn"]


def test_the_page_turns_with_state_cache_wish_and_the_first_point(
    workspace: Workspace, folder: RunFolder
) -> None:
    seen = [turn(workspace, folder)]
    folder.append_batch(BatchRow(0.5, 1.5, 0.25))
    seen.append(turn(workspace, folder))
    folder.write_status(replace(folder.status(), cache=CacheUse("block7")))
    seen.append(turn(workspace, folder))
    wishes.ask(folder, wishes.Wish.PAUSE)
    seen.append(turn(workspace, folder))
    folder.write_status(folder.status().ending(State.STOPPED))
    seen.append(turn(workspace, folder))
    assert len(set(seen)) == len(seen)


def test_no_more_is_kept_than_is_allowed(
    workspace: Workspace, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_RUNS", 1)
    live._made["another"] = live.Live(0.0, b"")
    live.live(workspace, folder.id)
    assert list(live._made) == [folder.id]


def test_a_single_page_asks_every_second_and_many_ask_less_often() -> None:
    pace = live.Pace()
    alone = pace.to_json()
    for at in range(1, 300):
        pace.asked(at / 30)
    many = pace.to_json()
    assert alone == {"again_ms": 1010, "words_ms": 2000}
    assert many["again_ms"] == 1000 * live.LONGEST_AGAIN_S
    assert 25_000 < many["words_ms"] < 40_000


def test_after_a_pause_those_who_asked_before_it_are_not_counted() -> None:
    pace = live.Pace()
    for at in (0.5, 100.0, 200.0, 300.0):
        pace.asked(at)
    assert pace.to_json() == live.Pace().to_json()
