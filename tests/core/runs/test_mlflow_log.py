from __future__ import annotations

import importlib.util
import json
import logging
import os
import threading
from collections.abc import Iterator
from dataclasses import replace

import fake_mlflow
import pytest
from fake_mlflow import Server

from core.data.dataset import Dataset
from core.files import JsonObject
from core.insight.metrics import evaluate
from core.runs import mlflow_log
from core.runs.folder import RunFolder, run_folders
from core.runs.mlflow_log import MlflowLog, follower, make_up
from core.runs.mlflow_session import End, Epoch, Session
from core.runs.status import State
from core.training.events import EpochRow
from core.training.plan import Head, Plan, Recipe
from core.training.start import RUN, Start
from core.workspace import Workspace
from tests.waiting import until

URI = "http://127.0.0.1:1"
VARIABLES = (
    "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_DISABLE_TELEMETRY",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "MLFLOW_HTTP_REQUEST_MAX_RETRIES",
    "MLFLOW_HTTP_REQUEST_TIMEOUT",
)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "")  # so that what the code sets is undone too
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", URI)
    monkeypatch.setattr(mlflow_log, "END_WAIT_S", 60.0)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    made = Server()
    fake_mlflow.installed(made, monkeypatch)
    yield made
    made.answers.set()


@pytest.fixture
def plan(dataset: Dataset) -> Plan:
    return Plan(
        dataset.id, "colours", "efficientnet-lite0", ("block7", "top"), head=Head(hidden=8),
        recipe=Recipe(epochs=3, seed=5),
    )


@pytest.fixture
def folder(workspace: Workspace, plan: Plan) -> RunFolder:
    return RunFolder.create(workspace, plan)


def row(epoch: int, loss: float = 0.5, val_loss: float | None = 0.75) -> EpochRow:
    return EpochRow(epoch, "fit", loss, 0.25, val_loss, None if val_loss is None else 0.5, 1e-3, 2.0)


def report() -> JsonObject:
    test = evaluate([0, 0, 1, 1], [0, 0, 1, 0], ("blue", "red"), 0).to_json()
    return {"test": test, "best": {"epoch": 2, "val_accuracy": 0.5}}


def begun(folder: RunFolder, title: str = "Run 3") -> MlflowLog:
    log = follower(folder)
    assert log is not None
    log.begin(folder.plan(), title)
    return log


def told(folder: RunFolder, *rows: EpochRow, state: State = State.FINISHED) -> None:
    """Tell of a whole part of a training."""
    log = begun(folder)
    for each in rows:
        log.epoch(each)
    log.end(state, None)


def thread_of(log: MlflowLog) -> None:
    """Wait until the sending thread is through."""
    assert log._thread is not None
    log._thread.join(60)
    assert not log._thread.is_alive()


@pytest.mark.usefixtures("server")
def test_without_a_tracking_server_named_nobody_is_told(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert follower(folder) is None


def test_without_the_package_nobody_is_told(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert follower(folder) is None


@pytest.mark.usefixtures("server")
def test_mlflow_sends_no_figures_of_its_use_and_leaves_stdout_alone(folder: RunFolder) -> None:
    follower(folder)
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] == "true"


@pytest.mark.usefixtures("server")
def test_a_setting_of_the_persons_own_stays(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "90")
    follower(folder)
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "90"


def test_a_run_is_begun_with_its_name_parameters_and_tags(folder: RunFolder, server: Server) -> None:
    told(folder)
    run = server.only
    assert server.uris == [URI]
    assert server.experiments == {"Thaw": run.experiment}
    assert run.name == "Run 3"
    assert run.params == {
        "backbone": "efficientnet-lite0", "trainable": "block7,top", "pooling": "avg", "dropout": "0.2",
        "hidden": "8", "epochs": "3", "batch_size": str(folder.plan().recipe.batch_size),
        "learning_rate": str(folder.plan().recipe.learning_rate), "optimizer": "adam", "seed": "5",
        "method": "single", "stage_epochs": "5", "head_rate": "0.001", "lr_factor": "1.0",
        "schedule": "constant", "warmup": "0", "early_stopping": "0", "class_weights": "False",
        "label_smoothing": "0.0", "weight_decay": "0.0", "norms": "frozen",
        "augment": "none", "views": "4", "dataset": "colours", "image_size": "224", "start": "pretrained",
    }
    assert run.tags["thaw.run"] == folder.id
    assert run.tags["thaw.epochs"] == "3"


def test_a_run_without_a_name_has_its_id_and_one_of_the_head_alone_says_so(
    workspace: Workspace, plan: Plan, server: Server
) -> None:
    start = Start(RUN, "20260101-000000-before")
    folder = RunFolder.create(workspace, replace(plan, trainable=(), weights=start, limit=10))
    log = begun(folder, "")
    log.end(State.FINISHED, None)
    assert server.only.name == folder.id
    assert server.only.params["trainable"] == "none"
    assert server.only.params["start"] == "run 20260101-000000-before"
    assert server.only.params["limit"] == "10"


def test_an_experiment_of_another_name_is_taken_and_made_once(
    workspace: Workspace, plan: Plan, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "Birds")
    told(RunFolder.create(workspace, plan))
    told(RunFolder.create(workspace, plan))
    assert server.experiments == {"Birds": "1"}
    assert [run.experiment for run in server.runs.values()] == ["1", "1"]


def test_each_epoch_is_a_step_and_what_is_not_measured_is_left_out(
    folder: RunFolder, server: Server
) -> None:
    told(folder, row(1, 0.75), row(2, 0.5, None))
    run = server.only
    assert run.points("loss") == [(1, 0.75), (2, 0.5)]
    assert run.points("accuracy") == [(1, 0.25), (2, 0.25)]
    assert run.points("val_loss") == [(1, 0.75)]
    assert run.points("val_accuracy") == [(1, 0.5)]
    assert run.points("learning_rate") == [(1, 1e-3), (2, 1e-3)]
    assert run.points("epoch_seconds") == [(1, 2.0), (2, 2.0)]


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (State.FINISHED, "FINISHED"), (State.FAILED, "FAILED"), (State.STOPPED, "KILLED"),
        (State.PAUSED, "KILLED"), (State.INTERRUPTED, "KILLED"),
    ],
)
def test_the_end_is_told_by_its_state(
    folder: RunFolder, server: Server, state: State, status: str
) -> None:
    told(folder, state=state)
    assert server.only.status == status
    assert server.only.tags["thaw.state"] == state.value


def test_the_test_figures_come_at_the_step_of_the_epoch_that_was_kept(
    folder: RunFolder, server: Server
) -> None:
    log = begun(folder)
    log.end(State.FINISHED, report())
    run = server.only
    assert run.points("test_accuracy") == [(2, 0.75)]
    assert run.points("test_images") == [(2, 4.0)]
    ((_step, low),) = run.points("test_accuracy_low")
    ((_step, high),) = run.points("test_accuracy_high")
    assert 0 < low < 0.75 < high < 1


def test_where_the_test_photos_were_not_looked_at_there_are_no_test_figures(
    folder: RunFolder, server: Server
) -> None:
    log = begun(folder)
    log.end(State.STOPPED, {"test": None, "best": None})
    assert server.only.points("test_accuracy") == []
    assert server.only.status == "KILLED"


def test_a_resumed_run_goes_on_in_the_same_run_and_no_epoch_is_there_twice(
    folder: RunFolder, server: Server
) -> None:
    told(folder, row(1), row(2), state=State.PAUSED)
    longer = replace(folder.plan(), recipe=replace(folder.plan().recipe, epochs=5))
    longer.save(folder.path / "plan.json")
    told(folder, row(1), row(2), row(3))
    run = server.only
    assert [step for step, _loss in run.points("loss")] == [1, 2, 3]
    assert run.statuses == ["KILLED", "RUNNING", "FINISHED"]
    assert run.params["epochs"] == "3"
    assert run.tags["thaw.epochs"] == "5"


def test_epochs_that_an_earlier_part_could_not_send_are_sent_by_a_later(
    folder: RunFolder, server: Server
) -> None:
    told(folder, row(1), state=State.PAUSED)
    told(folder, row(1), row(2), row(3))
    assert [step for step, _loss in server.only.points("loss")] == [1, 2, 3]


def test_where_the_run_is_gone_a_new_one_is_begun(folder: RunFolder, server: Server) -> None:
    told(folder, row(1), state=State.PAUSED)
    server.runs["another"] = server.runs.pop(f"{1:032x}")
    told(folder, row(1), row(2))
    assert len(server.runs) == 2
    new = server.runs[f"{2:032x}"]
    assert [step for step, _loss in new.points("loss")] == [1, 2]
    assert json.loads((folder.path / "mlflow.json").read_text()) == {
        "run": f"{2:032x}", "ended": True}


@pytest.mark.parametrize("change", [{"stage": "deleted"}, {"tags": {"thaw.run": "another"}}], ids=repr)
def test_a_run_that_was_deleted_or_is_another_ones_is_not_gone_on_with(
    folder: RunFolder, server: Server, change: dict[str, object]
) -> None:
    told(folder, row(1), state=State.PAUSED)
    vars(server.only).update(change)
    told(folder, row(1))
    assert len(server.runs) == 2


@pytest.mark.parametrize("kept", ['{"run": "../../x"}', '{"run": 3}', "{}", "{", "[]"])
def test_a_damaged_id_begins_a_new_run(folder: RunFolder, server: Server, kept: str) -> None:
    (folder.path / "mlflow.json").write_text(kept)
    told(folder, row(1))
    assert server.only.points("loss") == [(1, 0.5)]


def test_a_server_that_hangs_holds_nothing_up_and_is_named_once(
    folder: RunFolder, server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(mlflow_log, "END_WAIT_S", 0.01)
    server.answers.clear()
    with caplog.at_level(logging.WARNING):
        log = begun(folder)
        assert server.asked.wait(60)
        log.epoch(row(1))
        log.end(State.FINISHED, None)
    assert server.runs == {}
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    server.answers.set()
    thread_of(log)
    assert server.only.points("loss") == [(1, 0.5)]
    assert server.only.status == "FINISHED"


def test_a_run_resumed_while_its_earlier_part_is_still_being_sent_goes_on_after_it(
    folder: RunFolder, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers.clear()
    with monkeypatch.context() as impatient:
        impatient.setattr(mlflow_log, "END_WAIT_S", 0.01)
        told(folder, row(1), state=State.PAUSED)
    log = begun(folder)
    log.epoch(row(1))
    log.epoch(row(2))
    server.answers.set()
    log.end(State.FINISHED, None)
    assert [step for step, _loss in server.only.points("loss")] == [1, 2]
    assert server.only.statuses == ["KILLED", "RUNNING", "FINISHED"]


def test_while_a_server_hangs_only_so_much_waits(
    folder: RunFolder, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow_log, "MOST_WAITING", 3)
    server.answers.clear()
    log = begun(folder)
    assert server.asked.wait(60)
    for epoch in range(1, 10):
        log.epoch(row(epoch))
    server.answers.set()
    log.end(State.FINISHED, None)
    assert [step for step, _loss in server.only.points("loss")] == [1, 2, 3]
    assert server.only.status == "FINISHED"


def test_a_server_that_refuses_is_named_once_without_its_password(
    folder: RunFolder, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.refuses = ConnectionError("http://me:secret@example.org/api\nrefused")
    with caplog.at_level(logging.WARNING):
        told(folder, row(1), row(2), state=State.FAILED)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert folder.id in record.getMessage()
    assert "ConnectionError: http://***@example.org/api refused" in record.getMessage()
    assert server.runs == {}


def test_a_server_that_is_down_is_asked_less_and_less_often(
    folder: RunFolder, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock:
        now = 0.0

        def monotonic(self) -> float:
            return self.now

        def time_ns(self) -> int:
            return 0

    clock = Clock()
    monkeypatch.setattr(mlflow_log, "time", clock)
    log = MlflowLog(folder, URI, "Thaw")
    session = Session(folder, URI, "Thaw", folder.plan(), "")
    session.connect()
    server.refuses = ConnectionError("down")
    assert [log._try(session) for _time in range(3)] == [30.0, 60.0, 120.0]
    server.refuses = None
    assert log._try(session) == 0.0


def test_what_a_server_missed_while_it_was_down_is_sent_in_the_end(
    folder: RunFolder, server: Server
) -> None:
    server.refuses = ConnectionError("down")
    log = begun(folder)
    assert server.refused.wait(60)
    server.refuses = None
    for epoch in range(1, 4):
        log.epoch(row(epoch))
    log.end(State.FINISHED, report())
    assert [step for step, _loss in server.only.points("loss")] == [1, 2, 3]
    assert server.only.params["backbone"] == "efficientnet-lite0"
    assert server.only.status == "FINISHED"


def test_a_disk_that_is_full_begins_no_second_run(
    folder: RunFolder, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.runs.mlflow_session.write_json", full)
    told(folder, row(1))
    assert server.only.params["backbone"] == "efficientnet-lite0"
    assert server.only.points("loss") == [(1, 0.5)]


def test_a_package_that_does_not_work_is_named_once(
    folder: RunFolder, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.import_error = ImportError("no protobuf")
    with caplog.at_level(logging.WARNING):
        told(folder, row(1))
    (record,) = caplog.records
    assert "ImportError: no protobuf" in record.getMessage()
    assert not server.asked.is_set()


def test_many_epochs_at_once_stay_within_what_a_request_may_hold(
    folder: RunFolder, server: Server
) -> None:
    server.answers.clear()
    log = begun(folder)
    assert server.asked.wait(60)
    for epoch in range(1, 501):
        log.epoch(row(epoch))
    server.answers.set()
    log.end(State.FINISHED, None)
    assert [step for step, _loss in server.only.points("loss")] == list(range(1, 501))
    assert server.largest <= 1000


def test_hostile_names_are_values_in_one_line_that_are_not_too_long(
    workspace: Workspace, plan: Plan, server: Server
) -> None:
    hostile = "<b>é\n\x00\ud800 " + "x" * 9000
    folder = RunFolder.create(workspace, plan)
    log = follower(folder)
    assert log is not None
    log.begin(replace(plan, dataset_title=hostile), hostile)
    log.end(State.FINISHED, None)
    for value, longest in ((server.only.name, 250), (server.only.params["dataset"], 6000)):
        assert value.startswith("<b>é    xxx")
        assert len(value) == longest
        assert value.encode()


def test_a_run_that_ends_before_it_was_begun_is_not_told(folder: RunFolder, server: Server) -> None:
    log = follower(folder)
    assert log is not None
    log.end(State.FAILED, None)
    assert not server.asked.is_set()


def killed(folder: RunFolder, state: State = State.INTERRUPTED) -> None:
    """Leave a run as a process does that is killed in its training."""
    session = Session(folder, URI, "Thaw", folder.plan(), "")
    session.connect()
    session.take(Epoch(row(1), 0))
    session.send()
    folder.write_status(replace(folder.status(), state=state))


def made_up(workspace: Workspace) -> bool:
    """Make up for what was not told; return whether there was something."""
    thread = make_up(workspace)
    if thread is None:
        return False
    thread.join(60)
    assert not thread.is_alive()
    return True


def test_the_end_of_a_run_whose_process_was_killed_is_told_later_and_once(
    workspace: Workspace, folder: RunFolder, server: Server
) -> None:
    killed(folder)
    assert server.only.status == "RUNNING"
    assert made_up(workspace)
    assert (server.only.status, server.only.tags["thaw.state"]) == ("KILLED", "interrupted")
    assert not made_up(workspace)
    told(folder, row(1), row(2))
    assert server.only.statuses == ["KILLED", "RUNNING", "FINISHED"]
    assert not made_up(workspace)


@pytest.mark.parametrize("state", [State.TRAINING, State.QUEUED])
def test_a_run_that_goes_on_or_waits_has_no_end_to_be_told(
    workspace: Workspace, folder: RunFolder, server: Server, state: State
) -> None:
    killed(folder, state)
    assert not made_up(workspace)
    assert server.only.status == "RUNNING"


def test_what_is_told_by_a_training_is_left_to_it(
    workspace: Workspace, folder: RunFolder, server: Server
) -> None:
    log = begun(folder)
    until((folder.path / "mlflow.json").is_file)
    folder.write_status(folder.status().ending(State.FINISHED))
    assert not made_up(workspace)
    log.end(State.FINISHED, report())
    assert server.only.status == "FINISHED"


def test_a_server_that_does_not_answer_is_told_another_time(
    workspace: Workspace, folder: RunFolder, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    killed(folder)
    server.refuses = ConnectionError("no way to http://me:secret@host")
    assert made_up(workspace)
    assert "how run" in caplog.text
    assert "secret" not in caplog.text
    server.refuses = None
    assert made_up(workspace)
    assert server.only.status == "KILLED"


@pytest.mark.parametrize(("damaged", "content"), [
    ("plan.json", "{"), ("report.json", "{"), ("report.json", '{"test": {"accuracy": 1}}'),
])
def test_a_damaged_run_keeps_nobody_from_being_told_of_the_others(
    workspace: Workspace, plan: Plan, server: Server, damaged: str, content: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    other, newest = (RunFolder.create(workspace, plan) for _time in range(2))
    for each in (other, newest):
        killed(each, State.FINISHED)
    for before in (newest, other):
        before.write_report(report())
    assert [each.id for each in run_folders(workspace)] == [newest.id, other.id]
    (newest.path / damaged).write_text(content)
    for _time in range(2):
        assert made_up(workspace)
    assert [run.status for run in server.runs.values()] == ["FINISHED", "RUNNING"]
    assert [newest.id in record.getMessage() for record in caplog.records] == [True], "it is said once"


@pytest.mark.parametrize("best", [{}, {"epoch": "x"}])
def test_a_report_that_does_not_say_which_epoch_was_the_best_is_told_too(
    workspace: Workspace, folder: RunFolder, server: Server, best: JsonObject
) -> None:
    killed(folder, State.FINISHED)
    folder.write_report({**report(), "best": best})
    assert made_up(workspace)
    assert server.only.points("test_accuracy") == [(0, 0.75)]


def test_a_run_that_is_resumed_before_its_end_is_told_goes_on_as_if_it_had_not_ended(
    workspace: Workspace, folder: RunFolder, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(folder)
    connect, connecting, resumed = Session.connect, threading.Event(), threading.Event()

    def slow(session: Session) -> None:
        connect(session)
        if not connecting.is_set():
            connecting.set()
            assert resumed.wait(60)

    monkeypatch.setattr(Session, "connect", slow)
    thread = make_up(workspace)
    assert thread is not None
    assert connecting.wait(60)
    folder.write_status(replace(folder.status(), state=State.TRAINING))
    log = begun(folder)
    resumed.set()
    thread.join(60)
    log.end(State.FINISHED, None)
    assert server.only.statuses == ["FINISHED"]


def test_a_run_that_is_resumed_while_its_end_is_told_goes_on_after_it(
    workspace: Workspace, folder: RunFolder, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(folder)
    finish, telling, resumed = Session.make_up, threading.Event(), threading.Event()

    def slow(session: Session, end: End) -> None:
        telling.set()
        assert resumed.wait(60)
        finish(session, end)

    monkeypatch.setattr(Session, "make_up", slow)
    monkeypatch.setattr(mlflow_log, "END_WAIT_S", 0.2)
    assert make_up(workspace) is not None
    assert telling.wait(60)
    folder.write_status(replace(folder.status(), state=State.TRAINING))
    log = begun(folder)
    log.end(State.FINISHED, None)
    assert server.only.statuses == [], "what is told of the training waits"
    resumed.set()
    thread_of(log)
    assert server.only.statuses == ["KILLED", "RUNNING", "FINISHED"]


def test_a_run_that_the_server_has_no_more_is_not_begun_anew(
    workspace: Workspace, folder: RunFolder, server: Server
) -> None:
    killed(folder)
    server.runs.clear()
    assert made_up(workspace)
    assert server.runs == {}
    assert not made_up(workspace)


def test_without_a_server_named_or_what_was_told_there_is_nothing_to_make_up(
    workspace: Workspace, folder: RunFolder, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write_status(folder.status().ending(State.INTERRUPTED))
    assert not made_up(workspace)
    (folder.path / "mlflow.json").write_text('{"run": "x"}')  # of an earlier version: how it ended was told
    assert not made_up(workspace)
    killed(folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert not made_up(workspace)
