"""Runs resumed, paused, stopped, named and deleted from the command line."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cli_calls import Capture, Engine, asked, refused
from test_cli_process import PATIENCE_S, TRAINING, Elsewhere

from core import bin as bins
from core.cli import manage
from core.cli.main import main
from core.data.dataset import Dataset
from core.errors import Busy
from core.runs import line, steer, wishes
from core.runs.about import about_of
from core.runs.folder import RunFolder, run_folders
from core.runs.listing import listed, working
from core.runs.status import State
from core.runs.wishes import Wish
from core.runs.work import held
from core.training.plan import Plan, Recipe
from core.workspace import Workspace
from tests.waiting import until


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    monkeypatch.setenv("THAW_HOME", str(tmp_path / "workspace"))
    yield
    assert list((tmp_path / "cwd").iterdir()) == []


@pytest.fixture
def plan(dataset: Dataset) -> Plan:
    return Plan(dataset.id, dataset.title, "efficientnet-lite0", recipe=Recipe(epochs=3))


def run_in(
    workspace: Workspace, plan: Plan, state: State, name: str = "", *, waits: bool = False
) -> RunFolder:
    folder = steer.create(workspace, plan, name=name, wait=waits)
    folder.places.last.write_bytes(b"checkpoint")
    folder.write_status(replace(folder.status(), state=state))
    return folder


def test_a_run_is_found_by_its_id_its_number_or_its_name(
    capsys: Capture, workspace: Workspace, plan: Plan
) -> None:
    run = run_in(workspace, plan, State.FINISHED, "Best one")
    other = run_in(workspace, plan, State.FINISHED, "1")  # a name that is another's number
    for word, found in ((run.id, run), ("1", run), ("Best one", run), ("2", other)):
        assert manage.run_named(workspace, word) == found
    assert asked(capsys, "rename", "Best one", "Better")["run"] == run.id
    assert manage.run_named(workspace, "Better") == run


def test_a_name_that_several_runs_have_is_refused_with_their_ids(
    capsys: Capture, workspace: Workspace, plan: Plan
) -> None:
    runs = [run_in(workspace, plan, State.FINISHED, "Twin") for _each in range(2)]
    error = refused(capsys, "stop", "Twin")
    assert error["what"] == "Several runs have this name."
    assert all(run.id in error["fix"] for run in runs)


@pytest.mark.parametrize("word", ["99", "nobody", "", "../runs", "20260101-000000-none", "x" * 5000])
@pytest.mark.parametrize("command", [["stop"], ["pause"], ["resume"], ["delete"], ["rename"]], ids=str)
def test_a_run_that_is_not_there_is_refused(
    capsys: Capture, workspace: Workspace, word: str, command: list[str]
) -> None:
    more = ["Name"] if command == ["rename"] else []
    error = refused(capsys, *command, word, *more)
    assert error["what"] == "There is no such run."
    assert len(error["given"]) <= 80
    assert list(workspace.runs.iterdir()) == []


def test_what_waits_or_is_paused_is_stopped_at_once(
    capsys: Capture, workspace: Workspace, plan: Plan
) -> None:
    waits = run_in(workspace, plan, State.QUEUED, waits=True)
    paused = run_in(workspace, plan, State.PAUSED)
    for run in (waits, paused):
        assert asked(capsys, "stop", run.id) == {"run": run.id, "status": "stopped"}
        assert run.status().state is State.STOPPED
    assert line.waiting(workspace) == ()


@pytest.mark.parametrize("command", ["stop", "pause"])
def test_what_has_ended_is_neither_stopped_nor_paused(
    capsys: Capture, workspace: Workspace, plan: Plan, command: str
) -> None:
    run = run_in(workspace, plan, State.FINISHED)
    error = refused(capsys, command, run.id)
    assert error["what"] == "This run is not going on."
    assert run.status().state is State.FINISHED


@pytest.mark.parametrize(("command", "wish"), [("stop", Wish.STOP), ("pause", Wish.PAUSE)])
def test_who_works_on_a_run_is_asked_and_waited_for(
    capsys: Capture, workspace: Workspace, plan: Plan, monkeypatch: pytest.MonkeyPatch,
    command: str, wish: Wish,
) -> None:
    monkeypatch.setattr(manage, "LOOK_EVERY_S", 0.01)
    run = run_in(workspace, plan, State.TRAINING)
    left = State.STOPPED if wish is Wish.STOP else State.PAUSED

    def work() -> None:
        until(lambda: wishes.asked(run) is wish)
        run.write_status(run.status().ending(left))

    with held(run):
        worker = threading.Thread(target=work)
        worker.start()
        assert asked(capsys, command, run.id) == {"run": run.id, "status": left.value}
        worker.join()


def test_who_does_not_leave_is_not_waited_for_for_ever(
    capsys: Capture, workspace: Workspace, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manage, "LONGEST_WAIT_S", 0.01)
    run = run_in(workspace, plan, State.TRAINING)
    with held(run):
        assert asked(capsys, "stop", run.id)["status"] == "training"
    assert wishes.asked(run) is Wish.STOP


@pytest.mark.parametrize("state", [State.PAUSED, State.STOPPED, State.INTERRUPTED, State.FAILED])
def test_what_was_left_goes_on_in_the_foreground(
    capsys: Capture, workspace: Workspace, plan: Plan, trainer: Engine, state: State
) -> None:
    run = run_in(workspace, plan, state)
    other = run_in(workspace, plan, State.QUEUED, waits=True)
    found = asked(capsys, "resume", run.id)
    assert (found["run"], found["status"]) == (run.id, "finished")
    assert trainer.plan == plan.checked()
    assert line.waiting(workspace) == (other.id,)


def test_what_waits_in_the_line_can_be_carried_out_here_instead(
    capsys: Capture, workspace: Workspace, plan: Plan, trainer: Engine
) -> None:
    run = run_in(workspace, plan, State.QUEUED, waits=True)
    assert asked(capsys, "resume", run.id)["status"] == "finished"
    assert line.waiting(workspace) == ()
    assert trainer.plan is not None


def test_what_has_finished_goes_on_for_more_epochs(
    capsys: Capture, workspace: Workspace, plan: Plan, trainer: Engine
) -> None:
    run = run_in(workspace, plan, State.FINISHED)
    assert "more epochs" in refused(capsys, "resume", run.id)["fix"]
    assert refused(capsys, "resume", run.id, "--epochs", "0")["what"] == "This run has finished."
    assert refused(capsys, "resume", run.id, "--epochs", "-1")["what"] == "A run cannot be made shorter."
    assert trainer.plan is None
    assert asked(capsys, "resume", run.id, "--epochs", "4")["status"] == "finished"
    assert trainer.plan is not None
    assert trainer.plan.recipe.epochs == 7
    assert main(["resume", run.id, "--epochs", "1"]) == 0
    assert f"run {run.id}: finished" in capsys.readouterr().out


def test_a_run_whose_photos_are_gone_is_not_resumed(
    capsys: Capture, workspace: Workspace, plan: Plan, trainer: Engine
) -> None:
    run = run_in(workspace, replace(plan, dataset="20260101-000000-gone"), State.PAUSED)
    said = refused(capsys, "resume", run.id)
    assert said["what"] == "The photos of this run are no longer in the workspace."
    assert run.status().state is State.PAUSED
    assert trainer.plan is None


def test_what_somebody_works_on_is_not_resumed(capsys: Capture, workspace: Workspace, plan: Plan) -> None:
    run = run_in(workspace, plan, State.TRAINING)
    with held(run):
        assert "goes on already" in refused(capsys, "resume", run.id, status=Busy.exit_code)["what"]


def test_a_run_is_renamed_and_its_name_is_listed(capsys: Capture, workspace: Workspace, plan: Plan) -> None:
    run = run_in(workspace, plan, State.FINISHED)
    assert asked(capsys, "rename", "1", "  Rot\x1b[31m\n Blau ") == {"run": run.id, "name": "Rot [31m Blau"}
    assert asked(capsys, "runs")["runs"][0]["name"] == "Rot [31m Blau"
    assert main(["runs"]) == 0
    assert "Rot [31m Blau" in capsys.readouterr().out
    assert "too long" in refused(capsys, "rename", "1", "x" * 61)["what"]
    assert asked(capsys, "rename", "1", "")["name"] == ""
    assert about_of(run).number == 1


def test_a_deleted_run_is_in_the_bin_and_comes_back_whole(
    capsys: Capture, workspace: Workspace, plan: Plan
) -> None:
    run = run_in(workspace, plan, State.FINISHED, "Gone")
    assert asked(capsys, "delete", "Gone") == {"run": run.id, "bin_days": 30}
    assert asked(capsys, "runs")["runs"] == []
    assert [(each.id, each.by) for each in bins.binned(workspace)] == [(run.id, "command line")]
    assert asked(capsys, "restore", run.id) == {"run": run.id}
    assert about_of(run).name == "Gone"
    assert "no longer there" in refused(capsys, "restore", run.id)["what"]


def test_a_run_that_cannot_be_read_can_be_deleted_by_its_id(
    capsys: Capture, workspace: Workspace, plan: Plan
) -> None:
    run = run_in(workspace, plan, State.FINISHED)
    (run.path / "status.json").write_text("{")
    assert asked(capsys, "delete", run.id)["run"] == run.id
    assert not run.path.exists()


def test_what_waits_is_not_deleted(capsys: Capture, workspace: Workspace, plan: Plan) -> None:
    run = run_in(workspace, plan, State.QUEUED, waits=True)
    refused(capsys, "delete", run.id, status=Busy.exit_code)
    assert line.waiting(workspace) == (run.id,)


def test_the_list_says_number_name_place_and_what_can_be_done(
    capsys: Capture, workspace: Workspace, plan: Plan
) -> None:
    paused = run_in(workspace, plan, State.PAUSED, "Paused")
    waiting = [run_in(workspace, plan, State.QUEUED, waits=True) for _each in range(2)]
    finished = run_in(workspace, plan, State.FINISHED)
    line.move(workspace, waiting[1].id, 1)
    found = {each["run"]: each for each in asked(capsys, "runs")["runs"]}
    told = ("number", "name", "status", "place", "epochs", "epochs_done", "can_resume")
    assert [[found[run.id][name] for name in told] for run in (paused, *waiting, finished)] == [
        [1, "Paused", "paused", None, 3, 0, True], [2, "", "queued", 2, 3, 0, False],
        [3, "", "queued", 1, 3, 0, False], [4, "", "finished", None, 3, 0, False],
    ]


def test_a_run_that_learned_and_has_no_checkpoint_is_not_said_to_be_resumable(
    capsys: Capture, workspace: Workspace, plan: Plan
) -> None:
    run = run_in(workspace, plan, State.STOPPED)
    run.model.write_bytes(b"learned")
    run.places.last.unlink()
    assert [each["can_resume"] for each in asked(capsys, "runs")["runs"]] == [False]


def test_train_gives_a_run_its_name_and_says_who_started_it(
    capsys: Capture, photos: Path, trainer: Engine, workspace: Workspace
) -> None:
    run = asked(capsys, "train", str(photos), "--name", "My run")["run"]
    about = about_of(RunFolder.open(workspace, run))
    assert (about.number, about.name, about.by) == (1, "My run", "command line")
    refused(capsys, "train", str(photos), "--name", "x" * 61)
    assert len(run_folders(workspace)) == 1
    assert trainer.plan is not None


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def learns(workspace: Workspace) -> bool:
    """Tell whether a run is being trained; one that is just being made cannot be read yet."""
    found = working(listed(workspace))
    return found is not None and found.status.state is State.TRAINING and found.status.step > 0


@pytest.mark.slow
def test_another_process_is_paused_and_a_third_one_goes_on_and_is_stopped(
    capsys: Capture, photos: Path, tmp_path: Path
) -> None:
    place = Elsewhere(made(tmp_path / "place"))
    workspace = Workspace.open(place.workspace)
    options = ("--workspace", str(place.workspace))
    with place.start("train", str(photos), "--epochs", "500", *TRAINING, "--json") as process:
        until(lambda: process.poll() is not None or learns(workspace))
        assert process.poll() is None, process.communicate()[1][-2000:]
        (run,) = run_folders(workspace)
        assert asked(capsys, "pause", "1", *options) == {"run": run.id, "status": "paused"}
        out, _err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, json.loads(out)["status"]) == (0, "paused")
    before = run.history()
    assert run.places.last.is_file()
    with place.start("resume", "1", "--json") as process:
        until(lambda: process.poll() is not None or (learns(workspace) and len(run.history()) > len(before)))
        assert process.poll() is None, process.communicate()[1][-2000:]
        assert asked(capsys, "stop", run.id, *options) == {"run": run.id, "status": "stopped"}
        out, _err = process.communicate(timeout=PATIENCE_S)
    found = json.loads(out)
    assert (process.returncode, found["status"], found["test"]) == (0, "stopped", None)
    assert run.history()[: len(before)] == before
    assert [row["epoch"] for row in found["history"]] == list(range(1, len(found["history"]) + 1))
    assert run.model.is_file()


@pytest.mark.parametrize("command", ["delete", "stop", "pause", "resume"])
def test_no_word_means_no_run(capsys: Capture, workspace: Workspace, plan: Plan, command: str) -> None:
    run = run_in(workspace, plan, State.PAUSED)  # it has no name either
    refused(capsys, command, "")
    assert run.status().state is State.PAUSED
