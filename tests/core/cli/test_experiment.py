"""Experiments and repeated trainings from the command line."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from cli_calls import Capture, Engine, asked, refused

from core.cli import experiment as cli
from core.cli.batch import Batch
from core.cli.main import main
from core.cli.signals import STOPPED
from core.data.dataset import Dataset
from core.experiments import design as designs
from core.experiments import experiment as experiments
from core.experiments import follow_up, scores, steering
from core.insight.metrics import evaluate
from core.runs import line, steer
from core.runs.folder import RunFolder, run_folders
from core.runs.listing import listed
from core.runs.status import State
from core.runs.wishes import Leaving
from core.runs.work import carry_out, evaluation_of
from core.training import engine
from core.training.events import CacheUse, EpochRow, Listener, Outcome, Places, Timing
from core.training.plan import Plan
from core.workspace import Workspace

pytestmark = pytest.mark.slow  # batches are waited for

POINT = {"x", "label", "mean", "low", "high", "values", "extra", "role", "half", "p"}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    monkeypatch.setenv("THAW_HOME", str(tmp_path / "workspace"))
    yield
    assert list((tmp_path / "cwd").iterdir()) == []


class Trainer(Engine):
    """Reaches more with every training, on validation too; looks at the test photos where it is asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.plans: list[Plan] = []
        self.press_at: int | None = None

    def __call__(
        self, plan: Plan, dataset: Dataset, places: Places, listener: Listener, stop: threading.Event,
        weights_file: Path | None = None, _workspace: Workspace | None = None, **_named: object,
    ) -> Outcome:
        self.plans.append(plan)
        if self.error is not None:
            raise self.error
        row = EpochRow(1, "fit", 0.7, 0.5, 0.5, min(1.0, 0.25 * len(self.plans)), 1e-3, 2.0)
        listener.epoch(row)
        if self.press_at == len(self.plans):
            os.kill(os.getpid(), signal.SIGINT)
            assert stop.wait(20)
        places.model.write_bytes(b"model")
        test = dataset.of_split("test") if plan.test_at_end else ()
        chances = np.tile(np.array([0.75, 0.25], np.float32), (len(test), 1)) if test else None
        return Outcome(
            stop.is_set(), 1, (row,), 100, 10, chances, Timing(1.0, 0.25, 2.0, 0.5, 3.75), CacheUse("block7"))


def look(workspace: Workspace, folder: RunFolder) -> None:
    """Leave test figures, as a look at the test photos does; without a model there is nothing to ask."""
    test = evaluate([0, 1], [0, 0], ["blue", "red"], 0)
    folder.write_report({**(folder.report() or {}), "test": test.to_json()})
    assert evaluation_of(folder) == test


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> Trainer:
    made = Trainer()
    monkeypatch.setattr(engine, "train", made)
    monkeypatch.setattr(scores, "of_plan", lambda _workspace, _plan: 0.125)
    monkeypatch.setattr(follow_up, "measure", look)
    return made


def test_seeds_are_run_in_the_foreground_and_told_in_json(
    capsys: Capture, trainer: Trainer, photos: Path, workspace: Workspace
) -> None:
    said = asked(capsys, "experiment", "seeds", str(photos), "--seeds", "3", "--seed", "7", "--epochs", "1")
    assert set(said) == {
        "experiment", "kind", "title", "status", "complete", "expected_s", "took_s", "split", "sentence",
        "interval", "test_figures", "chosen", "series", "runs",
    }
    assert (said["kind"], said["status"], said["split"]) == ("seeds", "finished", "test")
    assert said["complete"]
    assert [each.recipe.seed for each in trainer.plans] == [7, 8, 9]
    ((series,), runs) = (said["series"], said["runs"])
    assert set(series["points"][0]) == POINT
    assert len(series["points"][0]["values"]) == 3
    assert [(each["seed"], each["name"], each["status"]) for each in runs] == [
        (7, "Seed 7", "finished"), (8, "Seed 8", "finished"), (9, "Seed 9", "finished")]
    assert {run.experiment for run in listed(workspace)} == {said["experiment"]}
    assert line.waiting(workspace) == ()


def test_how_long_it_takes_is_said_before_and_how_far_it_is_meanwhile(
    capsys: Capture, trainer: Trainer, photos: Path
) -> None:
    assert main(["experiment", "data-size", str(photos), "--sizes", "4,2", "--seeds", "1"]) == 0
    said = capsys.readouterr()
    assert "4 runs; how long they take is known once “measure efficientnet-lite0” was run." in said.err
    assert "1 of 4: 2 a class, transfer, seed 0" in said.err
    assert "With 2 photos a class, transfer reaches" in said.out
    assert "Wilson intervals over test photos" in said.out
    assert "4 accuracies on test photos: do not choose by them" in said.out
    assert [each.train_per_class for each in trainer.plans] == [2, 2, 4, 4]


def test_a_ranking_ends_with_two_real_trainings(capsys: Capture, trainer: Trainer, photos: Path) -> None:
    names = "efficientnet-lite0,efficientnet-lite1,efficientnet-lite2"
    said = asked(capsys, "experiment", "backbones", str(photos), "--backbones", names)
    assert [(each["role"], each["verifies"]) for each in said["runs"][3:]] == [
        ("efficientnet-lite2", True), ("efficientnet-lite1", True)]
    assert said["status"] == "finished"
    assert [each["name"] for each in said["series"]] == ["probe", "verified"]
    assert {each["extra"]["logme"] for each in said["series"][0]["points"]} == {0.125}
    assert said["chosen"] == said["runs"][3]["run"]
    assert [each["test"] is not None for each in said["runs"]] == [False, False, False, True, False]
    assert said["test_figures"] == 1


def test_options_that_a_ranking_takes_no_notice_of_are_named(
    capsys: Capture, trainer: Trainer, photos: Path
) -> None:
    names = "efficientnet-lite0,efficientnet-lite1"
    words = ["experiment", "backbones", str(photos), "--backbones", names, "--seed", "3", "--batch-size", "8"]
    assert main(words) == 0
    assert "will change nothing" not in capsys.readouterr().err
    assert main([*words, "--epochs", "2", "--learning-rate", "0.05", "--trainable", "block7"]) == 0
    assert "--epochs, --learning-rate, --trainable will change nothing" in capsys.readouterr().err


def test_of_several_backbones_one_that_was_not_measured_is_named(
    capsys: Capture, trainer: Trainer, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = SimpleNamespace(anchors=(1.0,))
    monkeypatch.setattr(
        cli, "measured", lambda _workspace, name, _size: known if name == "efficientnet-lite0" else None)
    assert main([
        "experiment", "backbones", str(photos), "--backbones", "efficientnet-lite0,efficientnet-lite1"]) == 0
    assert "once “measure efficientnet-lite1” was run" in capsys.readouterr().err


def test_what_a_server_has_left_to_do_is_done_before_a_batch_ends(
    trainer: Trainer, workspace: Workspace, dataset: Dataset
) -> None:
    names = ["efficientnet-lite0", "efficientnet-lite1"]
    plan = Plan(dataset.id, dataset.title, names[0])
    experiment = steering.begin(workspace, designs.backbones(plan, dataset, names=names))
    for each in experiment.members:  # by a server, which is still at what follows
        with line.held_line(workspace):
            line.leave(workspace, each.run)
        carry_out(workspace, RunFolder.open(workspace, each.run), Leaving())
    Batch(workspace, experiment.id).carry_out()
    ended = experiments.load(workspace, experiment.id)
    assert [each.verifies for each in ended.members] == [False, False, True, True]
    assert ended.chosen in [each.run for each in ended.members[2:]]


def test_the_last_run_of_an_experiment_that_is_resumed_by_hand_is_followed_up(
    capsys: Capture, trainer: Trainer, workspace: Workspace, dataset: Dataset
) -> None:
    plan = Plan(dataset.id, dataset.title, "efficientnet-lite0")
    experiment = steering.begin(workspace, designs.blocks(plan, dataset))
    *others, last = (each.run for each in experiment.members)
    for run in others:
        steer.stop(workspace, run)
    assert asked(capsys, "resume", last)["status"] == "finished"
    assert experiments.load(workspace, experiment.id).chosen == last


def test_train_repeat_trains_with_one_seed_after_another(
    capsys: Capture, trainer: Trainer, photos: Path
) -> None:
    said = asked(capsys, "train", str(photos), "--repeat", "2", "--seed", "3", "--name", "Twice")
    assert (said["kind"], said["title"]) == ("seeds", "Twice")
    assert [each["seed"] for each in said["runs"]] == [3, 4]
    assert main(["train", str(photos), "--repeat", "2"]) == 0
    assert "2 runs" not in capsys.readouterr().out.splitlines()[0]


def test_controls_of_a_run_are_run_and_one_that_it_is_already_is_not(
    capsys: Capture, trainer: Trainer, photos: Path
) -> None:
    run = asked(capsys, "train", str(photos), "--epochs", "2", "--name", "Mine")["run"]
    said = asked(capsys, "experiment", "controls", "Mine")
    assert [(each["role"], each["run"] == run) for each in said["runs"]] == [
        ("scratch", False), ("head", True), ("all", False)]
    assert len(trainer.plans) == 3
    assert [each["role"] for each in said["series"][0]["points"]] == ["majority", "scratch", "all", "run"]


def test_ctrl_c_cancels_the_whole_batch_and_what_has_ended_stays(
    capsys: Capture, trainer: Trainer, photos: Path, workspace: Workspace
) -> None:
    trainer.press_at = 2
    said = asked(capsys, "experiment", "seeds", str(photos), "--seeds", "4", status=STOPPED)
    assert (said["status"], said["complete"]) == ("cancelled", False)
    assert [each["status"] for each in said["runs"]] == ["finished", "stopped", "stopped", "stopped"]
    assert len(trainer.plans) == 2
    assert line.waiting(workspace) == ()
    assert len(said["series"][0]["points"][0]["values"]) == 1


def test_ctrl_c_in_the_first_run_is_a_stop_and_no_failure(
    capsys: Capture, trainer: Trainer, photos: Path
) -> None:
    trainer.press_at = 1
    assert main(["experiment", "seeds", str(photos), "--seeds", "2"]) == STOPPED
    said = capsys.readouterr()
    assert ": cancelled, " in said.out
    assert said.err.splitlines()[-1] == "Stopped."


def test_where_every_run_fails_the_command_does(capsys: Capture, trainer: Trainer, photos: Path) -> None:
    trainer.error = ValueError("broken")
    said: dict[str, Any] = asked(capsys, "experiment", "seeds", str(photos), "--seeds", "2", status=1)
    assert [each["status"] for each in said["runs"]] == ["failed", "failed"]
    assert said["series"] == []
    assert all("error" in each for each in said["runs"])


def test_runs_that_waited_before_are_left_to_whoever_serves_them(
    capsys: Capture, trainer: Trainer, photos: Path, workspace: Workspace, dataset: Dataset
) -> None:
    waits = steer.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"), wait=True)
    asked(capsys, "experiment", "seeds", str(photos), "--seeds", "1")
    assert line.waiting(workspace) == (waits.id,)
    assert waits.status().state is State.QUEUED


BAD = {
    "no seeds": ["seeds", "PHOTOS", "--seeds", "0"], "seeds": ["blocks", "PHOTOS", "--seeds", "1000"],
    "sizes": ["data-size", "PHOTOS", "--sizes", "5,many"], "no sizes": ["data-size", "PHOTOS", "--sizes", ""],
    "size": ["data-size", "PHOTOS", "--sizes", "0"],
    "one": ["backbones", "PHOTOS", "--backbones", "resnet50"],
    "unknown": ["backbones", "PHOTOS", "--backbones", "resnet50,nothing"],
    "scratch": ["blocks", "PHOTOS", "--weights", "none"], "kind": ["luck", "PHOTOS"],
    "no run": ["controls", "99"], "no photos": ["seeds", "nowhere"],
    "recipe": ["seeds", "PHOTOS", "--epochs", "0"],
}


@pytest.mark.parametrize("words", BAD.values(), ids=BAD.keys())
def test_what_cannot_be_is_refused_and_leaves_no_run(
    capsys: Capture, photos: Path, workspace: Workspace, words: list[str]
) -> None:
    refused(capsys, "experiment", *[str(photos) if each == "PHOTOS" else each for each in words])
    assert run_folders(workspace) == []
    assert experiments.listed(workspace) == []


@pytest.mark.parametrize("count", ["0", "-1", "21"])
def test_a_number_of_repeats_that_cannot_be_is_refused(capsys: Capture, photos: Path, count: str) -> None:
    refused(capsys, "train", str(photos), "--repeat", count)


def test_a_real_ranking_scores_what_its_probes_kept_and_trains_the_best(
    capsys: Capture, photos: Path, workspace: Workspace
) -> None:
    said = asked(
        capsys, "experiment", "backbones", str(photos), "--backbones",
        "efficientnet-lite0,efficientnet-lite1", "--batch-size", "8")
    assert said["complete"]
    probes, real = said["series"]
    assert all(each["extra"]["logme"] is not None for each in probes["points"])
    assert [each["extra"]["test"] is not None for each in real["points"]] == [True, False]
    for each in said["runs"]:
        assert RunFolder.open(workspace, each["run"]).model.is_file()


def test_a_real_choice_of_a_block_looks_at_the_test_photos_with_it_alone(
    capsys: Capture, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "core.experiments.design.learning_in", lambda blocks, norms: blocks[0].name == "block7")
    said = asked(capsys, "experiment", "blocks", str(photos), "--epochs", "2", "--image-size", "64")
    assert [each["role"] for each in said["runs"]] == ["head", "block7"]
    assert [each["test"] is not None for each in said["runs"]] == [
        each["run"] == said["chosen"] for each in said["runs"]]
