from __future__ import annotations

import json
import os
import zipfile
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from core.errors import BadInput, NotFound
from core.runs.folder import RunFolder, best, require_model, run_folders, saved_epoch
from core.runs.status import Failure, State, Status
from core.training.events import BatchRow, CacheUse, EpochRow
from core.training.model import EPOCH_ENTRY
from core.training.plan import Plan
from core.workspace import Workspace

PLAN = Plan("photos", "<b>Photos</b>/..", "efficientnet-lite0", trainable=("top",))


def row(epoch: int, val_accuracy: float | None, val_loss: float | None, loss: float = 1.0) -> EpochRow:
    return EpochRow(epoch, "fit", loss, 0.5, val_loss, val_accuracy, 1e-3, 2.5)


@pytest.fixture
def folder(workspace: Workspace) -> RunFolder:
    return RunFolder.create(workspace, PLAN)


def test_a_new_run_is_queued_and_holds_its_plan(workspace: Workspace, folder: RunFolder) -> None:
    opened = RunFolder.open(workspace, folder.id)
    assert opened.plan() == PLAN
    assert opened.status().state is State.QUEUED
    assert opened.history() == ()
    assert opened.batches() == ()
    assert opened.report() is None
    assert folder.path.parent == workspace.runs


def test_a_run_that_is_being_made_is_met_by_nobody_before_it_is_whole(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    met: list[list[RunFolder]] = []
    save = Status.save

    def looked(status: Status, path: Path) -> None:
        met.append(run_folders(workspace))
        save(status, path)
        met.append(run_folders(workspace))

    monkeypatch.setattr(Status, "save", looked)
    made = RunFolder.create(workspace, PLAN)
    assert met == [[], []]
    assert run_folders(workspace) == [made]


def test_a_plan_outside_its_bounds_makes_no_folder(workspace: Workspace) -> None:
    with pytest.raises(BadInput):
        RunFolder.create(workspace, Plan("photos", "Photos", "efficientnet-lite0", ("block99",)))
    assert run_folders(workspace) == []


def test_history_and_curve_are_read_back(folder: RunFolder) -> None:
    rows = [row(1, None, None), row(2, 0.75, 0.6)]
    folder.write_history(rows)
    assert folder.history() == tuple(rows)
    folder.append_batch(BatchRow(0.5, 1.25, 0.5))
    folder.append_batch(BatchRow(1.0, 1.0, 0.75))
    assert folder.batches() == (BatchRow(0.5, 1.25, 0.5), BatchRow(1.0, 1.0, 0.75))


def test_a_half_written_last_line_is_passed_over(folder: RunFolder) -> None:
    folder.append_batch(BatchRow(0.5, 1.25, 0.5))
    with (folder.path / "batches.csv").open("a") as handle:
        handle.write("1.00000,0.9")
    assert folder.batches() == (BatchRow(0.5, 1.25, 0.5),)


def test_a_status_is_read_back_with_its_error(folder: RunFolder) -> None:
    ended = folder.status().ending(State.FAILED, error=Failure("What", "given", "fix"))
    folder.write_status(ended)
    assert folder.status() == ended
    assert folder.status().ended is not None


@pytest.mark.parametrize("content", ["{}", '{"state": "dancing"}', '{"state": "queued", "x": 1}', "["])
def test_a_damaged_status_is_bad_input(folder: RunFolder, content: str) -> None:
    (folder.path / "status.json").write_text(content)
    with pytest.raises(BadInput):
        folder.status()


def test_a_not_known_time_left_is_null_in_the_file(folder: RunFolder) -> None:
    assert json.loads((folder.path / "status.json").read_text())["eta_s"] is None


def test_the_best_epoch_has_the_highest_accuracy_then_the_lowest_loss() -> None:
    rows = [row(1, 0.8, 0.5), row(2, 0.9, 0.6), row(3, 0.9, 0.4), row(4, 0.7, 0.1)]
    found = best(rows)
    assert found is not None
    assert found.epoch == 3
    assert best([]) is None


def test_without_validation_the_lowest_training_loss_is_best() -> None:
    found = best([row(1, None, None, 0.5), row(2, None, None, 0.3), row(3, None, None, 0.4)])
    assert found is not None
    assert found.epoch == 2


def test_a_run_without_a_model_says_so(folder: RunFolder) -> None:
    with pytest.raises(BadInput, match="no model"):
        require_model(folder)


def test_an_unknown_run_is_not_found(workspace: Workspace) -> None:
    with pytest.raises(NotFound):
        RunFolder.open(workspace, "20260101-000000-none")


def test_a_status_is_read_back_with_what_is_known_of_the_cache(folder: RunFolder) -> None:
    for use in (None, CacheUse(None, reason="Off."), CacheUse("top", 3, 4, 512, "", "Full.", 0.1, 9.0)):
        status = replace(folder.status(), cache=use, extracted=3, to_extract=7, saved_s=1.5)
        folder.write_status(status)
        assert folder.status() == status


def test_a_status_of_an_earlier_version_knows_nothing_of_the_cache(folder: RunFolder) -> None:
    values = asdict(folder.status())
    for name in ("extracted", "to_extract", "saved_s", "cache"):
        del values[name]
    (folder.path / "status.json").write_text(json.dumps(values))
    found = folder.status()
    assert (found.extracted, found.to_extract, found.saved_s, found.cache) == (None, None, None, None)


@pytest.mark.parametrize("cache", [{}, {"cut": None, "more": 1}], ids=repr)
def test_a_damaged_cache_in_a_status_is_bad_input(folder: RunFolder, cache: dict[str, object]) -> None:
    (folder.path / "status.json").write_text(json.dumps({**asdict(folder.status()), "cache": cache}))
    with pytest.raises(BadInput):
        folder.status()


def archived(path: Path, epoch: str | None) -> Path:
    """Write what stands for a model of an epoch."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
        if epoch is not None:
            archive.writestr(EPOCH_ENTRY, epoch)
    return path


def test_the_best_that_was_written_becomes_the_model_and_says_its_epoch(folder: RunFolder) -> None:
    # A later epoch was better; its process died before the model of it was written.
    folder.write_history([row(1, 0.6, 0.7), row(2, 0.7, 0.6), row(3, 0.9, 0.4)])
    archived(folder.places.best, "2")
    assert folder.keep_best() == 2
    assert folder.model.read_bytes() == folder.places.best.read_bytes()
    assert folder.keep_best() == 2


def test_a_better_one_that_was_written_later_takes_the_place_of_the_model(folder: RunFolder) -> None:
    archived(folder.model, "1")
    archived(folder.places.best, "2")
    assert folder.keep_best() == 2
    assert folder.model.read_bytes() == folder.places.best.read_bytes()


def test_a_model_of_the_same_epoch_stays_and_so_do_its_test_figures(folder: RunFolder) -> None:
    archived(folder.model, "2").touch()
    written = folder.model.stat().st_mtime_ns
    archived(folder.places.best, "2")
    folder.write_report({"version": 1, "test": {"accuracy": 1}})
    assert folder.keep_best() == 2
    assert folder.model.stat().st_mtime_ns == written
    assert folder.report() == {"version": 1, "test": {"accuracy": 1}}


def test_what_was_measured_of_another_model_goes_and_the_rest_of_the_report_stays(folder: RunFolder) -> None:
    archived(folder.model, "1")
    archived(folder.places.best, "2")
    folder.write_report({"version": 1, "test": {"accuracy": 1}})
    assert folder.keep_best() == 2
    assert folder.report() == {"version": 1, "test": None}


def test_a_copied_workspace_lists_its_runs_in_the_order_they_were_asked_for(workspace: Workspace) -> None:
    for day, copied in ((1, 3), (2, 1), (3, 2)):
        made = workspace.runs / f"2026010{day}-120000-run"
        made.mkdir()
        (made / "plan.json").write_text("{}")
        os.utime(made / "plan.json", (copied, copied))
    assert [each.id[:8] for each in run_folders(workspace)] == ["20260103", "20260102", "20260101"]


def test_more_epochs_leave_a_run_its_place_among_the_others(workspace: Workspace, folder: RunFolder) -> None:
    os.utime(folder.path / "plan.json", ns=(10**18 + 1, 10**18 + 1))
    later = RunFolder.create(workspace, PLAN)
    before = [each.id for each in run_folders(workspace)]
    assert before == [later.id, folder.id]
    longer = replace(PLAN, recipe=replace(PLAN.recipe, epochs=PLAN.recipe.epochs + 5))
    folder.replace_plan(longer)
    assert folder.plan() == longer
    assert [each.id for each in run_folders(workspace)] == before
    assert (folder.path / "plan.json").stat().st_mtime_ns == 10**18 + 1


def test_the_curve_is_cut_where_a_training_goes_on(folder: RunFolder) -> None:
    for position in (0.5, 1.0, 1.3333333, 1.6666667):
        folder.append_batch(BatchRow(position, 1.0, 0.5))
    with (folder.path / "batches.csv").open("a") as handle:
        handle.write("2.00000,0.9")  # half written
    folder.cut_batches(4 / 3)
    assert [row.position for row in folder.batches()] == [0.5, 1.0, 1.33333]
    folder.append_batch(BatchRow(1.6666667, 2.0, 0.5))
    assert [row.loss for row in folder.batches()] == [1.0, 1.0, 1.0, 2.0]
    folder.cut_batches(0.0)
    assert folder.batches() == ()


def test_where_no_best_was_written_nothing_is_kept(folder: RunFolder) -> None:
    folder.write_history([row(1, 0.6, 0.7)])
    assert folder.keep_best() is None
    assert not folder.model.exists()


@pytest.mark.parametrize("epoch", [None, "null", "{", '"3"', "[3]"])
def test_a_model_that_does_not_say_its_epoch_is_kept_all_the_same(
    folder: RunFolder, epoch: str | None
) -> None:
    archived(folder.places.best, epoch)
    assert folder.keep_best() is None
    assert folder.model.is_file()


def test_of_a_file_that_is_no_archive_or_gone_no_epoch_is_known(tmp_path: Path) -> None:
    (tmp_path / "model.keras").write_bytes(b"no archive")
    assert saved_epoch(tmp_path / "model.keras") is None
    assert saved_epoch(tmp_path / "gone.keras") is None
    whole = archived(tmp_path / "whole.keras", "3").read_bytes()
    for cut in range(len(whole)):
        (tmp_path / "cut.keras").write_bytes(whole[:cut])
        assert saved_epoch(tmp_path / "cut.keras") is None


def test_elapsed_time_is_not_known_before_the_start() -> None:
    assert Status(State.QUEUED, epochs=3, created=0.0).elapsed_s is None


def test_the_time_between_two_sittings_is_no_work() -> None:
    status = Status(State.PAUSED, epochs=4, created=0.0, progress=0.5, started=100.0, ended=130.0)
    again = status.waiting_again(8)
    assert (again.state, again.epochs, again.progress, again.elapsed_s) == (State.QUEUED, 8, 0.25, 30.0)
    ended = replace(again, state=State.FINISHED, started=1000.0, ended=1012.0)
    assert ended.elapsed_s == 42.0


def test_waiting_again_tells_nothing_of_how_it_ended_before() -> None:
    failed = Status(State.FAILED, epochs=2, created=0.0, kept=1, error=Failure("What"), started=1.0)
    again = replace(failed, ended=5.0).waiting_again(2)
    assert (again.error, again.ended, again.started, again.kept) == (None, None, None, 1)


def test_a_status_of_an_earlier_version_has_worked_since_its_start(folder: RunFolder) -> None:
    values = asdict(replace(folder.status(), state=State.FINISHED, started=100.0, ended=107.0))
    del values["worked_s"]
    (folder.path / "status.json").write_text(json.dumps(values))
    assert folder.status().elapsed_s == 7.0


@pytest.mark.parametrize("state", list(State))
def test_a_state_either_goes_on_or_can_go_on_or_has_finished(state: State) -> None:
    assert [state.active, state.can_go_on, state is State.FINISHED].count(True) == 1
    assert state.has_model is not state.active
    assert state.at_work <= state.active
